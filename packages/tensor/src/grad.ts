/** Gradients in functional style, over the same tape as `backward()`. */
import { type BackwardOptions, type Edge, enableGrad, runBackward, seedFor } from './autograd.ts'
import { ArgumentError, GraphError } from './errors.ts'
import { Scope, visitResources } from './memory.ts'
import { Tensor } from './tensor.ts'

/** How many `grad` calls are on the stack: an inner one is recorded, so that the outer one can see through it. */
let depth = 0

/** The tensors in a tensor, an array, a plain object or a module, in order. */
function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = []
  visitResources(value, (resource) => {
    if (resource instanceof Tensor) found.push(resource)
  })
  return found
}

/** The same structure of arrays and plain objects with every tensor replaced. */
function replaceTensors(value: unknown, replace: (t: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value)
  if (Array.isArray(value)) return value.map((part) => replaceTensors(part, replace))
  if (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  )
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, replaceTensors(part, replace)]),
    )
  return value
}

/**
 * The gradients of `output` for the given tensors, without touching anybody's `grad` (PyTorch's
 * `autograd.grad`). A tensor that `output` does not depend on gets zeros.
 *
 * @param gradient The gradient of `output`; may be left out when that is a single number.
 * @throws GraphError when `output` depends on nothing with gradients.
 */
export function gradients(
  output: Tensor,
  inputs: readonly Tensor[],
  options: BackwardOptions & { gradient?: Tensor } = {},
): Tensor[] {
  const targets = new Set<Edge>()
  for (const input of inputs) {
    if (!input.edge)
      throw new GraphError(
        `gradients: ${input} has no gradients; set requiresGrad before it is used`,
      )
    targets.add(input.edge)
  }
  const found = new Map<Edge, Tensor>()
  const made = new Scope()
  try {
    const seed = seedFor('gradients', output, options.gradient, () => output.detach().onesLike())
    runBackward(output, seed, options, (edge, g) => found.set(edge, g), targets)
    const result = inputs.map((input) => {
      const g = found.get(input.edge!)
      // From a bare handle to one of this scope; the bare ones go below.
      return g ? Tensor.from(g, g.storage.retain(), g.edge) : input.detach().zerosLike()
    })
    return made.keep(result)
  } finally {
    for (const g of found.values()) g.dispose()
    made[Symbol.dispose]()
  }
}

export interface GradOptions {
  /** Record the gradient itself, so that it can be differentiated again. Default: only inside another `grad`. */
  createGraph?: boolean
}

/**
 * A function that gives the value of `f` and its gradient for the first argument: a tensor, or
 * tensors in arrays and plain objects, in which case the gradients come in the same structure.
 * `f` must give a single number.
 *
 * @example
 * ```ts
 * const loss = (w: Tensor, x: Tensor, y: Tensor) => x.matmul(w).sub(y).square().mean()
 * const [value, slope] = valueAndGrad(loss)(w, x, y)
 * ```
 */
export function valueAndGrad<First, Rest extends unknown[]>(
  f: (first: First, ...rest: Rest) => Tensor,
  options: GradOptions = {},
): (first: First, ...rest: Rest) => [value: Tensor, gradient: First] {
  return (first, ...rest) => {
    const nested = depth > 0
    const createGraph = options.createGraph ?? nested
    depth++
    const made = new Scope()
    try {
      const inputs: Tensor[] = []
      // An input that is tracked already must stay connected, or outer gradients would miss it.
      const tracked = replaceTensors(first, (t) => {
        const input = t.requiresGrad ? t : t.detach()
        input.requiresGrad ||= true
        inputs.push(input)
        return input
      }) as First
      if (inputs.length === 0) throw new ArgumentError('grad: the first argument holds no tensor')
      const value = enableGrad(() => f(tracked, ...rest))
      if (!(value instanceof Tensor))
        throw new ArgumentError(
          `grad: the function gave ${typeof value}; it must give a tensor with one element`,
        )
      const slopes = gradients(value, inputs, { createGraph })
      let next = 0
      const structured = replaceTensors(first, () => slopes[next++]!) as First
      return made.keep([nested || createGraph ? value : value.detach(), structured])
    } finally {
      depth--
      made[Symbol.dispose]()
    }
  }
}

/**
 * The gradient of `f` for its first argument; see {@link valueAndGrad}. Nested calls give higher
 * derivatives.
 *
 * @example
 * ```ts
 * const cube = (x: Tensor) => x.pow(3).sum()
 * const second = grad((x: Tensor) => grad(cube)(x).sum())   // 6 x
 * ```
 */
export function grad<First, Rest extends unknown[]>(
  f: (first: First, ...rest: Rest) => Tensor,
  options: GradOptions = {},
): (first: First, ...rest: Rest) => First {
  const both = valueAndGrad(f, options)
  return (...args) => {
    const [value, gradient] = both(...args)
    for (const t of tensorsIn(value)) t.dispose()
    return gradient
  }
}
