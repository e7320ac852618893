/**
 * Pooling to a given size: window i of n covers `floor(i H / n)` to `ceil((i + 1) H / n)`, so windows
 * may differ in size and overlap. Images are `[N, H, W, C]`, sequences `[N, L, C]`.
 */
import { ShapeError, showShape } from '../errors.ts'
import { gather } from '../kernels/gather.ts'
import { avgPool2d, maxPool2dWithIndices } from '../kernels/pool2d.ts'
import type { Tensor } from '../tensor.ts'
import { tensor } from './create.ts'
import { expand, reshape, squeeze, unsqueeze } from './movement.ts'
import { argmax } from './reduce.ts'
import type { Indexed } from './sort.ts'
import { adaptiveTaps, adaptiveWindows, weighTaps } from './taps.ts'

/** One number for both axes, or one each; null keeps the size. */
export type AdaptiveSize = number | null | readonly [height: number | null, width: number | null]

type Four = [number, number, number, number]

function target(op: string, x: Tensor, size: AdaptiveSize): readonly [number, number] {
  const [h, w] = typeof size === 'number' || size === null ? [size, size] : size
  const [oh, ow] = [h ?? x.shape[1]!, w ?? x.shape[2]!]
  if (x.rank !== 4 || [oh, ow].some((n) => !Number.isInteger(n) || n < 1))
    throw new ShapeError(
      `${op}: ${showShape(x.shape)} to ${oh} x ${ow}: images are [N, H, W, C], sizes whole numbers > 0`,
    )
  return [oh, ow]
}

/** The size of the windows where all are equal and side by side. */
function evenWindow(x: Tensor, [oh, ow]: readonly [number, number]) {
  const [h, w] = [x.shape[1]! / oh, x.shape[2]! / ow]
  return Number.isInteger(h) && Number.isInteger(w) && h > 0 && w > 0
    ? ([h, w] as const)
    : undefined
}

/** The mean of each window. */
export function adaptiveAvgPool2d(x: Tensor, size: AdaptiveSize): Tensor {
  const to = target('adaptiveAvgPool2d', x, size)
  const even = evenWindow(x, to)
  if (even) return avgPool2d(x, even)
  return to.reduce((t, n, i) => weighTaps(t, i + 1, adaptiveTaps(x.shape[i + 1]!, n)), x)
}

/** The largest value of each window, and its index (`h · W + w`, i32; the first among equals). */
export function adaptiveMaxPool2dWithIndices(x: Tensor, size: AdaptiveSize): Indexed {
  const to = target('adaptiveMaxPool2d', x, size)
  const even = evenWindow(x, to)
  if (even) return maxPool2dWithIndices(x, even)
  const [n, h, w, c] = x.shape as Four
  const [rows, columns] = [adaptiveWindows(h, to[0]), adaptiveWindows(w, to[1])]
  const longest = (list: typeof rows) => Math.max(...list.map(({ start, end }) => end - start))
  const [r, s] = [longest(rows), longest(columns)]
  // Smaller windows see their last row and column again.
  const inside = (list: typeof rows, i: number, t: number): number =>
    Math.min(list[i]!.start + t, list[i]!.end - 1)
  const [count, taps] = [to[0] * to[1], r * s]
  const table = Array.from({ length: count * taps }, (_, k) => {
    const [window, tap] = [Math.floor(k / taps), k % taps]
    const row = inside(rows, Math.floor(window / to[1]), Math.floor(tap / s))
    return row * w + inside(columns, window % to[1], tap % s)
  })
  const at = reshape(tensor(table, { dtype: 'i32', device: x.device }), [1, count * taps, 1])
  const pixels = reshape(x, [n, h * w, c])
  const seen = gather(pixels.detach(), 1, expand(at, [n, count * taps, c]))
  const best = argmax(reshape(seen, [n, count, taps, c]), 2, { keepdim: true })
  const all = expand(reshape(at, [1, count, taps, 1]), [n, count, taps, c])
  const indices = squeeze(gather(all, 2, best), 2)
  const shape = [n, ...to, c]
  return {
    values: reshape(gather(pixels, 1, indices), shape),
    indices: reshape(indices, shape),
  }
}

/** The largest value of each window. */
export function adaptiveMaxPool2d(x: Tensor, size: AdaptiveSize): Tensor {
  return adaptiveMaxPool2dWithIndices(x, size).values
}

/** The mean of each window of sequences. */
export function adaptiveAvgPool1d(x: Tensor, size: number | null): Tensor {
  return squeeze(adaptiveAvgPool2d(unsqueeze(x, 1), [1, size]), 1)
}

/** The largest value of each window of sequences. */
export function adaptiveMaxPool1d(x: Tensor, size: number | null): Tensor {
  return squeeze(adaptiveMaxPool2d(unsqueeze(x, 1), [1, size]), 1)
}
