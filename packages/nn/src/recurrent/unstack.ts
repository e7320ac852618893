import { customGrad, isGradEnabled, keep, stack, type Tensor, zeros } from '@nablajs/tensor'

/**
 * The parts of a tensor along an axis, of which each loses it: the inverse of `stack`.
 *
 * A slice by itself gives a gradient as large as the whole tensor, so those of T time steps would
 * cost T² together. Here the gradients of the parts are collected, and stacked when all are there.
 */
export function unstack(x: Tensor, axis: number): Tensor[] {
  const parts = Array.from({ length: x.shape[axis]! }, (_, i) => i)
  const lead = Array.from({ length: axis }, () => null)
  if (!x.requiresGrad) return parts.map((i) => x.slice(...lead, i))
  const { dtype, device } = x
  const nothing = (): Tensor => zeros([], { dtype, device })
  const collected = new Map<number, Tensor>()

  const whole = customGrad(
    'unstack',
    (t) => ({ output: t! }),
    () => {
      const zero = nothing().expand(x.shape.toSpliced(axis, 1))
      const all = stack(
        parts.map((i) => collected.get(i) ?? zero),
        axis,
      )
      for (const t of collected.values()) t.dispose()
      collected.clear()
      return [all]
    },
  )(x)

  return parts.map((i) =>
    customGrad(
      'unstack',
      (t) => ({ output: t!.slice(...lead, i) }),
      (g) => {
        const first = collected.size === 0
        // The handle of the walk goes when this part has been visited.
        collected.set(i, keep(isGradEnabled() ? g.copy() : g.detach()))
        // One of them wakes the node before; what it is given there does not matter.
        return [first ? nothing().expand(x.shape) : undefined]
      },
    )(whole),
  )
}
