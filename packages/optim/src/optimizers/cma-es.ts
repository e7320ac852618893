import { assign, Generator, noGrad, randn, scope, type Tensor, tensor } from '@nablajs/tensor'
import { eigh } from '@nablajs/tensor/linalg'
import { demandClosure, demandOneGroup, readVector, sizeOf, writeVector } from '../one-vector.ts'
import { Optimizer, type ParametersInput } from '../optimizer.ts'
import { positive } from '../ranges.ts'
import type { Declaration, Initial } from '../transform.ts'

export interface CMAESOptions {
  /** σ, the step-size of the first generation: a third of the way to where the minimum may be. Default 0.3. */
  sigma: number
  /** λ, how many points a generation has. Default 4 + ⌊3 ln n⌋ for n parameters. */
  populationSize: number | null
  /** Of the points, a whole number. Default 0. */
  seed: number
}

const cmaES: Declaration<CMAESOptions> = {
  name: 'CMAES',
  reads: true,
  defaults: { sigma: 0.3, populationSize: null, seed: 0 },
  ranges: [
    positive('sigma'),
    {
      option: 'populationSize',
      says: 'null or a whole number > 3',
      holds: ({ populationSize: size }) => size === null || (Number.isInteger(size) && size > 3),
    },
    {
      option: 'seed',
      says: 'a whole number in 0 .. 4294967295',
      holds: ({ seed }) => Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff,
    },
  ],
}

/** The constants that follow from the numbers of parameters and points. */
interface Strategy {
  readonly lambda: number
  readonly weights: readonly number[]
  /** μ_eff, how many points the weights amount to. */
  readonly effective: number
  readonly cSigma: number
  readonly dSigma: number
  readonly cc: number
  readonly c1: number
  readonly cMu: number
  /** The mean length of a standard normal vector. */
  readonly chi: number
}

function strategyOf(n: number, populationSize: number | null): Strategy {
  const lambda = populationSize ?? 4 + Math.floor(3 * Math.log(n))
  const mu = Math.floor(lambda / 2)
  const raw = Array.from({ length: mu }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1))
  const total = raw.reduce((a, b) => a + b)
  const weights = raw.map((w) => w / total)
  const m = 1 / weights.reduce((sum, w) => sum + w * w, 0)
  const cSigma = (m + 2) / (n + m + 5)
  const c1 = 2 / ((n + 1.3) ** 2 + m)
  return {
    lambda,
    weights,
    effective: m,
    cSigma,
    dSigma: 1 + 2 * Math.max(0, Math.sqrt((m - 1) / (n + 1)) - 1) + cSigma,
    cc: (4 + m / n) / (n + 4 + (2 * m) / n),
    c1,
    cMu: Math.min(1 - c1, (2 * (m - 2 + 1 / m)) / ((n + 2) ** 2 + m)),
    chi: Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
  }
}

/**
 * CMA-ES: goes down without gradients, by a cloud of points that learns the shape of the valley. For
 * up to about a hundred parameters, and losses that are rugged, noisy or not differentiable.
 *
 * ```text
 * xₖ = m + σ yₖ,   yₖ = C^½ zₖ,   zₖ ~ N(0, I),   k = 1 ... λ,   sorted by their losses
 * ȳ = Σ wᵢ yᵢ over the best μ = ⌊λ/2⌋;   m ← m + σȳ,   wᵢ ∝ ln((λ+1)/2) - ln i
 * pσ ← (1 - cσ)pσ + √(cσ(2 - cσ)μₑ) C^-½ ȳ
 * h  = 1 if ‖pσ‖/√(1 - (1 - cσ)²ᵗ) < (1.4 + 2/(n+1)) χ, else 0
 * pc ← (1 - cc)pc + h √(cc(2 - cc)μₑ) ȳ
 * C  ← (1 - c₁ - cμ)C + c₁(pc pcᵀ + (1 - h)cc(2 - cc)C) + cμ Σ wᵢ yᵢyᵢᵀ
 * σ  ← σ exp(cσ/dσ (‖pσ‖/χ - 1))
 * ```
 *
 * with m = the parameters, σ = `sigma`, λ = `populationSize`, μₑ = 1/Σwᵢ², χ the mean length of z, and
 * the rates cσ, dσ, cc, c₁, cμ as the source gives them for n and μₑ (weights of the worse half are 0).
 * C^½ is the symmetric root, so that points do not depend on the choice of eigenvectors. One `step` is
 * one generation: it calls the function λ times, leaves the parameters at m, and returns the lowest
 * loss; NaN counts as the worst. All parameters form one vector and one group; C has n² numbers.
 * Numbers are read back from the device.
 *
 * @example
 * ```ts
 * const optimizer = new CMAES(model.parameters(), { sigma: 0.5, seed: 7 })
 * for (let i = 0; i < 20; i++) optimizer.step(() => errors(model))
 * ```
 *
 * Source: N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772.
 */
export class CMAES extends Optimizer<CMAESOptions> {
  constructor(params: ParametersInput<CMAESOptions>, options: Partial<CMAESOptions> = {}) {
    super(params, cmaES, options)
    demandOneGroup('CMAES', this.paramGroups)
  }

  get #parameters(): readonly Tensor[] {
    return this.paramGroups[0]!.params
  }

  /** The first parameter keeps what belongs to all of them. */
  protected override slots(_: CMAESOptions, parameter: Tensor): Record<string, Initial> {
    if (parameter !== this.#parameters[0]) return {}
    const n = sizeOf(this.#parameters)
    const vector = { shape: [n], value: 0 }
    return { covariance: { shape: [n, n], value: 0 }, path_sigma: vector, path_c: vector }
  }

  protected override memory({ sigma }: CMAESOptions): Record<string, number> {
    return { sigma }
  }

  // `advance` does it all: there are no gradients.
  protected override update(): void {}

  protected override advance(closure: (() => Tensor) | undefined): Tensor {
    demandClosure('CMAES', closure)
    demandOneGroup('CMAES', this.paramGroups)
    return noGrad(() => scope(() => this.#generation(closure)))
  }

  #generation(closure: () => Tensor): Tensor {
    const [group] = this.paramGroups
    const n = sizeOf(this.#parameters)
    const strategy = strategyOf(n, group!.populationSize)
    const { lambda, weights, effective, cSigma, dSigma, cc, c1, cMu, chi } = strategy
    const state = this.stateOf(this.#parameters[0]!, group!)
    const memory = state.memory as { sigma: number }
    const { covariance, path_sigma, path_c } = state.slots as Record<
      'covariance' | 'path_sigma' | 'path_c',
      Tensor
    >
    const { dtype, device } = covariance
    if (state.step === 0) write(covariance, (_, i) => (i % (n + 1) === 0 ? 1 : 0))
    const t = ++state.step

    const { values, vectors } = eigh(covariance)
    const [lambdas, b] = [values.dataSync(), vectors.dataSync()]
    const least = Math.max(...lambdas) * Number.EPSILON
    /** C to a power, times a vector. */
    const power = (exponent: number, x: ArrayLike<number>): Float64Array => {
      const inBasis = Float64Array.from(lambdas, (value, k) => {
        let sum = 0
        for (let i = 0; i < n; i++) sum += b[i * n + k]! * x[i]!
        return sum * Math.max(value, least) ** exponent
      })
      return Float64Array.from({ length: n }, (_, i) =>
        inBasis.reduce((sum, value, k) => sum + b[i * n + k]! * value, 0),
      )
    }

    const generator = new Generator(group!.seed)
    generator.state = { seed: group!.seed, draws: t }
    const noise = randn([lambda, n], { generator, dtype, device }).dataSync()
    const mean = readVector(this.#parameters)
    const points = Array.from({ length: lambda }, (_, k) => {
      const y = power(0.5, noise.subarray(k * n, (k + 1) * n) as Float64Array)
      writeVector(
        this.#parameters,
        mean.map((m, i) => m + memory.sigma * y[i]!),
      )
      const own = closure()
      const loss = own.itemSync()
      return { y, own, loss: Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss }
    }).sort((a, b) => (a.loss === b.loss ? 0 : a.loss - b.loss))

    const best = points.slice(0, weights.length)
    const step = mean.map((_, i) => best.reduce((sum, { y }, k) => sum + weights[k]! * y[i]!, 0))
    writeVector(
      this.#parameters,
      mean.map((m, i) => m + memory.sigma * step[i]!),
    )

    const straight = power(-0.5, step)
    const gain = Math.sqrt(cSigma * (2 - cSigma) * effective)
    write(path_sigma, (old, i) => (1 - cSigma) * old + gain * straight[i]!)
    const length = Math.hypot(...path_sigma.dataSync())
    // While σ grows fast, the path stays, or C would grow too.
    const corrected = length / Math.sqrt(1 - (1 - cSigma) ** (2 * t))
    const h = corrected < (1.4 + 2 / (n + 1)) * chi ? 1 : 0
    const pull = h * Math.sqrt(cc * (2 - cc) * effective)
    write(path_c, (old, i) => (1 - cc) * old + pull * step[i]!)
    const path = path_c.dataSync()
    const kept = 1 - c1 - cMu + c1 * (1 - h) * cc * (2 - cc)
    write(covariance, (old, at) => {
      const [i, j] = [Math.floor(at / n), at % n]
      const ranked = best.reduce((sum, { y }, k) => sum + weights[k]! * y[i]! * y[j]!, 0)
      return kept * old + c1 * path[i]! * path[j]! + cMu * ranked
    })
    memory.sigma *= Math.exp((cSigma / dSigma) * (length / chi - 1))
    return points[0]!.own
  }
}

/** New values of a slot, from the old ones and their positions. */
function write(slot: Tensor, next: (old: number, i: number) => number): void {
  const { shape, dtype, device } = slot
  const values = Float64Array.from(slot.dataSync(), next)
  assign(slot, tensor(values, { shape, dtype, device }))
}
