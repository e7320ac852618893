/** Attention as a function: the weights of all pairs, masked and normalised, times the values. */
import {
  dropout,
  type FloatDType,
  type Generator,
  isHalf,
  ShapeError,
  scope,
  showShape,
  softmax,
  type Tensor,
} from '@nablajs/tensor'
import {
  index,
  mapProgram,
  productType,
  program,
  type Scalar,
  select,
} from '@nablajs/tensor/program'
import { floatType } from '../check.ts'
import { memoize } from '../memoize.ts'

const NEVER = Number.NEGATIVE_INFINITY

interface ScoresKind {
  [key: string]: string | number | boolean
  readonly dtype: FloatDType
  readonly rank: number
  /** How many keys hide from queries before them; -1 for none. */
  readonly causal: number
  /** For each mask whether it is bool (true hides), as letters. */
  readonly masks: string
}

/** Scale and masks in one kernel; a causal mask is two indices, not a tensor. */
const scoresFor = memoize(({ dtype, rank, causal, masks }: ScoresKind) => {
  const types = [...masks].map((kind) => (kind === 'b' ? 'bool' : dtype))
  return program(
    { name: 'attention', inputs: [dtype, ...types], scalars: [dtype] },
    (score, ...rest) => {
      let y = score!.mul(rest.at(-1)!)
      for (const [i, kind] of [...masks].entries())
        y = kind === 'b' ? select(rest[i]!, NEVER, y) : y.add(rest[i]!)
      if (causal < 0) return y
      const [query, key]: [Scalar, Scalar] = [index(rank - 2), index(rank - 1)]
      return select(key.gt(query).and(key.lt(causal)), NEVER, y)
    },
  )
})

export interface AttendOptions {
  /** Added to the scores where float; hides pairs where bool and true. Broadcast to `[..., L, S]`. */
  masks: readonly Tensor[]
  /** The first so many keys hide from earlier queries; -1 for none. */
  causal: number
  scale: number
  /** The probability to drop a weight. */
  dropoutP: number
  generator?: Generator | undefined
}

/** `softmax(scale · q kᵀ + masks) v`, and the weights. */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { masks, causal, scale, dropoutP, generator }: AttendOptions,
): { output: Tensor; weights: Tensor } {
  // Scores that are stored as halves may overflow before they are scaled.
  const early = isHalf(productType(q.dtype, k.dtype))
  const scores = (early ? q.mul(scale) : q).matmul(k.transpose())
  const dtype = scores.dtype as FloatDType
  const kind = masks.map((mask) => (mask.dtype === 'bool' ? 'b' : 'f')).join('')
  const source = scoresFor({ dtype, rank: scores.rank, causal, masks: kind })
  const typed = masks.map((mask) => (mask.dtype === 'bool' ? mask : mask.cast(dtype)))
  const plain = softmax(mapProgram(source, [scores, ...typed], [early ? 1 : scale]), -1)
  const weights = dropoutP > 0 ? dropout(plain, dropoutP, generator) : plain
  return { output: weights.matmul(v), weights }
}

export interface ScaledDotProductOptions {
  /**
   * Which keys each query sees, broadcast to `[..., L, S]`: bool where TRUE takes part, or floats that
   * are added to the scores. (In `MultiheadAttention` true hides. Both are PyTorch's.)
   */
  attnMask?: Tensor
  /** Whether key j is hidden from query i where j > i. Default false. */
  isCausal?: boolean
  /** The probability to drop a weight; not switched off by `eval()`. Default 0. */
  dropoutP?: number
  /** Default 1/√E. */
  scale?: number
}

/**
 * Scaled dot-product attention: `softmax(scale · query keyᵀ + mask) value`. A query that sees no key
 * gives NaN. Vaswani et al.: "Attention Is All You Need", arXiv 1706.03762.
 *
 * @param query `[..., L, E]`.
 * @param key `[..., S, E]`.
 * @param value `[..., S, V]`; the result is `[..., L, V]`.
 * @throws ShapeError when the sizes do not fit.
 * @example
 * ```ts
 * const y = scaledDotProductAttention(q, k, v, { isCausal: true })
 * ```
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: ScaledDotProductOptions = {},
): Tensor {
  const name = 'scaledDotProductAttention'
  floatType(name, query, 'query')
  const [width, count] = [query.shape.at(-1), key.shape.at(-2)]
  const ranks = Math.min(query.rank, key.rank, value.rank)
  if (ranks < 2 || !width || key.shape.at(-1) !== width || value.shape.at(-2) !== count)
    throw new ShapeError(
      `${name}: query ${showShape(query.shape)}, key ${showShape(key.shape)}, value ${showShape(value.shape)}; ` +
        'they must be [..., L, E], [..., S, E] and [..., S, V]',
    )
  const { attnMask, isCausal = false, dropoutP = 0, scale = 1 / Math.sqrt(width) } = options
  return scope(() => {
    const masks = attnMask ? [attnMask.dtype === 'bool' ? attnMask.not() : attnMask] : []
    const causal = isCausal ? count! : -1
    return attend(query, key, value, { masks, causal, scale, dropoutP }).output
  })
}
