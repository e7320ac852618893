/** Memory for time: parts of a network that are computed again when their gradient is due. */
import { bindAutocast } from './autocast.ts'
import { type Edge, enableGrad, isGradEnabled, Node, type Rule, record } from './autograd.ts'
import { isFloat } from './dtype.ts'
import { ArgumentError } from './errors.ts'
import { gradients } from './grad.ts'
import { scope } from './memory.ts'
import { defaultGenerator } from './ops/random.ts'
import type { Tensor } from './tensor.ts'

/** The leaves that an output was computed from; `start` is the first node of the computation. */
function leavesOf(output: Tensor, start: number): Tensor[] {
  const seen = new Set<Edge>()
  const leaves: Tensor[] = []
  const stack: Edge[] = output.edge ? [output.edge] : []
  for (let edge = stack.pop(); edge; edge = stack.pop()) {
    if (seen.has(edge)) continue
    seen.add(edge)
    if (!(edge instanceof Node)) leaves.push(edge)
    else {
      if (edge.order < start)
        throw new ArgumentError(
          `checkpoint: the function uses a tensor that ${edge.name} made outside of it; pass it as an input`,
        )
      for (const next of edge.edges) if (next) stack.push(next)
    }
  }
  return leaves
}

/** Handles of their own, of which those with gradients are leaves. */
function separate(inputs: readonly Tensor[], needs: readonly boolean[]): Tensor[] {
  return inputs.map((input, i) => {
    const own = input.detach()
    if (needs[i] && isFloat(own.dtype)) own.requiresGrad = true
    return own
  })
}

/**
 * Computes `f(...inputs)` without keeping what its backward pass needs, and computes it again when
 * that comes: a network of n layers, in √n checkpoints, needs memory for √n instead of n. Chen et al.:
 * "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174.
 *
 * Parameters that `f` uses get their gradients as ever; other tensors with gradients must come as
 * inputs. Numbers of the shared generator (dropout) are drawn alike both times; what `f` changes
 * (running statistics) is changed twice.
 *
 * @throws ArgumentError when `f` uses a tensor with gradients that was computed outside of it.
 * @example
 * ```ts
 * const hidden = checkpoint((x) => block.forward(x), input)
 * ```
 */
export function checkpoint<Inputs extends readonly Tensor[]>(
  f: (...inputs: Inputs) => Tensor,
  ...inputs: Inputs
): Tensor {
  if (!isGradEnabled()) return f(...inputs)
  const generator = defaultGenerator()
  const before = generator.state
  const run = (given: readonly Tensor[]): Tensor => f(...(given as unknown as Inputs))
  return scope(() => {
    const start = new Node('checkpoint', [], () => []).order
    const given = separate(
      inputs,
      inputs.map((t) => t.requiresGrad),
    )
    const y = run(given)
    const precision = bindAutocast()
    const parameters = leavesOf(y, start).filter((leaf) => !given.includes(leaf))

    const rule: Rule = (g, saved, needs) => {
      const createGraph = isGradEnabled()
      const now = generator.state
      generator.state = before
      try {
        const own = createGraph ? saved : separate(saved, needs)
        const again = enableGrad(() => precision(() => run(own)))
        const wanted = [...own, ...parameters].filter((_, i) => needs[i])
        const found = gradients(again, wanted, { gradient: g, createGraph })
        return needs.map((need) => (need ? found.shift() : undefined))
      } finally {
        generator.state = now
      }
    }
    return record('checkpoint', y.detach(), [...inputs, ...parameters], inputs, rule)
  })
}
