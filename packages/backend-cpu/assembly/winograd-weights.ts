/**
 * The gradient of a convolution with 3 x 3 taps and stride 1 for its weight, by the transpose of
 * Winograd's F(2 x 2, 3 x 3) (see `winograd.ts`): 16 multiplications for a tile of 2 x 2 outputs and
 * a pair of channels instead of 36.
 *
 *     V = B' d B    the inputs of a tile, for each input channel
 *     E = A e A'    the gradients of its 2 x 2 outputs, for each output channel
 *     W = G' S G    where S[p] = sum over tiles of V[p] * E[p], one product for each p of the 16
 *
 *     for blocks of tiles
 *       transform their inputs             tile by tile
 *       transform their gradients          packed for the micro-kernel
 *       for each p: S[p] += V[p]' * E[p]
 *     transform S
 *
 * Blocks are added in the order of the images. Input channels are independent, and a range of them
 * gives the same bits as the whole.
 */
import { max32, min32 } from './simd'
import { MR, NR, ROWS_BYTES, tile } from './tile'
import { WeightGradient } from './weights'
import { transformTiles } from './winograd'

/** Floats of one of the 16 matrices V and E of a block together. */
const BLOCK_FLOATS: i32 = 12288
const MIN_TILES: i32 = 64
const MAX_TILES: i32 = 256

// @ts-ignore: decorator
@inline
function tilesAtOnce(g: WeightGradient): i32 {
  return max32(MIN_TILES, min32(MAX_TILES, BLOCK_FLOATS / (g.channels + g.columns)))
}

/** Columns rounded up to whole panels. */
// @ts-ignore: decorator
@inline
function panelColumns(g: WeightGradient): i32 {
  return (g.columns + NR - 1) & ~(NR - 1)
}

/** Bytes from one of 16 matrices to the next: no power of two, which caches dislike. */
// @ts-ignore: decorator
@inline
function matrixPitch(rows: i32, width: i32): usize {
  return (<usize>(rows * width) << 2) + 64
}

// The scratch memory: the rows of the micro-kernel, its one run, the inputs of one tile, V, E, S.
const RUNS: usize = ROWS_BYTES
const PATCH: usize = 64

export function winogradWeightsScratch(g: WeightGradient): usize {
  const tiles = tilesAtOnce(g)
  return (
    PATCH + (<usize>(16 * g.channels) << 2) +
    16 * (
      matrixPitch(tiles, g.channels) + matrixPitch(tiles, panelColumns(g)) +
      matrixPitch(g.channels, g.columns)
    )
  )
}

/** Computes the gradients of the taps of the input channels `first .. last`, whole vectors of four. */
export function winogradWeights(g: WeightGradient, first: i32, last: i32): void {
  const channels = last - first
  const atOnce = tilesAtOnce(g)
  const across = (g.gridW + 1) >> 1
  const down = (g.gridH + 1) >> 1
  const end = g.count * down * across
  const patch = g.scratch + PATCH
  const v = patch + (<usize>(16 * channels) << 2)
  const e = v + 16 * matrixPitch(atOnce, channels)
  const sums = e + 16 * matrixPitch(atOnce, panelColumns(g))
  const sPitch = matrixPitch(channels, g.columns)
  store<usize>(g.scratch + RUNS, 0)
  for (let from = 0; from < end; from += atOnce) {
    const tiles = min32(atOnce, end - from)
    const vPitch = matrixPitch(tiles, channels)
    const ePitch = matrixPitch(tiles, panelColumns(g))
    transformTiles(g, from, tiles, first, channels, patch, v, vPitch)
    transformGradients(g, from, tiles, e, ePitch)
    for (let p = 0; p < 16; p++)
      product(
        g, channels, tiles, v + <usize>p * vPitch, e + <usize>p * ePitch,
        sums + <usize>p * sPitch, from > 0,
      )
  }
  for (let channel = 0; channel < channels; channel++)
    storeTaps(
      g, sums + (<usize>(channel * g.columns) << 2), sPitch,
      g.w + <usize>(first + channel) * g.wPitch,
    )
}

/** S (+)= V' * E for one p. */
function product(
  g: WeightGradient,
  channels: i32,
  tiles: i32,
  v: usize,
  e: usize,
  sums: usize,
  add: bool,
): void {
  const panelPitch = <usize>(tiles * NR) << 2
  for (let i = 0; i < channels; i += MR) {
    const live = min32(MR, channels - i)
    for (let r = 0; r < MR; r++) {
      const row = i + min32(r, live - 1)
      const slot = g.scratch + (<usize>r << 2)
      store<usize>(slot, v + (<usize>row << 2))
      store<usize>(slot, sums + (<usize>(row * g.columns) << 2), MR * 4)
    }
    let panel = e
    for (let j = 0; j < g.columns; j += NR) {
      tile(
        g.scratch, live, g.scratch + RUNS, 1, tiles, <usize>channels << 2, panel,
        <usize>j << 2, min32(NR, g.columns - j), 4, add,
      )
      panel += panelPitch
    }
  }
}

/** E of the tiles `from .. from + tiles`, in panels of NR columns, tile by tile. */
function transformGradients(
  g: WeightGradient,
  from: i32,
  tiles: i32,
  e: usize,
  pitch: usize,
): void {
  const across = (g.gridW + 1) >> 1
  const down = (g.gridH + 1) >> 1
  const panelPitch = <usize>(tiles * NR) << 2
  let column = from % across
  let row = from / across % down
  let image = from / across / down
  for (let i = 0; i < tiles; i++) {
    const d = g.d + <usize>((image * g.gridH + 2 * row) * g.gridW + 2 * column) * g.dPitch
    // Outputs beyond an odd edge have no gradient.
    const below = 2 * row + 1 < g.gridH
    const beside = 2 * column + 1 < g.gridW
    const next = <usize>g.gridW * g.dPitch
    for (let j = 0; j < g.columns; j += 4) {
      const at = d + (<usize>j << 2)
      const zero = f32x4.splat(0)
      transformGradient(
        v128.load(at),
        beside ? v128.load(at + g.dPitch) : zero,
        below ? v128.load(at + next) : zero,
        below && beside ? v128.load(at + next + g.dPitch) : zero,
        e + <usize>(j / NR) * panelPitch + (<usize>(i * NR + j % NR) << 2),
        pitch,
      )
    }
    if (g.columns % NR != 0) {
      // The micro-kernel multiplies the missing columns too.
      let at = e + <usize>(g.columns / NR) * panelPitch + (<usize>(i * NR + 4) << 2)
      for (let p = 0; p < 16; p++) {
        v128.store(at, f32x4.splat(0))
        at += pitch
      }
    }
    if (++column == across) {
      column = 0
      if (++row == down) {
        row = 0
        image++
      }
    }
  }
}

/** A e A' of one tile. */
// @ts-ignore: decorator
@inline
function transformGradient(a: v128, b: v128, c: v128, d: v128, to: usize, pitch: usize): void {
  storeGradient(to, pitch, a, b)
  to += 4 * pitch
  storeGradient(to, pitch, f32x4.add(a, c), f32x4.add(b, d))
  to += 4 * pitch
  storeGradient(to, pitch, f32x4.sub(a, c), f32x4.sub(b, d))
  to += 4 * pitch
  storeGradient(to, pitch, f32x4.neg(c), f32x4.neg(d))
}

/** One row of A e times A'. */
// @ts-ignore: decorator
@inline
function storeGradient(to: usize, pitch: usize, a: v128, b: v128): void {
  v128.store(to, a)
  v128.store(to + pitch, f32x4.add(a, b))
  v128.store(to + 2 * pitch, f32x4.sub(a, b))
  v128.store(to + 3 * pitch, f32x4.neg(b))
}

/** W = G' S G of one input channel. */
function storeTaps(g: WeightGradient, s: usize, pitch: usize, w: usize): void {
  const tap = <usize>g.channels * g.wPitch
  for (let j = 0; j < g.columns; j += 4) {
    let to = w
    let at = s
    let a = v128.load(at), b = v128.load(at + pitch)
    let c = v128.load(at + 2 * pitch), d = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const half = f32x4.splat(0.5)
    const e1 = v128.load(at), f1 = v128.load(at + pitch)
    const g1 = v128.load(at + 2 * pitch), h1 = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const e2 = v128.load(at), f2 = v128.load(at + pitch)
    const g2 = v128.load(at + 2 * pitch), h2 = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const e = f32x4.mul(f32x4.add(e1, e2), half), f = f32x4.mul(f32x4.add(f1, f2), half)
    const k = f32x4.mul(f32x4.add(g1, g2), half), h = f32x4.mul(f32x4.add(h1, h2), half)
    storeRow(to, tap, f32x4.add(a, e), f32x4.add(b, f), f32x4.add(c, k), f32x4.add(d, h))
    to += 3 * tap
    storeRow(
      to, tap,
      f32x4.mul(f32x4.sub(e1, e2), half), f32x4.mul(f32x4.sub(f1, f2), half),
      f32x4.mul(f32x4.sub(g1, g2), half), f32x4.mul(f32x4.sub(h1, h2), half),
    )
    to += 3 * tap
    a = v128.load(at)
    b = v128.load(at + pitch)
    c = v128.load(at + 2 * pitch)
    d = v128.load(at + 3 * pitch)
    storeRow(to, tap, f32x4.add(a, e), f32x4.add(b, f), f32x4.add(c, k), f32x4.add(d, h))
    s += 16
    w += 16
  }
}

/** One row of G' S times G. */
// @ts-ignore: decorator
@inline
function storeRow(to: usize, tap: usize, a: v128, b: v128, c: v128, d: v128): void {
  const half = f32x4.splat(0.5)
  const even = f32x4.mul(f32x4.add(b, c), half)
  v128.store(to, f32x4.add(a, even))
  v128.store(to + tap, f32x4.mul(f32x4.sub(b, c), half))
  v128.store(to + 2 * tap, f32x4.add(even, d))
}
