/**
 * What all optimizers share: groups of parameters with options of their own, the state of each
 * parameter, option checks, hooks, and checkpoints in PyTorch's layout. What happens to a parameter
 * is the business of {@link Chain}, or of a class that overrides `update` (or `advance`).
 */
import {
  ArgumentError,
  assign,
  dispose,
  enableGrad,
  type Holder,
  keep,
  noGrad,
  scope,
  showShape,
  Tensor,
} from '@nablajs/tensor'
import { checkOptions, resolveOptions } from './options.ts'
import { demandReadable } from './readable.ts'
import { type OnReplay, onReplayOf } from './recorded.ts'
import { makeSlot, type OptimizerState, plain, slotShape, snake } from './state.ts'
import type { About, Declaration, Initial } from './transform.ts'

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

/** What an optimizer remembers of a parameter. */
export interface ParameterState {
  /** How many updates there have been, the one at hand included. */
  step: number
  /** Numbers, by the names they have in a checkpoint. */
  readonly memory: Record<string, number>
  /** Tensors, by the names they have in a checkpoint. */
  readonly slots: Record<string, Tensor>
}

/** A parameter that is to be updated. */
export interface Work<Options> {
  readonly parameter: Tensor
  readonly gradient: Tensor
  readonly state: ParameterState
  readonly group: ParameterGroup<Options>
}

/** Called before updates; one that returns false has the update left out. */
export type StepPreHook = () => unknown

/** Called after steps. */
export type StepHook = () => void

/**
 * Any optimizer, whatever its options. A method that is a chain of transforms is a {@link Chain}; any
 * other overrides {@link Optimizer.update}, and `slots` for the tensors it keeps. One that needs the
 * loss more than once in a step (line searches, SAM) overrides `advance`.
 */
export abstract class Optimizer<Options extends object = object> implements Holder {
  /** The groups, in the order they were given. */
  readonly paramGroups: ParameterGroup<Options>[] = []
  readonly #declaration: Declaration<Options>
  readonly #defaults: Options
  readonly #about = new Map<Tensor, About>()
  readonly #states = new Map<Tensor, ParameterState>()
  readonly #preHooks = new Set<StepPreHook>()
  readonly #postHooks = new Set<StepHook>()

  protected constructor(
    params: ParametersInput<Options>,
    declaration: Declaration<Options>,
    options: Partial<Options>,
  ) {
    const { name } = declaration
    this.#declaration = declaration
    this.#defaults = resolveOptions(declaration, options, declaration.defaults)
    const list = [...params] as (NamedOrBare | GroupInput<Options>)[]
    if (list.length === 0)
      throw new ArgumentError(`${name}: no parameters came; pass model.parameters()`)
    const isGroup = (entry: (typeof list)[number]): entry is GroupInput<Options> =>
      'params' in entry
    if (list.every(isGroup)) for (const group of list) this.addParamGroup(group)
    else if (list.some(isGroup))
      throw new ArgumentError(`${name}: parameters and groups are mixed; pass one kind`)
    else this.#add(list as NamedOrBare[], {})
  }

  /** For messages. */
  protected get name(): string {
    return this.#declaration.name
  }

  /** The tensors to keep for each parameter, and what they start as. Default: none. */
  protected slots(_options: Options, _parameter: Tensor): Readonly<Record<string, Initial>> {
    return {}
  }

  /** The numbers to keep for each parameter beside the count of steps. Default: none. */
  protected memory(_options: Options, _parameter: Tensor): Record<string, number> {
    return {}
  }

  /** The name, number and shape of a parameter. */
  protected about(parameter: Tensor): About {
    return this.#about.get(parameter)!
  }

  /** Updates the parameters that have gradients; gradients are not recorded meanwhile. */
  protected abstract update(work: readonly Work<Options>[]): void

  /**
   * Records the update, on a device that captures steps: launches what {@link Optimizer.update} would,
   * with scalars that are right at each replay, and counts nothing before one.
   *
   * @throws ArgumentError unless it is overridden: other numbers would stay what they are now.
   */
  protected record(_work: readonly Work<Options>[], _onReplay: OnReplay): void {
    throw new ArgumentError(
      `${this.name}: its steps are not the same each time, so it cannot be captured; others can, such as AdamW`,
    )
  }

  /** Throws for options that are out of range; users may change them between steps. */
  #checkGroups(): void {
    for (const group of this.paramGroups) checkOptions(this.#declaration, group)
  }

  /** What a recorded step checks at each replay: that options are in range, and its parameters and state still there. */
  protected replayCheck(work: readonly Work<Options>[]): () => void {
    const count = (): number => this.paramGroups.reduce((n, { params }) => n + params.length, 0)
    const recorded = count()
    return () => {
      this.#checkGroups()
      if (
        count() !== recorded ||
        work.some(({ parameter, state }) => this.#states.get(parameter) !== state)
      )
        throw new ArgumentError(
          `${this.name}: parameters were added, or their state is another one, since a step was captured; capture it again`,
        )
    }
  }

  /** Adds parameters, for example of layers that are unfrozen during training. */
  addParamGroup(group: GroupInput<Options>): void {
    const { params, ...options } = group
    // What is left of a group without its parameters are options; TypeScript cannot see that.
    this.#add(params, options as unknown as Partial<Options>)
  }

  #add(params: Iterable<NamedOrBare>, options: Partial<Options>): void {
    const { name } = this
    const known = new Set(this.#about.keys())
    let number = known.size
    const tensors: Tensor[] = []
    const names: string[] = []
    for (const entry of params) {
      const [label, parameter] = isNamed(entry) ? entry : [`parameter ${number}`, entry]
      if (!parameter.requiresGrad || !parameter.isLeaf)
        throw new ArgumentError(
          `${name}: ${label} is ${parameter}; parameters are leaves with requiresGrad`,
        )
      const wanted = this.#declaration.requires?.(parameter.shape)
      if (wanted) throw new ArgumentError(`${name}: ${label} is ${parameter}; it must be ${wanted}`)
      if (this.#declaration.reads) demandReadable(name, [parameter])
      if (known.has(parameter))
        throw new ArgumentError(`${name}: ${label} ${parameter} is listed twice; list it once`)
      known.add(parameter)
      tensors.push(parameter)
      names.push(label)
      number++
    }
    if (tensors.length === 0) throw new ArgumentError(`${name}: a group has no parameters`)
    const resolved = resolveOptions(this.#declaration, options, this.#defaults)
    tensors.forEach((parameter, i) => {
      const { shape } = parameter
      this.#about.set(parameter, { name: names[i]!, number: this.#about.size, shape })
    })
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
   * Has a function called at each step when the gradients are there, before they are used: the place
   * to clip or to look at them. Where it returns false, parameters, state and the count of steps stay
   * as they are. Returns the function that takes the hook away again.
   *
   * @example
   * ```ts
   * const remove = optimizer.registerStepPreHook(() => clipGradNorm(model.parameters(), 1).dispose())
   * optimizer.registerStepPreHook(() => gradientsAreFinite(model.parameters()))
   * ```
   */
  registerStepPreHook(hook: StepPreHook): () => void {
    this.#preHooks.add(hook)
    return () => this.#preHooks.delete(hook)
  }

  /**
   * Has a function called at the end of each step, also where a hook before it had the update left out.
   * Returns the function that takes the hook away again.
   */
  registerStepPostHook(hook: StepHook): () => void {
    this.#postHooks.add(hook)
    return () => this.#postHooks.delete(hook)
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
    const loss = this.advance(closure)
    for (const hook of this.#postHooks) hook()
    return loss
  }

  /** What `step` does. */
  protected advance(closure: (() => Tensor) | undefined): Tensor | undefined {
    if (!closure) {
      this.useGradients()
      return undefined
    }
    return scope(() => {
      const loss = this.evaluate(closure)
      this.useGradients()
      return loss
    })
  }

  /** Forgets the old gradients, computes the loss and walks back. */
  protected evaluate(closure: () => Tensor): Tensor {
    this.zeroGrad()
    return scope(() =>
      enableGrad(() => {
        const loss = closure()
        loss.backward()
        return loss.detach()
      }),
    )
  }

  /** Calls the hooks and updates with the gradients that are there. */
  protected useGradients(): void {
    if (!this.callPreHooks()) return
    noGrad(() => {
      this.#checkGroups()
      const work = this.paramGroups.flatMap((group) =>
        group.params.flatMap((parameter): Work<Options>[] => {
          const { grad: gradient } = parameter
          if (!gradient) return []
          return [{ parameter, gradient, state: this.stateOf(parameter, group), group }]
        }),
      )
      const onReplay = onReplayOf(work.map(({ parameter }) => parameter))
      if (onReplay) this.record(work, onReplay)
      else {
        for (const { state } of work) state.step++
        this.update(work)
      }
    })
  }

  /** Calls the hooks that come before an update; false when one of them does not want it. */
  protected callPreHooks(): boolean {
    return noGrad(() =>
      [...this.#preHooks].map((hook) => hook()).every((result) => result !== false),
    )
  }

  /** What is remembered of a parameter, made when it is first asked for. */
  protected stateOf(parameter: Tensor, options: Options): ParameterState {
    let state = this.#states.get(parameter)
    if (!state) {
      state = { step: 0, memory: this.memory(options, parameter), slots: {} }
      this.#states.set(parameter, state)
    }
    for (const [slot, initial] of Object.entries(this.slots(options, parameter)))
      state.slots[slot] ??= keep(scope(() => makeSlot(initial, parameter)))
    return state
  }

  /** What is remembered of a parameter so far. */
  protected knownState(parameter: Tensor): ParameterState | undefined {
    return this.#states.get(parameter)
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
        if (own) state[number] = { step: own.step, ...own.memory, ...own.slots }
        return number++
      })
      // Functions are code, not state.
      const entries = Object.entries(options)
        .filter(([, value]) => typeof value !== 'function')
        .map(([key, value]) => [snake(key), value])
      return { ...Object.fromEntries(entries), params: numbers }
    })
    return { state, param_groups: groups }
  }

  /**
   * Takes over a state from {@link stateDict}, or one of PyTorch's, whose counts are tensors and whose
   * SGD counts no steps; the tensors are copied.
   *
   * @throws ArgumentError when groups, parameters or shapes do not fit; nothing has changed then.
   */
  loadStateDict(saved: OptimizerState): void {
    const { name } = this
    const sizes = (groups: readonly { readonly params?: unknown }[]): string =>
      `[${groups.map(({ params }) => (Array.isArray(params) ? params.length : '?')).join(', ')}]`
    if (sizes(saved.param_groups) !== sizes(this.paramGroups))
      throw new ArgumentError(
        `${name}: the state is of groups with ${sizes(saved.param_groups)} parameters; ` +
          `this optimizer has ${sizes(this.paramGroups)}`,
      )
    const resolved = this.paramGroups.map((group, i) => {
      const stored = saved.param_groups[i]!
      const known = Object.keys(this.#declaration.defaults).filter((key) => snake(key) in stored)
      const options = Object.fromEntries(known.map((key) => [key, stored[snake(key)]]))
      return resolveOptions(this.#declaration, options as Partial<Options>, group as Options)
    })
    const parameters = this.paramGroups.flatMap((group) => group.params)
    const optionsOf = resolved.flatMap((options, i) =>
      this.paramGroups[i]!.params.map(() => options),
    )
    const numbers = saved.param_groups.flatMap((group) => group['params'] as number[])
    parameters.forEach((parameter, i) => {
      const own = saved.state[numbers[i]!]
      if (!own) return
      // What cannot be read is refused before anything has changed.
      plain(own.step)
      for (const [slot, initial] of Object.entries(this.slots(optionsOf[i]!, parameter))) {
        const value = own[slot]
        const shape = slotShape(initial, parameter)
        if (!(value instanceof Tensor) || value.shape.join() !== shape.join())
          throw new ArgumentError(
            `${name}: the state of parameter ${i} has ${slot} = ${value}; it must be a tensor ${
              shape === parameter.shape ? `like ${parameter}` : `of shape ${showShape(shape)}`
            }`,
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
      const state = this.stateOf(parameter, optionsOf[i]!)
      state.step = plain(own.step) ?? 1
      for (const key of Object.keys(state.memory))
        state.memory[key] = plain(own[key]) ?? state.memory[key]!
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
}

function isNamed(entry: NamedOrBare): entry is readonly [string, Tensor] {
  return Array.isArray(entry)
}
