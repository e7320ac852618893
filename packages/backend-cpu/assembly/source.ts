/**
 * The images that windows slide over, as the convolutions see them.
 *
 * A grid of `gridH` x `gridW` windows per image; window (u, v) begins at input row
 * `u * strideH - top`, column `v * strideW - left`, and has `tapsH` x `tapsW` taps, `dilationH` and
 * `dilationW` pixels apart. {@link sourceRows} answers where the windows of a range of output rows
 * begin in memory: in the image itself when no window leaves it, else in a padded copy of the rows
 * that they touch.
 *
 * Output rows are counted through all images: row `u` of image `n` is `n * gridH + u`.
 */
import { copyFloats, zeroFloats } from './floats'
import { max32, min32 } from './simd'

/** Most output rows that {@link sourceRows} gives at once. */
export const MAX_ROWS: i32 = 1024

/** Floats of padded rows to hold at once; more only when a single output row needs more. */
const BUFFER_FLOATS: i32 = 1 << 18

/** JavaScript writes the fields in this order. */
@unmanaged
export class Source {
  /** Address of the first channel that takes part, of the first pixel of the first image. */
  images: usize
  count: i32
  height: i32
  width: i32
  /** Bytes from pixel to pixel. */
  pitch: usize
  /** Floats of each pixel that take part. */
  channels: i32
  /** Rows of zeros above; negative where the windows begin inside. */
  top: i32
  left: i32
  gridH: i32
  gridW: i32
  strideH: i32
  strideW: i32
  tapsH: i32
  tapsW: i32
  dilationH: i32
  dilationW: i32
}

/** Input rows that one window spans. */
// @ts-ignore: decorator
@inline
function reach(s: Source): i32 {
  return (s.tapsH - 1) * s.dilationH + 1
}

/** Input columns that a row of windows spans. */
// @ts-ignore: decorator
@inline
function paddedWidth(s: Source): i32 {
  return (s.gridW - 1) * s.strideW + (s.tapsW - 1) * s.dilationW + 1
}

/** Whether every window stays inside its image. */
function isInside(s: Source): bool {
  return (
    s.top <= 0 &&
    s.left <= 0 &&
    (s.gridH - 1) * s.strideH + reach(s) - s.top <= s.height &&
    paddedWidth(s) - s.left <= s.width
  )
}

/** Bytes from pixel to pixel where {@link sourceRows} points. */
export function pixelPitch(s: Source): usize {
  return isInside(s) ? s.pitch : <usize>s.channels << 2
}

/** Bytes from row to row where {@link sourceRows} points. */
export function rowPitch(s: Source): usize {
  return pixelPitch(s) * (isInside(s) ? s.width : paddedWidth(s))
}

/** Bytes of the buffer for padded rows. */
export function bufferBytes(s: Source): i32 {
  if (isInside(s)) return 0
  const row = paddedWidth(s) * s.channels
  const image = (s.gridH - 1) * s.strideH + reach(s)
  const wanted = min(<i64>s.count * image * row, <i64>BUFFER_FLOATS)
  return max32(<i32>wanted, reach(s) * row) << 2
}

/**
 * Writes to `bases` where the first windows of the output rows `first .. end` begin, and returns
 * `end`: `last`, or less when the buffer or the table is full.
 */
export function sourceRows(
  s: Source,
  first: i32,
  last: i32,
  bases: usize,
  buffer: usize,
): i32 {
  last = min32(last, first + MAX_ROWS)
  const inside = isInside(s)
  const pitch = rowPitch(s)
  let room = inside ? 0 : <i32>(<u32>bufferBytes(s) / <u32>pitch)
  let row = first
  while (row < last) {
    const image = row / s.gridH
    const u = row % s.gridH
    const top = u * s.strideH - s.top
    let rows = min32(s.gridH - u, last - row)
    let base = buffer
    if (inside) {
      base = s.images + <usize>(image * s.height + top) * pitch - <usize>s.left * s.pitch
    } else {
      if (room < reach(s)) break
      rows = min32(rows, (room - reach(s)) / s.strideH + 1)
      const inputRows = (rows - 1) * s.strideH + reach(s)
      copyRows(s, image, top, inputRows, buffer)
      room -= inputRows
      buffer += <usize>inputRows * pitch
    }
    for (let i = 0; i < rows; i++) {
      store<usize>(bases, base)
      bases += 4
      base += <usize>s.strideH * pitch
    }
    row += rows
  }
  return row
}

/** Copies `rows` rows from row `top` of an image on, with zeros for what lies outside. */
function copyRows(s: Source, image: i32, top: i32, rows: i32, to: usize): void {
  const pixel = <usize>s.channels << 2
  const width = paddedWidth(s)
  // Columns from..until of the padded row are in the image.
  const from = min32(max32(s.left, 0), width)
  const until = max32(min32(width, s.width + s.left), from)
  for (let i = top; i < top + rows; i++) {
    if (i < 0 || i >= s.height) {
      zeroFloats(to, width * s.channels)
      to += <usize>width * pixel
      continue
    }
    zeroFloats(to, from * s.channels)
    to += <usize>from * pixel
    let source = s.images + <usize>((image * s.height + i) * s.width + from - s.left) * s.pitch
    if (s.pitch == pixel) {
      copyFloats(to, source, (until - from) * s.channels)
      to += <usize>(until - from) * pixel
    } else {
      for (let j = from; j < until; j++) {
        copyFloats(to, source, s.channels)
        source += s.pitch
        to += pixel
      }
    }
    zeroFloats(to, (width - until) * s.channels)
    to += <usize>(width - until) * pixel
  }
}
