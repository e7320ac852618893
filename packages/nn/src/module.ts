/**
 * The base of layers and networks: runs `forward` between its hooks, and frees what it leaves over.
 * What a module is made of is in `tree.ts`.
 */
import { scope, type Tensor } from '@nablajs/tensor'
import { AnyModule } from './tree.ts'

/** Sees what goes into a module; a list that it returns goes in instead. */
export type ForwardPreHook<Inputs extends unknown[]> = (
  module: AnyModule,
  inputs: Inputs,
) => Inputs | undefined

/** Sees what comes out of a module; what it returns comes out instead. */
export type ForwardHook<Inputs extends unknown[], Output> = (
  module: AnyModule,
  inputs: Inputs,
  output: Output,
) => Output | undefined

/**
 * A layer, a block or a whole network.
 *
 * A subclass keeps its state in its fields and computes in `forward`. State is
 * - tensors marked with `parameter()` or `buffer()`,
 * - other modules, the children,
 * - arrays and plain objects of those.
 *
 * Names are PyTorch's, so that its weights load: the path of fields, each in snake_case
 * (`this.bn1.runningMean` is `bn1.running_mean`), numbers in arrays (`blocks.0.conv.weight`), keys
 * of plain objects as they are. Private `#fields` are not seen.
 *
 * `forward` runs in a `scope` that keeps its result alone: tensors, or tensors in arrays, plain
 * objects and Maps. What a module wants to hold on to beside its result goes through `keep()`.
 *
 * @typeParam Inputs What `forward` takes. Default: one tensor.
 * @typeParam Output What it gives. Default: one tensor.
 * @example
 * ```ts
 * class Net extends Module {
 *   conv = new Conv2d(1, 16, 3, { padding: 1 })
 *   head = new Linear(16 * 14 * 14, 10)
 *   forward(x: Tensor) {
 *     const features = maxPool2d(this.conv.forward(x).relu(), 2)
 *     return this.head.forward(features.flatten(1))
 *   }
 * }
 * ```
 */
export abstract class Module<
  Inputs extends unknown[] = [x: Tensor],
  Output = Tensor,
> extends AnyModule {
  readonly #preHooks = new Set<ForwardPreHook<Inputs>>()
  readonly #hooks = new Set<ForwardHook<Inputs, Output>>()

  constructor() {
    super()
    const { forward } = this
    const run = (inputs: Inputs): Output => {
      for (const hook of this.#preHooks) inputs = hook(this, inputs) ?? inputs
      let output = forward.apply(this, inputs)
      for (const hook of this.#hooks) output = hook(this, inputs, output) ?? output
      return output
    }
    // An own property over the subclass's method: inside, `super.forward()` stays a plain call.
    Object.defineProperty(this, 'forward', {
      configurable: true,
      writable: true,
      value: (...inputs: Inputs): Output => scope(() => run(inputs)),
    })
  }

  /** Computes the output: written by the subclass, called by everybody. */
  abstract forward(...inputs: Inputs): Output

  /**
   * Calls `hook(module, inputs)` before every `forward`; a list that it returns replaces the inputs.
   *
   * @returns The function that takes the hook off again.
   */
  registerForwardPreHook(hook: ForwardPreHook<Inputs>): () => void {
    return register(this.#preHooks, hook)
  }

  /**
   * Calls `hook(module, inputs, output)` after every `forward`; what it returns replaces the output.
   * Tensors made on the way are freed when `forward` is over; one that the hook wants to store goes
   * through `keep()`.
   *
   * @returns The function that takes the hook off again.
   * @example
   * ```ts
   * const remove = net.features.registerForwardHook((_, __, output) => {
   *   activations.push(keep(output.detach()))
   * })
   * ```
   */
  registerForwardHook(hook: ForwardHook<Inputs, Output>): () => void {
    return register(this.#hooks, hook)
  }
}

function register<Hook>(hooks: Set<Hook>, hook: Hook): () => void {
  hooks.add(hook)
  return () => {
    hooks.delete(hook)
  }
}
