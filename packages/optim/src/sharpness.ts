import {
  ArgumentError,
  assign,
  Generator,
  noGrad,
  randn,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { curvatureOf } from './curvature.ts'
import { refuseUnknown } from './known.ts'
import { moveAlong, sizeOf } from './one-vector.ts'
import { demandReadable } from './readable.ts'

export interface TopEigenvalueOptions {
  /** The most products with the Hessian. Default 100. */
  iterations?: number
  /** Stops when the eigenvalue changes by no more than this share. Default 1e-4. */
  tolerance?: number
  /** Of the first direction, a whole number. Default 0. */
  seed?: number
}

export interface TopEigenvalue {
  /** The eigenvalue of largest size, with its sign. */
  readonly value: number
  /** How many products it took. */
  readonly iterations: number
  /** Whether it changed by no more than `tolerance` in the end. */
  readonly converged: boolean
}

const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().itemSync()

/**
 * The sharpness of a minimum: the eigenvalue of largest size of the Hessian of a loss in its
 * parameters, by power iteration. The Hessian is never made: each iteration is one more backward pass.
 *
 * ```text
 * v ← Hv/‖Hv‖,   value = vᵀHv
 * ```
 *
 * It converges as fast as the two largest eigenvalues differ. Gradient descent with a rate above
 * 2/value does not settle here. Take the loss of the full batch, or of a large one that stays the same;
 * parameters and their gradients stay as they are. Numbers are read back from the device.
 *
 * @param loss The loss from the parameters as they are; called once.
 * @throws ArgumentError when there are no parameters, or an option is out of range.
 * @example
 * ```ts
 * const { value } = topEigenvalue(model.parameters(), () => loss())
 * ```
 *
 * Sources: N. Keskar et al., "On Large-Batch Training for Deep Learning", arXiv 1609.04836; Z. Yao et
 * al., "PyHessian", arXiv 1912.07145.
 */
export function topEigenvalue(
  parameters: Iterable<Tensor>,
  loss: () => Tensor,
  options: TopEigenvalueOptions = {},
): TopEigenvalue {
  refuseUnknown('topEigenvalue', options, ['iterations', 'tolerance', 'seed'])
  const { iterations = 100, tolerance = 1e-4, seed = 0 } = options
  const all = listOf('topEigenvalue', parameters)
  demandReadable('topEigenvalue', all)
  if (!(Number.isInteger(iterations) && iterations > 0))
    throw new ArgumentError(
      `topEigenvalue: iterations is ${iterations}; it must be a whole number > 0`,
    )
  if (!(tolerance >= 0))
    throw new ArgumentError(`topEigenvalue: tolerance is ${tolerance}; it must be >= 0`)
  return scope(() => {
    const { times } = curvatureOf(all, loss)
    return noGrad(() => {
      const { dtype, device } = all[0]!
      const generator = new Generator(seed)
      let v = randn([sizeOf(all)], { generator, dtype, device })
      v = v.mul(1 / Math.sqrt(dot(v, v)))
      let value = Number.NaN
      for (let i = 1; i <= iterations; i++) {
        const product = times(v)
        const next = dot(v, product)
        const length = Math.sqrt(dot(product, product))
        if (length === 0) return { value: 0, iterations: i, converged: true }
        if (Math.abs(next - value) <= tolerance * Math.abs(next))
          return { value: next, iterations: i, converged: true }
        value = next
        v = product.mul(1 / length)
      }
      return { value, iterations, converged: false }
    })
  })
}

export interface AscentSharpnessOptions {
  /** ρ, how far the neighbourhood reaches. Default 0.05. */
  rho?: number
}

/**
 * Sharpness as {@link SAM} sees it: by how much the loss rises within a distance of ρ, to first order.
 *
 * `L(p + ρ g/‖g‖) - L(p)`
 *
 * with the norm over all parameters. Cheap: one gradient and one loss more. At a minimum, where g is
 * small, its direction is left to rounding; {@link topEigenvalue} is sounder there.
 *
 * @param loss The loss from the parameters as they are; called twice, and each time the same batch.
 * @throws ArgumentError when there are no parameters, or ρ is negative.
 * @example
 * ```ts
 * const rise = ascentSharpness(model.parameters(), () => loss(), { rho: 0.1 })
 * ```
 *
 * Source: P. Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization",
 * arXiv 2010.01412.
 */
export function ascentSharpness(
  parameters: Iterable<Tensor>,
  loss: () => Tensor,
  options: AscentSharpnessOptions = {},
): number {
  refuseUnknown('ascentSharpness', options, ['rho'])
  const { rho = 0.05 } = options
  const all = listOf('ascentSharpness', parameters)
  demandReadable('ascentSharpness', all)
  if (!(rho >= 0)) throw new ArgumentError(`ascentSharpness: rho is ${rho}; it must be >= 0`)
  return scope(() => {
    const { loss: here, gradient } = curvatureOf(all, loss)
    return noGrad(() => {
      const length = Math.sqrt(dot(gradient, gradient))
      if (length === 0) return 0
      const before = all.map((parameter) => parameter.detach().copy())
      try {
        moveAlong(all, before, gradient, rho / length)
        return loss().itemSync() - here.itemSync()
      } finally {
        all.forEach((parameter, i) => {
          assign(parameter, before[i]!)
        })
      }
    })
  })
}

function listOf(name: string, parameters: Iterable<Tensor>): readonly Tensor[] {
  const all = [...parameters]
  if (all.length === 0)
    throw new ArgumentError(`${name}: no parameters came; pass model.parameters()`)
  return all
}
