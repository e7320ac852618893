/** What the tables of adapters share. */
import { permute, type Tensor } from '@nablajs/tensor'
import type { Args } from '../args.ts'
import type { CaseInputs } from '../inputs.ts'

export interface Outcome {
  readonly outputs: readonly Tensor[]
  /** State that the op changed. */
  readonly after?: Readonly<Record<string, Tensor>>
}

export type Adapter = (inputs: CaseInputs, args: Args) => Outcome

export type AdapterTable = Readonly<Record<string, Adapter>>

export const gives = (...outputs: readonly Tensor[]): Outcome => ({ outputs })

export const indexed = ({ values, indices }: { values: Tensor; indices: Tensor }): Outcome =>
  gives(values, indices)

/** The channels from the second place to the last, `[N, C, ...]` to `[N, ..., C]`. */
export function channelsLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis)
  return x.rank < 3 ? x : permute(x, [0, ...axes.slice(2), 1])
}

/** The other way round. */
export function channelsSecond(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis)
  return x.rank < 3 ? x : permute(x, [0, axes.at(-1)!, ...axes.slice(1, -1)])
}

/** Adapters of functions that take an image with its channels last, and give one. */
export const onImages =
  (op: (x: Tensor, args: Args) => Tensor): Adapter =>
  (inputs, args) =>
    gives(channelsSecond(op(channelsLast(inputs.get('x')), args)))

/** Adapters of functions of `x` and the arguments. */
export const onX =
  (op: (x: Tensor, args: Args) => Tensor): Adapter =>
  (inputs, args) =>
    gives(op(inputs.get('x'), args))

/** One axis, several, or all. */
export const axesOf = (args: Args): number | number[] | undefined =>
  args.has('dim') ? args.sizes('dim') : undefined

export const axisOf = (args: Args): number => args.number('dim')

export const keepdimOf = (args: Args): { keepdim: boolean } => ({
  keepdim: args.boolean('keepdim', false),
})
