/**
 * The micro-kernel below every product: a tile of MR x NR outputs kept in registers.
 *
 *     C[i, j] (+)= sum over k of A[i, k] * B[k, j]      i < MR = 6, j < NR = 8
 *
 * Twelve accumulators, two vectors of B and one broadcast of A make fifteen registers, which is what
 * V8 hands out of the sixteen that x64 has. Each k costs 2 + 6 loads for 12 multiply-adds, so the
 * multiply units and not the load units are the limit, and twelve independent sums hide the latency.
 *
 * A is not packed. Each of the six rows is a pointer, and the depth k is cut into `count` *runs* of
 * `length` values that lie `step` bytes apart; run t begins `runs[t]` bytes from the row's pointer.
 * A plain matrix is one run. For a convolution a row is an output pixel, a run one row of its window,
 * and the window is read where it lies in the image: there is no im2col.
 *
 * B is packed in panels of NR columns, k by k, padded with zeros (see `pack.ts`).
 *
 * `rows` holds the six pointers of A, then the six of C. A tile with fewer rows repeats a pointer
 * of A, computes that row again and does not store it.
 */
import { fma, splat } from './simd'

export const MR: i32 = 6
export const NR: i32 = 8

/** Bytes of the table `rows`. */
export const ROWS_BYTES: i32 = 2 * MR * 4

/**
 * @param live how many of the MR rows exist, at least one
 * @param column byte offset of the tile's first column from the pointers of C
 * @param columns how many of the NR columns exist
 * @param pitch bytes between columns of C
 * @param add whether to add to what C holds
 */
export function tile(
  rows: usize,
  live: i32,
  runs: usize,
  count: i32,
  length: i32,
  step: usize,
  b: usize,
  column: usize,
  columns: i32,
  pitch: usize,
  add: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0)
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0)
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0)
  do {
    const offset: usize = load<usize>(runs)
    let a0: usize = load<usize>(rows) + offset
    let a1: usize = load<usize>(rows, 4) + offset
    let a2: usize = load<usize>(rows, 8) + offset
    let a3: usize = load<usize>(rows, 12) + offset
    let a4: usize = load<usize>(rows, 16) + offset
    let a5: usize = load<usize>(rows, 20) + offset
    let k = length
    do {
      const b0 = v128.load(b)
      const b1 = v128.load(b, 16)
      let a = splat(a0)
      c00 = fma(a, b0, c00)
      c01 = fma(a, b1, c01)
      a = splat(a1)
      c10 = fma(a, b0, c10)
      c11 = fma(a, b1, c11)
      a = splat(a2)
      c20 = fma(a, b0, c20)
      c21 = fma(a, b1, c21)
      a = splat(a3)
      c30 = fma(a, b0, c30)
      c31 = fma(a, b1, c31)
      a = splat(a4)
      c40 = fma(a, b0, c40)
      c41 = fma(a, b1, c41)
      a = splat(a5)
      c50 = fma(a, b0, c50)
      c51 = fma(a, b1, c51)
      a0 += step
      a1 += step
      a2 += step
      a3 += step
      a4 += step
      a5 += step
      b += NR * 4
    } while (--k)
    runs += 4
  } while (--count)
  store(load<usize>(rows, 24) + column, c00, c01, columns, pitch, add)
  if (live > 1) store(load<usize>(rows, 28) + column, c10, c11, columns, pitch, add)
  if (live > 2) store(load<usize>(rows, 32) + column, c20, c21, columns, pitch, add)
  if (live > 3) store(load<usize>(rows, 36) + column, c30, c31, columns, pitch, add)
  if (live > 4) store(load<usize>(rows, 40) + column, c40, c41, columns, pitch, add)
  if (live > 5) store(load<usize>(rows, 44) + column, c50, c51, columns, pitch, add)
}

// @ts-ignore: decorator
@inline
function store(c: usize, low: v128, high: v128, columns: i32, pitch: usize, add: bool): void {
  if (columns == NR && pitch == 4) {
    if (add) {
      low = f32x4.add(v128.load(c), low)
      high = f32x4.add(v128.load(c, 16), high)
    }
    v128.store(c, low)
    v128.store(c, high, 16)
  } else storeEdge(c, low, high, columns, pitch, add)
}

/** The same for columns that are missing or lie apart. */
function storeEdge(c: usize, low: v128, high: v128, columns: i32, pitch: usize, add: bool): void {
  if (columns >= 4 && pitch == 4) {
    if (add) low = f32x4.add(v128.load(c), low)
    v128.store(c, low)
    low = high
    c += 16
    columns -= 4
  }
  for (let j = 0; j < columns; j++) {
    const value = f32x4.extract_lane(low, 0)
    f32.store(c, add ? f32.load(c) + value : value)
    c += pitch
    // Lane 1 moves to lane 0 and so on; the first lane of the high half follows lane 3.
    low = v128.shuffle<i32>(low, high, 1, 2, 3, 4)
    high = v128.shuffle<i32>(high, high, 1, 2, 3, 3)
  }
}
