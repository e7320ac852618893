/** Convolutions with a kernel of one pixel, which are matrix products of pixels with the weight. */
import type { Convolution, Native, Pass } from './types.ts'

/** Computes the convolution by `product`, or answers false where it is not pointwise. */
export function pointwise(
  product: Native['product'],
  pass: Pass,
  { x, weight, y, geometry, xAt, weightAt, yAt }: Convolution,
): boolean {
  const { stride, padding, groups } = geometry
  const [n, h, w, c] = x as [number, number, number, number]
  const [r, s, , k] = weight as [number, number, number, number]
  const ones = [r, s, groups, ...stride].every((value) => value === 1)
  if (!ones || padding[0] !== 0 || padding[1] !== 0 || h !== y[1] || w !== y[2]) return false
  const pixels = n * h * w
  const matrix = (at: number, columns: number) => ({ at, down: 4 * columns, across: 4 })
  const turned = (at: number, columns: number) => ({ at, down: 4, across: 4 * columns })
  if (pass === 'forward')
    return product(pixels, k, c, matrix(xAt, c), matrix(weightAt, k), matrix(yAt, k))
  if (pass === 'gradInput')
    return product(pixels, c, k, matrix(yAt, k), turned(weightAt, k), matrix(xAt, c))
  return product(c, k, pixels, turned(xAt, c), matrix(yAt, k), matrix(weightAt, k))
}
