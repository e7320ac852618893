/** The ranges that many options share. */
import type { Range } from './transform.ts'

const finite = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

/** A number >= 0. */
export function nonNegative<Options, Key extends keyof Options & string>(
  option: Key,
): Range<Options> {
  return {
    option,
    says: '>= 0',
    holds: ({ [option]: value }) => finite(value) && value >= 0,
  }
}

/** A number > 0. */
export function positive<Options, Key extends keyof Options & string>(option: Key): Range<Options> {
  return { option, says: '> 0', holds: ({ [option]: value }) => finite(value) && value > 0 }
}

/** A number in [0, 1): a decay rate. */
export function rate<Options, Key extends keyof Options & string>(option: Key): Range<Options> {
  return {
    option,
    says: 'in [0, 1)',
    holds: ({ [option]: value }) => finite(value) && value >= 0 && value < 1,
  }
}

const words = ['no', 'one', 'two', 'three']

/** Several decay rates. */
export function rates<Options extends { betas: readonly number[] }>(count = 2): Range<Options> {
  return {
    option: 'betas',
    says: `${words[count]} numbers in [0, 1)`,
    holds: ({ betas }) => betas.length === count && betas.every((beta) => beta >= 0 && beta < 1),
  }
}

/** One of a few words. */
export function oneOf<Options, Key extends keyof Options & string>(
  option: Key,
  choices: readonly Options[Key][],
): Range<Options> {
  return {
    option,
    says: `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`,
    holds: ({ [option]: value }) => choices.includes(value),
  }
}
