/** Parameters in groups, by their names and shapes. */
import { ArgumentError, type Tensor } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'

type Named = readonly [name: string, parameter: Tensor]

/**
 * Two groups: matrices and kernels with weight decay, and biases, norms and other vectors without.
 *
 * @param exempt Which parameters get no decay. Default: those with less than two axes.
 * @example
 * ```ts
 * const optimizer = new AdamW(weightDecayGroups(model.namedParameters(), 0.05), { lr: 1e-3 })
 * ```
 */
export function weightDecayGroups(
  named: Iterable<Named>,
  weightDecay: number,
  exempt: (name: string, parameter: Tensor) => boolean = (_, { rank }) => rank < 2,
): { readonly params: readonly Named[]; readonly weightDecay: number }[] {
  const all = [...named]
  const groups = [
    { params: all.filter((one) => !exempt(...one)), weightDecay },
    { params: all.filter((one) => exempt(...one)), weightDecay: 0 },
  ]
  return groups.filter(({ params }) => params.length > 0)
}

export interface LayerDecayOptions {
  /** The learning rate of the last layer. */
  lr: number
  /** γ, what the rate is multiplied by from each layer to the one before, in (0, 1]. */
  decay: number
  /**
   * The number of a parameter's layer, from 0 at the input. Default: modules that own parameters,
   * in the order in which they are named.
   */
  layerOf?: (name: string) => number
}

/**
 * One group for each layer, with `lr · γ^(last layer - layer)`: for fine-tuning, where early layers
 * shall change little.
 *
 * @example
 * ```ts
 * const groups = layerDecayGroups(model.namedParameters(), { lr: 1e-3, decay: 0.75 })
 * const optimizer = new AdamW(groups)
 * ```
 *
 * Source: H. Bao et al., "BEiT: BERT Pre-Training of Image Transformers", arXiv 2106.08254.
 */
export function layerDecayGroups(
  named: Iterable<Named>,
  options: LayerDecayOptions,
): { readonly params: readonly Named[]; readonly lr: number }[] {
  refuseUnknown('layerDecayGroups', options, ['lr', 'decay', 'layerOf'])
  const { lr, decay, layerOf } = options
  if (!(decay > 0 && decay <= 1))
    throw new ArgumentError(`layerDecayGroups: decay is ${decay}; it must be in (0, 1]`)
  const owners: string[] = []
  const inOrder = (name: string): number => {
    const owner = name.slice(0, Math.max(0, name.lastIndexOf('.')))
    if (!owners.includes(owner)) owners.push(owner)
    return owners.indexOf(owner)
  }
  const layers = new Map<number, Named[]>()
  for (const one of named) {
    const layer = (layerOf ?? inOrder)(one[0])
    layers.set(layer, [...(layers.get(layer) ?? []), one])
  }
  const last = Math.max(...layers.keys())
  return [...layers]
    .sort(([a], [b]) => a - b)
    .map(([layer, params]) => ({ params, lr: lr * decay ** (last - layer) }))
}
