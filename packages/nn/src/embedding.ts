/** Tables of vectors: looked up one by one, or in bags. */
import {
  ArgumentError,
  arange,
  bincount,
  computeType,
  DTypeError,
  type FloatDType,
  indexAdd,
  indexSelect,
  ShapeError,
  scope,
  searchsorted,
  showShape,
  type Tensor,
  where,
  zeros,
} from '@nablajs/tensor'

export interface EmbeddingFunctionOptions {
  /** The row of the table that gets no gradient. */
  paddingIdx?: number | undefined
}

function check(op: string, indices: Tensor, weight: Tensor): void {
  if (indices.dtype !== 'i32' && indices.dtype !== 'u32')
    throw new DTypeError(`${op}: the indices are ${indices.dtype}; they must be i32 or u32`)
  if (weight.rank !== 2)
    throw new ShapeError(
      `${op}: the table is ${showShape(weight.shape)}; it must be a row for each index`,
    )
}

/**
 * The rows of a table that indices name.
 *
 * @param indices i32 of any shape, each in `0 .. rows - 1` (not checked: that would mean waiting for
 *   the device).
 * @param weight `[rows, D]`; the result is `[..., D]`.
 * @throws DTypeError when the indices are no integers.
 */
export function embedding(
  indices: Tensor,
  weight: Tensor,
  options: EmbeddingFunctionOptions = {},
): Tensor {
  check('embedding', indices, weight)
  const { paddingIdx } = options
  return scope(() => {
    const own = indices.cast('i32')
    const shape = [...indices.shape, weight.shape[1]!]
    const rows = indexSelect(weight, 0, own.reshape([-1])).reshape(shape)
    if (paddingIdx === undefined) return rows
    return where(own.eq(paddingIdx).unsqueeze(-1), rows.detach(), rows)
  })
}

export interface EmbeddingBagFunctionOptions {
  /** What becomes of the vectors of a bag. Default `'mean'`. */
  mode?: 'sum' | 'mean' | 'max' | undefined
  /** Where each bag begins, i32 `[N]`, when indices come in one row. */
  offsets?: Tensor | undefined
  /** A factor for each index, in mode `'sum'`. */
  perSampleWeights?: Tensor | undefined
}

const LOWEST = Number.NEGATIVE_INFINITY

/**
 * The sum, mean or maximum of the rows of a table that the indices of each bag name; zeros for an
 * empty bag.
 *
 * @param indices i32: bags of one size `[N, L]`, or all of them in one row, with `offsets`.
 * @param weight `[rows, D]`; the result is `[N, D]`.
 * @throws ShapeError when indices and offsets do not fit; ArgumentError for weights in another mode.
 */
export function embeddingBag(
  indices: Tensor,
  weight: Tensor,
  options: EmbeddingBagFunctionOptions = {},
): Tensor {
  const { mode = 'mean', offsets, perSampleWeights } = options
  check('embeddingBag', indices, weight)
  if (indices.rank !== (offsets ? 1 : 2))
    throw new ShapeError(
      `embeddingBag: the indices are ${showShape(indices.shape)}; they must be ${offsets ? 'one row, as there are offsets' : '[N, L], or one row with offsets'}`,
    )
  if (perSampleWeights && mode !== 'sum')
    throw new ArgumentError(`embeddingBag: perSampleWeights in mode "${mode}"; use "sum"`)
  return scope(() => {
    const plain = embedding(indices, weight)
    const rows = perSampleWeights ? plain.mul(perSampleWeights.unsqueeze(-1)) : plain
    if (!offsets) return mode === 'sum' ? rows.sum(1) : mode === 'mean' ? rows.mean(1) : rows.max(1)
    const count = offsets.shape[0]!
    const { dtype, device } = weight
    const places = arange(0, indices.shape[0]!, 1, { dtype: 'i32', device })
    const bags = searchsorted(offsets.cast('i32'), places, { right: true }).sub(1)
    const none = zeros([count, weight.shape[1]!], { dtype, device })
    if (mode === 'max') {
      // Every bag looks at every row: for the sizes that bags have, faster than waiting for them.
      const own = bags.eq(arange(0, count, 1, { dtype: 'i32', device }).unsqueeze(1)).unsqueeze(2)
      const best = where(own, rows.unsqueeze(0), LOWEST).max(1)
      return where(best.eq(LOWEST), none, best)
    }
    // Sums and sizes of large bags are beyond f16, though their quotient is not.
    const wide = computeType(rows.dtype as FloatDType)
    const sums = indexAdd(none.cast(wide), 0, bags, rows.cast(wide))
    if (mode === 'sum') return sums.cast(rows.dtype)
    const sizes = bincount(bags, count).cast(wide).maximum(1)
    return sums.div(sizes.unsqueeze(1)).cast(rows.dtype)
  })
}
