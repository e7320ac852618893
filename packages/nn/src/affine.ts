/** What the norms ask of their inputs and weights. */
import { ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { checkShape, floatType } from './check.ts'

export interface AffineOptions {
  /** Factors. Default: 1. */
  weight?: Tensor | undefined
  /** Offsets. Default: 0. */
  bias?: Tensor | undefined
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

/** The numbers of the last axes, which have to be `shape`. */
export function lastAxes(op: string, x: Tensor, shape: readonly number[]): number[] {
  const lead = x.rank - shape.length
  if (shape.length === 0 || lead < 0 || x.shape.slice(lead).join() !== shape.join())
    throw new ShapeError(
      `${op}: the input is ${showShape(x.shape)}; its last axes must be ${showShape(shape)}`,
    )
  return shape.map((_, i) => lead + i)
}

/** Refuses weights of another shape. */
export function checkAffine(
  op: string,
  { weight, bias }: Omit<AffineOptions, 'eps'>,
  shape: readonly number[],
): void {
  if (weight) checkShape(op, 'weight', weight, shape)
  if (bias) checkShape(op, 'bias', bias, shape)
}

/** `[N, ..., C]`, with at least those two axes. */
export function channelsOf(op: string, x: Tensor, least: number): number {
  floatType(op, x)
  if (x.rank < least)
    throw new ShapeError(
      `${op}: the input is ${showShape(x.shape)}; it must be ${least === 2 ? '[N, ..., C]' : '[N, ..., C] with axes between'}`,
    )
  return x.shape.at(-1)!
}
