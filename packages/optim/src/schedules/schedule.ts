/**
 * What a schedule is: a {@link Schedule} writes an option (mostly `lr`) into the groups of an
 * optimizer, once when it is made (step 0) and once for each call of `step()`.
 *
 * A subclass says one thing: the value at step `t`, from the value the group was given at first
 * (`base`) and the one it has now (`last`). Rules that only multiply use `last`, so that schedules can
 * be laid over one another and changes by hand are respected; rules with an absolute value use `base`.
 */
import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { refuseUnknown } from '../known.ts'
import { refuseRecording } from '../recorded.ts'
import type { ScheduleChecks } from './checks.ts'

/** Anything with groups of options: an optimizer. */
export interface Scheduled {
  readonly paramGroups: readonly object[]
}

export interface ScheduleOptions {
  /** The option to write, a number. Default `'lr'`. */
  option?: string
}

/** What a schedule needs to go on from where it was; plain numbers, fit for JSON. */
export type ScheduleState = Record<string, unknown>

/** The value that each option of a group had before any schedule touched it. */
const firsts = new WeakMap<object, Record<string, number>>()

function read(group: object, option: string, name: string): number {
  const value = (group as Record<string, unknown>)[option]
  if (typeof value !== 'number')
    throw new ArgumentError(
      `${name}: option is "${option}"; it must be one of the optimizer's that is a number`,
    )
  return value
}

/** The base of all schedules; see the file's first lines. */
export abstract class Schedule {
  /** How often `step()` was called. */
  lastEpoch = 0
  protected readonly optimizer: Scheduled
  readonly #option: string
  /** By group: others may come between them. */
  readonly #bases = new Map<object, number>()

  /**
   * @param checks What the options of the subclass may be; others are refused.
   * @throws ArgumentError when an option is not known or out of range, or the one to write is no number.
   */
  constructor(optimizer: Scheduled, options: ScheduleOptions = {}, checks: ScheduleChecks = {}) {
    refuseUnknown(this.constructor.name, options, [...Object.keys(checks), 'option'])
    for (const [option, { required, holds, says }] of Object.entries(checks)) {
      const value: unknown = options[option as keyof ScheduleOptions]
      if (required || value !== undefined) this.demand(holds(value), option, value, says)
    }
    this.optimizer = optimizer
    this.#option = options.option ?? 'lr'
    for (const group of optimizer.paramGroups) this.#baseOf(group)
  }

  /** A group that was added later starts from the value it came with. */
  #baseOf(group: object): number {
    const own = this.#bases.get(group)
    if (own !== undefined) return own
    const known = firsts.get(group) ?? {}
    firsts.set(group, known)
    known[this.#option] ??= this.read(group)
    this.#bases.set(group, known[this.#option]!)
    return known[this.#option]!
  }

  /** The values that the groups had at first. */
  get baseLrs(): readonly number[] {
    return this.optimizer.paramGroups.map((group) => this.#baseOf(group))
  }

  /** The values that the groups have now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map((group) => this.read(group))
  }

  /** Goes on by one step: after an epoch or after a batch, as the schedule is meant. */
  step(): void {
    this.lastEpoch++
    this.apply()
  }

  /** The value at step `t`, from 0. */
  protected abstract value(t: number, base: number, last: number, group: number): number

  /** Writes the values of the step at hand; subclasses end their constructor with it. */
  protected apply(): void {
    this.optimizer.paramGroups.forEach((group, i) => {
      const base = this.#baseOf(group)
      this.write(group, this.value(this.lastEpoch, base, this.read(group), i))
    })
  }

  /** @internal Starts again at step 0 and the first values, for schedules that follow one another. */
  restart(): void {
    this.lastEpoch = 0
    this.reset()
    this.apply()
  }

  /** @internal Starts after another schedule: again, or for rules without a value of their own from here. */
  follow(): void {
    this.restart()
  }

  /** @internal Gives the groups back their first values. */
  reset(): void {
    for (const group of this.optimizer.paramGroups) this.write(group, this.#baseOf(group))
  }

  protected read(group: object): number {
    return read(group, this.#option, this.constructor.name)
  }

  protected write(group: object, value: number): void {
    const { params = [] } = group as { params?: readonly Tensor[] }
    refuseRecording(
      this.constructor.name,
      params,
      'it writes options on the host (call it between the replays)',
    )
    Object.assign(group, { [this.#option]: value })
  }

  /** Everything that changes from step to step, the values of the groups included. */
  stateDict(): ScheduleState {
    return {
      last_epoch: this.lastEpoch,
      base_lrs: this.baseLrs,
      _last_lr: this.getLastLr(),
      ...this.memory(),
    }
  }

  /**
   * Takes over a state from {@link stateDict} and gives the groups their values.
   *
   * @throws ArgumentError when it is of an optimizer with another number of groups.
   */
  loadStateDict(state: ScheduleState): void {
    const { base_lrs: bases, _last_lr: last, last_epoch: epoch } = state
    const { paramGroups } = this.optimizer
    const count = paramGroups.length
    if (!Array.isArray(bases) || !Array.isArray(last) || bases.length !== count)
      throw new ArgumentError(
        `${this.constructor.name}: the state has base_lrs = ${JSON.stringify(bases)}; this optimizer has ${count} groups`,
      )
    this.lastEpoch = Number(epoch)
    this.remember(state)
    paramGroups.forEach((group, i) => {
      this.#bases.set(group, Number(bases[i]))
      this.write(group, Number(last[i]))
    })
  }

  /** What a subclass remembers beside the number of steps. */
  protected memory(): ScheduleState {
    return {}
  }

  /** Takes over what {@link memory} gave. */
  protected remember(_state: ScheduleState): void {}

  /** Refuses an option that is out of range. */
  protected demand(holds: boolean, option: string, value: unknown, says: string): void {
    if (!holds)
      throw new ArgumentError(
        `${this.constructor.name}: ${option} is ${typeof value === 'number' ? value : JSON.stringify(value)}; it must be ${says}`,
      )
  }
}

/** The value of each group, from one for all (also for groups that come later) or a list. */
export function perGroup<Value>(
  { paramGroups }: Scheduled,
  value: Value | readonly Value[],
  name: string,
): (group: number) => Value {
  // What is no list is one value; TypeScript does not see that a value is no list.
  if (!Array.isArray(value)) return () => value as Value
  const list: readonly Value[] = value
  const demand = (count: number): void => {
    if (list.length < count || list.length !== paramGroups.length)
      throw new ArgumentError(
        `${name} has ${list.length} values; it must be one, or one for each of the ${paramGroups.length} groups`,
      )
  }
  demand(paramGroups.length)
  return (group) => {
    demand(group + 1)
    return list[group]!
  }
}
