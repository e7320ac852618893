import { isFloat } from '../dtype.ts'
import { ArgumentError, DTypeError, ShapeError, showShape } from '../errors.ts'
import type { Tensor } from '../tensor.ts'
import { adaptiveTaps, cubic, type Taps, weighTaps } from './taps.ts'

type Mode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'trilinear' | 'bicubic' | 'area'

export interface InterpolateOptions {
  /** The size of the result, one number for each axis between N and C, or one for all. */
  size?: number | readonly number[]
  /** Instead of `size`: how many times larger it is (rounded down). */
  scaleFactor?: number | readonly number[]
  /** Default `'nearest'`, which takes the pixel at `floor(i · scale)` as PyTorch does; `'nearest-exact'` that at its center. */
  mode?: Mode
  /** Whether the centers of the corner pixels stay where they are, instead of their outer edges. Default false. */
  alignCorners?: boolean
  /** When shrinking with `bilinear` or `bicubic`, let each pixel see all that it covers. Default false. */
  antialias?: boolean
  /** Take the scale from the rounded sizes instead of `scaleFactor`. Default false. */
  recomputeScaleFactor?: boolean
}

/** How many axes a mode works on; others take any number. */
const axesOf: Partial<Record<Mode, number>> = { linear: 1, bilinear: 2, trilinear: 3, bicubic: 2 }

/** `step` is the distance between the sources of two neighbors. */
function nearest(size: number, count: number, step: number, offset: number): Taps[] {
  // In float32, as PyTorch: its roundings decide which pixel is meant.
  const f = Math.fround
  return Array.from({ length: count }, (_, i) => ({
    at: [Math.min(Math.floor(f(f(i + offset) * f(step))), size - 1)],
    weights: [1],
  }))
}

function smooth(size: number, count: number, step: number, align: boolean, reach: 1 | 2): Taps[] {
  return Array.from({ length: count }, (_, i) => {
    const center = align ? i * step : (i + 0.5) * step - 0.5
    const source = reach === 1 ? Math.max(0, center) : center
    const first = Math.floor(source)
    const offsets = reach === 1 ? [0, 1] : [-1, 0, 1, 2]
    return {
      at: offsets.map((k) => Math.min(Math.max(first + k, 0), size - 1)),
      weights: offsets.map((k) => {
        const distance = source - first - k
        return reach === 1 ? 1 - Math.abs(distance) : cubic(distance, -0.75)
      }),
    }
  })
}

/** The filter is stretched over what an output pixel covers, and its weights add up to 1. */
function antialiased(size: number, count: number, step: number, reach: 1 | 2): Taps[] {
  const stretch = Math.max(step, 1)
  return Array.from({ length: count }, (_, i) => {
    const center = step * (i + 0.5)
    const start = Math.max(Math.floor(center - reach * stretch + 0.5), 0)
    const end = Math.min(Math.floor(center + reach * stretch + 0.5), size)
    const at = Array.from({ length: end - start }, (_, t) => start + t)
    const raw = at.map((k) => {
      const distance = (k - center + 0.5) / stretch
      return reach === 1 ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, -0.5)
    })
    const total = raw.reduce((sum, weight) => sum + weight, 0)
    return { at, weights: raw.map((weight) => weight / total) }
  })
}

/**
 * Images of another size, `[N, ..., C]` with one to three axes in between (PyTorch's `interpolate`,
 * option for option). Each axis is resampled on its own, so the work is a few products per pixel.
 *
 * @throws ArgumentError unless exactly one of `size` and `scaleFactor` is given.
 * @example
 * ```ts
 * interpolate(images, { scaleFactor: 2, mode: 'bilinear' })   // [N, H, W, C] to [N, 2H, 2W, C]
 * ```
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { size, scaleFactor, mode = 'nearest', alignCorners = false, antialias = false } = options
  const count = x.rank - 2
  if (count < 1 || count > 3 || (axesOf[mode] ?? count) !== count)
    throw new ShapeError(
      `interpolate: ${showShape(x.shape)} in mode '${mode}', which takes [N, ${axesOf[mode] ?? '1 to 3'} axes, C]`,
    )
  if (!isFloat(x.dtype) && mode !== 'nearest' && mode !== 'nearest-exact')
    throw new DTypeError(`interpolate: ${x.dtype} in mode '${mode}'; cast to f32`)
  if ((size === undefined) === (scaleFactor === undefined))
    throw new ArgumentError('interpolate: give either size or scaleFactor')
  const given = size ?? scaleFactor!
  const all = typeof given === 'number' ? new Array<number>(count).fill(given) : given
  if (all.length !== count || all.some((v) => !(v > 0)))
    throw new ArgumentError(
      `interpolate: ${size ? 'size' : 'scaleFactor'} is [${all.join(', ')}] for ${showShape(x.shape)}; ` +
        `it must be ${count} numbers > 0`,
    )
  if (antialias && mode !== 'bilinear' && mode !== 'bicubic')
    throw new ArgumentError(`interpolate: antialias in mode '${mode}'; use bilinear or bicubic`)
  return all.reduce((t, value, i) => {
    const from = x.shape[i + 1]!
    const to = size === undefined ? Math.floor(from * value) : value
    const keep = size === undefined && !options.recomputeScaleFactor
    const plain = keep ? 1 / value : from / to
    const step = alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : plain
    const reach = mode === 'bicubic' ? 2 : 1
    const taps =
      mode === 'area'
        ? adaptiveTaps(from, to)
        : mode === 'nearest' || mode === 'nearest-exact'
          ? nearest(from, to, plain, mode === 'nearest' ? 0 : 0.5)
          : antialias
            ? antialiased(from, to, step, reach)
            : smooth(from, to, step, alignCorners, reach)
    return weighTaps(t, i + 1, taps)
  }, x)
}
