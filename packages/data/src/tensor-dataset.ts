import { ArgumentError, gather, ShapeError, type Tensor, tensor } from '@nablajs/tensor'
import { checkIndex, type Dataset } from './dataset.ts'

/**
 * Samples held in tensors, along their first axis (PyTorch's `TensorDataset`, with names). Batches
 * are picked on the device, so that nothing is uploaded while training.
 *
 * @example
 * ```ts
 * const line = new TensorDataset({ x: linspace(0, 1, 100), y: linspace(1, 3, 100) })
 * for (const { x, y } of new DataLoader(line, { batchSize: 20, shuffle: true })) {
 *   // both [20]
 * }
 * ```
 */
export class TensorDataset<Name extends string>
  implements Dataset<Record<Name, Tensor>, Record<Name, Tensor>>
{
  readonly tensors: Readonly<Record<Name, Tensor>>
  readonly length: number

  /** @throws ShapeError when the tensors differ in the size of their first axis. */
  constructor(tensors: Readonly<Record<Name, Tensor>>) {
    const entries = Object.entries<Tensor>(tensors)
    if (entries.length === 0) throw new ArgumentError('TensorDataset: there are no tensors')
    const [first, { shape }] = entries[0]!
    for (const [name, t] of entries)
      if (t.rank === 0 || t.shape[0] !== shape[0])
        throw new ShapeError(
          `TensorDataset: ${first} is [${shape.join(', ')}] and ${name} is [${t.shape.join(', ')}]; ` +
            'their first axes must be equal',
        )
    this.tensors = tensors
    this.length = shape[0]!
  }

  /** Views on one row of each tensor. */
  get(index: number): Record<Name, Tensor> {
    checkIndex('TensorDataset', index, this.length)
    return this.#each((t) => t.slice(index))
  }

  batch(indices: ArrayLike<number>): Record<Name, Tensor> {
    for (let i = 0; i < indices.length; i++) checkIndex('TensorDataset', indices[i]!, this.length)
    return this.#each((t) => pickRows(t, Int32Array.from(indices)))
  }

  #each(make: (t: Tensor) => Tensor): Record<Name, Tensor> {
    const entries = Object.entries<Tensor>(this.tensors)
    return Object.fromEntries(entries.map(([name, t]) => [name, make(t)])) as Record<Name, Tensor>
  }
}

function pickRows(t: Tensor, indices: Int32Array): Tensor {
  const width = t.size / t.shape[0]!
  const at = tensor(indices, { shape: [indices.length, 1], device: t.device })
  const picked = gather(t.reshape([t.shape[0]!, width]), 0, at.expand([indices.length, width]))
  return picked.reshape([indices.length, ...t.shape.slice(1)])
}
