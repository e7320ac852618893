import { productType } from '../autocast.ts'
import { record } from '../autograd.ts'
import type { Backend, Kernels } from '../backend.ts'
import type { DType } from '../dtype.ts'
import { ShapeError, showShape } from '../errors.ts'
import { broadcastShapes, sameShape } from '../layout.ts'
import { cast } from '../ops/cast.ts'
import { deviceOf, expandView } from '../ops/map.ts'
import { reshape, transpose } from '../ops/movement.ts'
import { sumTo } from '../ops/sum.ts'
import { program } from '../program/program.ts'
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

/** The product, and then c added to it in place. */
const composedAddmm =
  (device: Backend): Kernels['addmm'] =>
  (a, b, c, out) => {
    kernel(device, 'matmul', out, composedMatmul)(a, b, out)
    const { dtype } = out
    const add = program({ name: 'add', inputs: [dtype, dtype] }, (x, y) => x!.add(y!))
    device.map(add, [out, c], [out])
  }

/** Both operands with two axes or more and equal leading axes. */
function product(a: Tensor, b: Tensor, c?: Tensor): Tensor {
  const name = c ? 'addmm' : 'matmul'
  const inputs = c ? [a, b, c] : [a, b]
  const device = deviceOf(name, inputs)
  const batch = broadcastShapes(name, a.shape.slice(0, -2), b.shape.slice(0, -2))
  const [m, k] = a.shape.slice(-2) as [number, number]
  const n = b.shape.at(-1)!
  const out = Tensor.make(device, a.dtype, [...batch, m, n])
  if (out.size > 0) {
    const [left, right] = [expandView(a, [...batch, m, k]), expandView(b, [...batch, k, n])]
    if (c) kernel(device, 'addmm', out, composedAddmm)(left, right, expandView(c, out.shape), out)
    else kernel(device, 'matmul', out, composedMatmul)(left, right, out)
  }
  const [shapeA, shapeB, shapeC] = [a.shape, b.shape, c?.shape]
  return record(name, out, inputs, [a, b], (g, [x, y], [needsA, needsB, needsC]) => [
    needsA ? sumTo(productAs(x!, g, transpose(y!)), shapeA) : undefined,
    needsB ? sumTo(productAs(y!, transpose(x!), g), shapeB) : undefined,
    ...(shapeC ? [needsC ? sumTo(g, shapeC) : undefined] : []),
  ])
}

/** Whether columns are dense in memory rather than rows. */
function isTurned({ strides }: Tensor): boolean {
  return strides.length > 1 && Math.abs(strides.at(-2)!) < Math.abs(strides.at(-1)!)
}

/** {@link cast} that leaves a transposed matrix transposed. */
function castAs(x: Tensor, dtype: DType): Tensor {
  return isTurned(x) ? transpose(cast(transpose(x), dtype)) : cast(x, dtype)
}

/**
 * `a b`, with rows or columns dense as `like` has them: the gradient of a transposed weight then lies
 * in memory as the weight does, and what reads both (an optimizer) runs along.
 */
function productAs(like: Tensor, a: Tensor, b: Tensor): Tensor {
  return isTurned(like) ? transpose(matmul(transpose(b), transpose(a))) : matmul(a, b)
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
  const common = productType(a.dtype, b.dtype)
  if (a.dtype !== common || b.dtype !== common) return matmul(castAs(a, common), castAs(b, common))
  const inner = checkInner('matmul', a, b)
  if (a.rank === 1) return dropAxis(matmul(reshape(a, [1, -1]), b), b.rank === 1 ? -1 : -2)
  if (b.rank === 1) return dropAxis(matmul(a, reshape(b, [-1, 1])), -1)
  // Many rows against one matrix are one tall product, whose gradient is one product too.
  if (a.rank > 2 && b.rank === 2 && a.isContiguous) {
    const rows = product(reshape(a, [-1, inner]), b)
    return reshape(rows, [...a.shape.slice(0, -1), b.shape[1]!])
  }
  return product(a, b)
}

/** The inner size of a product, which both sides must have. */
function checkInner(op: string, a: Tensor, b: Tensor): number {
  const [left, right] = [a.shape.at(-1)!, b.shape.at(b.rank === 1 ? -1 : -2)!]
  if (left !== right)
    throw new ShapeError(
      `${op}: ${showShape(a.shape)} x ${showShape(b.shape)}: inner sizes ${left} and ${right} differ`,
    )
  return left
}

/**
 * `a b + c`, in one kernel where the device has one: `[..., m, k] x [..., k, n]`, as {@link matmul},
 * plus a c that broadcasts to `[..., m, n]` (a bias is `[n]`). PyTorch's `addmm` and `baddbmm`.
 *
 * @throws ShapeError when the inner sizes differ, or c does not broadcast to the product's shape.
 * @example
 * ```ts
 * addmm(tensor([1, 2]), tensor([[1, 2], [3, 4]]), tensor([[1, 0], [0, 1]]))   // [[2, 4], [4, 6]]
 * ```
 */
export function addmm(c: Tensor, a: Tensor, b: Tensor): Tensor {
  if (a.rank < 2 || b.rank < 2)
    throw new ShapeError(
      `addmm: ${showShape(a.shape)} x ${showShape(b.shape)}: both must be matrices or batches of them`,
    )
  const common = productType(a.dtype, b.dtype, c.dtype)
  if ([a, b, c].some((t) => t.dtype !== common))
    return addmm(cast(c, common), castAs(a, common), castAs(b, common))
  const inner = checkInner('addmm', a, b)
  const batch = broadcastShapes('addmm', a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...batch, a.shape.at(-2)!, b.shape.at(-1)!]
  const fits =
    c.rank <= shape.length &&
    c.shape.every((n, i) => n === 1 || n === shape[shape.length - c.rank + i])
  if (!fits)
    throw new ShapeError(`addmm: ${showShape(c.shape)} does not broadcast to ${showShape(shape)}`)
  // As in matmul: many rows against one matrix.
  if (a.rank > 2 && b.rank === 2 && a.isContiguous && c.rank <= 1)
    return reshape(product(reshape(a, [-1, inner]), b, c), shape)
  return product(a, b, c)
}

function dropAxis(x: Tensor, axis: number): Tensor {
  const own = x.rank + axis
  const shape = x.shape.filter((_, i) => i !== own)
  return sameShape(shape, x.shape) ? x : reshape(x, shape)
}
