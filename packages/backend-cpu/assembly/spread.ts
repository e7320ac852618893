/**
 * The gradient of a convolution for an input of few channels, the other way round.
 *
 * `convolve.ts` makes the channels of the input the columns of its product. Where those are few, most
 * of a panel is padding. Here all taps and channels of a window are the columns:
 *
 *     P[m, (tap row, tap column, channel)] = sum over k of D[m, k] * W[tap row, tap column, channel, k]
 *
 * and row m of P is then added to the image under window m. P is made for a block of windows at a
 * time. Windows add in their order, so the result is the same every time; images are independent.
 */
import { addFloats, zeroFloats } from './floats'
import { matmul, matmulScratch } from './matmul'
import { max32, min32 } from './simd'
import { Source } from './source'
import { MR } from './tile'
import { firstInside, lastInside } from './windows'

/** Floats of P to hold at once. */
const BLOCK_FLOATS: i32 = 1 << 16

/** One gradient; JavaScript writes the fields in this order. `images` is what is written. */
@unmanaged
export class Spread extends Source {
  /** The gradient of the output; its pixels lie dense in the order of the grid, `dPitch` bytes apart. */
  d: usize
  dPitch: usize
  /** Floats of each pixel of D that take part. */
  depth: i32
  /** The weight; k lies dense, the columns of P are `wPitch` bytes apart. */
  w: usize
  wPitch: usize
  /** {@link spreadScratch} bytes. */
  scratch: usize
}

// @ts-ignore: decorator
@inline
function columnsOf(s: Spread): i32 {
  return s.tapsH * s.tapsW * s.channels
}

/** Windows in a block. */
// @ts-ignore: decorator
@inline
function windowsAtOnce(s: Spread): i32 {
  return min32(max32(BLOCK_FLOATS / columnsOf(s), MR), s.count * s.gridH * s.gridW)
}

export function spreadScratch(s: Spread): i32 {
  return matmulScratch() + windowsAtOnce(s) * columnsOf(s) * 4
}

/** Computes the images `first .. last`. */
export function spread(s: Spread, first: i32, last: i32): void {
  const image = s.height * s.width
  for (let pixel = first * image; pixel < last * image; pixel++)
    zeroFloats(s.images + <usize>pixel * s.pitch, s.channels)
  const p = s.scratch + matmulScratch()
  const columns = columnsOf(s)
  const end = last * s.gridH * s.gridW
  const step = windowsAtOnce(s)
  for (let m = first * s.gridH * s.gridW; m < end; m += step) {
    const count = min32(step, end - m)
    matmul(
      0, count, columns, s.depth,
      s.d + <usize>m * s.dPitch, s.dPitch, 4,
      s.w, 4, s.wPitch,
      p, <usize>columns << 2, 4,
      s.scratch,
    )
    for (let i = 0; i < count; i++) addWindow(s, m + i, p + (<usize>(i * columns) << 2))
  }
}

/** Adds one row of P to the image under window `m`. */
function addWindow(s: Spread, m: i32, p: usize): void {
  const row = m / s.gridW
  const top = row % s.gridH * s.strideH - s.top
  const left = m % s.gridW * s.strideW - s.left
  const r1 = lastInside(top, s.dilationH, s.height, s.tapsH)
  const s0 = firstInside(left, s.dilationW)
  const s1 = lastInside(left, s.dilationW, s.width, s.tapsW)
  // The taps of a row are one run where they touch.
  const touch = s.dilationW == 1 && s.pitch == <usize>s.channels << 2
  for (let r = firstInside(top, s.dilationH); r < r1; r++) {
    const line = (row / s.gridH * s.height + top + r * s.dilationH) * s.width + left
    const from = p + (<usize>(r * s.tapsW * s.channels) << 2)
    if (touch)
      addFloats(
        s.images + <usize>(line + s0) * s.pitch,
        from + (<usize>(s0 * s.channels) << 2),
        (s1 - s0) * s.channels,
      )
    else
      for (let t = s0; t < s1; t++)
        addFloats(
          s.images + <usize>(line + t * s.dilationW) * s.pitch,
          from + (<usize>(t * s.channels) << 2),
          s.channels,
        )
  }
}
