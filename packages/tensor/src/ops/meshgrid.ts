import { ArgumentError } from '../errors.ts'
import type { Tensor } from '../tensor.ts'
import { expand, reshape } from './movement.ts'

/**
 * Coordinate grids from vectors, as views: grid k holds at `[i0, i1, ...]` the element `ik` of vector
 * k. With indexing `'xy'` the first two axes are swapped, as for images.
 */
export function meshgrid(
  vectors: readonly Tensor[],
  options: { indexing?: 'ij' | 'xy' } = {},
): Tensor[] {
  for (const { rank } of vectors)
    if (rank !== 1)
      throw new ArgumentError(`meshgrid: a tensor with ${rank} axes; vectors have one`)
  const places = vectors.map((_, k) =>
    options.indexing === 'xy' && k < 2 && vectors.length > 1 ? 1 - k : k,
  )
  const shape = places.map((place) => vectors[place]!.size)
  return vectors.map((vector, k) =>
    expand(
      reshape(
        vector,
        shape.map((_, axis) => (axis === places[k] ? -1 : 1)),
      ),
      shape,
    ),
  )
}
