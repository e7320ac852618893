/** Transforms along one axis. */
import { normalizeAxis } from '../layout.ts'
import { scope } from '../memory.ts'
import { concat } from '../ops/join.ts'
import { flip, type SliceRange, slice } from '../ops/movement.ts'
import type { Tensor } from '../tensor.ts'
import { type Complex, complexOf, onBoth } from './complex.ts'
import { type FftNorm, resize, transform } from './dft.ts'

export interface FftOptions {
  /** The length: longer ones are cut off, shorter ones filled up with zeros. Default: the axis's. */
  n?: number
  /** Default -1, the last. */
  axis?: number
  /** Default `'backward'`; see {@link FftNorm}. */
  norm?: FftNorm
}

/** A part of one axis. */
export const part = (x: Tensor, axis: number, range: SliceRange): Tensor =>
  slice(x, ...x.shape.slice(0, axis + 1).map((_, i) => (i === axis ? range : null)))

/** {@link fft} and {@link ifft} inside of other ops. */
export function along(
  op: string,
  x: Tensor | Complex,
  inverse: boolean,
  { n, axis = -1, norm = 'backward' }: FftOptions,
): Complex {
  return transform(op, complexOf(op, x), axis, n, { inverse, norm })
}

/** {@link rfft} inside of other ops. */
export function halfOf(op: string, x: Tensor, options: FftOptions): Complex {
  const own = normalizeAxis(op, options.axis ?? -1, x.rank)
  const full = along(op, x, false, options)
  const kept = Math.floor(full.real.shape[own]! / 2) + 1
  return onBoth(full, (t) => part(t, own, { end: kept }))
}

/** {@link irfft} inside of other ops. */
export function realOf(op: string, x: Tensor | Complex, options: FftOptions): Tensor {
  const half = complexOf(op, x)
  const own = normalizeAxis(op, options.axis ?? -1, half.real.rank)
  const n = options.n ?? 2 * (half.real.shape[own]! - 1)
  // The other half of a real signal's transform is the conjugate, in reverse.
  const whole = (t: Tensor, conjugate: (other: Tensor) => Tensor): Tensor => {
    const sized = resize(op, t, own, Math.floor(n / 2) + 1)
    const other = flip(part(sized, own, { start: 1, end: Math.ceil(n / 2) }), own)
    return concat([sized, conjugate(other)], own)
  }
  const full = { real: whole(half.real, (t) => t), imag: whole(half.imag, (t) => t.neg()) }
  return along(op, full, true, { ...options, n }).real
}

/**
 * The discrete Fourier transform `Xₖ = Σⱼ xⱼ e^(-2πi jk / n)` along an axis, of real or complex
 * numbers, as torch.fft.fft.
 *
 * In float64 on the host, in O(n log n) for every length: radix 2 for powers of two, Bluestein's
 * method for the others. On a device that cannot be read at once it is a product with a matrix there,
 * in O(n²), for lengths up to 1024. The transform is linear; its gradient is the other direction.
 *
 * @throws ShapeError for a length below 1.
 * @throws DeviceError for a length above 1024 on a device that cannot be read at once.
 * @example
 * ```ts
 * const { real, imag } = fft(tensor([1, 0, 0, 0]))           // [1, 1, 1, 1] and [0, 0, 0, 0]
 * const power = complexAbs(fft(signal, { norm: 'ortho' })).square()
 * ```
 */
export function fft(x: Tensor | Complex, options: FftOptions = {}): Complex {
  return scope(() => along('fft', x, false, options))
}

/** The inverse of {@link fft}: `xⱼ = 1/n Σₖ Xₖ e^(2πi jk / n)`. */
export function ifft(x: Tensor | Complex, options: FftOptions = {}): Complex {
  return scope(() => along('ifft', x, true, options))
}

/**
 * The transform of real numbers: the first `⌊n/2⌋ + 1` elements of {@link fft}, of which the others are
 * the conjugates in reverse.
 */
export function rfft(x: Tensor, options: FftOptions = {}): Complex {
  return scope(() => halfOf('rfft', x, options))
}

/**
 * The inverse of {@link rfft}: real numbers from half a transform. `n` is the length of the result, by
 * default `2 (m - 1)` for m elements; give it when it is odd. Imaginary parts that no real signal has
 * (of the first element, and for even n of the last one) are ignored.
 */
export function irfft(x: Tensor | Complex, options: FftOptions = {}): Tensor {
  return scope(() => realOf('irfft', x, options))
}
