import { ShapeError, showShape } from '../errors.ts'
import type { Tensor } from '../tensor.ts'
import { concat } from './join.ts'
import { expand, flip, slice } from './movement.ts'
import { embed } from './window.ts'

export interface PadOptions {
  /**
   * What lies beyond the edge: `constant` (default) a value, `reflect` a mirror on the last element
   * (`c b | a b c`), `replicate` the last element, `circular` the other end.
   */
  mode?: 'constant' | 'reflect' | 'replicate' | 'circular'
  /** For `constant`. Default 0. */
  value?: number
}

/**
 * More elements around a tensor: `[before, after]` for each axis. Negative sizes cut off.
 *
 * @throws ShapeError when the list is not one pair per axis, more is cut off than there is, or a
 *   mirrored or circular pad is larger than the axis gives.
 */
export function pad(
  x: Tensor,
  pads: readonly (readonly [before: number, after: number])[],
  options: PadOptions = {},
): Tensor {
  if (pads.length !== x.rank || pads.flat().some((n) => !Number.isInteger(n)))
    throw new ShapeError(
      `pad: [${pads.map(([a, b]) => `[${a}, ${b}]`).join(', ')}] must be one pair of whole numbers ` +
        `for each axis of ${showShape(x.shape)}`,
    )
  if (pads.every(([before, after]) => before === 0 && after === 0)) return x
  if (pads.flat().some((n) => n < 0)) {
    const cut = pads.map(([before, after], axis) => {
      const [start, end] = [Math.max(0, -before), x.shape[axis]! - Math.max(0, -after)]
      if (start > end)
        throw new ShapeError(
          `pad: [${before}, ${after}] cuts more than axis ${axis} of ${showShape(x.shape)} has`,
        )
      return { start, end }
    })
    const grown = pads.map(([a, b]) => [Math.max(0, a), Math.max(0, b)] as const)
    return pad(slice(x, ...cut), grown, options)
  }
  const { mode = 'constant', value = 0 } = options
  if (mode !== 'constant')
    return pads.reduce((t, [before, after], axis) => extend(t, axis, before, after, mode), x)
  const shape = x.shape.map((extent, axis) => extent + pads[axis]![0] + pads[axis]![1])
  const step = x.shape.map(() => 1)
  return embed(x, shape, { start: pads.map(([before]) => before), count: x.shape, step }, value)
}

/** One axis made longer on both sides by its own elements. */
function extend(
  x: Tensor,
  axis: number,
  before: number,
  after: number,
  mode: 'reflect' | 'replicate' | 'circular',
): Tensor {
  if (before === 0 && after === 0) return x
  const extent = x.shape[axis]!
  const most = { reflect: extent - 1, replicate: extent > 0 ? Infinity : 0, circular: extent }[mode]
  if (before > most || after > most)
    throw new ShapeError(
      `pad: [${before}, ${after}] in mode '${mode}' on axis ${axis} of ${showShape(x.shape)}; it can be ${most} at most`,
    )
  const part = (start: number, end: number): Tensor =>
    slice(x, ...x.shape.slice(0, axis + 1).map((_, i) => (i === axis ? { start, end } : null)))
  const repeated = (t: Tensor, count: number): Tensor => expand(t, x.shape.with(axis, count))
  const around = {
    reflect: () => [
      flip(part(1, 1 + before), axis),
      x,
      flip(part(extent - 1 - after, extent - 1), axis),
    ],
    replicate: () => [repeated(part(0, 1), before), x, repeated(part(extent - 1, extent), after)],
    circular: () => [part(extent - before, extent), x, part(0, after)],
  }
  return concat(around[mode](), axis)
}
