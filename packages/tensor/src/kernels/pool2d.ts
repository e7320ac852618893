/**
 * Pooling of images: the largest, or the mean, of each window. Letters as in `conv2d.ts`.
 */
import { record } from '../autograd.ts'
import type { Backend, Kernels, PoolGeometry } from '../backend.ts'
import { isFloat } from '../dtype.ts'
import { ArgumentError, DTypeError, ShapeError, showShape } from '../errors.ts'
import { type Shape, windowCount } from '../layout.ts'
import { computed } from '../ops/computed.ts'
import { mapOp, runMap } from '../ops/map.ts'
import { contiguous, reshape } from '../ops/movement.ts'
import { program } from '../program/program.ts'
import { constant, index, type Scalar, select } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { padded, restride, spread, withPlaced, withTemporary } from './compose.ts'
import { type Pair, pair } from './conv2d.ts'
import { kernel } from './dispatch.ts'
import { composedGather, scatterInto } from './gather.ts'

type Four = [number, number, number, number]

/** Finds the largest tap of each window, then turns its number into a position of the input. */
export const composedMaxPool2d =
  (device: Backend): Kernels['maxPool2d'] =>
  (x, values, indices, geometry) => {
    const [n, oh, ow, c] = values.shape as Four
    const [, h, w] = x.shape as Four
    const {
      kernel: [r, s],
      stride,
      dilation,
      padding,
    } = geometry
    const { dtype } = x
    const copy = program({ name: 'maxPool2d', inputs: [dtype] }, (v) => v!)
    const [rows, columns] = [padded(geometry, 0, oh, r), padded(geometry, 1, ow, s)]
    withPlaced(device, x, rows, columns, Number.NEGATIVE_INFINITY, (image) =>
      withTemporary(device, 'i32', values.shape, (taps) => {
        const [sn, sh, sw, sc] = image.strides as Four
        const strides = [sn, sh * stride[0], sw * stride[1], sc, sh * dilation[0], sw * dilation[1]]
        device.reduce(
          { program: copy, combine: 'argmax' },
          [restride(image, [n, oh, ow, c, r, s], strides)],
          restride(taps, [...taps.shape, 1, 1], [...taps.strides, 0, 0]),
        )
        // A window of nothing but -Infinity finds the padding first; its first real tap is meant then.
        const place = (axis: 0 | 1, tap: Scalar, size: number): Scalar => {
          const first = index(axis + 1)
            .mul(stride[axis])
            .sub(padding[axis])
          const at = first.add(tap.mul(dilation[axis]))
          const skipped = first
            .neg()
            .max(0)
            .add(dilation[axis] - 1)
            .div(dilation[axis])
          const inside = at.ge(0).and(at.lt(size))
          return select(inside, at, first.add(skipped.mul(dilation[axis])))
        }
        const position = program({ name: 'maxPool2d', inputs: ['i32'] }, (tap) =>
          place(0, tap!.div(s), h)
            .mul(w)
            .add(place(1, tap!.rem(s), w)),
        )
        device.map(position, [taps], [indices])
      }),
    )
    const flat = (count: number) => [n, count, c]
    const pixels = restride(x, flat(h * w), [h * w * c, c, 1])
    const dense = [oh * ow * c, c, 1]
    composedGather(device)(
      pixels,
      restride(indices, flat(oh * ow), dense),
      restride(values, flat(oh * ow), dense),
      1,
    )
  }

export const composedSumPool2d =
  (device: Backend): Kernels['sumPool2d'] =>
  (x, out, geometry) => {
    const [n, oh, ow, c] = out.shape as Four
    const {
      kernel: [r, s],
      stride,
      dilation,
    } = geometry
    const copy = program({ name: 'sumPool2d', inputs: [x.dtype] }, (v) => v!)
    withPlaced(device, x, padded(geometry, 0, oh, r), padded(geometry, 1, ow, s), 0, (image) => {
      const [sn, sh, sw, sc] = image.strides as Four
      const strides = [sn, sh * stride[0], sw * stride[1], sc, sh * dilation[0], sw * dilation[1]]
      device.reduce(
        { program: copy, combine: 'sum' },
        [restride(image, [n, oh, ow, c, r, s], strides)],
        restride(out, [...out.shape, 1, 1], [...out.strides, 0, 0]),
      )
    })
  }

export const composedSumPool2dGrad =
  (device: Backend): Kernels['sumPool2dGrad'] =>
  (dy, dx, geometry) => {
    const [n, h, w, c] = dx.shape as Four
    const [, oh, ow] = dy.shape as Four
    const { kernel: taps, dilation, padding } = geometry
    const copy = program({ name: 'sumPool2d', inputs: [dy.dtype] }, (v) => v!)
    const [rows, columns] = [
      spread(geometry, 0, h, oh, taps[0]),
      spread(geometry, 1, w, ow, taps[1]),
    ]
    withPlaced(device, dy, rows, columns, 0, (placed) => {
      const [sn, sh, sw, sc] = placed.strides as Four
      const at = (padding[0] + rows.before) * sh + (padding[1] + columns.before) * sw
      const strides = [sn, sh, sw, sc, -sh * dilation[0], -sw * dilation[1]]
      device.reduce(
        { program: copy, combine: 'sum' },
        [restride(placed, [n, h, w, c, taps[0], taps[1]], strides, at)],
        restride(dx, [...dx.shape, 1, 1], [...dx.strides, 0, 0]),
      )
    })
  }

export interface Pool2dOptions {
  /** Step between windows. Default: the window's size, so that windows do not overlap. */
  stride?: Pair
  /** Rows and columns around the image that belong to windows, at most half of the window. Default 0. */
  padding?: Pair
  /** Round the output's size up, so that windows may hang over the far edge. Default false. */
  ceilMode?: boolean
}

export interface MaxPool2dOptions extends Pool2dOptions {
  /** Distance between the taps of the window. Default 1. */
  dilation?: Pair
}

export interface AvgPool2dOptions extends Pool2dOptions {
  /** Whether padding counts in the mean. Default true, as PyTorch. */
  countIncludePad?: boolean
  /** Divide by this number instead of the window's size. */
  divisorOverride?: number
}

interface Plan {
  readonly geometry: PoolGeometry
  readonly shape: Four
}

function plan(op: string, x: Tensor, window: Pair, options: MaxPool2dOptions): Plan {
  if (x.rank !== 4) throw new ShapeError(`${op}: ${showShape(x.shape)}: images are [N, H, W, C]`)
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: ${x.dtype} came; it takes floats`)
  const kernel = pair(op, 'the window', window, 1)
  const stride = pair(op, 'stride', options.stride ?? kernel, 1)
  const padding = pair(op, 'padding', options.padding ?? 0, 0)
  const dilation = pair(op, 'dilation', options.dilation ?? 1, 1)
  if (padding.some((p, axis) => p * 2 > kernel[axis]!))
    throw new ArgumentError(
      `${op}: padding [${padding.join(', ')}] is more than half of the window [${kernel.join(', ')}]`,
    )
  const count = (axis: 0 | 1): number => {
    const size = x.shape[axis + 1]!
    const pads = padding[axis] * 2
    if (!options.ceilMode)
      return windowCount(size, kernel[axis], stride[axis], pads, dilation[axis])
    const steps = (size + pads - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]
    const rounded = Math.ceil(steps) + 1
    // A last window that would start beyond the image and its near padding is left out.
    return (rounded - 1) * stride[axis] >= size + padding[axis] ? rounded - 1 : rounded
  }
  const [oh, ow] = [count(0), count(1)]
  if (oh < 1 || ow < 1)
    throw new ShapeError(
      `${op}: a window of ${kernel.join(' x ')} does not fit ${showShape(x.shape)} with padding [${padding.join(', ')}]`,
    )
  const shape: Four = [x.shape[0]!, oh, ow, x.shape[3]!]
  return { geometry: { kernel, stride, padding, dilation }, shape }
}

/** As {@link maxPool2d}, with the index (`h · W + w`, i32) of each maximum. */
export function maxPool2dWithIndices(
  x: Tensor,
  window: Pair,
  options: MaxPool2dOptions = {},
): { values: Tensor; indices: Tensor } {
  const { geometry, shape } = plan('maxPool2d', x, window, options)
  const { device } = x
  const values = Tensor.make(device, x.dtype, shape)
  const indices = Tensor.make(device, 'i32', shape)
  kernel(device, 'maxPool2d', x, composedMaxPool2d)(contiguous(x), values, indices, geometry)
  const [n, h, w, c] = x.shape as Four
  const flat = [n, shape[1] * shape[2], c]
  record('maxPool2d', values, [x], [indices], (g, [at]) => {
    const spread = scatterInto([n, h * w, c], 1, reshape(at!, flat), reshape(g, flat))
    return [reshape(spread, [n, h, w, c])]
  })
  return { values, indices }
}

/**
 * The largest value of each window. The gradient goes to the first maximum of a window; NaN wins.
 *
 * @param x Images `[N, H, W, C]`.
 * @param window Its size: one number, or `[height, width]`.
 */
export function maxPool2d(x: Tensor, window: Pair, options: MaxPool2dOptions = {}): Tensor {
  return maxPool2dWithIndices(x, window, options).values
}

function sumWindows(x: Tensor, shape: Shape, geometry: PoolGeometry): Tensor {
  const out = Tensor.make(x.device, x.dtype, shape)
  kernel(x.device, 'sumPool2d', x, composedSumPool2d)(contiguous(x), out, geometry)
  const from = x.shape
  return record('sumPool2d', out, [x], [], (g) => [spreadWindows(g, from, geometry)])
}

function spreadWindows(dy: Tensor, shape: Shape, geometry: PoolGeometry): Tensor {
  const dx = Tensor.make(dy.device, dy.dtype, shape)
  kernel(dy.device, 'sumPool2dGrad', dy, composedSumPool2dGrad)(contiguous(dy), dx, geometry)
  const from = dy.shape
  return record('sumPool2dGrad', dx, [dy], [], (g) => [sumWindows(g, from, geometry)])
}

/**
 * The mean of each window.
 *
 * @param x Images `[N, H, W, C]`.
 * @param window Its size: one number, or `[height, width]`.
 */
export function avgPool2d(x: Tensor, window: Pair, options: AvgPool2dOptions = {}): Tensor {
  const { divisorOverride, countIncludePad = true } = options
  if (divisorOverride === 0) throw new ArgumentError('avgPool2d: divisorOverride is 0')
  const done = computed(x, x.dtype, (wide) => avgPool2d(wide, window, options))
  if (done) return done
  const { geometry, shape } = plan('avgPool2d', x, window, options)
  const total = sumWindows(x, shape, geometry)
  const { kernel: taps, stride, padding } = geometry
  const whole = padding[0] === 0 && padding[1] === 0 && !options.ceilMode
  if (divisorOverride !== undefined || whole)
    return total.mul(1 / (divisorOverride ?? taps[0] * taps[1]))
  // A window at the edge is counted with the padding it covers, but not with what hangs over that.
  const covered = (axis: 0 | 1): Scalar => {
    const size = x.shape[axis + 1]!
    const start = index(axis + 1)
      .mul(stride[axis])
      .sub(padding[axis])
    const end = start.add(taps[axis]).min(size + padding[axis])
    return countIncludePad ? end.sub(start) : end.min(size).sub(start.max(0))
  }
  const divide = program({ name: 'avgPool2d', inputs: [x.dtype] }, (v) =>
    v!.div(covered(0).mul(covered(1)).cast(x.dtype).max(constant(1, x.dtype))),
  )
  return runMap(mapOp(divide), [total])
}
