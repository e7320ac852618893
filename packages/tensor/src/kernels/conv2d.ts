/**
 * Two-dimensional convolution (cross-correlation, as everywhere in the field) and its two
 * gradients. The three are one family: the gradient of each is made of the other two, so
 * convolutions can be differentiated any number of times.
 *
 * Letters: N images, H W rows and columns, C channels, K output channels, R S kernel rows and
 * columns, G groups, OH OW output rows and columns.
 */
import { productType } from '../autocast.ts'
import { record } from '../autograd.ts'
import type { Backend, ConvGeometry, Kernels } from '../backend.ts'
import { isHalf } from '../dtype.ts'
import { ArgumentError, DTypeError, ShapeError, showShape } from '../errors.ts'
import { type Shape, windowCount } from '../layout.ts'
import { cast } from '../ops/cast.ts'
import { deviceOf } from '../ops/map.ts'
import { contiguous } from '../ops/movement.ts'
import { Tensor } from '../tensor.ts'
import { padded, restride, spread, sumProducts, withPlaced } from './compose.ts'
import { kernel } from './dispatch.ts'

type Four = [number, number, number, number]

export const composedConv2d =
  (device: Backend): Kernels['conv2d'] =>
  (x, weight, out, geometry) => {
    const [n, oh, ow, k] = out.shape as Four
    const [r, s, cg] = weight.shape as Four
    const { stride, dilation, groups: g } = geometry
    const kg = k / g
    const rows = padded(geometry, 0, oh, r)
    const columns = padded(geometry, 1, ow, s)
    withPlaced(device, x, rows, columns, 0, (image) => {
      const [sn, sh, sw, sc] = image.strides as Four
      const space = [n, oh, ow, g, kg, r, s, cg]
      sumProducts(
        device,
        restride(image, space, [
          sn,
          sh * stride[0],
          sw * stride[1],
          cg * sc,
          0,
          sh * dilation[0],
          sw * dilation[1],
          sc,
        ]),
        restride(weight, space, [0, 0, 0, kg, 1, s * cg * k, cg * k, k]),
        restride(out, [n, oh, ow, g, kg, 1, 1, 1], [...out.strides.slice(0, 3), kg, 1, 0, 0, 0]),
      )
    })
  }

export const composedConv2dGradInput =
  (device: Backend): Kernels['conv2dGradInput'] =>
  (dy, weight, dx, geometry) => {
    const [n, h, w, c] = dx.shape as Four
    const [, oh, ow, k] = dy.shape as Four
    const [r, s, cg] = weight.shape as Four
    const { dilation, padding: pads, groups: g } = geometry
    const kg = k / g
    const rows = spread(geometry, 0, h, oh, r)
    const columns = spread(geometry, 1, w, ow, s)
    withPlaced(device, dy, rows, columns, 0, (gradient) => {
      const [sn, sh, sw, sk] = gradient.strides as Four
      const space = [n, h, w, g, cg, r, s, kg]
      const at = (pads[0] + rows.before) * sh + (pads[1] + columns.before) * sw
      sumProducts(
        device,
        restride(
          gradient,
          space,
          [sn, sh, sw, kg * sk, 0, -sh * dilation[0], -sw * dilation[1], sk],
          at,
        ),
        restride(weight, space, [0, 0, 0, kg, k, s * cg * k, cg * k, 1]),
        restride(dx, [n, h, w, g, cg, 1, 1, 1], [h * w * c, w * c, c, cg, 1, 0, 0, 0]),
      )
    })
  }

export const composedConv2dGradWeight =
  (device: Backend): Kernels['conv2dGradWeight'] =>
  (x, dy, dw, geometry) => {
    const [n, oh, ow, k] = dy.shape as Four
    const [r, s, cg] = dw.shape as Four
    const { stride, dilation, groups: g } = geometry
    const kg = k / g
    const rows = padded(geometry, 0, oh, r)
    const columns = padded(geometry, 1, ow, s)
    withPlaced(device, x, rows, columns, 0, (image) => {
      const [sn, sh, sw, sc] = image.strides as Four
      const space = [r, s, cg, g, kg, n, oh, ow]
      sumProducts(
        device,
        restride(image, space, [
          sh * dilation[0],
          sw * dilation[1],
          sc,
          cg * sc,
          0,
          sn,
          sh * stride[0],
          sw * stride[1],
        ]),
        restride(dy, space, [0, 0, 0, kg, 1, oh * ow * k, ow * k, k]),
        restride(dw, [r, s, cg, g, kg, 1, 1, 1], [s * cg * k, cg * k, k, kg, 1, 0, 0, 0]),
      )
    })
  }

function forward(x: Tensor, weight: Tensor, shape: Shape, geometry: ConvGeometry): Tensor {
  const [input, filter] = [contiguous(x), contiguous(weight)]
  const device = deviceOf('conv2d', [input, filter])
  const out = Tensor.make(device, x.dtype, shape)
  kernel(device, 'conv2d', out, composedConv2d)(input, filter, out, geometry)
  const [xs, ws] = [x.shape, weight.shape]
  return record('conv2d', out, [x, weight], [x, weight], (g, saved, needs) => [
    needs[0] ? gradInput(g, saved[1]!, xs, geometry) : undefined,
    needs[1] ? gradWeight(saved[0]!, g, ws, geometry) : undefined,
  ])
}

/** The gradient of a convolution for its images, which is also the transposed convolution. */
export function gradInput(
  dy: Tensor,
  weight: Tensor,
  shape: Shape,
  geometry: ConvGeometry,
): Tensor {
  const [gradient, filter] = [contiguous(dy), contiguous(weight)]
  const device = deviceOf('conv2d', [gradient, filter])
  const dx = Tensor.make(device, dy.dtype, shape)
  kernel(device, 'conv2dGradInput', dx, composedConv2dGradInput)(gradient, filter, dx, geometry)
  const [ys, ws] = [dy.shape, weight.shape]
  return record('conv2dGradInput', dx, [dy, weight], [dy, weight], (g, saved, needs) => [
    needs[0] ? forward(g, saved[1]!, ys, geometry) : undefined,
    needs[1] ? gradWeight(g, saved[0]!, ws, geometry) : undefined,
  ])
}

function gradWeight(x: Tensor, dy: Tensor, shape: Shape, geometry: ConvGeometry): Tensor {
  const [input, gradient] = [contiguous(x), contiguous(dy)]
  const device = deviceOf('conv2d', [input, gradient])
  const dw = Tensor.make(device, x.dtype, shape)
  kernel(device, 'conv2dGradWeight', dw, composedConv2dGradWeight)(input, gradient, dw, geometry)
  const [xs, ys] = [x.shape, dy.shape]
  return record('conv2dGradWeight', dw, [x, dy], [x, dy], (g, saved, needs) => [
    needs[0] ? gradInput(saved[1]!, g, xs, geometry) : undefined,
    needs[1] ? forward(saved[0]!, g, ys, geometry) : undefined,
  ])
}

/** One number for both axes, or one each for height and width. */
export type Pair = number | readonly [height: number, width: number]

export function pair(
  op: string,
  name: string,
  value: Pair,
  least: number,
): readonly [number, number] {
  const both = typeof value === 'number' ? ([value, value] as const) : value
  if (both.length !== 2 || both.some((v) => !Number.isInteger(v) || v < least))
    throw new ArgumentError(
      `${op}: ${name} is ${JSON.stringify(value)}; it must be a whole number >= ${least}, or two of them`,
    )
  return both
}

export interface Conv2dOptions {
  /** Step between windows. Default 1. */
  stride?: Pair
  /** Zeros on each side; `'same'` keeps the size (stride 1 only), `'valid'` is 0. Default 0. */
  padding?: Pair | 'same' | 'valid'
  /** Distance between the taps of the kernel. Default 1. */
  dilation?: Pair
  /** Blocks of channels that do not see each other; C and K must be multiples. Default 1. */
  groups?: number
}

/**
 * Two-dimensional convolution of images:
 * `out[n, i, j, k] = bias[k] + sum over r, s, c of x[n, i·stride + r·dilation - padding, ..., c] · weight[r, s, c, k]`.
 *
 * @param x Images `[N, H, W, C]`.
 * @param weight Kernels `[R, S, C / groups, K]`.
 * @param bias One number for each output channel, `[K]`, or nothing.
 * @returns `[N, OH, OW, K]` with `OH = floor((H + 2·padding - dilation·(R - 1) - 1) / stride) + 1`.
 * @throws ShapeError when channels and groups do not fit or the kernel is larger than the padded image.
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: Conv2dOptions = {},
): Tensor {
  const show = `${showShape(x.shape)} with weight ${showShape(weight.shape)}`
  if (x.rank !== 4 || weight.rank !== 4)
    throw new ShapeError(`conv2d: ${show}: images are [N, H, W, C], weights [R, S, C / groups, K]`)
  const [images, filters] = commonOperands('conv2d', x, weight)
  const { groups = 1 } = options
  const [n, h, w, c] = x.shape as Four
  const [r, s, cg, k] = weight.shape as Four
  if (!Number.isInteger(groups) || groups < 1 || cg * groups !== c || k % groups !== 0)
    throw new ShapeError(
      `conv2d: ${show} in ${groups} groups: C = ${c} must be groups x ${cg}, and K = ${k} a multiple of groups`,
    )
  const stride = pair('conv2d', 'stride', options.stride ?? 1, 1)
  const dilation = pair('conv2d', 'dilation', options.dilation ?? 1, 1)
  const { before, total } = resolvePadding(options.padding ?? 0, stride, dilation, [r, s])
  const oh = windowCount(h, r, stride[0], total[0], dilation[0])
  const ow = windowCount(w, s, stride[1], total[1], dilation[1])
  if (oh < 1 || ow < 1)
    throw new ShapeError(
      `conv2d: ${show}: the kernel spans ${dilation[0] * (r - 1) + 1} x ${dilation[1] * (s - 1) + 1} pixels, ` +
        `more than the padded image (${h + total[0]} x ${w + total[1]}); pad it or use a smaller kernel`,
    )
  const shape = [n, oh, ow, k]
  const out = forward(images, filters, shape, { stride, padding: before, dilation, groups })
  return withBias(out, bias)
}

/** Both operands of a convolution in the dtype that `autocast` asks for. */
export function commonOperands(op: string, x: Tensor, weight: Tensor): [Tensor, Tensor] {
  const type = productType(x.dtype, weight.dtype)
  if (isHalf(type)) return [cast(x, type), cast(weight, type)]
  if (x.dtype !== weight.dtype)
    throw new DTypeError(`${op}: images of ${x.dtype} and weights of ${weight.dtype}; cast one`)
  return [x, weight]
}

/** `out + bias`, in out's dtype. */
export function withBias(out: Tensor, bias: Tensor | undefined): Tensor {
  return bias ? out.add(cast(bias, out.dtype)) : out
}

function resolvePadding(
  value: Pair | 'same' | 'valid',
  stride: readonly [number, number],
  dilation: readonly [number, number],
  taps: readonly [number, number],
): { before: readonly [number, number]; total: readonly [number, number] } {
  if (value !== 'same') {
    const both = pair('conv2d', 'padding', value === 'valid' ? 0 : value, 0)
    return { before: both, total: [both[0] * 2, both[1] * 2] }
  }
  if (stride[0] !== 1 || stride[1] !== 1)
    throw new ArgumentError(
      `conv2d: padding 'same' with stride [${stride.join(', ')}]; it needs stride 1`,
    )
  const total = [dilation[0] * (taps[0] - 1), dilation[1] * (taps[1] - 1)] as const
  return { before: [Math.floor(total[0] / 2), Math.floor(total[1] / 2)], total }
}
