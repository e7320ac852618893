/** What makes a tensor the state of a module: being called a parameter, or a buffer. */
import { GraphError, keep, type Tensor } from '@nablajs/tensor'

/** How a tensor belongs to its module. */
export interface Role {
  readonly kind: 'parameter' | 'buffer'
  /** Whether it is part of the state dict. */
  readonly persistent: boolean
  /** Whether a state dict may lack it. */
  readonly optional: boolean
}

const roles = new WeakMap<Tensor, Role>()

/** The role of a tensor, or nothing when it is only a tensor. */
export function roleOf(t: Tensor): Role | undefined {
  return roles.get(t)
}

/** Gives a tensor its role and takes it out of scopes. */
export function assume(t: Tensor, role: Role): Tensor {
  roles.set(t, role)
  return keep(t)
}

/**
 * Declares a tensor a parameter: something that training changes. Modules find their parameters
 * among their fields by this mark. It gets `requiresGrad` and outlives every scope.
 *
 * @throws GraphError when an op with gradients made it; DTypeError when it is not a float.
 * @example
 * ```ts
 * class Scale extends Module {
 *   factor = parameter(ones([1]))
 *   forward(x: Tensor) {
 *     return x.mul(this.factor)
 *   }
 * }
 * ```
 */
export function parameter(t: Tensor): Tensor {
  if (!t.isLeaf)
    throw new GraphError(`parameter: ${t} was computed with gradients; pass its detach() or a copy`)
  t.requiresGrad = true
  return assume(t, { kind: 'parameter', persistent: true, optional: false })
}

export interface BufferOptions {
  /** Whether it is part of the state dict. Default true. */
  persistent?: boolean
  /** Whether `loadStateDict` accepts that it is missing, and leaves it as it is. Default false. */
  optional?: boolean
}

/**
 * Declares a tensor a buffer: state that training does not change by gradients, such as running
 * statistics. It outlives every scope, moves with its module, and is saved with it.
 *
 * @example
 * ```ts
 * runningMean = buffer(zeros([channels]))
 * ```
 */
export function buffer(t: Tensor, options: BufferOptions = {}): Tensor {
  const { persistent = true, optional = false } = options
  return assume(t, { kind: 'buffer', persistent, optional })
}
