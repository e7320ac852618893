/**
 * Matrix product: `C[m, n] = sum over k of A[m, k] * B[k, n]`, any strides.
 *
 *     for j in blocks of NC columns
 *       for p in blocks of KC depth
 *         pack B[p, j]                       KC x NC floats, stays in the second-level cache
 *         for i in blocks of MC rows
 *           pack A[i, p] if its k are apart  MC x KC floats, row by row
 *           for each tile of MR rows         MR x KC floats, stay in the first-level cache
 *             for each panel of NR columns
 *               tile: C (+)= A * B
 *
 * The first block of depth writes C, the others add to it, so a long sum is a sum of sums of KC.
 * Rows are independent: `m0` and `m1` pick those to compute, and every range gives the same bits.
 *
 * Products with few rows do not repay the packing of B; `few.ts` has them.
 */
import { copyStrided, packPanels, transpose } from './pack'
import { min32 } from './simd'
import { MR, NR, ROWS_BYTES, tile } from './tile'

const KC: i32 = 256
const NC: i32 = 256
const MC: i32 = 48

// The scratch memory: the rows of a tile, the one run of every row, the packed blocks.
const RUNS: usize = ROWS_BYTES
const PACKED: usize = 64

/** Bytes of scratch memory that {@link matmul} wants, whatever the sizes. */
export function matmulScratch(): i32 {
  return <i32>PACKED + (KC * NC + MC * KC) * 4
}

/** All strides in bytes. */
export function matmul(
  m0: i32,
  m1: i32,
  n: i32,
  depth: i32,
  a: usize,
  aDown: usize,
  aAcross: usize,
  b: usize,
  bDown: usize,
  bAcross: usize,
  c: usize,
  cDown: usize,
  cAcross: usize,
  scratch: usize,
): void {
  const packedB = scratch + PACKED
  const packedA = packedB + KC * NC * 4
  i32.store(scratch + RUNS, 0)
  for (let j = 0; j < n; j += NC) {
    const nc = min32(NC, n - j)
    for (let p = 0; p < depth; p += KC) {
      const kc = min32(KC, depth - p)
      const pitch = <usize>kc * NR * 4
      packPanels(b + <usize>p * bDown + <usize>j * bAcross, bDown, bAcross, kc, nc, packedB, pitch)
      for (let i = m0; i < m1; i += MC) {
        const mc = min32(MC, m1 - i)
        let rows = a + <usize>i * aDown + <usize>p * aAcross
        let down = aDown
        if (aAcross != 4) {
          down = <usize>kc * 4
          if (aDown == 4) transpose(rows, aAcross, mc, kc, packedA, down)
          else copyStrided(rows, aDown, aAcross, mc, kc, packedA, down)
          rows = packedA
        }
        block(
          rows, down, mc, kc, packedB,
          c + <usize>i * cDown + <usize>j * cAcross, cDown, cAcross, nc, p > 0, scratch,
        )
      }
    }
  }
}

/** All tiles of a block of rows with a packed block of B. */
function block(
  a: usize,
  aDown: usize,
  mc: i32,
  kc: i32,
  packedB: usize,
  c: usize,
  cDown: usize,
  cAcross: usize,
  nc: i32,
  add: bool,
  scratch: usize,
): void {
  for (let i = 0; i < mc; i += MR) {
    const live = min32(MR, mc - i)
    for (let r = 0; r < MR; r++) {
      const row = <usize>(i + min32(r, live - 1))
      const slot = scratch + (<usize>r << 2)
      store<usize>(slot, a + row * aDown)
      store<usize>(slot, c + row * cDown, MR * 4)
    }
    let panel = packedB
    for (let j = 0; j < nc; j += NR) {
      tile(
        scratch, live, scratch + RUNS, 1, kc, 4, panel,
        <usize>j * cAcross, min32(NR, nc - j), cAcross, add,
      )
      panel += <usize>kc * NR * 4
    }
  }
}
