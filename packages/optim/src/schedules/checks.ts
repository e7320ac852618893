/** What options of schedules may be. */

/** Whether a value is right, and in words which ones are. */
export interface ScheduleCheck {
  readonly says: string
  holds(value: unknown): boolean
  /** Whether there is no default. */
  readonly required?: boolean
}

/** The checks of all options that a schedule knows beside `option`. */
export type ScheduleChecks = Readonly<Record<string, ScheduleCheck>>

const number = (says: string, holds: (value: number) => boolean): ScheduleCheck => ({
  says,
  holds: (value) => typeof value === 'number' && holds(value),
})

export const finite: ScheduleCheck = number('a finite number', Number.isFinite)
export const nonNegative: ScheduleCheck = number('>= 0', (x) => x >= 0)
export const positive: ScheduleCheck = number('> 0', (x) => x > 0 && Number.isFinite(x))
export const wholePositive: ScheduleCheck = number(
  'a whole number > 0',
  (x) => Number.isInteger(x) && x > 0,
)
export const wholeNonNegative: ScheduleCheck = number(
  'a whole number >= 0',
  (x) => Number.isInteger(x) && x >= 0,
)
export const share: ScheduleCheck = number('in [0, 1]', (x) => x >= 0 && x <= 1)
export const positiveShare: ScheduleCheck = number('in (0, 1]', (x) => x > 0 && x <= 1)
export const rate: ScheduleCheck = number('in [0, 1)', (x) => x >= 0 && x < 1)

export const flag: ScheduleCheck = {
  says: 'true or false',
  holds: (value) => typeof value === 'boolean',
}

export const func: ScheduleCheck = {
  says: 'a function',
  holds: (value) => typeof value === 'function',
}

export const oneOf = (...words: readonly string[]): ScheduleCheck => ({
  says: `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`,
  holds: (value) => words.includes(value as string),
})

/** For all groups alike, or a list with one for each. */
export const each = ({ says, holds }: ScheduleCheck): ScheduleCheck => ({
  says: `${says}, or a list of such`,
  holds: (value) => (Array.isArray(value) ? value.every(holds) : holds(value)),
})

/** A list, each of whose values is such. */
export const eachOf = ({ says, holds }: ScheduleCheck): ScheduleCheck => ({
  says: `a list, each ${says}`,
  holds: (value) => Array.isArray(value) && value.every(holds),
})

export const list: ScheduleCheck = { says: 'a list', holds: Array.isArray }

export const required = (check: ScheduleCheck): ScheduleCheck => ({ ...check, required: true })
