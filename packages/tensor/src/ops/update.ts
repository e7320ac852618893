/**
 * Writing into memory that a tensor already has: the updates of optimizers, running statistics and
 * initial values. Everything else in the library makes new tensors.
 */
import { Node } from '../autograd.ts'
import { DTypeError, GraphError, ShapeError, showShape } from '../errors.ts'
import { sameShape } from '../layout.ts'
import type { Program } from '../program/program.ts'
import type { Tensor } from '../tensor.ts'
import { copyInto } from './fill.ts'
import { deviceOf, expandView } from './map.ts'

function beginWrite(name: string, target: Tensor): void {
  if (target.edge instanceof Node)
    throw new GraphError(
      `${name}: the tensor to write was made by ${target.edge.name}; only leaves can be written, use detach()`,
    )
  target.storage.version++
}

/**
 * Runs a program over `inputs` and writes its outputs over the values of `targets`, in one kernel.
 * A target may be an input too: each element is read before it is written. Nothing is recorded, and
 * a backward pass that still needs the old values fails with a clear error.
 *
 * @throws ShapeError when shapes differ (inputs may broadcast), DTypeError when a target's dtype is
 *   not the output's.
 */
export function updateInPlace(
  update: Program,
  inputs: readonly Tensor[],
  targets: readonly Tensor[],
  scalars: readonly number[] = [],
): void {
  const { shape } = targets[0]!
  targets.forEach((target, i) => {
    const { dtype } = update.code[update.outputs[i]!]!
    if (!sameShape(target.shape, shape))
      throw new ShapeError(
        `${update.name}: targets ${showShape(shape)} and ${showShape(target.shape)} must have one shape`,
      )
    if (target.dtype !== dtype)
      throw new DTypeError(`${update.name}: output ${i} is ${dtype}, its target ${target.dtype}`)
    beginWrite(update.name, target)
  })
  const device = deviceOf(update.name, [...inputs, ...targets])
  device.map(
    update,
    inputs.map((t) => expandView(t, shape)),
    targets,
    scalars,
  )
}

/**
 * Copies the values of `source` over those of `target`, which keeps its identity: a parameter stays
 * the parameter that the optimizer knows.
 *
 * @throws ShapeError or DTypeError when they differ.
 */
export function assign(target: Tensor, source: Tensor): void {
  if (!sameShape(target.shape, source.shape) || target.dtype !== source.dtype)
    throw new ShapeError(
      `assign: ${source.dtype} ${showShape(source.shape)} into ${target.dtype} ${showShape(target.shape)}: they must be equal`,
    )
  beginWrite('assign', target)
  copyInto(deviceOf('assign', [target, source]), source, target)
}
