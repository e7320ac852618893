/** How many numbers go into and out of a unit, and how much an activation shrinks them. */
import { ArgumentError, type Shape, ShapeError, showShape } from '@nablajs/tensor'

/**
 * How a weight with spatial axes lies: `nabla` is `[..., in / groups, out]` as the layers here have
 * it, `torch` is `[out, in / groups, ...]`. A matrix is `[out, in]` in both.
 */
export type WeightLayout = 'nabla' | 'torch'

export interface LayoutOptions {
  /** Default `'nabla'`. */
  layout?: WeightLayout
}

/** Anything with a shape: a tensor, or the shape of one that is still to be made. */
export interface Shaped {
  readonly shape: Shape
}

/**
 * The number of inputs of one output (`fanIn`) and of outputs that one input reaches (`fanOut`),
 * taps of a kernel included: `[out, in]` gives `[in, out]`, a convolution weight `[R, S, C / groups, K]`
 * gives `[R·S·C / groups, R·S·K]`.
 *
 * @throws ShapeError for fewer than two axes: a bias has no fans.
 */
export function calculateFanInAndFanOut(
  weight: Shaped,
  options: LayoutOptions = {},
): [fanIn: number, fanOut: number] {
  const { shape } = weight
  if (shape.length < 2)
    throw new ShapeError(
      `calculateFanInAndFanOut: ${showShape(shape)} must have two axes or more, as a weight`,
    )
  const torch = shape.length === 2 || options.layout === 'torch'
  const [out, into] = torch ? [0, 1] : [shape.length - 1, shape.length - 2]
  const taps = shape.reduce((n, size, axis) => (axis === out || axis === into ? n : n * size), 1)
  return [shape[into]! * taps, shape[out]! * taps]
}

export type Nonlinearity = 'linear' | 'conv' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

/**
 * The gain of an activation: what a weight's standard deviation is multiplied by so that signals
 * keep their size through it. 1 for `linear`, `conv` and `sigmoid`, 5/3 for `tanh`, √2 for `relu`,
 * √(2 / (1 + slope²)) for `leakyRelu` (slope 0.01 by default), 3/4 for `selu`.
 *
 * @throws ArgumentError for an activation without a known gain.
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'conv':
    case 'sigmoid':
      return 1
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.SQRT2
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + slope * slope))
    case 'selu':
      return 3 / 4
    default:
      throw new ArgumentError(
        `calculateGain: "${nonlinearity}" is not known; use linear, conv, sigmoid, tanh, relu, leakyRelu or selu`,
      )
  }
}
