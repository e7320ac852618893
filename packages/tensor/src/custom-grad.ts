/** Ops with gradients of their own, written outside of this package. */
import { noGrad, type Rule, record } from './autograd.ts'
import { ShapeError, showShape } from './errors.ts'
import { sameShape } from './layout.ts'
import { scope } from './memory.ts'
import { cast } from './ops/cast.ts'
import type { Tensor } from './tensor.ts'

/** What the forward part of {@link customGrad} gives. */
export interface CustomForward {
  readonly output: Tensor
  /** What the backward part needs: inputs, the output, or anything computed on the way. */
  readonly saved?: readonly Tensor[]
}

function checked(name: string, backward: Rule, inputs: readonly Tensor[]): Rule {
  const shapes = inputs.map((t) => t.shape)
  const types = inputs.map((t) => t.dtype)
  return (g, saved, needs) => {
    const gradients = backward(g, saved, needs)
    if (gradients.length !== shapes.length)
      throw new ShapeError(
        `${name}: backward gave ${gradients.length} gradients for ${shapes.length} inputs`,
      )
    gradients.forEach((gradient, i) => {
      if (gradient && !sameShape(gradient.shape, shapes[i]!))
        throw new ShapeError(
          `${name}: backward gave ${showShape(gradient.shape)} for input ${i}, which is ${showShape(shapes[i]!)}`,
        )
    })
    return gradients.map((gradient, i) => gradient && cast(gradient, types[i]!))
  }
}

/**
 * An op whose gradient is written by hand: where the true one is of no use (rounding), where another
 * one is wanted (gradient reversal), or where a formula needs fewer passes than the chain rule.
 *
 * The forward part is not recorded. The backward part gets the gradient of the output, what was
 * saved, and which inputs need a gradient; it gives one for each input, or `undefined` for none.
 * A gradient of another dtype is cast to its input's. Written in ops, it can be differentiated again, for the inputs and the output that were saved; what
 * was computed on the way is a constant there. Saved memory is freed when the graph is.
 *
 * @param name Shown in errors.
 * @throws ShapeError in the backward pass, when a gradient has not the shape of its input.
 * @example
 * ```ts
 * // Rounds, and passes gradients on as if it did not (Bengio et al., arXiv 1308.3432).
 * const round = customGrad('round', (x) => ({ output: x.round() }), (g) => [g])
 * ```
 */
export function customGrad<Inputs extends readonly Tensor[]>(
  name: string,
  forward: (...inputs: Inputs) => CustomForward,
  backward: Rule,
): (...inputs: Inputs) => Tensor {
  return (...inputs) =>
    scope(() => {
      const made = noGrad(() => forward(...inputs))
      // An input that is handed on needs a handle of its own, with a place of its own in the graph.
      const output = inputs.includes(made.output) ? made.output.detach() : made.output
      const saved = (made.saved ?? []).map((t) =>
        t === made.output && !inputs.includes(t) ? output : t,
      )
      return record(name, output, inputs, saved, checked(name, backward, inputs))
    })
}
