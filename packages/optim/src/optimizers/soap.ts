import { assign, scope, type Tensor } from '@nablajs/tensor'
import { eigh, qr } from '@nablajs/tensor/linalg'
import { Optimizer, type ParametersInput, type Work } from '../optimizer.ts'
import { nonNegative, rates } from '../ranges.ts'
import type { Declaration, Initial, Range } from '../transform.ts'

export interface SOAPOptions {
  /** Learning rate γ. Default 3e-3. */
  lr: number
  /** β₁ and β₂, the decay rates of the two averages, in [0, 1). Default [0.95, 0.95]. */
  betas: readonly [number, number]
  /** β, the decay rate of L and R, in [0, 1). Default: β₂. */
  shampooBeta: number | null
  /** ε, added to the root. Default 1e-8. */
  eps: number
  /** λ, decoupled. Default 0.01. */
  weightDecay: number
  /** f, after how many steps the bases are turned. Default 10. */
  preconditionFrequency: number
  /**
   * Axes longer than this have no basis. Default 512 (the authors': 10000), for bases are computed on
   * the host, in a time that grows with the cube of it.
   */
  maxPrecondDim: number
  /** Whether vectors have a basis too. Default false: they are stepped as by AdamW. */
  precondition1d: boolean
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

const whole = (option: 'preconditionFrequency' | 'maxPrecondDim'): Range<SOAPOptions> => ({
  option,
  says: 'a whole number > 0',
  holds: ({ [option]: value }) => Number.isInteger(value) && value > 0,
})

const soap: Declaration<SOAPOptions> = {
  name: 'SOAP',
  reads: true,
  defaults: {
    lr: 3e-3,
    betas: [0.95, 0.95],
    shampooBeta: null,
    eps: 1e-8,
    weightDecay: 0.01,
    preconditionFrequency: 10,
    maxPrecondDim: 512,
    precondition1d: false,
    maximize: false,
  },
  ranges: [
    nonNegative('lr'),
    rates(),
    {
      option: 'shampooBeta',
      says: 'null or in [0, 1)',
      holds: ({ shampooBeta: beta }) => beta === null || (beta >= 0 && beta < 1),
    },
    nonNegative('eps'),
    nonNegative('weightDecay'),
    whole('preconditionFrequency'),
    whole('maxPrecondDim'),
  ],
}

/** A tensor as a matrix whose columns are the given axis. */
function columns(x: Tensor, axis: number): Tensor {
  const order = [...x.shape.keys()].filter((one) => one !== axis)
  return x.permute([...order, axis]).reshape([-1, x.shape[axis]!])
}

/** Multiplies the given axis by a matrix from the right. */
function along(x: Tensor, axis: number, matrix: Tensor): Tensor {
  const order = [...x.shape.keys()].filter((one) => one !== axis)
  const shape = [...order.map((one) => x.shape[one]!), x.shape[axis]!]
  const turned = columns(x, axis).matmul(matrix).reshape(shape)
  const back = x.shape.map((_, one) => (one === axis ? order.length : order.indexOf(one)))
  return turned.permute(back)
}

/**
 * SOAP: Adam in the eigenbases of Shampoo. Gradients of a matrix are turned into coordinates in which
 * rows and columns are uncorrelated, Adam scales them there, and its step is turned back. Learns in
 * fewer steps than AdamW, at the price of two small decompositions every f steps.
 *
 * ```text
 * G' = Qₗᵀ G Qᵣ
 * M ← β₁M + (1 - β₁)G,   V ← β₂V + (1 - β₂)G'²
 * N = Qₗᵀ M Qᵣ /(1 - β₁ᵗ) / (√(V/(1 - β₂ᵗ)) + ε)
 * p ← p - γ(Qₗ N Qᵣᵀ + λp)
 * L ← βL + (1 - β)GGᵀ,   R ← βR + (1 - β)GᵀG
 * every f steps:   Qₗ ← QR(L Qₗ),   Qᵣ ← QR(R Qᵣ)
 * ```
 *
 * with γ = `lr`, β₁ and β₂ = `betas`, β = `shampooBeta`, ε = `eps`, λ = `weightDecay`, f =
 * `preconditionFrequency`. The first step only gathers L and R and takes their eigenvectors, largest
 * eigenvalues first: nothing moves, and t counts from the second one. Kernels have one basis for each
 * axis; axes longer than `maxPrecondDim` have none. Bases are computed on the host, so the device has
 * to be one that can be read at once. Where gradients have a low rank, raise ε: in the directions that
 * are left over there is rounding alone, which a small ε would scale up to full steps.
 *
 * @example
 * ```ts
 * const optimizer = new SOAP(model.parameters(), { lr: 3e-3, preconditionFrequency: 10 })
 * ```
 *
 * Sources: N. Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", arXiv 2409.11321,
 * algorithms 3 and 4; V. Gupta et al., "Shampoo", arXiv 1802.09568.
 */
export class SOAP extends Optimizer<SOAPOptions> {
  constructor(params: ParametersInput<SOAPOptions>, options: Partial<SOAPOptions> = {}) {
    super(params, soap, options)
  }

  protected override slots(options: SOAPOptions, parameter: Tensor): Record<string, Initial> {
    const slots: Record<string, Initial> = { exp_avg: 0, exp_avg_sq: 0 }
    for (const axis of axesOf(parameter, options)) {
      const size = parameter.shape[axis]!
      slots[`GG_${axis}`] = { shape: [size, size], value: 0 }
      slots[`Q_${axis}`] = { shape: [size, size], value: 0 }
    }
    return slots
  }

  protected override update(work: readonly Work<SOAPOptions>[]): void {
    for (const one of work) scope(() => step(one))
  }
}

/** The axes that have a basis; one of size 1 would have nothing to turn. */
function axesOf({ shape }: Tensor, options: SOAPOptions): number[] {
  if (shape.length < 2 && !options.precondition1d) return []
  return [...shape.keys()].filter(
    (axis) => shape[axis]! > 1 && shape[axis]! <= options.maxPrecondDim,
  )
}

function step({ parameter, gradient, state, group }: Work<SOAPOptions>): void {
  const { lr, betas, eps, weightDecay, preconditionFrequency, maximize } = group
  const [beta1, beta2] = betas
  const axes = axesOf(parameter, group)
  const basis = (axis: number): Tensor => state.slots[`Q_${axis}`]!
  const into = (x: Tensor): Tensor => axes.reduce((y, axis) => along(y, axis, basis(axis)), x)
  const back = (x: Tensor): Tensor =>
    axes.reduce((y, axis) => along(y, axis, basis(axis).transpose()), x)
  const g = maximize ? gradient.neg() : gradient
  const t = state.step - 1

  if (t > 0) {
    const { exp_avg: m, exp_avg_sq: v } = state.slots as { exp_avg: Tensor; exp_avg_sq: Tensor }
    assign(m, m.mul(beta1).add(g.mul(1 - beta1)))
    assign(
      v,
      v.mul(beta2).add(
        into(g)
          .square()
          .mul(1 - beta2),
      ),
    )
    const root = v
      .mul(1 / (1 - beta2 ** t))
      .sqrt()
      .add(eps)
    const scaled = into(m)
      .mul(1 / (1 - beta1 ** t))
      .div(root)
    assign(parameter, parameter.mul(1 - lr * weightDecay).sub(back(scaled).mul(lr)))
  }

  const beta = group.shampooBeta ?? beta2
  for (const axis of axes) {
    const gram = state.slots[`GG_${axis}`]!
    const unfolded = columns(g, axis)
    const own = unfolded.transpose().matmul(unfolded)
    assign(gram, gram.mul(beta).add(own.mul(1 - beta)))
    // Turned by one step of the power iteration, which keeps the order of the first vectors.
    if (t === 0) assign(basis(axis), eigh(gram).vectors.flip(1))
    else if (t % preconditionFrequency === 0) assign(basis(axis), qr(gram.matmul(basis(axis))).q)
  }
}
