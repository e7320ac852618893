import { record } from '../autograd.ts'
import type { Backend, Kernels } from '../backend.ts'
import { promote } from '../dtype.ts'
import { ShapeError, showShape } from '../errors.ts'
import { broadcastShapes, sameShape } from '../layout.ts'
import { cast } from '../ops/cast.ts'
import { deviceOf, expandView } from '../ops/map.ts'
import { reshape, transpose } from '../ops/movement.ts'
import { sumTo } from '../ops/sum.ts'
import { Tensor } from '../tensor.ts'
import { restride, sumProducts } from './compose.ts'
import { kernel } from './dispatch.ts'

/** `[..., m, 1 n, k] * [..., 1 m, n, k]`, summed over k. */
export const composedMatmul =
  (device: Backend): Kernels['matmul'] =>
  (a, b, out) => {
    const batch = out.shape.slice(0, -2)
    const [m, n] = out.shape.slice(-2) as [number, number]
    const k = a.shape.at(-1)!
    const space = [...batch, m, n, k]
    const lead = batch.length
    const [am, ak] = a.strides.slice(lead) as [number, number]
    const [bk, bn] = b.strides.slice(lead) as [number, number]
    sumProducts(
      device,
      restride(a, space, [...a.strides.slice(0, lead), am, 0, ak]),
      restride(b, space, [...b.strides.slice(0, lead), 0, bn, bk]),
      restride(out, [...batch, m, n, 1], [...out.strides, 0]),
    )
  }

/** Both operands with two axes or more and equal leading axes. */
function product(a: Tensor, b: Tensor): Tensor {
  const device = deviceOf('matmul', [a, b])
  const batch = broadcastShapes('matmul', a.shape.slice(0, -2), b.shape.slice(0, -2))
  const [m, k] = a.shape.slice(-2) as [number, number]
  const n = b.shape.at(-1)!
  const out = Tensor.make(device, a.dtype, [...batch, m, n])
  if (out.size > 0) {
    const run = kernel(device, 'matmul', out, composedMatmul)
    run(expandView(a, [...batch, m, k]), expandView(b, [...batch, k, n]), out)
  }
  const [shapeA, shapeB] = [a.shape, b.shape]
  return record('matmul', out, [a, b], [a, b], (g, [x, y], [needsA, needsB]) => [
    needsA ? sumTo(productAs(x!, g, transpose(y!)), shapeA) : undefined,
    needsB ? sumTo(productAs(y!, transpose(x!), g), shapeB) : undefined,
  ])
}

/**
 * `a b`, with rows or columns dense as `like` has them: the gradient of a transposed weight then lies
 * in memory as the weight does, and what reads both (an optimizer) runs along.
 */
function productAs(like: Tensor, a: Tensor, b: Tensor): Tensor {
  const [down, across] = like.strides.slice(-2) as [number, number]
  const turned = Math.abs(down) < Math.abs(across)
  return turned ? transpose(matmul(transpose(b), transpose(a))) : matmul(a, b)
}

/**
 * The matrix product, as NumPy's and PyTorch's `matmul`: `[..., m, k] x [..., k, n]` gives
 * `[..., m, n]`; leading axes broadcast. A vector on the left is a row, on the right a column, and
 * its axis is dropped from the result; two vectors give their inner product.
 *
 * @throws ShapeError when the inner sizes differ.
 * @example
 * ```ts
 * matmul(tensor([[1, 2], [3, 4]]), tensor([1, 1]))   // [3, 7]
 * ```
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  if (a.rank === 0 || b.rank === 0)
    throw new ShapeError(
      `matmul: ${showShape(a.shape)} x ${showShape(b.shape)}: a single number is no matrix; use mul`,
    )
  if (a.dtype !== b.dtype) {
    const common = promote(a.dtype, b.dtype)
    return matmul(cast(a, common), cast(b, common))
  }
  const inner = [a.shape.at(-1)!, b.shape.at(b.rank === 1 ? -1 : -2)!] as const
  if (inner[0] !== inner[1])
    throw new ShapeError(
      `matmul: ${showShape(a.shape)} x ${showShape(b.shape)}: inner sizes ${inner[0]} and ${inner[1]} differ`,
    )
  if (a.rank === 1) return dropAxis(matmul(reshape(a, [1, -1]), b), b.rank === 1 ? -1 : -2)
  if (b.rank === 1) return dropAxis(matmul(a, reshape(b, [-1, 1])), -1)
  // Many rows against one matrix are one tall product, whose gradient is one product too.
  if (a.rank > 2 && b.rank === 2 && a.isContiguous) {
    const rows = product(reshape(a, [-1, inner[0]]), b)
    return reshape(rows, [...a.shape.slice(0, -1), b.shape[1]!])
  }
  return product(a, b)
}

function dropAxis(x: Tensor, axis: number): Tensor {
  const own = x.rank + axis
  const shape = x.shape.filter((_, i) => i !== own)
  return sameShape(shape, x.shape) ? x : reshape(x, shape)
}
