/** Transforms along several axes: one after the other. */
import { ShapeError } from '../errors.ts'
import { normalizeAxes, normalizeAxis } from '../layout.ts'
import { scope } from '../memory.ts'
import { Tensor } from '../tensor.ts'
import { type Complex, complexOf } from './complex.ts'
import type { FftNorm } from './dft.ts'
import { along, halfOf, realOf } from './fft.ts'

export interface FftnOptions {
  /** The length of each axis: longer ones are cut off, shorter ones filled up with zeros. Default: the axes'. */
  sizes?: readonly number[]
  /** Default: the last ones, as many as there are sizes; without sizes all, and for the functions with a 2 the last two. */
  axes?: readonly number[]
  /** Default `'backward'`, for each axis; see {@link FftNorm}. */
  norm?: FftNorm
}

interface Step {
  readonly axis: number
  readonly n?: number
  readonly norm: FftNorm
}

/** What to do along each axis. */
function steps(op: string, x: Tensor | Complex, options: FftnOptions): Step[] {
  const { rank } = x instanceof Tensor ? x : x.real
  const { sizes, norm = 'backward' } = options
  const count = sizes?.length ?? rank
  const named = options.axes ?? Array.from({ length: count }, (_, i) => i - count)
  // Their order counts: the last one is halved. (This only finds what is named twice.)
  normalizeAxes(op, named, rank)
  const axes = named.map((axis) => normalizeAxis(op, axis, rank))
  if (sizes && sizes.length !== axes.length)
    throw new ShapeError(`${op}: ${sizes.length} sizes for ${axes.length} axes`)
  if (axes.length === 0) throw new ShapeError(`${op}: it needs one axis at least`)
  return axes.map((axis, i) => (sizes ? { axis, n: sizes[i]!, norm } : { axis, norm }))
}

function many(op: string, x: Tensor | Complex, inverse: boolean, options: FftnOptions): Complex {
  return scope(() =>
    steps(op, x, options).reduce((t, step) => along(op, t, inverse, step), complexOf(op, x)),
  )
}

function halfOfMany(op: string, x: Tensor, options: FftnOptions): Complex {
  return scope(() => {
    const list = steps(op, x, options)
    const last = list.pop()!
    return list.reduce((t, step) => along(op, t, false, step), halfOf(op, x, last))
  })
}

function realOfMany(op: string, x: Tensor | Complex, options: FftnOptions): Tensor {
  return scope(() => {
    const list = steps(op, x, options)
    const last = list.pop()!
    const rest = list.reduce((t, step) => along(op, t, true, step), complexOf(op, x))
    return realOf(op, rest, last)
  })
}

const images = (options: FftnOptions): FftnOptions => ({ axes: [-2, -1], ...options })

/** {@link fft} along several axes, as torch.fft.fftn. */
export function fftn(x: Tensor | Complex, options: FftnOptions = {}): Complex {
  return many('fftn', x, false, options)
}

/** The inverse of {@link fftn}. */
export function ifftn(x: Tensor | Complex, options: FftnOptions = {}): Complex {
  return many('ifftn', x, true, options)
}

/** {@link rfft} along the last of several axes, then {@link fft} along the others. */
export function rfftn(x: Tensor, options: FftnOptions = {}): Complex {
  return halfOfMany('rfftn', x, options)
}

/** The inverse of {@link rfftn}; give `sizes` when the last one is odd. */
export function irfftn(x: Tensor | Complex, options: FftnOptions = {}): Tensor {
  return realOfMany('irfftn', x, options)
}

/** {@link fftn} along the last two axes. */
export function fft2(x: Tensor | Complex, options: FftnOptions = {}): Complex {
  return many('fft2', x, false, images(options))
}

/** The inverse of {@link fft2}. */
export function ifft2(x: Tensor | Complex, options: FftnOptions = {}): Complex {
  return many('ifft2', x, true, images(options))
}

/** {@link rfftn} along the last two axes. */
export function rfft2(x: Tensor, options: FftnOptions = {}): Complex {
  return halfOfMany('rfft2', x, images(options))
}

/** The inverse of {@link rfft2}; give `sizes` when the last one is odd. */
export function irfft2(x: Tensor | Complex, options: FftnOptions = {}): Tensor {
  return realOfMany('irfft2', x, images(options))
}
