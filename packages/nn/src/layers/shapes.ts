/** Layers that only move, resize or pool: the functions of the tensor package as classes. */
import {
  type AdaptiveSize,
  type AvgPool1dOptions,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  avgPool1d,
  channelShuffle,
  type InterpolateOptions,
  interpolate,
  type LocalResponseNormOptions,
  type LpPool2dOptions,
  localResponseNorm,
  lpPool2d,
  type MaxPool1dOptions,
  maxPool1d,
  type PadOptions,
  type Pair,
  pad,
  pixelShuffle,
  pixelUnshuffle,
  ShapeError,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import { type Functional, functional } from './functional.ts'

/** The largest value of each window of sequences `[N, L, C]`; see `maxPool1d`. */
export const MaxPool1d: Functional<[kernelSize: number, options?: MaxPool1dOptions]> = functional(
  'MaxPool1d',
  maxPool1d,
)

/** The mean of each window of sequences `[N, L, C]`; see `avgPool1d`. */
export const AvgPool1d: Functional<[kernelSize: number, options?: AvgPool1dOptions]> = functional(
  'AvgPool1d',
  avgPool1d,
)

/** The p-norm of each window of images `[N, H, W, C]`; see `lpPool2d`. */
export const LPPool2d: Functional<[p: number, kernelSize: Pair, options?: LpPool2dOptions]> =
  functional('LPPool2d', lpPool2d)

/** Means over as many windows as the output has elements, `[N, L, C]` to `[N, size, C]`. */
export const AdaptiveAvgPool1d: Functional<[outputSize: number | null]> = functional(
  'AdaptiveAvgPool1d',
  adaptiveAvgPool1d,
)

/** Maxima over as many windows as the output has elements, `[N, L, C]` to `[N, size, C]`. */
export const AdaptiveMaxPool1d: Functional<[outputSize: number | null]> = functional(
  'AdaptiveMaxPool1d',
  adaptiveMaxPool1d,
)

/**
 * Means over as many windows as the output has pixels, whatever the size of the image: `[N, H, W, C]`
 * to `[N, ...size, C]`; `null` keeps a size. 1 averages all.
 */
export const AdaptiveAvgPool2d: Functional<[outputSize: AdaptiveSize]> = functional(
  'AdaptiveAvgPool2d',
  adaptiveAvgPool2d,
)

/** Maxima over as many windows as the output has pixels; see `AdaptiveAvgPool2d`. */
export const AdaptiveMaxPool2d: Functional<[outputSize: AdaptiveSize]> = functional(
  'AdaptiveMaxPool2d',
  adaptiveMaxPool2d,
)

/**
 * Divides each number by a power of the squares of `size` neighboring channels; see
 * `localResponseNorm`. Krizhevsky, Sutskever, Hinton: "ImageNet Classification with Deep Convolutional
 * Neural Networks", 2012.
 */
export const LocalResponseNorm: Functional<[size: number, options?: LocalResponseNormOptions]> =
  functional('LocalResponseNorm', localResponseNorm)

/** Images, sequences or volumes of another size; see `interpolate`. */
export const Upsample: Functional<[options: InterpolateOptions]> = functional(
  'Upsample',
  interpolate,
)

/** `[N, H, W, r² C]` to `[N, r H, r W, C]`; see `pixelShuffle`. Shi et al., arXiv 1609.05158. */
export const PixelShuffle: Functional<[upscaleFactor: number]> = functional(
  'PixelShuffle',
  pixelShuffle,
)

/** `[N, r H, r W, C]` to `[N, H, W, r² C]`; see `pixelUnshuffle`. */
export const PixelUnshuffle: Functional<[downscaleFactor: number]> = functional(
  'PixelUnshuffle',
  pixelUnshuffle,
)

/** Mixes channels among groups; see `channelShuffle`. Zhang et al., arXiv 1707.01083. */
export const ChannelShuffle: Functional<[groups: number]> = functional(
  'ChannelShuffle',
  channelShuffle,
)

/**
 * Several axes instead of one: the inverse of `Flatten`.
 *
 * @example
 * ```ts
 * new Unflatten(1, [4, 4, 16]).forward(zeros([8, 256])).shape   // [8, 4, 4, 16]
 * ```
 */
export const Unflatten: Functional<[axis: number, shape: readonly number[]]> = functional(
  'Unflatten',
  (x, axis, shape) => {
    const own = axis < 0 ? axis + x.rank : axis
    const size = x.shape[own]
    if (size === undefined || size !== shape.reduce((n, part) => n * part, 1))
      throw new ShapeError(
        `Unflatten: axis ${axis} of ${showShape(x.shape)} does not have the size of ${showShape(shape)}`,
      )
    return x.reshape(x.shape.toSpliced(own, 1, ...shape))
  },
)

/** How much to add around images: one number, or that of each side. */
export type Padding2d = number | readonly [left: number, right: number, top: number, bottom: number]

function around(x: Tensor, padding: Padding2d, options: PadOptions): Tensor {
  if (x.rank !== 4)
    throw new ShapeError(`pad: the input is ${showShape(x.shape)}; it must be [N, H, W, C]`)
  const [left, right, top, bottom] =
    typeof padding === 'number' ? [padding, padding, padding, padding] : padding
  const sides = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ] as const
  return pad(x, sides, options)
}

/** Zeros around images `[N, H, W, C]`. */
export const ZeroPad2d: Functional<[padding: Padding2d]> = functional('ZeroPad2d', (x, padding) =>
  around(x, padding, {}),
)

/** A number around images `[N, H, W, C]`. */
export const ConstantPad2d: Functional<[padding: Padding2d, value: number]> = functional(
  'ConstantPad2d',
  (x, padding, value) => around(x, padding, { value }),
)

/** Images `[N, H, W, C]` mirrored at their edges, which are not repeated. */
export const ReflectionPad2d: Functional<[padding: Padding2d]> = functional(
  'ReflectionPad2d',
  (x, padding) => around(x, padding, { mode: 'reflect' }),
)

/** The edges of images `[N, H, W, C]` repeated. */
export const ReplicationPad2d: Functional<[padding: Padding2d]> = functional(
  'ReplicationPad2d',
  (x, padding) => around(x, padding, { mode: 'replicate' }),
)

/** Images `[N, H, W, C]` continued from their other side. */
export const CircularPad2d: Functional<[padding: Padding2d]> = functional(
  'CircularPad2d',
  (x, padding) => around(x, padding, { mode: 'circular' }),
)
