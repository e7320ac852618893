import {
  ArgumentError,
  arange,
  assign,
  bincount,
  noGrad,
  normal,
  renorm,
  type Tensor,
  where,
} from '@nablajs/tensor'
import { embedding, embeddingBag } from '../embedding.ts'
import { Module } from '../module.ts'
import { parameter } from '../state.ts'
import { type FactoryOptions, placeOf } from './factory.ts'

export interface EmbeddingOptions extends FactoryOptions {
  /** The index that stands for nothing: its vector starts at 0 and gets no gradient. */
  paddingIdx?: number
  /**
   * The largest norm that vectors may have: those that are looked up and longer are shortened first,
   * in the table itself, which is one pass over it. Default: no limit.
   */
  maxNorm?: number
  /** Which norm `maxNorm` means. Default 2. */
  normType?: number
}

/** Normal numbers; the row of padding is 0. */
function table(
  rows: number,
  columns: number,
  options: Pick<EmbeddingOptions, keyof FactoryOptions | 'paddingIdx'>,
): Tensor {
  const { generator, paddingIdx } = options
  if (
    paddingIdx !== undefined &&
    !(Number.isInteger(paddingIdx) && paddingIdx >= 0 && paddingIdx < rows)
  )
    throw new ArgumentError(
      `Embedding: paddingIdx is ${paddingIdx}; it must be in 0 .. ${rows - 1}`,
    )
  const drawn = normal([rows, columns], 0, 1, {
    ...placeOf(options),
    ...(generator && { generator }),
  })
  if (paddingIdx === undefined) return parameter(drawn)
  const place = { dtype: 'i32', device: drawn.device } as const
  const masked = where(arange(0, rows, 1, place).eq(paddingIdx).unsqueeze(1), 0, drawn)
  drawn.dispose()
  return parameter(masked)
}

/**
 * A table of vectors that learn, one for each of `numEmbeddings` things.
 *
 * Input i32 of any shape, output `[..., embeddingDim]`. Vectors start as normal numbers.
 *
 * @example
 * ```ts
 * const words = new Embedding(10000, 64, { paddingIdx: 0 })
 * words.forward(tensor([[3, 1, 4], [1, 5, 0]], { dtype: 'i32' })).shape   // [2, 3, 64]
 * ```
 */
export class Embedding extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly paddingIdx: number | undefined
  readonly maxNorm: number | undefined
  readonly normType: number
  weight: Tensor

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super()
    this.numEmbeddings = numEmbeddings
    this.embeddingDim = embeddingDim
    const { paddingIdx, maxNorm, normType = 2 } = options
    if (maxNorm !== undefined && !(maxNorm > 0))
      throw new ArgumentError(`Embedding: maxNorm is ${maxNorm}; it must be above 0`)
    this.paddingIdx = paddingIdx
    this.maxNorm = maxNorm
    this.normType = normType
    this.weight = table(numEmbeddings, embeddingDim, options)
  }

  /** @throws DTypeError when the indices are no integers. */
  forward(indices: Tensor): Tensor {
    const { maxNorm } = this
    if (maxNorm !== undefined) noGrad(() => this.#shorten(indices, maxNorm))
    return embedding(indices, this.weight, this)
  }

  /** Writes over the vectors that are too long. What is not looked up stays as it is. */
  #shorten(indices: Tensor, maxNorm: number): void {
    const { weight, numEmbeddings, normType } = this
    const used = bincount(indices.reshape([-1]), numEmbeddings)
      .gt(0)
      .unsqueeze(1)
    assign(weight, where(used, renorm(weight.detach(), normType, 0, maxNorm), weight.detach()))
  }

  override extraRepr(): string {
    const { numEmbeddings, embeddingDim, paddingIdx, maxNorm } = this
    return [
      `${numEmbeddings}, ${embeddingDim}`,
      paddingIdx === undefined ? '' : `, paddingIdx=${paddingIdx}`,
      maxNorm === undefined ? '' : `, maxNorm=${maxNorm}`,
    ].join('')
  }
}

export interface EmbeddingBagOptions extends FactoryOptions {
  /** What becomes of the vectors of a bag. Default `'mean'`. */
  mode?: 'sum' | 'mean' | 'max'
}

/**
 * The sum, mean or maximum of vectors of a table; see `embeddingBag`.
 *
 * Input i32 `[N, L]`, or one row with offsets `[N]`; output `[N, embeddingDim]`.
 *
 * @example
 * ```ts
 * const bag = new EmbeddingBag(10000, 64, { mode: 'sum' })
 * bag.forward(tensor([3, 1, 4, 1], { dtype: 'i32' }), tensor([0, 3], { dtype: 'i32' }))   // [2, 64]
 * ```
 */
export class EmbeddingBag extends Module<
  [indices: Tensor, offsets?: Tensor, perSampleWeights?: Tensor],
  Tensor
> {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly mode: 'sum' | 'mean' | 'max'
  weight: Tensor

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    super()
    this.numEmbeddings = numEmbeddings
    this.embeddingDim = embeddingDim
    this.mode = options.mode ?? 'mean'
    this.weight = table(numEmbeddings, embeddingDim, options)
  }

  /** @throws ShapeError when indices and offsets do not fit. */
  forward(indices: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const { mode } = this
    return embeddingBag(indices, this.weight, { mode, offsets, perSampleWeights })
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}, mode=${this.mode}`
  }
}
