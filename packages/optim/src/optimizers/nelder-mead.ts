import { assign, noGrad, scope, type Tensor, tensor } from '@nablajs/tensor'
import { demandClosure, demandOneGroup, readVector, sizeOf, writeVector } from '../one-vector.ts'
import { Optimizer, type ParameterState, type ParametersInput } from '../optimizer.ts'
import { positive } from '../ranges.ts'
import type { Declaration, Initial } from '../transform.ts'

export interface NelderMeadOptions {
  /** Fit α, β, γ and δ to the number of parameters; for more than a few of them. Default false. */
  adaptive: boolean
  /** How far the first points are from the parameters, as a share of each. Default 0.05. */
  relativeStep: number
  /** The same for parameters that are 0, as a number. Default 2.5e-4. */
  zeroStep: number
}

const nelderMead: Declaration<NelderMeadOptions> = {
  name: 'NelderMead',
  reads: true,
  defaults: { adaptive: false, relativeStep: 0.05, zeroStep: 2.5e-4 },
  ranges: [positive('relativeStep'), positive('zeroStep')],
}

interface Vertex {
  readonly x: Float64Array
  readonly loss: number
  /** What the function gave, where it was called in this step. */
  readonly tensor?: Tensor
}

/**
 * Nelder and Mead's simplex: goes down without gradients, by n + 1 points of which the worst is moved
 * through the middle of the others. For a handful of parameters and losses without noise: it keeps
 * n + 1 points of n numbers.
 *
 * ```text
 * order f₁ ≤ ... ≤ fₙ₊₁;   m = mean of x₁ ... xₙ
 * xᵣ = m + α(m - xₙ₊₁)                                 if f₁ ≤ fᵣ < fₙ: takes the worst one's place
 * fᵣ < f₁:         xₑ = m + β(xᵣ - m)                  the better one of xₑ and xᵣ
 * fₙ ≤ fᵣ < fₙ₊₁:  xₖ = m + γ(xᵣ - m)                  if fₖ ≤ fᵣ
 * fₙ₊₁ ≤ fᵣ:       xₖ = m - γ(m - xₙ₊₁)                if fₖ < fₙ₊₁
 * otherwise:       xᵢ ← x₁ + δ(xᵢ - x₁) for all i > 1
 * ```
 *
 * with α = 1, β = 2, γ = ½, δ = ½; or, `adaptive`, with α = 1, β = 1 + 2/n, γ = ¾ - 1/(2n), δ = 1 - 1/n.
 * The points start at the parameters and, for each element, one further by `relativeStep` of it. One
 * `step` is one move: it calls the function once or twice, n + 1 times more at first and n times where
 * all points move. Parameters are the best point afterwards, and its loss is returned; NaN counts as
 * the worst. All parameters form one vector and one group. Numbers are read back from the device.
 *
 * @example
 * ```ts
 * const optimizer = new NelderMead(model.parameters(), { adaptive: true })
 * for (let i = 0; i < 200; i++) optimizer.step(() => errors(model))
 * ```
 *
 * Sources: J. Nelder and R. Mead, "A Simplex Method for Function Minimization" (1965), in the form of
 * J. Lagarias et al. (1998); F. Gao and L. Han, "Implementing the Nelder-Mead simplex algorithm with
 * adaptive parameters" (2012).
 */
export class NelderMead extends Optimizer<NelderMeadOptions> {
  constructor(
    params: ParametersInput<NelderMeadOptions>,
    options: Partial<NelderMeadOptions> = {},
  ) {
    super(params, nelderMead, options)
    demandOneGroup('NelderMead', this.paramGroups)
  }

  get #parameters(): readonly Tensor[] {
    return this.paramGroups[0]!.params
  }

  /** The first parameter keeps what belongs to all of them. */
  protected override slots(_: NelderMeadOptions, parameter: Tensor): Record<string, Initial> {
    if (parameter !== this.#parameters[0]) return {}
    const n = sizeOf(this.#parameters)
    return { simplex: { shape: [n + 1, n], value: 0 }, losses: { shape: [n + 1], value: 0 } }
  }

  // `advance` does it all: there are no gradients.
  protected override update(): void {}

  protected override advance(closure: (() => Tensor) | undefined): Tensor {
    demandClosure('NelderMead', closure)
    demandOneGroup('NelderMead', this.paramGroups)
    return noGrad(() =>
      scope(() => {
        const [group] = this.paramGroups
        const state = this.stateOf(this.#parameters[0]!, group!)
        const at = (x: Float64Array): Vertex => {
          writeVector(this.#parameters, x)
          const own = closure()
          const loss = own.itemSync()
          return { x, loss: Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss, tensor: own }
        }
        const start = state.step === 0 ? this.#start(at, group!) : this.#stored(state)
        state.step++
        const points = sorted(move(start, at, group!.adaptive))
        this.#store(points, state)
        const [best] = points
        writeVector(this.#parameters, best!.x)
        const { dtype, device } = this.#parameters[0]!
        return best!.tensor ?? tensor(best!.loss, { dtype, device })
      }),
    )
  }

  #start(at: (x: Float64Array) => Vertex, options: NelderMeadOptions): Vertex[] {
    const x0 = readVector(this.#parameters)
    const others = [...x0].map((value, i) => {
      const x = x0.slice()
      x[i] = value === 0 ? options.zeroStep : value * (1 + options.relativeStep)
      return at(x)
    })
    return [at(x0), ...others]
  }

  #stored({ slots }: ParameterState): Vertex[] {
    const n = sizeOf(this.#parameters)
    const simplex = Float64Array.from(slots['simplex']!.dataSync())
    return Array.from(slots['losses']!.dataSync(), (loss, i) => ({
      x: simplex.slice(i * n, (i + 1) * n),
      loss,
    }))
  }

  #store(points: readonly Vertex[], { slots }: ParameterState): void {
    const put = (slot: Tensor, values: readonly number[]): void => {
      const { shape, dtype, device } = slot
      assign(slot, tensor(Float64Array.from(values), { shape, dtype, device }))
    }
    put(
      slots['simplex']!,
      points.flatMap(({ x }) => [...x]),
    )
    put(
      slots['losses']!,
      points.map(({ loss }) => loss),
    )
  }
}

/** By their losses; points that are as good stay in order. */
const sorted = (points: readonly Vertex[]): Vertex[] =>
  [...points].sort((a, b) => (a.loss === b.loss ? 0 : a.loss - b.loss))

/** One move of the simplex. */
function move(
  points: readonly Vertex[],
  at: (x: Float64Array) => Vertex,
  adaptive: boolean,
): readonly Vertex[] {
  const ordered = sorted(points)
  const n = ordered.length - 1
  // For a single parameter the fitted numbers would let the points fall together.
  const [expand, contract, shrink] =
    adaptive && n > 1 ? [1 + 2 / n, 0.75 - 1 / (2 * n), 1 - 1 / n] : [2, 0.5, 0.5]
  const best = ordered[0]!
  const worst = ordered[n]!
  const others = ordered.slice(0, n)
  const middle = worst.x.map((_, i) => others.reduce((sum, { x }) => sum + x[i]!, 0) / n)
  /** The point of the line through the worst one: 0 is the middle, 1 the reflected one. */
  const onLine = (t: number): Vertex => at(middle.map((m, i) => m + t * (m - worst.x[i]!)))

  const reflected = onLine(1)
  if (reflected.loss < best.loss) {
    const expanded = onLine(expand)
    return [...others, expanded.loss < reflected.loss ? expanded : reflected]
  }
  if (reflected.loss < ordered[n - 1]!.loss) return [...others, reflected]
  const outside = reflected.loss < worst.loss
  const contracted = onLine(outside ? contract : -contract)
  if (outside ? contracted.loss <= reflected.loss : contracted.loss < worst.loss)
    return [...others, contracted]
  return ordered.map((vertex) =>
    vertex === best ? best : at(vertex.x.map((x, i) => best.x[i]! + shrink * (x - best.x[i]!))),
  )
}
