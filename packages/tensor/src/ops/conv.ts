/**
 * Convolutions of sequences and volumes, and transposed ones, all by way of the two-dimensional
 * kernels. Weights are laid out as in `conv2d`: taps, then channels per group, then outputs.
 */
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { commonOperands, conv2d, gradInput, type Pair, pair, withBias } from '../kernels/conv2d.ts'
import { windowCount } from '../layout.ts'
import type { Tensor } from '../tensor.ts'
import { reshape, slice, squeeze, unsqueeze } from './movement.ts'
import { pad } from './pad.ts'

export interface Conv1dOptions {
  /** Step between windows. Default 1. */
  stride?: number
  /** Zeros on each side; `'same'` keeps the length (stride 1 only), `'valid'` is 0. Default 0. */
  padding?: number | 'same' | 'valid'
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: number
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
}

function checkRanks(op: string, x: Tensor, weight: Tensor, rank: number, layout: string): void {
  if (x.rank !== rank || weight.rank !== rank)
    throw new ShapeError(
      `${op}: ${showShape(x.shape)} with weight ${showShape(weight.shape)}: ${layout}`,
    )
}

/**
 * Convolution of sequences `[N, L, C]` with kernels `[S, C / groups, K]`, to `[N, OL, K]`; see `conv2d`.
 */
export function conv1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: Conv1dOptions = {},
): Tensor {
  checkRanks('conv1d', x, weight, 3, 'sequences are [N, L, C], weights [S, C / groups, K]')
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options
  const out = conv2d(unsqueeze(x, 1), unsqueeze(weight, 0), bias, {
    stride: [1, stride],
    padding: typeof padding === 'number' ? [0, padding] : padding,
    dilation: [1, dilation],
    groups,
  })
  return squeeze(out, 1)
}

/** One number for all axes, or one each for depth, height and width. */
export type Triple = number | readonly [depth: number, height: number, width: number]

export interface Conv3dOptions {
  /** Step between windows. Default 1. */
  stride?: Triple
  /** Zeros on each side; `'same'` keeps the size (stride 1 only), `'valid'` is 0. Default 0. */
  padding?: Triple | 'same' | 'valid'
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: Triple
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
}

function triple(
  name: string,
  value: Triple,
  least: number,
): readonly [number, readonly [number, number]] {
  const [depth, ...rest] = typeof value === 'number' ? ([value, value, value] as const) : value
  return [pair('conv3d', name, depth, least)[0], pair('conv3d', name, rest, least)]
}

/**
 * Convolution of volumes `[N, D, H, W, C]` with kernels `[T, R, S, C / groups, K]`, to
 * `[N, OD, OH, OW, K]`: the sum over the kernel's T layers of convolutions of images; see `conv2d`.
 */
export function conv3d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: Conv3dOptions = {},
): Tensor {
  checkRanks(
    'conv3d',
    x,
    weight,
    5,
    'volumes are [N, D, H, W, C], weights [T, R, S, C / groups, K]',
  )
  const { padding = 0, groups = 1 } = options
  const [step, stride] = triple('stride', options.stride ?? 1, 1)
  const [distance, dilation] = triple('dilation', options.dilation ?? 1, 1)
  const [layers, depth] = [weight.shape[0]!, x.shape[1]!]
  const span = distance * (layers - 1)
  const same = padding === 'same'
  if (same && step !== 1)
    throw new ArgumentError(`conv3d: padding 'same' with stride ${step}; it needs stride 1`)
  const [around, inner] = typeof padding === 'string' ? [0, padding] : triple('padding', padding, 0)
  const before = same ? Math.floor(span / 2) : around
  const total = same ? span : 2 * around
  const count = windowCount(depth, layers, step, total, distance)
  if (count < 1)
    throw new ShapeError(
      `conv3d: ${showShape(x.shape)}: the kernel spans ${span + 1} layers of ${depth + total} padded ones`,
    )
  const none = [0, 0] as const
  const padded = pad(x, [none, [before, total - before], none, none, none])
  const outputs = Array.from({ length: layers }, (_, t) => {
    const start = t * distance
    const part = slice(padded, null, { start, end: start + (count - 1) * step + 1, step })
    const images = reshape(part, [-1, ...x.shape.slice(2)])
    return conv2d(images, slice(weight, t), undefined, { stride, padding: inner, dilation, groups })
  })
  const out = outputs.reduce((sum, part) => sum.add(part))
  const volumes = reshape(out, [x.shape[0]!, count, ...out.shape.slice(1)])
  return withBias(volumes, bias)
}

export interface ConvTranspose2dOptions {
  /** Step of the convolution that this reverses. Default 1. */
  stride?: Pair
  /** Its padding, which is cut off here. Default 0. */
  padding?: Pair
  /** Rows and columns more at the far side, for the size that the convolution has rounded away. Default 0. */
  outputPadding?: Pair
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: Pair
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
}

/**
 * The transpose of {@link conv2d} (a "deconvolution"): every pixel writes its channels times the kernel
 * into a window of the output, and windows add up.
 *
 * @param x Images `[N, H, W, K]`.
 * @param weight Kernels `[R, S, C / groups, K]`: those of the convolution from C to K channels.
 * @param bias One number for each output channel, `[C]`, or nothing.
 * @returns `[N, OH, OW, C]`, `OH = (H - 1) · stride - 2 · padding + dilation · (R - 1) + outputPadding + 1`.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: ConvTranspose2dOptions = {},
): Tensor {
  const op = 'convTranspose2d'
  checkRanks(op, x, weight, 4, 'images are [N, H, W, K], weights [R, S, C / groups, K]')
  const [images, filters] = commonOperands(op, x, weight)
  const { groups = 1 } = options
  const stride = pair(op, 'stride', options.stride ?? 1, 1)
  const padding = pair(op, 'padding', options.padding ?? 0, 0)
  const extra = pair(op, 'outputPadding', options.outputPadding ?? 0, 0)
  const dilation = pair(op, 'dilation', options.dilation ?? 1, 1)
  const k = x.shape[3]!
  if (weight.shape[3] !== k || !Number.isInteger(groups) || groups < 1 || k % groups !== 0)
    throw new ShapeError(
      `${op}: ${showShape(x.shape)} with weight ${showShape(weight.shape)} in ${groups} groups: ` +
        `K = ${k} must be the weight's last size and a multiple of groups`,
    )
  const size = (axis: 0 | 1): number => {
    if (extra[axis] >= Math.max(stride[axis], dilation[axis]))
      throw new ArgumentError(
        `${op}: outputPadding ${extra[axis]} must be smaller than stride ${stride[axis]} or dilation ${dilation[axis]}`,
      )
    const span = dilation[axis] * (weight.shape[axis]! - 1)
    return (x.shape[axis + 1]! - 1) * stride[axis] - 2 * padding[axis] + span + extra[axis] + 1
  }
  const shape = [x.shape[0]!, size(0), size(1), weight.shape[2]! * groups]
  if (shape[1]! < 1 || shape[2]! < 1)
    throw new ShapeError(
      `${op}: ${showShape(x.shape)} gives ${shape[1]} x ${shape[2]} pixels; use less padding`,
    )
  const out = gradInput(images, filters, shape, { stride, padding, dilation, groups })
  return withBias(out, bias)
}

export interface ConvTranspose1dOptions {
  /** Step of the convolution that this reverses. Default 1. */
  stride?: number
  /** Its padding, which is cut off here. Default 0. */
  padding?: number
  /** Elements more at the far side. Default 0. */
  outputPadding?: number
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: number
  /** Blocks of channels that do not see each other. Default 1. */
  groups?: number
}

/** The transpose of {@link conv1d}: `[N, L, K]` with weights `[S, C / groups, K]` to `[N, OL, C]`; see {@link convTranspose2d}. */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: ConvTranspose1dOptions = {},
): Tensor {
  checkRanks('convTranspose1d', x, weight, 3, 'sequences are [N, L, K], weights [S, C / groups, K]')
  const { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options
  const out = convTranspose2d(unsqueeze(x, 1), unsqueeze(weight, 0), bias, {
    stride: [1, stride],
    padding: [0, padding],
    outputPadding: [0, outputPadding],
    dilation: [1, dilation],
    groups,
  })
  return squeeze(out, 1)
}
