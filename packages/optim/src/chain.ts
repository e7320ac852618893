/**
 * Chains of transforms: their symbolic composition into one program, and the optimizer that runs it.
 *
 * The update starts as the gradient, goes through the links, and is subtracted from the parameter.
 * Where links need sums over whole parameters, the chain up to there is built a second time, as the
 * program of a reduction.
 */
import { ArgumentError, type DType, scope, type Tensor } from '@nablajs/tensor'
import {
  type Program,
  program,
  type Scalar,
  select,
  sumOf,
  updateInPlace,
} from '@nablajs/tensor/program'
import { Optimizer, type ParametersInput, type Work } from './optimizer.ts'
import type { Declaration, Initial, Link, Range } from './transform.ts'

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

/** A link that takes part, with what it was told by the options. */
interface Part {
  readonly link: Link
  readonly structure: object
  readonly slots: readonly string[]
  readonly scalars: readonly string[]
}

/** A program over some of the tensors at hand. */
interface Body {
  readonly program: Program
  readonly uses: readonly number[]
}

/** The programs of one structure; made when they are first needed. */
class Plan {
  readonly name: string
  readonly parts: readonly Part[]
  /** Tensors that the update writes, after the parameter. */
  readonly slots: readonly string[]
  readonly #programs = new Map<string, Body>()
  readonly #sumNames = new Map<number, readonly string[]>()

  constructor(name: string, parts: readonly Part[]) {
    this.name = name
    this.parts = parts
    this.slots = parts.flatMap(({ slots }) => slots)
    const twice = this.slots.find((slot, i) => this.slots.indexOf(slot) !== i)
    if (twice)
      throw new ArgumentError(`${name}: two links keep a slot named ${twice}; a chain has one`)
  }

  /** The whole update: parameter and slots. */
  update(job: Job): Body {
    return this.#made(`update ${job.dtype}`, job, (leaves) => {
      const { u, next, gates } = this.#walk(leaves, this.parts.length)
      const old = [leaves.tensors['p']!, ...this.slots.map((slot) => leaves.tensors[slot]!)]
      const values = [old[0]!.sub(u), ...this.slots.map((slot, i) => next[slot] ?? old[i + 1]!)]
      return gates.reduce(
        (results, gate) => results.map((value, i) => select(gate, value, old[i]!)),
        values,
      )
    })
  }

  /** One of the quantities that part `at` wants summed. */
  sum(job: Job, at: number, name: string): Body {
    return this.#made(`sum ${at} ${name} ${job.dtype}`, job, (leaves) => [
      this.#sums(leaves, at)[name]!,
    ])
  }

  /** The names of the quantities that part `at` wants summed. */
  sumNames(job: Job, at: number): readonly string[] {
    let names = this.#sumNames.get(at)
    if (!names) {
      program({ name: this.name, ...signature(job) }, (...leaves) => {
        const sums = this.#sums(named(job, leaves), at)
        names = Object.keys(sums)
        return Object.values(sums)
      })
      this.#sumNames.set(at, names!)
    }
    return names!
  }

  /** The next values of the scalars of part `at`. */
  settle(job: Job, at: number): Body {
    const { link, structure, scalars } = this.parts[at]!
    return this.#made(`settle ${at} ${job.dtype}`, job, (leaves) => {
      const next = link.settle!(leaves.tensors, leaves.numbers[at]!, structure)
      return scalars.map((name) => next[name]!)
    })
  }

  #sums(leaves: Leaves, at: number): Readonly<Record<string, Scalar>> {
    const { u } = this.#walk(leaves, at)
    const { link, structure } = this.parts[at]!
    return link.sums!(u, leaves.tensors, leaves.numbers[at]!, structure)
  }

  #walk(leaves: Leaves, end: number): { u: Scalar; next: Record<string, Scalar>; gates: Scalar[] } {
    let u = leaves.tensors['g']!
    const next: Record<string, Scalar> = {}
    const gates: Scalar[] = []
    this.parts.slice(0, end).forEach(({ link, structure }, i) => {
      const {
        u: result,
        when: gate,
        ...slots
      } = link.update(u, leaves.tensors, leaves.numbers[i]!, structure)
      u = result!
      if (gate) gates.push(gate)
      Object.assign(next, slots)
    })
    return { u, next, gates }
  }

  /** Builds a program, and once more without the inputs that it turned out not to read. */
  #made(key: string, job: Job, body: (leaves: Leaves) => readonly Scalar[]): Body {
    let made = this.#programs.get(key)
    if (!made) {
      const { inputs, scalars } = signature(job)
      const build = (uses: readonly number[]): Program =>
        program({ name: this.name, inputs: uses.map((i) => inputs[i]!), scalars }, (...leaves) => {
          // What is not read may stand for anything.
          const all = inputs.map((_, i) => leaves[Math.max(0, uses.indexOf(i))]!)
          return body(named(job, [...all, ...leaves.slice(uses.length)]))
        })
      const every = inputs.map((_, i) => i)
      const { code } = build(every)
      const reads = every.filter((i) => code.some(({ op, value }) => op === 'input' && value === i))
      // The parameter gives even a constant its shape and its device.
      const uses = reads.length > 0 ? reads : [0]
      made = { program: build(uses), uses }
      this.#programs.set(key, made)
    }
    return made
  }
}

interface Leaves {
  readonly tensors: Readonly<Record<string, Scalar>>
  /** For each part its numbers and sums. */
  readonly numbers: readonly Readonly<Record<string, Scalar>>[]
}

/** One parameter on its way through a step. */
interface Job {
  readonly plan: Plan
  readonly dtype: DType
  /** `p`, `g`, the slots and the scalars. */
  readonly tensors: Record<string, Tensor>
  readonly numbers: readonly Readonly<Record<string, number>>[]
  /** For each part the sums, as they become known. */
  readonly sums: readonly Record<string, Tensor>[]
}

const signature = ({
  dtype,
  tensors,
  sums,
  numbers,
}: Job): { inputs: DType[]; scalars: DType[] } => {
  const fill = (records: readonly object[]): DType[] =>
    records.flatMap((record) => Object.keys(record).map(() => dtype))
  return { inputs: fill([tensors, ...sums]), scalars: fill(numbers) }
}

const inputsOf = ({ tensors, sums }: Job): Tensor[] => [tensors, ...sums].flatMap(Object.values)
const scalarsOf = ({ numbers }: Job): number[] => numbers.flatMap(Object.values)

/** Gives a program's leaves their names back. */
function named({ tensors, sums, numbers }: Job, leaves: readonly Scalar[]): Leaves {
  let next = 0
  const take = (record: object): Record<string, Scalar> =>
    Object.fromEntries(Object.keys(record).map((key) => [key, leaves[next++]!]))
  const main = take(tensors)
  const summed = sums.map(take)
  return { tensors: main, numbers: numbers.map((own, i) => ({ ...summed[i], ...take(own) })) }
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
  readonly #plans = new Map<string, Plan>()

  constructor(
    params: ParametersInput<Options>,
    recipe: Recipe<Options>,
    options: Partial<Options> = {},
  ) {
    super(params, recipe, options)
    this.#links = recipe.links
  }

  #active(options: Options): readonly Link[] {
    return this.#links.filter((link) => link.active(options as never))
  }

  protected override slots(options: Options): Record<string, Initial> {
    return Object.assign(
      {},
      ...this.#active(options).flatMap((link) => [
        link.slots(options as never),
        Object.fromEntries(
          Object.entries(link.scalars(options as never)).map(([name, value]) => [
            name,
            { shape: [], value },
          ]),
        ),
      ]),
    )
  }

  protected override memory(options: Options): Record<string, number> {
    return Object.assign({}, ...this.#active(options).map((link) => link.memory(options as never)))
  }

  #planOf(options: Options): Plan {
    const parts = this.#active(options).map((link) => ({
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
    return plan
  }

  protected override update(work: readonly Work<Options>[]): void {
    const plans = new Map<object, Plan>()
    const jobs = work.map(({ parameter, gradient, state, group }): Job => {
      const plan = plans.get(group) ?? this.#planOf(group)
      plans.set(group, plan)
      const numbers = plan.parts.map(({ link }) =>
        link.numbers(group as never, state.step, state.memory),
      )
      const kept = plan.parts.flatMap(({ slots, scalars }) => [...slots, ...scalars])
      return {
        plan,
        dtype: parameter.dtype,
        tensors: {
          p: parameter,
          g: gradient,
          ...Object.fromEntries(kept.map((name) => [name, state.slots[name]!])),
        },
        numbers,
        sums: plan.parts.map(() => ({})),
      }
    })
    scope(() => {
      for (const link of this.#links) if (link.sums) sumUp(link, jobs)
      for (const job of jobs) {
        const { plan, tensors } = job
        const targets = ['p', ...plan.slots].map((name) => tensors[name]!)
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
    scalarsOf(job),
  )
}

/** Computes the sums of one link for all parameters, and what it keeps of them. */
function sumUp(link: Link, jobs: readonly Job[]): void {
  const taking = jobs
    .map((job) => ({ job, at: job.plan.parts.findIndex((part) => part.link === link) }))
    .filter(({ at }) => at >= 0)
  const own = taking.map(({ job, at }) => {
    const names = job.plan.sumNames(job, at)
    return Object.fromEntries(names.map((name) => [name, total(job.plan.sum(job, at, name), job)]))
  })
  if (link.over === 'all')
    for (const name of Object.keys(own[0] ?? {})) {
      const sum = own.map((sums) => sums[name]!).reduce((a, b) => a.add(b.cast(a.dtype)))
      taking.forEach(({ job }, i) => {
        own[i]![name] = sum.cast(job.dtype)
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

function total({ program: source, uses }: Body, job: Job): Tensor {
  const inputs = inputsOf(job)
  const { shape } = job.tensors['p']!
  const axes = shape.map((_, axis) => axis)
  return sumOf(
    source,
    uses.map((i) => inputs[i]!),
    shape,
    axes,
    scalarsOf(job),
  ).reshape([])
}
