/**
 * Pooling windows, images as N, H, W, C. Vectors run along the channels, several side by side so that
 * one need not wait for the other; taps outside the image take no part. The last channels of a pixel
 * are done together with some before them, twice, rather than one by one. Output rows are
 * independent, and so are images in the gradient.
 */
import { addFloats } from './floats'
import { max32, select } from './simd'
import { Source } from './source'
import { firstInside, lastInside } from './windows'

/** One pooling; JavaScript writes the fields in this order. All images dense. */
@unmanaged
export class Pool extends Source {
  out: usize
  /** Where the maxima are; only for {@link maxPool}. */
  indices: usize
}

/**
 * The maximum of each window and its index `h * width + w`. Of equal values the first in row-major
 * order wins, and the first NaN wins over all. A window that is all outside gives -Infinity and 0.
 */
export function maxPool(p: Pool, first: i32, last: i32): void {
  const line = <usize>p.width * p.pitch
  let out = p.out + <usize>first * <usize>p.gridW * p.pitch
  let indices = p.indices + <usize>first * <usize>p.gridW * p.pitch
  for (let row = first; row < last; row++) {
    const top = row % p.gridH * p.strideH - p.top
    const r0 = firstInside(top, p.dilationH)
    const r1 = lastInside(top, p.dilationH, p.height, p.tapsH)
    const image = p.images + <usize>(row / p.gridH * p.height) * line
    for (let v = 0; v < p.gridW; v++) {
      const left = v * p.strideW - p.left
      const s0 = firstInside(left, p.dilationW)
      const s1 = lastInside(left, p.dilationW, p.width, p.tapsW)
      const corner = r0 < r1 && s0 < s1
        ? (top + r0 * p.dilationH) * p.width + left + s0 * p.dilationW
        : 0
      const rows = s0 < s1 ? r1 - r0 : 0
      maxWindow(p, image, corner, rows, s1 - s0, out, indices)
      out += p.pitch
      indices += p.pitch
    }
  }
}

/** `corner` is the index of the window's first tap inside, `rows` x `columns` the taps inside. */
function maxWindow(
  p: Pool, image: usize, corner: i32, rows: i32, columns: i32, out: usize, indices: usize,
): void {
  const down = p.dilationH * p.width
  const across = p.dilationW
  const step = <usize>across * p.pitch
  const channels = p.channels
  let c = 0
  for (; c + 8 <= channels; c += 8) {
    let best0 = f32x4.splat(-Infinity), best1 = best0
    let where0 = i32x4.splat(corner), where1 = where0
    for (let r = 0; r < rows; r++) {
      let index = corner + r * down
      let a = image + <usize>index * p.pitch
      for (let s = 0; s < columns; s++) {
        const here = i32x4.splat(index)
        const value0 = v128.load(a)
        const value1 = v128.load(a, 16)
        const wins0 = wins(value0, best0)
        const wins1 = wins(value1, best1)
        best0 = select(value0, best0, wins0)
        best1 = select(value1, best1, wins1)
        where0 = select(here, where0, wins0)
        where1 = select(here, where1, wins1)
        a += step
        index += across
      }
    }
    v128.store(out, best0)
    v128.store(out, best1, 16)
    v128.store(indices, where0)
    v128.store(indices, where1, 16)
    image += 32
    out += 32
    indices += 32
  }
  while (c < channels && channels >= 4) {
    const back = <usize>max32(0, c + 4 - channels) << 2
    image -= back
    out -= back
    indices -= back
    let best = f32x4.splat(-Infinity)
    let where = i32x4.splat(corner)
    for (let r = 0; r < rows; r++) {
      let index = corner + r * down
      let a = image + <usize>index * p.pitch
      for (let s = 0; s < columns; s++) {
        const value = v128.load(a)
        const taken = wins(value, best)
        best = select(value, best, taken)
        where = select(i32x4.splat(index), where, taken)
        a += step
        index += across
      }
    }
    v128.store(out, best)
    v128.store(indices, where)
    image += 16
    out += 16
    indices += 16
    c += 4
  }
  for (; c < channels; c++) {
    let best: f32 = -Infinity
    let where = corner
    for (let r = 0; r < rows; r++) {
      let index = corner + r * down
      let a = image + <usize>index * p.pitch
      for (let s = 0; s < columns; s++) {
        const value = f32.load(a)
        if (!(value <= best) && best == best) {
          best = value
          where = index
        }
        a += step
        index += across
      }
    }
    f32.store(out, best)
    i32.store(indices, where)
    image += 4
    out += 4
    indices += 4
  }
}

/** Where value is larger, or the first NaN: it is not at most best, and best is not NaN. */
// @ts-ignore: decorator
@inline
function wins(value: v128, best: v128): v128 {
  return v128.andnot(f32x4.eq(best, best), f32x4.le(value, best))
}

/** The sum of each window, as the sum of its rows' sums. */
export function sumPool(p: Pool, first: i32, last: i32): void {
  const line = <usize>p.width * p.pitch
  let out = p.out + <usize>first * <usize>p.gridW * p.pitch
  for (let row = first; row < last; row++) {
    const top = row % p.gridH * p.strideH - p.top
    const r0 = firstInside(top, p.dilationH)
    const r1 = lastInside(top, p.dilationH, p.height, p.tapsH)
    const image = p.images + <usize>(row / p.gridH * p.height + top + r0 * p.dilationH) * line
    for (let v = 0; v < p.gridW; v++) {
      const left = v * p.strideW - p.left
      const s0 = firstInside(left, p.dilationW)
      const s1 = lastInside(left, p.dilationW, p.width, p.tapsW)
      sumWindow(p, image + <usize>(left + s0 * p.dilationW) * p.pitch, r1 - r0, s1 - s0, out)
      out += p.pitch
    }
  }
}

function sumWindow(p: Pool, a: usize, rows: i32, columns: i32, out: usize): void {
  const down = <usize>(p.dilationH * p.width) * p.pitch
  const across = <usize>p.dilationW * p.pitch
  const channels = p.channels
  let c = 0
  for (; c + 16 <= channels; c += 16) {
    let total0 = f32x4.splat(0), total1 = f32x4.splat(0)
    let total2 = f32x4.splat(0), total3 = f32x4.splat(0)
    let line = a
    for (let r = 0; r < rows; r++) {
      let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0)
      let sum2 = f32x4.splat(0), sum3 = f32x4.splat(0)
      let from = line
      for (let s = 0; s < columns; s++) {
        sum0 = f32x4.add(sum0, v128.load(from))
        sum1 = f32x4.add(sum1, v128.load(from, 16))
        sum2 = f32x4.add(sum2, v128.load(from, 32))
        sum3 = f32x4.add(sum3, v128.load(from, 48))
        from += across
      }
      total0 = f32x4.add(total0, sum0)
      total1 = f32x4.add(total1, sum1)
      total2 = f32x4.add(total2, sum2)
      total3 = f32x4.add(total3, sum3)
      line += down
    }
    v128.store(out, total0)
    v128.store(out, total1, 16)
    v128.store(out, total2, 32)
    v128.store(out, total3, 48)
    a += 64
    out += 64
  }
  while (c < channels && channels >= 4) {
    const back = <usize>max32(0, c + 4 - channels) << 2
    a -= back
    out -= back
    let total = f32x4.splat(0)
    let line = a
    for (let r = 0; r < rows; r++) {
      let sum = f32x4.splat(0)
      let from = line
      for (let s = 0; s < columns; s++) {
        sum = f32x4.add(sum, v128.load(from))
        from += across
      }
      total = f32x4.add(total, sum)
      line += down
    }
    v128.store(out, total)
    a += 16
    out += 16
    c += 4
  }
  for (; c < channels; c++) {
    let total: f32 = 0
    let line = a
    for (let r = 0; r < rows; r++) {
      let sum: f32 = 0
      let from = line
      for (let s = 0; s < columns; s++) {
        sum += f32.load(from)
        from += across
      }
      total += sum
      line += down
    }
    f32.store(out, total)
    a += 4
    out += 4
  }
}

/**
 * The gradient of {@link sumPool}: adds each value of `out` to the pixels of its window. `images` is
 * what is written; images `first .. last`.
 */
export function sumPoolGrad(p: Pool, first: i32, last: i32): void {
  const line = <usize>p.width * p.pitch
  const image = <usize>p.height * line
  memory.fill(p.images + <usize>first * image, 0, <usize>max32(0, last - first) * image)
  let out = p.out + <usize>(first * p.gridH * p.gridW) * p.pitch
  for (let n = first; n < last; n++)
    for (let u = 0; u < p.gridH; u++) {
      const top = u * p.strideH - p.top
      const r0 = firstInside(top, p.dilationH)
      const r1 = lastInside(top, p.dilationH, p.height, p.tapsH)
      for (let v = 0; v < p.gridW; v++) {
        const left = v * p.strideW - p.left
        const s0 = firstInside(left, p.dilationW)
        const s1 = lastInside(left, p.dilationW, p.width, p.tapsW)
        for (let r = r0; r < r1; r++)
          for (let s = s0; s < s1; s++) {
            const pixel =
              (n * p.height + top + r * p.dilationH) * p.width + left + s * p.dilationW
            addFloats(p.images + <usize>pixel * p.pitch, out, p.channels)
          }
        out += p.pitch
      }
    }
}
