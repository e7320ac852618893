/**
 * What an optimizer is: a {@link Rule}. Its update is a scalar program, so it reads like the paper
 * and runs as one kernel for each parameter on every device. Lists of parameters, groups, state,
 * checkpoints and errors are the business of `optimizer.ts`.
 */
import type { Scalar } from '@nablajs/tensor/program'

/** Options that every optimizer takes. */
export interface CommonOptions {
  /** Learning rate. */
  lr: number
  /** L2 penalty or decoupled decay, as the optimizer says. */
  weightDecay: number
  /** Climb instead of descend. Default false. */
  maximize: boolean
}

/** The allowed range of an option, for the error message and the check. */
export interface Range<Options> {
  readonly option: keyof Options
  readonly says: string
  readonly holds: (options: Options) => boolean
}

/**
 * @typeParam Slot Names of the tensors kept for each parameter, as in PyTorch's state dict.
 * @typeParam Name Names of the numbers that change from step to step without a new kernel.
 * @typeParam Structure What of the options decides which kernel it is: flags, not magnitudes.
 */
export interface Rule<
  Options extends CommonOptions,
  Slot extends string,
  Name extends string,
  Structure,
> {
  readonly name: string
  readonly defaults: Options
  readonly ranges: readonly Range<Options>[]
  /** Which parts of the computation take place. */
  structure(options: Options): Structure
  /** The tensors to keep; they start as zeros. */
  slots(structure: Structure): readonly Slot[]
  /** The numbers of update `t`, counted from 1 for each parameter. */
  numbers(options: Options, t: number): Readonly<Record<Name, number>>
  /** From parameter, gradient and slots to their new values. */
  update(
    x: Readonly<Record<'p' | 'g' | Slot, Scalar>>,
    n: Readonly<Record<Name, Scalar>>,
    structure: Structure,
  ): { readonly p: Scalar } & Readonly<Partial<Record<Slot, Scalar>>>
}

const nonNegative = (value: number): boolean => value >= 0 && Number.isFinite(value)

/** The ranges of {@link CommonOptions}. */
export function commonRanges<Options extends CommonOptions>(): Range<Options>[] {
  return [
    { option: 'lr', says: '>= 0', holds: ({ lr }) => nonNegative(lr) },
    { option: 'weightDecay', says: '>= 0', holds: ({ weightDecay }) => nonNegative(weightDecay) },
  ]
}

/** The range of a pair of decay rates. */
export function betaRange<Options extends { betas: readonly [number, number] }>(): Range<Options> {
  return {
    option: 'betas',
    says: 'two numbers in [0, 1)',
    holds: ({ betas }) => betas.length === 2 && betas.every((beta) => beta >= 0 && beta < 1),
  }
}

/** The range of the number that keeps a denominator from 0. */
export function epsRange<Options extends { eps: number }>(): Range<Options> {
  return { option: 'eps', says: '>= 0', holds: ({ eps }) => nonNegative(eps) }
}
