/**
 * Optimizers around a {@link Rule}: groups of parameters with options of their own, the state of
 * each parameter, one fused kernel for each parameter and step, and checkpoints in PyTorch's layout.
 */
import {
  ArgumentError,
  assign,
  type DType,
  dispose,
  type Holder,
  keep,
  noGrad,
  scope,
  type Tensor,
} from '@nablajs/tensor'
import { type Program, program, type Scalar, updateInPlace } from '@nablajs/tensor/program'
import type { CommonOptions, Rule } from './rule.ts'

/** A parameter, alone or with its name (as `module.namedParameters()` gives them). */
export type NamedOrBare = Tensor | readonly [name: string, parameter: Tensor]

/** Parameters with options that differ from the optimizer's. */
export type GroupInput<Options> = { readonly params: Iterable<NamedOrBare> } & Partial<Options>

/** What an optimizer takes: parameters, or groups of them. */
export type ParametersInput<Options> = Iterable<NamedOrBare> | Iterable<GroupInput<Options>>

/** A group as the optimizer holds it. Its options may be changed between steps: `group.lr = 1e-4`. */
export type ParameterGroup<Options> = Options & {
  readonly params: readonly Tensor[]
  /** Names, where they were given; otherwise `parameter 0`, `parameter 1`, ... */
  readonly names: readonly string[]
}

interface ParameterState {
  step: number
  readonly slots: Record<string, Tensor>
}

/** A checkpoint: PyTorch's layout and names, with tensors as values. */
export interface OptimizerState {
  /** For each parameter, by its number over all groups: the count of steps and the slots. */
  state: Record<string, { step: number } & Record<string, number | Tensor>>
  /** The options of each group (in snake_case) and the numbers of its parameters. */
  param_groups: Record<string, unknown>[]
}

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Any optimizer, whatever its options. */
export class Optimizer<Options extends CommonOptions = CommonOptions> implements Holder {
  /** The groups, in the order they were given. */
  readonly paramGroups: ParameterGroup<Options>[] = []
  readonly #rule: Rule<Options, string, string, unknown>
  readonly #defaults: Options
  readonly #states = new Map<Tensor, ParameterState>()

  protected constructor(
    rule: Rule<Options, string, string, unknown>,
    params: ParametersInput<Options>,
    options: Partial<Options>,
  ) {
    this.#rule = rule
    this.#defaults = this.#resolve(options, rule.defaults)
    const list = [...params] as (NamedOrBare | GroupInput<Options>)[]
    if (list.length === 0)
      throw new ArgumentError(`${rule.name}: no parameters came; pass model.parameters()`)
    const isGroup = (entry: (typeof list)[number]): entry is GroupInput<Options> =>
      'params' in entry
    if (list.every(isGroup)) for (const group of list) this.addParamGroup(group)
    else if (list.some(isGroup))
      throw new ArgumentError(`${rule.name}: parameters and groups are mixed; pass one kind`)
    else this.#add(list as NamedOrBare[], {})
  }

  /** Adds parameters, for example of layers that are unfrozen during training. */
  addParamGroup(group: GroupInput<Options>): void {
    const { params, ...options } = group
    // What is left of a group without its parameters are options; TypeScript cannot see that.
    this.#add(params, options as unknown as Partial<Options>)
  }

  #add(params: Iterable<NamedOrBare>, options: Partial<Options>): void {
    const { name } = this.#rule
    const known = new Set(this.paramGroups.flatMap((group) => group.params))
    let number = known.size
    const tensors: Tensor[] = []
    const names: string[] = []
    for (const entry of params) {
      const [label, parameter] = isNamed(entry) ? entry : [`parameter ${number}`, entry]
      if (!parameter.requiresGrad || !parameter.isLeaf)
        throw new ArgumentError(
          `${name}: ${label} is ${parameter}; parameters are leaves with requiresGrad`,
        )
      if (known.has(parameter))
        throw new ArgumentError(`${name}: ${label} ${parameter} is listed twice; list it once`)
      known.add(parameter)
      tensors.push(parameter)
      names.push(label)
      number++
    }
    if (tensors.length === 0) throw new ArgumentError(`${name}: a group has no parameters`)
    const resolved = this.#resolve(options, this.#defaults)
    this.paramGroups.push({ ...resolved, params: tensors, names })
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups)
      for (const parameter of params) {
        parameter.grad?.dispose()
        parameter.grad = undefined
      }
  }

  /**
   * Updates every parameter that has a gradient.
   *
   * With a function, does a whole training step: forgets the old gradients, computes the loss, walks
   * back, updates, frees everything that was made on the way, and returns the loss.
   *
   * @example
   * ```ts
   * const loss = optimizer.step(() => crossEntropy(model.forward(image), label))
   * ```
   */
  step(): void
  step(closure: () => Tensor): Tensor
  step(closure?: () => Tensor): Tensor | undefined {
    if (!closure) {
      noGrad(() => this.#update())
      return undefined
    }
    this.zeroGrad()
    return scope(() => {
      const loss = closure()
      loss.backward()
      noGrad(() => this.#update())
      return loss.detach()
    })
  }

  #update(): void {
    for (const group of this.paramGroups) {
      this.#check(group)
      const structure = this.#rule.structure(group)
      for (const parameter of group.params) {
        const { grad } = parameter
        if (!grad) continue
        const state = this.#stateOf(parameter, structure)
        state.step++
        const numbers = this.#rule.numbers(group, state.step)
        const names = this.#rule.slots(structure)
        const update = updateProgram(this.#rule, structure, parameter.dtype, names, numbers)
        const tensors = [parameter, ...names.map((slot) => state.slots[slot]!)]
        const [first, ...rest] = tensors
        updateInPlace(update, [first!, grad, ...rest], tensors, Object.values(numbers))
      }
    }
  }

  #stateOf(parameter: Tensor, structure: unknown): ParameterState {
    let state = this.#states.get(parameter)
    if (!state) {
      state = { step: 0, slots: {} }
      this.#states.set(parameter, state)
    }
    for (const slot of this.#rule.slots(structure))
      state.slots[slot] ??= keep(parameter.detach().zerosLike())
    return state
  }

  /**
   * Everything that the next step depends on beside the parameters, in PyTorch's layout. The tensors
   * are the optimizer's own: read or copy them before the next step.
   */
  stateDict(): OptimizerState {
    const state: OptimizerState['state'] = {}
    let number = 0
    const groups = this.paramGroups.map(({ params, names: _, ...options }) => {
      const numbers = params.map((parameter) => {
        const own = this.#states.get(parameter)
        if (own) state[number] = { step: own.step, ...own.slots }
        return number++
      })
      const entries = Object.entries(options).map(([key, value]) => [snake(key), value])
      return { ...Object.fromEntries(entries), params: numbers }
    })
    return { state, param_groups: groups }
  }

  /**
   * Takes over a state from {@link stateDict}; the tensors are copied.
   *
   * @throws ArgumentError when groups, parameters or shapes do not fit; nothing has changed then.
   */
  loadStateDict(saved: OptimizerState): void {
    const { name } = this.#rule
    const sizes = (groups: readonly { readonly params?: unknown }[]): string =>
      `[${groups.map(({ params }) => (Array.isArray(params) ? params.length : '?')).join(', ')}]`
    if (sizes(saved.param_groups) !== sizes(this.paramGroups))
      throw new ArgumentError(
        `${name}: the state is of groups with ${sizes(saved.param_groups)} parameters; ` +
          `this optimizer has ${sizes(this.paramGroups)}`,
      )
    const resolved = this.paramGroups.map((group, i) => {
      const stored = saved.param_groups[i]!
      const known = Object.keys(this.#rule.defaults).filter((key) => snake(key) in stored)
      const options = Object.fromEntries(known.map((key) => [key, stored[snake(key)]]))
      return this.#resolve(options as Partial<Options>, group as Options)
    })
    const parameters = this.paramGroups.flatMap((group) => group.params)
    const structures = resolved.flatMap((options, i) =>
      this.paramGroups[i]!.params.map(() => this.#rule.structure(options)),
    )
    const numbers = saved.param_groups.flatMap((group) => group['params'] as number[])
    parameters.forEach((parameter, i) => {
      const own = saved.state[numbers[i]!]
      for (const slot of own ? this.#rule.slots(structures[i]) : []) {
        const value = own![slot]
        if (typeof value !== 'object' || value.shape.join() !== parameter.shape.join())
          throw new ArgumentError(
            `${name}: the state of parameter ${i} has ${slot} = ${value}; it must be a tensor like ${parameter}`,
          )
      }
    })
    resolved.forEach((options, i) => {
      Object.assign(this.paramGroups[i]!, options)
    })
    parameters.forEach((parameter, i) => {
      const own = saved.state[numbers[i]!]
      if (!own) {
        this.#forget(parameter)
        return
      }
      const state = this.#stateOf(parameter, structures[i])
      state.step = own.step
      for (const [slot, target] of Object.entries(state.slots)) {
        const value = own[slot] as Tensor | undefined
        if (value) scope(() => assign(target, value.cast(target.dtype)))
      }
    })
  }

  /** Frees the state of all parameters; the parameters are the model's. */
  dispose(): void {
    for (const parameter of [...this.#states.keys()]) this.#forget(parameter)
  }

  /** @internal */
  held(): Iterable<unknown> {
    return [...this.#states.values()].map(({ slots }) => slots)
  }

  #forget(parameter: Tensor): void {
    dispose(this.#states.get(parameter)?.slots)
    this.#states.delete(parameter)
  }

  #resolve(options: Partial<Options>, defaults: Options): Options {
    const known = Object.keys(this.#rule.defaults)
    for (const key of Object.keys(options))
      if (!known.includes(key))
        throw new ArgumentError(
          `${this.#rule.name}: unknown option "${key}"; known are ${known.join(', ')}`,
        )
    const given = Object.entries(options).filter(([, value]) => value !== undefined)
    const pick = known.map((key) => [key, defaults[key as keyof Options]])
    const resolved = { ...Object.fromEntries(pick), ...Object.fromEntries(given) } as Options
    this.#check(resolved)
    return resolved
  }

  #check(options: Options): void {
    for (const { option, says, holds } of this.#rule.ranges)
      if (!holds(options))
        throw new ArgumentError(
          `${this.#rule.name}: ${String(option)} is ${show(options[option])}; it must be ${says}`,
        )
  }
}

/** A value as a message shows it; JSON has no word for NaN. */
const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(value)

function isNamed(entry: NamedOrBare): entry is readonly [string, Tensor] {
  return Array.isArray(entry)
}

const programs = new Map<string, Program>()

/** The kernel of one update: parameter, gradient and slots in; parameter and slots out. */
function updateProgram<Options extends CommonOptions>(
  rule: Rule<Options, string, string, unknown>,
  structure: unknown,
  dtype: DType,
  slots: readonly string[],
  numbers: Readonly<Record<string, number>>,
): Program {
  const key = `${rule.name} ${dtype} ${JSON.stringify(structure)}`
  let made = programs.get(key)
  if (!made) {
    const names = Object.keys(numbers)
    made = program(
      {
        name: rule.name,
        inputs: [dtype, dtype, ...slots.map(() => dtype)],
        scalars: names.map(() => dtype),
      },
      (...leaves) => {
        const tensors = ['p', 'g', ...slots]
        const x = Object.fromEntries(tensors.map((name, i) => [name, leaves[i]!]))
        const n = Object.fromEntries(names.map((name, i) => [name, leaves[tensors.length + i]!]))
        const next = rule.update(x as Record<string, Scalar>, n, structure)
        return ['p', ...slots].map((name) => next[name] ?? x[name]!)
      },
    )
    programs.set(key, made)
  }
  return made
}
