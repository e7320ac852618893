import { ArgumentError, noGrad, type Tensor } from '@nablajs/tensor'
import { type Program, program, updateInPlace } from '@nablajs/tensor/program'
import { Chain, chain, type Recipe } from '../chain.ts'
import type { ParametersInput } from '../optimizer.ts'
import {
  type AddDecayedWeightsOptions,
  addDecayedWeights,
} from '../transforms/add-decayed-weights.ts'
import { type ClimbOptions, climb } from '../transforms/climb.ts'
import {
  type ScaleBySecondMomentOptions,
  scaleBySecondMoment,
} from '../transforms/scale-by-second-moment.ts'
import { type ScheduleFreeOptions, scheduleFree } from '../transforms/schedule-free.ts'

/** `p ← p + w(z - p)` */
const lerp = (dtype: Tensor['dtype']): Program =>
  program({ name: 'lerp', inputs: [dtype, dtype], scalars: [dtype] }, (p, z, w) =>
    p!.add(z!.sub(p!).mul(w!)),
  )

/** What both have: parameters that are y while training and the average x otherwise. */
abstract class ScheduleFree<Options extends object> extends Chain<Options> {
  #training = true

  protected abstract betaOf(options: Options): number

  /** Puts the averages x into the parameters, to evaluate or to save the model. */
  eval(): void {
    if (this.#training) this.#move((beta) => 1 - 1 / beta)
    this.#training = false
  }

  /** Puts the points y back, to go on training. */
  train(): void {
    if (!this.#training) this.#move((beta) => 1 - beta)
    this.#training = true
  }

  #move(share: (beta: number) => number): void {
    noGrad(() => {
      for (const group of this.paramGroups)
        for (const parameter of group.params) {
          const { step, slots } = this.stateOf(parameter, group)
          if (step === 0) continue
          const weights = [share(this.betaOf(group))]
          updateInPlace(lerp(parameter.dtype), [parameter, slots['z']!], [parameter], weights)
        }
    })
  }

  protected override advance(closure: (() => Tensor) | undefined): Tensor | undefined {
    if (!this.#training)
      throw new ArgumentError(
        `${this.name}: step() came after eval(); call train() before going on`,
      )
    return super.advance(closure)
  }
}

interface Momentum {
  /** β, in (0, 1): how near to the average gradients are taken. Default 0.9. */
  momentum: number
}

/** γ `lr` 1, β `momentum` 0.9, w `warmupSteps` 0, `r` 0, λ `weightDecay` 0. */
export interface ScheduleFreeSGDOptions
  extends ScheduleFreeOptions,
    Momentum,
    AddDecayedWeightsOptions,
    ClimbOptions {}

const averageByMomentum = scheduleFree<Momentum>(({ momentum }) => momentum, { momentum: 0.9 })

const sgd: Recipe<ScheduleFreeSGDOptions> = chain('ScheduleFreeSGD', [
  climb,
  addDecayedWeights,
  {
    ...averageByMomentum,
    ranges: [
      ...averageByMomentum.ranges,
      {
        option: 'momentum',
        says: 'in (0, 1)',
        holds: ({ momentum }: Momentum) => momentum > 0 && momentum < 1,
      },
    ],
  },
])

/**
 * Schedule-free SGD: an average of the iterates takes the place of a falling learning rate, and no
 * length of the training has to be known.
 *
 * ```text
 * γₜ = γ min(1, t/w),   c = tʳγ²/Σtʳγ²
 * g ← g + λy
 * y ← (1 - c)y + cz - γₜ(1 - β(1 - c))g
 * z ← z - γₜg
 * ```
 *
 * with γ = `lr`, w = `warmupSteps`, β = `momentum`, r = `r`, λ = `weightDecay`; γ in the weight is the
 * largest so far. While training the parameters are y; {@link ScheduleFreeSGD.eval} puts the average
 * x = y + (1 - 1/β)(z - y) in their place, `train` goes back. Batch norms want their statistics taken
 * again at x.
 *
 * @example
 * ```ts
 * const optimizer = new ScheduleFreeSGD(model.parameters(), { lr: 1, warmupSteps: 500 })
 * optimizer.eval()
 * ```
 *
 * Source: A. Defazio et al., "The Road Less Scheduled", arXiv 2405.15682.
 */
export class ScheduleFreeSGD extends ScheduleFree<ScheduleFreeSGDOptions> {
  constructor(
    params: ParametersInput<ScheduleFreeSGDOptions>,
    options: Partial<ScheduleFreeSGDOptions> = {},
  ) {
    super(params, sgd, options)
  }

  protected override betaOf({ momentum }: ScheduleFreeSGDOptions): number {
    return momentum
  }
}

/** γ `lr` 2.5e-3, β `betas` [0.9, 0.999], ε `eps` 1e-8, w `warmupSteps` 0, `r` 0, λ `weightDecay` 0. */
export interface ScheduleFreeAdamWOptions
  extends ScheduleFreeOptions,
    ScaleBySecondMomentOptions,
    AddDecayedWeightsOptions,
    ClimbOptions {}

const averageByBetas = scheduleFree<ScaleBySecondMomentOptions>(
  ({ betas }) => betas[0],
  scaleBySecondMoment.defaults,
)

const adamw: Recipe<ScheduleFreeAdamWOptions> = chain(
  'ScheduleFreeAdamW',
  [
    climb,
    scaleBySecondMoment,
    addDecayedWeights,
    {
      ...averageByBetas,
      ranges: [
        ...averageByBetas.ranges,
        {
          option: 'betas',
          says: 'two numbers in [0, 1), the first of them not 0',
          holds: ({ betas }: ScaleBySecondMomentOptions) => betas[0] > 0,
        },
      ],
    },
  ],
  { lr: 2.5e-3 },
)

/**
 * Schedule-free AdamW: as {@link ScheduleFreeSGD}, with gradients scaled by Adam's second moment.
 *
 * ```text
 * γₜ = γ min(1, t/w),   c = tʳγ²/Σtʳγ²
 * v ← β₂v + (1 - β₂)g²
 * u = g / (√(v/(1 - β₂ᵗ)) + ε) + λy
 * y ← (1 - c)y + cz - γₜ(1 - β₁(1 - c))u
 * z ← z - γₜu
 * ```
 *
 * with γ = `lr` (1 to 10 times AdamW's), w = `warmupSteps`, β = `betas`, ε = `eps`, r = `r`, λ =
 * `weightDecay`. Call `eval()` before evaluating or saving the model, `train()` before going on.
 *
 * @example
 * ```ts
 * const optimizer = new ScheduleFreeAdamW(model.parameters(), { lr: 2.5e-3, warmupSteps: 500 })
 * ```
 *
 * Source: A. Defazio et al., "The Road Less Scheduled", arXiv 2405.15682.
 */
export class ScheduleFreeAdamW extends ScheduleFree<ScheduleFreeAdamWOptions> {
  constructor(
    params: ParametersInput<ScheduleFreeAdamWOptions>,
    options: Partial<ScheduleFreeAdamWOptions> = {},
  ) {
    super(params, adamw, options)
  }

  protected override betaOf({ betas }: ScheduleFreeAdamWOptions): number {
    return betas[0]
  }
}
