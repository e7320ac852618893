/**
 * Chains of transforms: their symbolic composition into one program, and the optimizer that runs it.
 *
 * The update starts as the gradient, goes through the links, and is subtracted from the parameter.
 * Where links need sums over whole parameters, the chain up to there is built a second time, as the
 * program of a reduction.
 */
import { ArgumentError, computeType, scope, type Tensor } from '@nablajs/tensor'
import { sumOf, updateInPlace } from '@nablajs/tensor/program'
import { Optimizer, type ParameterState, type ParametersInput, type Work } from './optimizer.ts'
import { outputAxis } from './output-axis.ts'
import { type Body, inputsOf, type Job, Plan, valuesOf } from './plan.ts'
import type { OnReplay } from './recorded.ts'
import type { About, Declaration, Initial, Link, Range } from './transform.ts'

type Intersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never

/** The options of all links together. */
export type OptionsOf<Links extends readonly Link[]> = Intersection<Links[number]['defaults']> &
  object

/** Links in a row under a name: what {@link chain} makes and {@link Chain} runs. */
export interface Recipe<Options extends object> extends Declaration<Options> {
  readonly links: readonly Link[]
}

/**
 * Puts transforms in a row.
 *
 * @param name For messages and the names of kernels.
 * @param defaults Where the whole wants other defaults than its links. A name that several links
 *   know (`lr`, `eps`) is one option.
 * @throws ArgumentError when two links keep a slot of the same name.
 * @example
 * ```ts
 * const adamw = chain(
 *   'AdamW',
 *   [climb, scaleByAdam, addDecayedWeights, scaleByLearningRate],
 *   { weightDecay: 0.01 },
 * )
 * ```
 */
export function chain<const Links extends readonly Link[]>(
  name: string,
  links: Links,
  defaults: Partial<OptionsOf<Links>> = {},
): Recipe<OptionsOf<Links>> {
  const all = Object.assign({}, ...links.map((link) => link.defaults), defaults)
  return {
    name,
    links,
    defaults: all as OptionsOf<Links>,
    // Each range knows the options of its link, which are among all of them.
    ranges: links.flatMap((link) => link.ranges) as unknown as Range<OptionsOf<Links>>[],
  }
}

/**
 * The optimizer that runs a chain: one kernel for each parameter and step, and before it one
 * reduction for each quantity that a link wants summed.
 *
 * @example
 * ```ts
 * const clipped = chain('ClippedAdam', [clipByGlobalNorm, scaleByAdam, scaleByLearningRate])
 * const optimizer = new Chain(model.parameters(), clipped, { maxNorm: 1, lr: 3e-4 })
 * ```
 */
export class Chain<Options extends object> extends Optimizer<Options> {
  readonly #links: readonly Link[]
  /** By the numbers of the links that take part and their structures. */
  readonly #plans = new Map<string, Plan>()
  readonly #jobs = new WeakMap<ParameterState, Job>()
  /** During a step options stay, and so does what follows from those of a group. */
  #planOfGroup: Map<object, Plan> | undefined

  constructor(
    params: ParametersInput<Options>,
    recipe: Recipe<Options>,
    options: Partial<Options> = {},
  ) {
    super(params, recipe, options)
    this.#links = recipe.links
  }

  #active(options: Options, about: About): readonly Link[] {
    return this.#links.filter((link) => link.active(options as never) && link.applies(about))
  }

  protected override slots(options: Options, parameter: Tensor): Record<string, Initial> {
    const slots: Record<string, Initial> = {}
    for (const link of this.#active(options, this.about(parameter))) {
      Object.assign(slots, link.slots(options as never))
      for (const [name, value] of Object.entries(link.scalars(options as never)))
        slots[name] = { shape: [], value }
    }
    return slots
  }

  protected override memory(options: Options, parameter: Tensor): Record<string, number> {
    const links = this.#active(options, this.about(parameter))
    return Object.assign({}, ...links.map((link) => link.memory(options as never)))
  }

  #planOf(options: Options, parameter: Tensor): Plan {
    const known = this.#planOfGroup?.get(options)
    if (known) return known
    const parts = this.#active(options, this.about(parameter)).map((link) => ({
      link,
      structure: link.structure(options as never),
      slots: Object.keys(link.slots(options as never)),
      scalars: Object.keys(link.scalars(options as never)),
    }))
    const key = JSON.stringify(
      parts.map(({ link, structure }) => [this.#links.indexOf(link), structure]),
    )
    let plan = this.#plans.get(key)
    if (!plan) {
      plan = new Plan(this.name, parts)
      this.#plans.set(key, plan)
    }
    // Links that are not for all parameters make plans differ within a group.
    if (!this.#links.some(({ selective }) => selective)) this.#planOfGroup?.set(options, plan)
    return plan
  }

  protected override useGradients(): void {
    this.#planOfGroup = new Map()
    try {
      super.useGradients()
    } finally {
      this.#planOfGroup = undefined
    }
  }

  protected override stateOf(parameter: Tensor, options: Options): ParameterState {
    const known = this.knownState(parameter)
    const job = known && this.#jobs.get(known)
    // With the same plan there are the same slots.
    return job && job.plan === this.#planOf(options, parameter)
      ? known
      : super.stateOf(parameter, options)
  }

  /** The numbers of update `t`, which may change `memory`. */
  #numbersOf(
    { parameter, group }: Work<Options>,
    plan: Plan,
    t: number,
    memory: Record<string, number>,
  ): Job['numbers'] {
    const about = this.about(parameter)
    return plan.parts.map(({ link }) => link.numbers(group as never, t, memory, about))
  }

  #jobOf(one: Work<Options>, t: number, memory: Record<string, number>): Job {
    const { parameter, gradient, state, group } = one
    const plan = this.#planOf(group, parameter)
    let job = this.#jobs.get(state)
    if (job?.plan !== plan) {
      const kept = plan.parts.flatMap(({ slots, scalars }) => [...slots, ...scalars])
      const tensors: Record<string, Tensor> = { p: parameter, g: gradient }
      for (const name of kept) tensors[name] = state.slots[name]!
      job = { plan, dtype: parameter.dtype, tensors, numbers: [], values: [], sums: [] }
      this.#jobs.set(state, job)
    }
    job.tensors['g'] = gradient
    job.numbers = this.#numbersOf(one, plan, t, memory)
    job.values = valuesOf(job.numbers)
    job.sums = plan.parts.map(() => ({}))
    return job
  }

  protected override update(work: readonly Work<Options>[]): void {
    this.#run(work.map((one) => this.#jobOf(one, one.state.step, one.state.memory)))
  }

  /** The numbers now only have to be as many as those of the replays, each of which is a step. */
  protected override record(work: readonly Work<Options>[], onReplay: OnReplay): void {
    // A subclass that does more in an update has to say how that is recorded.
    if (this.update !== Chain.prototype.update) super.record(work, onReplay)
    const jobs = work.map((one) => this.#jobOf(one, one.state.step + 1, { ...one.state.memory }))
    this.#run(jobs)
    const recorded = jobs.map(({ plan, values }, i) => ({ one: work[i]!, plan, values }))
    const check = this.replayCheck(work)
    onReplay(() => {
      check()
      for (const { one, plan } of recorded)
        if (this.#planOf(one.group, one.parameter) !== plan)
          throw new ArgumentError(
            `${this.name}: its options ask for another computation than the captured one (an option ` +
              'that was 0 is not, or the other way round); capture the step again',
          )
      for (const { one, plan, values } of recorded) {
        const { state } = one
        const next = valuesOf(this.#numbersOf(one, plan, ++state.step, state.memory))
        values.splice(0, values.length, ...next)
      }
    })
  }

  #run(jobs: readonly Job[]): void {
    scope(() => {
      for (const link of this.#links) if (link.sums) sumUp(link, jobs)
      for (const job of jobs) {
        const { plan, tensors } = job
        const targets = [tensors['p']!, ...plan.slots.map((name) => tensors[name]!)]
        run(plan.update(job), job, targets)
      }
    })
  }
}

function run(body: Body, job: Job, targets: readonly Tensor[]): void {
  const inputs = inputsOf(job)
  updateInPlace(
    body.program,
    body.uses.map((i) => inputs[i]!),
    targets,
    job.values,
  )
}

/** Computes the sums of one link for all parameters, and what it keeps of them. */
function sumUp(link: Link, jobs: readonly Job[]): void {
  const taking = jobs
    .map((job) => ({ job, at: job.plan.parts.findIndex((part) => part.link === link) }))
    .filter(({ at }) => at >= 0)
  const own = taking.map(({ job, at }) => {
    const names = job.plan.sumNames(job, at)
    return Object.fromEntries(
      names.map((name) => [name, total(job.plan.sum(job, at, name), job, link.over)]),
    )
  })
  if (link.over === 'all')
    for (const name of Object.keys(own[0] ?? {})) {
      const sum = own.map((sums) => sums[name]!).reduce((a, b) => a.add(b.cast(a.dtype)))
      taking.forEach(({ job }, i) => {
        own[i]![name] = sum.cast(computeType(job.dtype))
      })
    }
  taking.forEach(({ job, at }, i) => {
    Object.assign(job.sums[at]!, own[i])
    const { scalars } = job.plan.parts[at]!
    if (link.settle)
      run(
        job.plan.settle(job, at),
        job,
        scalars.map((name) => job.tensors[name]!),
      )
  })
}

/** A sum over a whole parameter, or one for each of its outputs in a shape that broadcasts. */
function total({ program: source, uses }: Body, job: Job, over: Link['over']): Tensor {
  const inputs = inputsOf(job)
  const { shape, rank } = job.tensors['p']!
  const all = shape.map((_, axis) => axis)
  const axes = over === 'output' ? all.filter((axis) => axis !== outputAxis(rank)) : all
  const sum = sumOf(
    source,
    uses.map((i) => inputs[i]!),
    shape,
    axes,
    job.values,
  )
  return over === 'output' ? sum : sum.reshape([])
}
