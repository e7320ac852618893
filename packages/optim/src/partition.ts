import { ArgumentError, enableGrad, type Holder, scope, type Tensor } from '@nablajs/tensor'
import type { OptimizerState } from './state.ts'
import type { Wrapped } from './wrapped.ts'

type Named = readonly [name: string, parameter: Tensor]

/** An optimizer as a {@link Partition} sees it. */
export interface Part extends Wrapped, Holder {
  stateDict(): OptimizerState
  loadStateDict(saved: OptimizerState): void
  dispose(): void
}

/** Makes the optimizer of one part. */
export type PartMaker = (params: readonly Named[]) => Part

/**
 * Several optimizers as one: each parameter goes to the optimizer of its label. For methods that are
 * not made for all parameters, such as `Muon` for matrices, or for layers that learn otherwise.
 *
 * `step(closure)` computes the loss once; the parts update one after another. Hooks belong to the parts.
 * Schedules write into the groups of all of them.
 *
 * @example
 * ```ts
 * const optimizer = new Partition(
 *   model.namedParameters(),
 *   (_, { rank }) => (rank === 2 ? 'matrices' : 'others'),
 *   {
 *     matrices: (params) => new Muon(params, { lr: 0.02 }),
 *     others: (params) => new AdamW(params, { lr: 1e-3 }),
 *   },
 * )
 * optimizer.step(() => crossEntropy(model.forward(image), label))
 * ```
 */
export class Partition<Label extends string> implements Holder {
  /** The optimizers, by label; labels without parameters have none. */
  readonly parts: Readonly<Partial<Record<Label, Part>>>

  /**
   * @param labelOf The label of a parameter, by its name and itself.
   * @throws ArgumentError when a parameter has a label that nothing is known of, or there are none.
   */
  constructor(
    named: Iterable<Named>,
    labelOf: (name: string, parameter: Tensor) => Label,
    makers: Readonly<Record<Label, PartMaker>>,
  ) {
    const members = new Map<Label, Named[]>()
    for (const one of named) {
      const label = labelOf(...one)
      if (!Object.hasOwn(makers, label))
        throw new ArgumentError(
          `Partition: the label of ${one[0]} is "${label}"; it must be one of ${Object.keys(makers).join(', ')}`,
        )
      members.set(label, [...(members.get(label) ?? []), one])
    }
    if (members.size === 0)
      throw new ArgumentError('Partition: no parameters came; pass model.namedParameters()')
    this.parts = Object.fromEntries(
      [...members].map(([label, params]) => [label, makers[label](params)]),
    ) as Partial<Record<Label, Part>>
  }

  get #all(): Part[] {
    return Object.values(this.parts)
  }

  /** The groups of all parts, for schedules. */
  get paramGroups(): Part['paramGroups'] {
    return this.#all.flatMap(({ paramGroups }) => paramGroups)
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const part of this.#all) part.zeroGrad()
  }

  /** As `Optimizer.step`. */
  step(): void
  step(closure: () => Tensor): Tensor
  step(closure?: () => Tensor): Tensor | undefined {
    if (!closure) {
      for (const part of this.#all) part.step()
      return undefined
    }
    this.zeroGrad()
    return scope(() => {
      const loss = enableGrad(closure)
      loss.backward()
      for (const part of this.#all) part.step()
      return loss.detach()
    })
  }

  /** The states of the parts, by label. */
  stateDict(): Partial<Record<Label, OptimizerState>> {
    return Object.fromEntries(
      Object.entries<Part>(this.parts as Record<Label, Part>).map(([label, part]) => [
        label,
        part.stateDict(),
      ]),
    ) as Partial<Record<Label, OptimizerState>>
  }

  /**
   * Takes over a state from {@link stateDict}.
   *
   * @throws ArgumentError when the labels differ, or a part does not fit.
   */
  loadStateDict(saved: Readonly<Partial<Record<Label, OptimizerState>>>): void {
    const [own, theirs] = [Object.keys(this.parts).sort(), Object.keys(saved).sort()]
    if (own.join() !== theirs.join())
      throw new ArgumentError(
        `Partition: the state has the parts ${theirs.join(', ')}; this optimizer has ${own.join(', ')}`,
      )
    for (const label of own) this.parts[label as Label]!.loadStateDict(saved[label as Label]!)
  }

  /** Frees the states of all parts; the parameters are the model's. */
  dispose(): void {
    for (const part of this.#all) part.dispose()
  }

  /** @internal */
  held(): Iterable<unknown> {
    return this.#all
  }
}
