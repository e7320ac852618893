/**
 * States that PyTorch wrote after three steps: every optimizer takes them over and goes on as PyTorch
 * did for three more, and writes states with the same names.
 *
 * The gradients of step t, counted from 1, are sin(3t + 5i + 7j) + i/10 for the matrix and
 * cos(2t + 3j) for the vector; LBFGS minimised ½Σ(1 + k)p² over the numbers of each.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { arange, reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import * as optim from '../src/index.ts'

interface Stored {
  readonly shape: number[]
  readonly values: number[]
}
interface Case {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly state: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly param_groups: Readonly<Record<string, unknown>>[]
  readonly before: readonly Stored[]
  readonly after: readonly Stored[]
}

const file = join(import.meta.dirname, 'torch-states.json')
const { made_by, cases } = JSON.parse(readFileSync(file, 'utf8')) as {
  made_by: string
  cases: readonly Case[]
}

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

const isStored = (value: unknown): value is Stored =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'values')

function decoded(value: unknown): unknown {
  if (isStored(value)) return tensor(value.values, { shape: value.shape })
  return Array.isArray(value) ? value.map(decoded) : value
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())

const gradients = (t: number): Tensor[] => [
  tensor([0, 1].map((i) => [0, 1, 2].map((j) => Math.sin(3 * t + 5 * i + 7 * j) + 0.1 * i))),
  tensor([0, 1, 2].map((j) => Math.cos(2 * t + 3 * j))),
]

function make({ name, options }: Case, stored: readonly Stored[], groups: number) {
  const params = stored.map(({ values, shape }) => tensor(values, { shape, requiresGrad: true }))
  const Class = (optim as unknown as Record<string, new (p: unknown, o: object) => optim.SGD>)[
    name
  ]!
  const own = Object.fromEntries(Object.entries(options).map(([key, v]) => [camel(key), v]))
  const given = groups > 1 ? params.map((p) => ({ params: [p] })) : params
  return { params, optimizer: new Class(given, own) }
}

function run(name: string, optimizer: optim.SGD, params: readonly Tensor[], t: number): void {
  const bowl = (p: Tensor): Tensor =>
    p.square().mul(arange(p.size).cast('f64').add(1).reshape(p.shape)).sum()
  const slopes = gradients(t)
  optimizer.step(() =>
    name === 'LBFGS'
      ? params
          .map(bowl)
          .reduce((a, b) => a.add(b))
          .mul(0.5)
      : params.map((p, i) => p.mul(slopes[i]!).sum()).reduce((a, b) => a.add(b)),
  )
}

/**
 * What PyTorch has for its own implementations, and flags of ours that are in classes: AdamW is
 * decoupled by its name, and not all methods can climb.
 */
const notOurs = ['foreach', 'fused', 'capturable', 'differentiable', 'params']
const notAlways = ['maximize', 'decoupled_weight_decay']

/** Scratch memory of PyTorch's, written anew in each step. */
const scratch = ['al']

describe.each(cases.map((one) => [`${one.name} ${JSON.stringify(one.options)}`, one] as const))(
  `${made_by}: %s`,
  (_, one) => {
    const load = () => {
      const made = make(one, one.before, one.param_groups.length)
      made.optimizer.loadStateDict({
        state: Object.fromEntries(
          Object.entries(one.state).map(([key, state]) => [
            key,
            Object.fromEntries(Object.entries(state).map(([name, v]) => [name, decoded(v)])),
          ]),
        ) as optim.OptimizerState['state'],
        param_groups: one.param_groups,
      })
      return made
    }

    // PyTorch makes Muon's steps orthogonal in bfloat16, which float64 does not repeat.
    const digits = one.name === 'Muon' ? 2 : 11

    test('goes on as PyTorch did', () => {
      const { params, optimizer } = load()
      for (const t of [4, 5, 6]) run(one.name, optimizer, params, t)
      params.forEach((p, i) => {
        p.dataSync().forEach((value, k) => {
          expect(value).toBeCloseTo(one.after[i]!.values[k]!, digits)
        })
      })
    })

    test('has the options of its groups', () => {
      const { optimizer } = load()
      const own = optimizer.stateDict().param_groups
      expect(own.map(({ params }) => params)).toEqual(one.param_groups.map(({ params }) => params))
      one.param_groups.forEach((group, i) => {
        for (const [key, value] of Object.entries(group))
          if (!notOurs.includes(key) && (!notAlways.includes(key) || key in own[i]!))
            expect(own[i]![key], key).toEqual(value)
      })
    })

    test('writes a state with the same names and numbers', () => {
      const { optimizer } = load()
      const own = optimizer.stateDict().state
      const numbers = (value: unknown): number[] =>
        (Array.isArray(value) ? value : [value]).flatMap((part) => {
          if (typeof part === 'number') return [part]
          return isStored(part) ? part.values : [...(part as Tensor).dataSync()]
        })
      for (const [index, state] of Object.entries(one.state)) {
        const extra = Object.keys(own[index]!).filter((key) => !(key in state))
        // Some of PyTorch's count no steps.
        expect(extra.filter((key) => key !== 'step')).toEqual([])
        for (const [key, value] of Object.entries(state))
          if (!scratch.includes(key)) {
            expect(own[index], key).toHaveProperty([key])
            expect(numbers(own[index]![key]), key).toEqual(numbers(value))
          }
      }
    })
  },
)
