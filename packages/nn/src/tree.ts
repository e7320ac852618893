/** The state of modules: found among their fields, named as PyTorch names it, saved and loaded. */
import {
  ArgumentError,
  assign,
  type Backend,
  type FloatDType,
  type Holder,
  isFloat,
  isHalf,
  scope,
  showShape,
  Tensor,
} from '@nablajs/tensor'
import { assume, roleOf } from './state.ts'

/** Tensors under their names in a module: `'0.weight'`, `'1.running_mean'`. */
export type StateDict = Record<string, Tensor>

export interface LoadStateDictOptions {
  /** Whether every entry must be there and no other. Shapes must fit in any case. Default true. */
  strict?: boolean
}

/** What a state dict lacked, and what it had too much. */
export interface LoadResult {
  readonly missing: readonly string[]
  readonly unexpected: readonly string[]
}

type Entry<Value> = readonly [name: string, value: Value]

/** A field as PyTorch would spell it: `runningMean` is `running_mean`, but `Mixed_5b` stays. */
function torchName(field: string): string {
  if (!/^[a-z]/.test(field)) return field
  return field.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** An array or a plain object, in which modules and tensors are looked for too. */
function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

/** The tensors and modules among `entries`, also inside of containers. */
function* membersOf(
  entries: Iterable<Entry<unknown>>,
  prefix = '',
): Generator<Entry<Tensor | AnyModule>> {
  for (const [name, value] of entries)
    if (value instanceof Tensor || value instanceof AnyModule) yield [prefix + name, value]
    else if (isContainer(value)) yield* membersOf(Object.entries(value), `${prefix}${name}.`)
}

/** Puts other tensors in the place of some, in the fields of `holder` and in its containers. */
function exchange(holder: object, others: ReadonlyMap<Tensor, Tensor>): void {
  for (const [key, value] of Object.entries(holder)) {
    const other = value instanceof Tensor ? others.get(value) : undefined
    if (other) Reflect.set(holder, key, other)
    else if (isContainer(value)) exchange(value, others)
  }
}

/** Each value once, under its first name. */
function distinct<Value>(entries: Iterable<Entry<Value>>): Entry<Value>[] {
  const seen = new Set<Value>()
  return [...entries].filter(([, value]) => !seen.has(value) && seen.add(value))
}

/**
 * Any module, whatever it takes and gives: its state, its children and its mode. Modules extend
 * `Module`, which adds `forward`.
 */
export abstract class AnyModule implements Holder, Disposable {
  /** Whether the module is being trained: dropout drops, batch norm uses the batch. See {@link train}. */
  training = true

  /** Where state is looked for: the fields under their names. A container may list other things. */
  protected entries(): Iterable<Entry<unknown>> {
    return Object.entries(this).map(([field, value]) => [torchName(field), value] as const)
  }

  /**
   * How a tensor of this very module lies in PyTorch, where that differs from here: `axes` such that
   * `ours.permute(axes)` is PyTorch's. See `torchStateDict`.
   */
  torchAxes(_name: string): readonly number[] | undefined {
    return undefined
  }

  /** The direct children under their names. */
  namedChildren(): Entry<AnyModule>[] {
    const modules = [...membersOf(this.entries())].filter((entry) => entry[1] instanceof AnyModule)
    return distinct(modules as Entry<AnyModule>[])
  }

  /** The direct children. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, child]) => child)
  }

  /** This module, named `''`, and all inside of it, each once, parents first. */
  namedModules(): Entry<AnyModule>[] {
    return distinct(this.#tree('', new Set()))
  }

  /** This module and all inside of it, each once, parents first. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module)
  }

  /** All modules under all their names. */
  *#tree(name: string, above: Set<AnyModule>): Generator<Entry<AnyModule>> {
    if (above.has(this))
      throw new ArgumentError(
        `${this.constructor.name}: the module "${name}" contains itself; hold a parent in a private #field`,
      )
    yield [name, this]
    above.add(this)
    for (const [key, member] of membersOf(this.entries()))
      if (member instanceof AnyModule) yield* member.#tree(name ? `${name}.${key}` : key, above)
    above.delete(this)
  }

  /** The parameters, then the buffers of this very module. */
  #own(): Entry<Tensor>[] {
    const tensors = [...membersOf(this.entries())].filter((entry) => entry[1] instanceof Tensor)
    return ['parameter', 'buffer'].flatMap((kind) =>
      (tensors as Entry<Tensor>[]).filter(([, t]) => roleOf(t)?.kind === kind),
    )
  }

  /** The parameters and buffers of the whole tree under all their names, in PyTorch's order. */
  *#state(): Generator<Entry<Tensor>> {
    for (const [path, module] of this.#tree('', new Set()))
      for (const [name, t] of module.#own()) yield [path ? `${path}.${name}` : name, t]
  }

  /** @internal The {@link torchAxes} of the whole tree, by the names of the state dict. */
  allTorchAxes(): Map<string, readonly number[]> {
    const found = new Map<string, readonly number[]>()
    for (const [path, module] of this.#tree('', new Set()))
      for (const [name] of module.#own()) {
        const axes = module.torchAxes(name)
        if (axes) found.set(path ? `${path}.${name}` : name, axes)
      }
    return found
  }

  #members(kind: 'parameter' | 'buffer'): Entry<Tensor>[] {
    return distinct(this.#state()).filter(([, t]) => roleOf(t)?.kind === kind)
  }

  /** All parameters under their names, each once. */
  namedParameters(): Entry<Tensor>[] {
    return this.#members('parameter')
  }

  /** All parameters, each once: what an optimizer takes. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t)
  }

  /** All buffers under their names, each once. */
  namedBuffers(): Entry<Tensor>[] {
    return this.#members('buffer')
  }

  /** How many numbers the parameters hold; with `trainable`, those with `requiresGrad` alone. */
  numParameters(options: { trainable?: boolean } = {}): number {
    const counted = this.parameters().filter((t) => t.requiresGrad || !options.trainable)
    return counted.reduce((n, t) => n + t.size, 0)
  }

  /** Switches this module and all inside to training, or with `false` to evaluation. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode
    return this
  }

  /** Switches to evaluation: dropout passes on, batch norm uses its running statistics. */
  eval(): this {
    return this.train(false)
  }

  /**
   * Freezes (`false`) or unfreezes all parameters.
   *
   * @example
   * ```ts
   * net.features.requiresGrad(false)   // train the head alone
   * ```
   */
  requiresGrad(on = true): this {
    for (const t of this.parameters()) t.requiresGrad = on
    return this
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const t of this.parameters()) {
      t.grad?.dispose()
      t.grad = undefined
    }
  }

  /** Calls `visit` on every module inside, children first, then on this one. */
  apply(visit: (module: AnyModule) => void): this {
    for (const child of this.children()) child.apply(visit)
    visit(this)
    return this
  }

  /**
   * The parameters and persistent buffers under their names. The tensors share memory with the
   * module: they change when it is trained; `copy()` them to keep the values.
   *
   * Values lie as here (images NHWC, convolution weights `[R, S, C / groups, K]`); `torchStateDict`
   * gives PyTorch's layout.
   *
   * @example
   * ```ts
   * await writeFile('net.safetensors', await saveTensors(net.stateDict()))
   * ```
   */
  stateDict(): StateDict {
    return Object.fromEntries(this.#persistent().map(([name, t]) => [name, t.detach()]))
  }

  #persistent(): Entry<Tensor>[] {
    return [...this.#state()].filter(([, t]) => roleOf(t)!.persistent)
  }

  /**
   * Copies values into the parameters and buffers, converting dtypes. Either all of it is loaded or,
   * when something does not fit, nothing.
   *
   * @throws ArgumentError that lists everything missing, unexpected, and of another shape or device.
   */
  loadStateDict(dict: Readonly<StateDict>, options: LoadStateDictOptions = {}): LoadResult {
    const own = this.#persistent()
    const names = new Set(own.map(([name]) => name))
    const absent = own.filter(([name]) => !Object.hasOwn(dict, name))
    const missing = absent.filter(([, t]) => !roleOf(t)!.optional).map(([name]) => name)
    const unexpected = Object.keys(dict).filter((name) => !names.has(name))
    const problems: string[] = []
    if (options.strict ?? true) {
      if (missing.length > 0) problems.push(`missing: ${missing.join(', ')}`)
      if (unexpected.length > 0) problems.push(`unexpected: ${unexpected.join(', ')}`)
    }
    for (const [name, t] of own) {
      const given = Object.hasOwn(dict, name) ? dict[name]! : t
      if (given.shape.join() !== t.shape.join())
        problems.push(
          `${name}: ${showShape(given.shape)} came, the module has ${showShape(t.shape)}`,
        )
      else if (given.device !== t.device)
        problems.push(`${name}: on ${given.device.name}, the module on ${t.device.name}; move one`)
    }
    if (problems.length > 0)
      throw new ArgumentError(
        `loadStateDict: the entries do not fit ${this.constructor.name}:\n  ${problems.join('\n  ')}`,
      )
    scope(() => {
      for (const [name, t] of own)
        if (Object.hasOwn(dict, name)) assign(t, dict[name]!.detach().cast(t.dtype))
    })
    return { missing, unexpected }
  }

  /**
   * Moves parameters and buffers to another device. They become new tensors there, so make the
   * optimizer afterwards; gradients are dropped.
   */
  async to(device: Backend): Promise<this> {
    const others = new Map<Tensor, Tensor>()
    for (const [, t] of distinct(this.#state()))
      if (t.device !== device) others.set(t, await t.to(device))
    return this.#replace(others)
  }

  /**
   * Converts float parameters and buffers to another dtype, in place of the module: f16 or bf16 for a
   * model of half the size, f32 back. They become new tensors, so make the optimizer afterwards;
   * gradients are dropped. To train in 16 bits leave parameters f32 and use `autocast`.
   *
   * Running statistics stay f32: their steps are too small for 16 bits.
   *
   * @example
   * ```ts
   * model.cast('bf16').forward(x.cast('bf16'))
   * ```
   */
  cast(dtype: FloatDType): this {
    const others = new Map<Tensor, Tensor>()
    for (const [, t] of distinct(this.#state())) {
      const target = isHalf(dtype) && roleOf(t)!.kind === 'buffer' ? 'f32' : dtype
      if (isFloat(t.dtype) && t.dtype !== target) others.set(t, t.detach().cast(target))
    }
    return this.#replace(others)
  }

  /** Puts other tensors in the places of some, in the same roles, and frees those. */
  #replace(others: ReadonlyMap<Tensor, Tensor>): this {
    for (const [t, other] of others) {
      assume(other, roleOf(t)!)
      other.requiresGrad = t.requiresGrad
    }
    for (const module of this.modules()) exchange(module, others)
    for (const t of others.keys()) t.dispose()
    return this
  }

  /** @internal */
  held(): Iterable<unknown> {
    return [...this.#tree('', new Set())].flatMap(([, module]) =>
      Array.from(membersOf(module.entries()), ([, member]) => member).filter(
        (member) => member instanceof Tensor,
      ),
    )
  }

  /** Frees all tensors of this module and of those inside. */
  dispose(): void {
    for (const t of this.held()) (t as Tensor).dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** The settings that `toString` shows, for example `64, 10`; written by the subclass. */
  extraRepr(): string {
    return ''
  }

  /**
   * The tree of modules.
   *
   * @example
   * ```
   * Sequential(
   *   (0): Linear(64, 32)
   *   (1): ReLU()
   * )
   * ```
   */
  toString(): string {
    const lines = this.namedChildren().map(([name, child]) => `(${name}): ${child}`)
    const settings = this.extraRepr()
    const body = settings ? [settings, ...lines] : lines
    const inner = lines.length === 0 ? settings : `\n${body.join('\n').replace(/^/gm, '  ')}\n`
    return `${this.constructor.name}(${inner})`
  }
}
