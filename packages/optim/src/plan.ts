/** The programs of a chain: its links composed symbolically, for what takes part of them. */
import { ArgumentError, computeType, type DType, type Tensor } from '@nablajs/tensor'
import { type Program, program, type Scalar, select } from '@nablajs/tensor/program'
import type { Link } from './transform.ts'

/** A link that takes part, with what it was told by the options. */
export interface Part {
  readonly link: Link
  readonly structure: object
  readonly slots: readonly string[]
  readonly scalars: readonly string[]
}

/** A program over some of the tensors at hand. */
export interface Body {
  readonly program: Program
  readonly uses: readonly number[]
}

/** The programs of one structure; made when they are first needed. */
export class Plan {
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
      this.#sums(leaves, at)[name]!.cast(computeType(job.dtype)),
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

/** One parameter on its way through a step. It is kept from step to step while its plan stays. */
export interface Job {
  readonly plan: Plan
  readonly dtype: DType
  /** `p`, `g`, the slots and the scalars. */
  readonly tensors: Record<string, Tensor>
  numbers: readonly Readonly<Record<string, number>>[]
  /** All numbers in a row: the scalars of the programs. */
  values: number[]
  /** For each part the sums, as they become known. */
  sums: readonly Record<string, Tensor>[]
}

const signature = ({
  dtype,
  tensors,
  sums,
  numbers,
}: Job): { inputs: DType[]; scalars: DType[] } => {
  const fill = (records: readonly object[], type: DType): DType[] =>
    records.flatMap((record) => Object.keys(record).map(() => type))
  const inputs = [...fill([tensors], dtype), ...fill(sums, computeType(dtype))]
  return { inputs, scalars: fill(numbers, dtype) }
}

/** The values of all records in a row. This and what calls it runs for each parameter and step. */
export function valuesOf<Value>(records: readonly Readonly<Record<string, Value>>[]): Value[] {
  const values: Value[] = []
  for (const record of records) for (const key in record) values.push(record[key]!)
  return values
}

export const inputsOf = ({ tensors, sums }: Job): Tensor[] => valuesOf([tensors, ...sums])

/** Gives a program's leaves their names back. */
function named({ dtype, tensors, sums, numbers }: Job, leaves: readonly Scalar[]): Leaves {
  let next = 0
  const take = (record: object): Record<string, Scalar> =>
    Object.fromEntries(Object.keys(record).map((key) => [key, leaves[next++]!.cast(dtype)]))
  const main = take(tensors)
  const summed = sums.map(take)
  return { tensors: main, numbers: numbers.map((own, i) => ({ ...summed[i], ...take(own) })) }
}
