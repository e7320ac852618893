/** Several tensors into one. */
import { record } from '../autograd.ts'
import { isFloat, promote } from '../dtype.ts'
import { ArgumentError, ShapeError, showShape } from '../errors.ts'
import { normalizeAxis } from '../layout.ts'
import { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { copyInto } from './fill.ts'
import { deviceOf } from './map.ts'
import { slice, unsqueeze } from './movement.ts'

/** Joins tensors along an axis; the other sizes are equal, and so are the dtypes, but for floats: the result has the one that holds all. */
export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  const first = parts[0]
  if (!first) throw new ArgumentError('concat: an empty list; it needs at least one tensor')
  const common = parts.map((part) => part.dtype).reduce(promote)
  if (parts.some((part) => part.dtype !== common) && parts.every((part) => isFloat(part.dtype)))
    return concat(
      parts.map((part) => cast(part, common)),
      axis,
    )
  const own = normalizeAxis('concat', axis, first.rank)
  for (const { shape, dtype } of parts)
    if (
      dtype !== first.dtype ||
      shape.length !== first.rank ||
      shape.some((extent, i) => i !== own && extent !== first.shape[i])
    )
      throw new ShapeError(
        `concat: ${first.dtype} ${showShape(first.shape)} and ${dtype} ${showShape(shape)} ` +
          `may differ only on axis ${axis}`,
      )
  const device = deviceOf('concat', parts)
  const starts: number[] = []
  let total = 0
  for (const { shape } of parts) {
    starts.push(total)
    total += shape[own]!
  }
  const shape = first.shape.map((extent, i) => (i === own ? total : extent))
  const out = Tensor.make(device, first.dtype, shape)
  parts.forEach((part, i) => {
    const offset = starts[i]! * out.strides[own]!
    const { buffer, strides, dtype } = out
    if (part.size > 0) copyInto(device, part, { buffer, strides, dtype, shape: part.shape, offset })
  })
  const sizes = parts.map((part) => part.shape[own]!)
  return record('concat', out, parts, [], (g, _, needs) =>
    sizes.map((size, i) => {
      if (!needs[i]) return undefined
      const start = starts[i]!
      const range = (axisIndex: number) => (axisIndex === own ? { start, end: start + size } : null)
      return slice(g, ...shape.map((__, axisIndex) => range(axisIndex)))
    }),
  )
}

/** Joins tensors of one shape along a new axis. */
export function stack(parts: readonly Tensor[], axis = 0): Tensor {
  return concat(
    parts.map((part) => unsqueeze(part, axis)),
    axis,
  )
}
