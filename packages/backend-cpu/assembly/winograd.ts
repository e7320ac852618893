/**
 * Convolution with 3 x 3 taps and stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3): a tile of
 * 2 x 2 outputs from 4 x 4 inputs with 16 multiplications for each pair of channels instead of 36.
 *
 *     V = B' d B    the inputs of a tile, for each channel
 *     U = G g G'    the taps, for each pair of channels; once
 *     Y = A' M A    where M[p] = sum over channels of V[p] * U[p], one product for each p of the 16
 *
 *          | 1  0 -1  0 |       | 1    0    0  |
 *     B' = | 0  1  1  0 |   G = | 1/2  1/2 1/2 |   A' = | 1 1  1  0 |
 *          | 0 -1  1  0 |       | 1/2 -1/2 1/2 |        | 0 1 -1 -1 |
 *          | 0  1  0 -1 |       | 0    0    1  |
 *
 * All numbers in B and A are 0 and 1, so the rounding errors stay those of a direct sum.
 *
 *     transform the taps                  16 matrices of channels x columns, packed for the micro-kernel
 *     for blocks of tiles                 V and M of a block stay in the second-level cache
 *       transform their inputs
 *       for each p: M[p] = V[p] * U[p]    tile by tile of MR x NR (`tile.ts`)
 *       transform M and store
 *
 * Lavin, Gray: "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
 */
import { Convolution } from './convolve'
import { copyFloats, zeroFloats } from './floats'
import { packPanels } from './pack'
import { max32, min32 } from './simd'
import { Source } from './source'
import { MR, NR, ROWS_BYTES, tile } from './tile'

/** Floats of one of the 16 matrices V and M of a block together. */
const BLOCK_FLOATS: i32 = 12288
const MIN_TILES: i32 = 48
const MAX_TILES: i32 = 240

/** Tiles of a block. Whole groups of MR. */
// @ts-ignore: decorator
@inline
function tilesAtOnce(channels: i32, columns: i32): i32 {
  return max32(MIN_TILES, min32(MAX_TILES, BLOCK_FLOATS / (channels + columns) / MR * MR))
}

/** Columns rounded up to whole panels. */
// @ts-ignore: decorator
@inline
function panelColumns(columns: i32): i32 {
  return (columns + NR - 1) & ~(NR - 1)
}

/** Bytes from V[p] to V[p + 1], and from M[p] to M[p + 1]: no power of two, which caches dislike. */
// @ts-ignore: decorator
@inline
function matrixPitch(tiles: i32, width: i32): usize {
  return (<usize>(tiles * width) << 2) + 64
}

/** Bytes of one of the 16 matrices U. */
// @ts-ignore: decorator
@inline
function tapsBytes(c: Convolution): usize {
  return <usize>(c.channels * panelColumns(c.columns)) << 2
}

/** Bytes from U[p] to U[p + 1]. */
// @ts-ignore: decorator
@inline
function tapsPitch(c: Convolution): usize {
  return tapsBytes(c) + 64
}

// The scratch memory: the rows of the micro-kernel, its one run, the inputs of one tile, V, M.
const RUNS: usize = ROWS_BYTES
const PATCH: usize = 64

/** Bytes of `packed`: the transformed taps, and behind them room for the taps as they are. */
export function winogradPacked(c: Convolution): usize {
  return 25 * tapsPitch(c)
}

/** Bytes of `scratch`. */
export function winogradScratch(c: Convolution): usize {
  const tiles = tilesAtOnce(c.channels, c.columns)
  return (
    PATCH + (<usize>(16 * c.channels) << 2) +
    16 * (matrixPitch(tiles, c.channels) + matrixPitch(tiles, c.columns))
  )
}

/** Transforms the taps: once, before {@link winograd}. */
export function winogradPack(c: Convolution): void {
  const pitch = tapsPitch(c)
  const packed = c.packed + 16 * pitch
  for (let r = 0; r < 3; r++)
    for (let s = 0; s < 3; s++)
      packPanels(
        c.b + <usize>r * c.tapDown + <usize>s * c.tapAcross, c.bDown, c.bAcross,
        c.channels, c.columns, packed + <usize>(3 * r + s) * pitch, <usize>(c.channels * NR) << 2,
      )
  const half = f32x4.splat(0.5)
  const bytes = tapsBytes(c)
  for (let at: usize = 0; at < bytes; at += 16) {
    let from = packed + at
    let to = c.packed + at
    // G g, a column at a time, then times G'.
    let t0a = v128.load(from), t0b = v128.load(from + pitch), t0c = v128.load(from + 2 * pitch)
    from += 3 * pitch
    const ga = v128.load(from), gb = v128.load(from + pitch), gc = v128.load(from + 2 * pitch)
    from += 3 * pitch
    let t3a = v128.load(from), t3b = v128.load(from + pitch), t3c = v128.load(from + 2 * pitch)
    const ea = f32x4.mul(f32x4.add(t0a, t3a), half)
    const eb = f32x4.mul(f32x4.add(t0b, t3b), half)
    const ec = f32x4.mul(f32x4.add(t0c, t3c), half)
    const ha = f32x4.mul(ga, half), hb = f32x4.mul(gb, half), hc = f32x4.mul(gc, half)
    storeTaps(to, pitch, t0a, t0b, t0c)
    to += 4 * pitch
    storeTaps(to, pitch, f32x4.add(ea, ha), f32x4.add(eb, hb), f32x4.add(ec, hc))
    to += 4 * pitch
    storeTaps(to, pitch, f32x4.sub(ea, ha), f32x4.sub(eb, hb), f32x4.sub(ec, hc))
    to += 4 * pitch
    storeTaps(to, pitch, t3a, t3b, t3c)
  }
}

/** One row of G g times G'. */
// @ts-ignore: decorator
@inline
function storeTaps(to: usize, pitch: usize, a: v128, b: v128, c: v128): void {
  const half = f32x4.splat(0.5)
  const even = f32x4.mul(f32x4.add(a, c), half)
  const odd = f32x4.mul(b, half)
  v128.store(to, a)
  v128.store(to + pitch, f32x4.add(even, odd))
  v128.store(to + 2 * pitch, f32x4.sub(even, odd))
  v128.store(to + 3 * pitch, c)
}

/** Computes the rows of tiles `first .. last`, counted through all images. */
export function winograd(c: Convolution, first: i32, last: i32): void {
  const across = (c.gridW + 1) >> 1
  const atOnce = tilesAtOnce(c.channels, c.columns)
  const patch = c.scratch + PATCH
  const v = patch + (<usize>(16 * c.channels) << 2)
  const m = v + 16 * matrixPitch(atOnce, c.channels)
  const end = last * across
  for (let from = first * across; from < end; from += atOnce) {
    const tiles = min32(atOnce, end - from)
    const vPitch = matrixPitch(tiles, c.channels)
    const mPitch = matrixPitch(tiles, c.columns)
    transformTiles(c, from, tiles, 0, c.channels, patch, v, vPitch)
    products(c, tiles, v, vPitch, m, mPitch)
    outputs(c, from, tiles, m, mPitch)
  }
}

/** M[p] = V[p] * U[p] for each p. */
function products(
  c: Convolution,
  tiles: i32,
  v: usize,
  vPitch: usize,
  m: usize,
  mPitch: usize,
): void {
  const down = <usize>c.channels << 2
  const cDown = <usize>c.columns << 2
  const panelPitch = <usize>(c.channels * NR) << 2
  store<usize>(c.scratch + RUNS, 0)
  let u = c.packed
  for (let p = 0; p < 16; p++) {
    for (let i = 0; i < tiles; i += MR) {
      const live = min32(MR, tiles - i)
      for (let r = 0; r < MR; r++) {
        const row = <usize>(i + min32(r, live - 1))
        const slot = c.scratch + (<usize>r << 2)
        store<usize>(slot, v + row * down)
        store<usize>(slot, m + row * cDown, MR * 4)
      }
      let panel = u
      for (let j = 0; j < c.columns; j += NR) {
        tile(
          c.scratch, live, c.scratch + RUNS, 1, c.channels, 4, panel,
          <usize>j << 2, min32(NR, c.columns - j), 4, false,
        )
        panel += panelPitch
      }
    }
    u += tapsPitch(c)
    v += vPitch
    m += mPitch
  }
}

/**
 * Writes V for `channels` channels from channel `channel` on of the tiles `from .. from + tiles`:
 * tile by tile, 16 matrices `pitch` bytes apart. `patch` is room for the inputs of one tile.
 */
export function transformTiles(
  s: Source,
  from: i32,
  tiles: i32,
  channel: i32,
  channels: i32,
  patch: usize,
  v: usize,
  pitch: usize,
): void {
  const across = (s.gridW + 1) >> 1
  const down = (s.gridH + 1) >> 1
  const width = <usize>channels << 2
  let column = from % across
  let row = from / across % down
  let image = from / across / down
  const images = s.images + (<usize>channel << 2)
  for (let i = 0; i < tiles; i++) {
    const y = 2 * row - s.top
    const x = 2 * column - s.left
    if (y >= 0 && x >= 0 && y + 4 <= s.height && x + 4 <= s.width)
      transformInputs(
        images + <usize>((image * s.height + y) * s.width + x) * s.pitch,
        <usize>s.width * s.pitch, s.pitch, width, v, pitch,
      )
    else {
      copyPatch(s, images, image, y, x, channels, patch)
      transformInputs(patch, 4 * width, width, width, v, pitch)
    }
    v += width
    if (++column == across) {
      column = 0
      if (++row == down) {
        row = 0
        image++
      }
    }
  }
}

/** Copies the 4 x 4 pixels from (y, x) on, with zeros for what lies outside of the image. */
function copyPatch(
  s: Source,
  images: usize,
  image: i32,
  y: i32,
  x: i32,
  channels: i32,
  to: usize,
): void {
  for (let i = y; i < y + 4; i++)
    for (let j = x; j < x + 4; j++) {
      if (i >= 0 && i < s.height && j >= 0 && j < s.width)
        copyFloats(
          to,
          images + <usize>((image * s.height + i) * s.width + j) * s.pitch,
          channels,
        )
      else zeroFloats(to, channels)
      to += <usize>channels << 2
    }
}

/** V of one tile whose pixels are `down` and `across` bytes apart. */
function transformInputs(
  d: usize,
  down: usize,
  across: usize,
  width: usize,
  v: usize,
  pitch: usize,
): void {
  const end = d + width
  while (d < end) {
    let at = d
    const d0 = v128.load(at)
    const d1 = v128.load(at + across)
    const d2 = v128.load(at + 2 * across)
    const d3 = v128.load(at + 3 * across)
    at += down
    const e0 = v128.load(at)
    const e1 = v128.load(at + across)
    const e2 = v128.load(at + 2 * across)
    const e3 = v128.load(at + 3 * across)
    at += down
    const f0 = v128.load(at)
    const f1 = v128.load(at + across)
    const f2 = v128.load(at + 2 * across)
    const f3 = v128.load(at + 3 * across)
    let to = v
    storeInputs(to, pitch, f32x4.sub(d0, f0), f32x4.sub(d1, f1), f32x4.sub(d2, f2), f32x4.sub(d3, f3))
    to += 4 * pitch
    storeInputs(to, pitch, f32x4.add(e0, f0), f32x4.add(e1, f1), f32x4.add(e2, f2), f32x4.add(e3, f3))
    to += 4 * pitch
    storeInputs(to, pitch, f32x4.sub(f0, e0), f32x4.sub(f1, e1), f32x4.sub(f2, e2), f32x4.sub(f3, e3))
    at += down
    to += 4 * pitch
    storeInputs(
      to, pitch,
      f32x4.sub(e0, v128.load(at)), f32x4.sub(e1, v128.load(at + across)),
      f32x4.sub(e2, v128.load(at + 2 * across)), f32x4.sub(e3, v128.load(at + 3 * across)),
    )
    d += 16
    v += 16
  }
}

/** One row of B' d times B. */
// @ts-ignore: decorator
@inline
function storeInputs(to: usize, pitch: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, f32x4.sub(a, c))
  v128.store(to + pitch, f32x4.add(b, c))
  v128.store(to + 2 * pitch, f32x4.sub(c, b))
  v128.store(to + 3 * pitch, f32x4.sub(b, d))
}

/** Y = A' M A of the tiles `from .. from + tiles`, as far as they lie in the grid. */
function outputs(c: Convolution, from: i32, tiles: i32, m: usize, pitch: usize): void {
  const across = (c.gridW + 1) >> 1
  const down = (c.gridH + 1) >> 1
  const width = <usize>c.columns << 2
  let column = from % across
  let row = from / across % down
  let image = from / across / down
  for (let i = 0; i < tiles; i++) {
    const to = c.c + <usize>image * c.cImage + <usize>(2 * row) * c.cRow + <usize>(2 * column) * c.cPixel
    // A tile on an odd edge writes some outputs twice, first with what belongs outside.
    const nextRow = 2 * row + 1 < c.gridH ? c.cRow : 0
    const nextPixel = 2 * column + 1 < c.gridW ? c.cPixel : 0
    transformOutputs(m, pitch, width, to, nextRow, nextPixel)
    m += width
    if (++column == across) {
      column = 0
      if (++row == down) {
        row = 0
        image++
      }
    }
  }
}

/** The later of two stores to one address is the one that counts. */
function transformOutputs(
  m: usize,
  pitch: usize,
  width: usize,
  to: usize,
  nextRow: usize,
  nextPixel: usize,
): void {
  const end = m + width
  while (m < end) {
    let at = m
    const a0 = v128.load(at)
    const a1 = v128.load(at + pitch)
    const a2 = v128.load(at + 2 * pitch)
    const a3 = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const b0 = v128.load(at)
    const b1 = v128.load(at + pitch)
    const b2 = v128.load(at + 2 * pitch)
    const b3 = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const c0 = v128.load(at)
    const c1 = v128.load(at + pitch)
    const c2 = v128.load(at + 2 * pitch)
    const c3 = v128.load(at + 3 * pitch)
    at += 4 * pitch
    const s0 = f32x4.sub(f32x4.sub(b0, c0), v128.load(at))
    const s1 = f32x4.sub(f32x4.sub(b1, c1), v128.load(at + pitch))
    const s2 = f32x4.sub(f32x4.sub(b2, c2), v128.load(at + 2 * pitch))
    const s3 = f32x4.sub(f32x4.sub(b3, c3), v128.load(at + 3 * pitch))
    const t0 = f32x4.add(f32x4.add(a0, b0), c0)
    const t1 = f32x4.add(f32x4.add(a1, b1), c1)
    const t2 = f32x4.add(f32x4.add(a2, b2), c2)
    const t3 = f32x4.add(f32x4.add(a3, b3), c3)
    const lower = to + nextRow
    v128.store(lower + nextPixel, f32x4.sub(f32x4.sub(s1, s2), s3))
    v128.store(lower, f32x4.add(f32x4.add(s0, s1), s2))
    v128.store(to + nextPixel, f32x4.sub(f32x4.sub(t1, t2), t3))
    v128.store(to, f32x4.add(f32x4.add(t0, t1), t2))
    m += 16
    to += 16
  }
}
