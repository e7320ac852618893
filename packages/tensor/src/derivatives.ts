/** Derivatives beyond the gradient of one number, from walks over the same tape. */
import { enableGrad } from './autograd.ts'
import { ShapeError, showShape } from './errors.ts'
import { type GradOptions, grad, gradients } from './grad.ts'
import { sameShape } from './layout.ts'
import { scope } from './memory.ts'
import { eye } from './ops/create.ts'
import { stack } from './ops/join.ts'
import type { Tensor } from './tensor.ts'

/** The tensor itself when somebody differentiates for it already, else a leaf. */
function tracked(x: Tensor): Tensor {
  if (x.requiresGrad) return x
  const leaf = x.detach()
  leaf.requiresGrad = true
  return leaf
}

/**
 * A function that gives the derivatives of each output of `f` for each element of its input,
 * `[...output, ...input]`. It costs one backward pass for each element of the output: for functions
 * with few of them.
 *
 * @param options `createGraph` records it, to be differentiated again. Default: when the input is
 *   tracked.
 * @example
 * ```ts
 * jacobian((x: Tensor) => x.square())(tensor([1, 2]))   // [[2, 0], [0, 4]]
 * ```
 */
export function jacobian(
  f: (x: Tensor) => Tensor,
  options: GradOptions = {},
): (x: Tensor) => Tensor {
  return (x) => {
    const createGraph = options.createGraph ?? x.requiresGrad
    return scope(() => {
      const input = tracked(x)
      const y = enableGrad(() => f(input))
      const shape = [...y.shape, ...x.shape]
      const none = x.detach().zerosLike()
      if (!y.requiresGrad || y.size === 0) return none.expand([...y.shape, ...x.shape]).copy()
      const seeds = eye(y.size, y.size, { dtype: y.dtype, device: y.device })
      const rows = Array.from({ length: y.size }, (_, i) => {
        const gradient = seeds.slice(i).reshape(y.shape)
        return gradients(y, [input], { gradient, createGraph, retainGraph: true })[0]!
      })
      return stack(rows).reshape(shape)
    })
  }
}

/**
 * A function that gives the second derivatives of `f`, which gives a single number:
 * `[...input, ...input]`. It costs one backward pass for each element of the input; {@link hvp} costs
 * one.
 *
 * @example
 * ```ts
 * hessian((x: Tensor) => x.pow(3).sum())(tensor([1, 2]))   // [[6, 0], [0, 12]]
 * ```
 */
export function hessian(f: (x: Tensor) => Tensor, options?: GradOptions): (x: Tensor) => Tensor {
  return jacobian(grad(f, { createGraph: true }), options)
}

/**
 * A function that gives the product of the Hessian of `f` at x with a vector, from two backward
 * passes and without the Hessian. Pearlmutter: "Fast Exact Multiplication by the Hessian", 1994.
 *
 * @throws ShapeError when the vector does not look as x.
 * @example
 * ```ts
 * hvp((x: Tensor) => x.pow(3).sum())(tensor([1, 2]), tensor([1, 1]))   // [6, 12]
 * ```
 */
export function hvp(
  f: (x: Tensor) => Tensor,
  options: GradOptions = {},
): (x: Tensor, vector: Tensor) => Tensor {
  const slope = grad(f, { createGraph: true })
  return (x, vector) => {
    if (!sameShape(x.shape, vector.shape))
      throw new ShapeError(
        `hvp: x is ${showShape(x.shape)}, the vector ${showShape(vector.shape)}; they must be equal`,
      )
    const createGraph = options.createGraph ?? x.requiresGrad
    return scope(() => {
      const input = tracked(x)
      const g = slope(input)
      // A linear function has none.
      if (!g.requiresGrad) return x.detach().zerosLike()
      return gradients(g, [input], { gradient: vector, createGraph })[0]!
    })
  }
}
