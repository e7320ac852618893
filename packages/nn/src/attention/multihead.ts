import {
  ArgumentError,
  addmm,
  concat,
  defaultGenerator,
  type Generator,
  pad,
  ShapeError,
  showShape,
  type Tensor,
  zeros,
} from '@nablajs/tensor'
import { xavierNormal, xavierUniform, zeros as zero } from '../init/index.ts'
import { type FactoryOptions, placeOf } from '../layers/factory.ts'
import { Linear } from '../layers/linear.ts'
import { Module } from '../module.ts'
import { unstack } from '../recurrent/unstack.ts'
import { parameter } from '../state.ts'
import { attend } from './scaled-dot-product.ts'

export interface MultiheadAttentionOptions extends FactoryOptions {
  /** The probability to drop a weight during training. Default 0. */
  dropout?: number
  /** Whether projections have biases. Default true. */
  bias?: boolean
  /** Whether a key and a value that learn are added to those that come. Default false. */
  addBiasKv?: boolean
  /** Whether a key and a value of zeros are added: a place to look at nothing. Default false. */
  addZeroAttn?: boolean
  /** The size of keys. Default: `embedDim`. */
  kdim?: number
  /** The size of values. Default: `embedDim`. */
  vdim?: number
  /** Whether tensors are `[N, L, E]` instead of `[L, N, E]`. Default false. */
  batchFirst?: boolean
}

export interface AttentionMasks {
  /**
   * Which keys each query may not see: bool where TRUE hides, or floats that are added to the scores.
   * `[L, S]` for all, or `[N · heads, L, S]`.
   */
  attnMask?: Tensor | undefined
  /** Keys that are only padding: bool where true hides, or floats; `[N, S]`, or `[S]` without batch. */
  keyPaddingMask?: Tensor | undefined
  /** Whether key j is hidden from query i where j > i; needs no mask. Default false. */
  isCausal?: boolean | undefined
}

export interface AttentionOptions extends AttentionMasks {
  /** Whether to give the weights too. Default true. */
  needWeights?: boolean
  /** Whether the weights are the mean over heads, or `[N, heads, L, S]`. Default true. */
  averageAttnWeights?: boolean
}

/** The output, and the weights where they were asked for. */
export type AttentionResult = [output: Tensor, weights: Tensor | undefined]

/** `x Wᵀ + b` */
function project(x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  return bias ? addmm(bias, x, weight.transpose()) : x.matmul(weight.transpose())
}

/**
 * Attention with several heads: queries, keys and values are projected, each head attends with its
 * share of the features (`scaledDotProductAttention`), and the results are joined and projected.
 *
 * Query `[L, N, embedDim]`, key `[S, N, kdim]`, value `[S, N, vdim]` (`[N, L, ...]` with `batchFirst`;
 * without N for a single one). Output as the query; weights `[N, L, S]`. Projections start as Glorot
 * and Bengio's, their biases at 0.
 *
 * Parameters have PyTorch's names: `in_proj_weight` (or `q_proj_weight`, `k_proj_weight` and
 * `v_proj_weight` when sizes differ), `in_proj_bias`, `bias_k`, `bias_v`, `out_proj`.
 *
 * Vaswani et al.: "Attention Is All You Need", arXiv 1706.03762.
 *
 * @example
 * ```ts
 * const layer = new MultiheadAttention(64, 8, { batchFirst: true })
 * const [y] = layer.forward(x, x, x, { isCausal: true, needWeights: false })
 * ```
 */
export class MultiheadAttention extends Module<
  [query: Tensor, key: Tensor, value: Tensor, options?: AttentionOptions],
  AttentionResult
> {
  readonly embedDim: number
  readonly numHeads: number
  readonly kdim: number
  readonly vdim: number
  readonly dropout: number
  readonly addZeroAttn: boolean
  readonly batchFirst: boolean
  inProjWeight: Tensor | undefined
  qProjWeight: Tensor | undefined
  kProjWeight: Tensor | undefined
  vProjWeight: Tensor | undefined
  inProjBias: Tensor | undefined
  biasK: Tensor | undefined
  biasV: Tensor | undefined
  outProj: Linear
  readonly #generator: Generator

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super()
    const { dropout = 0, bias = true, addBiasKv = false, addZeroAttn = false } = options
    const { kdim = embedDim, vdim = embedDim, batchFirst = false, generator } = options
    if (!Number.isInteger(numHeads) || numHeads < 1 || embedDim % numHeads !== 0)
      throw new ArgumentError(
        `MultiheadAttention(${embedDim}, ${numHeads}): the features must be a multiple of the heads`,
      )
    if (!(dropout >= 0 && dropout <= 1))
      throw new ArgumentError(`MultiheadAttention: dropout is ${dropout}; it must be in 0 .. 1`)
    this.embedDim = embedDim
    this.numHeads = numHeads
    this.kdim = kdim
    this.vdim = vdim
    this.dropout = dropout
    this.addZeroAttn = addZeroAttn
    this.batchFirst = batchFirst
    this.#generator = generator ?? defaultGenerator()
    const place = placeOf(options)
    const draw = { ...(generator && { generator }) }
    const weight = (rows: number, columns: number): Tensor =>
      parameter(xavierUniform(zeros([rows, columns], place), draw))
    const same = kdim === embedDim && vdim === embedDim
    this.inProjWeight = same ? weight(3 * embedDim, embedDim) : undefined
    this.qProjWeight = same ? undefined : weight(embedDim, embedDim)
    this.kProjWeight = same ? undefined : weight(embedDim, kdim)
    this.vProjWeight = same ? undefined : weight(embedDim, vdim)
    this.inProjBias = bias ? parameter(zeros([3 * embedDim], place)) : undefined
    const extra = (): Tensor | undefined =>
      addBiasKv
        ? parameter(xavierNormal(zeros([1, 1, embedDim], place), { ...draw, layout: 'torch' }))
        : undefined
    this.biasK = extra()
    this.biasV = extra()
    this.outProj = new Linear(embedDim, embedDim, options)
    if (this.outProj.bias) zero(this.outProj.bias)
  }

  /** @throws ShapeError when queries, keys, values or masks do not fit. */
  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AttentionOptions = {},
  ): AttentionResult {
    const single = query.rank === 2
    this.#check(query, key, value)
    const batched = (t: Tensor): Tensor => (single ? t.unsqueeze(this.batchFirst ? 0 : 1) : t)
    const { needWeights = true, averageAttnWeights = true } = options
    const given = single ? this.#project(...repeat(batched, query, key, value)) : undefined
    const [q, k, v] = (given ?? this.#project(query, key, value)).map((t) => this.#heads(t)) as [
      Tensor,
      Tensor,
      Tensor,
    ]
    const count = k.shape[2]!
    const [keys, values] = [this.#extend(k, this.biasK), this.#extend(v, this.biasV)]
    const { output, weights } = attend(q, keys, values, {
      masks: this.#masks(options, q, count, keys.shape[2]! - count),
      causal: options.isCausal ? count : -1,
      scale: 1 / Math.sqrt(this.embedDim / this.numHeads),
      dropoutP: this.training ? this.dropout : 0,
      generator: this.#generator,
    })
    // [N, heads, L, features of a head] back to what came.
    const order = this.batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]
    const joined = output.permute(order).flatten(2)
    const y = this.outProj.forward(single ? joined.squeeze(this.batchFirst ? 0 : 1) : joined)
    if (!needWeights) return [y, undefined]
    const shown = averageAttnWeights ? weights.mean(1) : weights
    return [y, single ? shown.squeeze(0) : shown]
  }

  /** Projected queries, keys and values, in the layout that came. */
  #project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { embedDim, inProjWeight, inProjBias } = this
    if (inProjWeight && query === key && key === value) {
      const all = project(query, inProjWeight, inProjBias)
      return unstack(all.reshape([...all.shape.slice(0, 2), 3, embedDim]), 2)
    }
    const weights = inProjWeight
      ? unstack(inProjWeight.reshape([3, embedDim, embedDim]), 0)
      : [this.qProjWeight!, this.kProjWeight!, this.vProjWeight!]
    const biases = inProjBias ? unstack(inProjBias.reshape([3, embedDim]), 0) : []
    return [query, key, value].map((t, i) => project(t, weights[i]!, biases[i]))
  }

  /** `[N, heads, L, features of a head]`. */
  #heads(t: Tensor): Tensor {
    const [a, b] = t.shape as [number, number]
    const split = t.reshape([a, b, this.numHeads, this.embedDim / this.numHeads])
    return split.permute(this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3])
  }

  /** Keys or values with those that are added to them. */
  #extend(t: Tensor, learned: Tensor | undefined): Tensor {
    const { numHeads, addZeroAttn } = this
    const [count, , , width] = t.shape as [number, number, number, number]
    const one = [count, numHeads, 1, width]
    const more: Tensor[] = []
    if (learned) more.push(learned.reshape([1, numHeads, 1, width]).expand(one))
    if (addZeroAttn) more.push(zeros(one, { dtype: t.dtype, device: t.device }))
    return more.length > 0 ? concat([t, ...more], 2) : t
  }

  /** The masks for scores `[N, heads, L, S + added]`; what was added is always seen. */
  #masks(options: AttentionMasks, q: Tensor, keys: number, added: number): Tensor[] {
    const { attnMask, keyPaddingMask } = options
    const [count, heads, queries] = q.shape as [number, number, number]
    const refuse = (name: string, mask: Tensor, wanted: string): never => {
      throw new ShapeError(`${this}: ${name} is ${showShape(mask.shape)}; it must be ${wanted}`)
    }
    const found: Tensor[] = []
    if (attnMask) {
      const [one, all] = [
        [queries, keys],
        [count * heads, queries, keys],
      ]
      const shape = attnMask.shape.join()
      if (shape === one.join()) found.push(attnMask.reshape([1, 1, queries, keys]))
      else if (shape === all.join()) found.push(attnMask.reshape([count, heads, queries, keys]))
      else refuse('attnMask', attnMask, `${showShape(one)} or ${showShape(all)}`)
    }
    if (keyPaddingMask) {
      const own = keyPaddingMask.rank === 1 ? keyPaddingMask.unsqueeze(0) : keyPaddingMask
      if (own.shape.join() !== [count, keys].join())
        refuse('keyPaddingMask', keyPaddingMask, showShape([count, keys]))
      found.push(own.reshape([count, 1, 1, keys]))
    }
    const none = [0, 0] as const
    return added === 0 ? found : found.map((mask) => pad(mask, [none, none, none, [0, added]]))
  }

  #check(query: Tensor, key: Tensor, value: Tensor): void {
    const { embedDim, kdim, vdim, batchFirst } = this
    const fits =
      (query.rank === 2 || query.rank === 3) &&
      key.rank === query.rank &&
      value.rank === query.rank &&
      query.shape.at(-1) === embedDim &&
      key.shape.at(-1) === kdim &&
      value.shape.at(-1) === vdim &&
      key.shape.slice(0, -1).join() === value.shape.slice(0, -1).join() &&
      (query.rank === 2 || query.shape[batchFirst ? 0 : 1] === key.shape[batchFirst ? 0 : 1])
    if (fits) return
    const shapes = [query, key, value].map((t) => showShape(t.shape)).join(', ')
    const [l, s] = batchFirst ? ['[N, L, ', '[N, S, '] : ['[L, N, ', '[S, N, ']
    throw new ShapeError(
      `${this}: query, key and value are ${shapes}; they must be ${l}${embedDim}], ${s}${kdim}] and ${s}${vdim}]`,
    )
  }

  override extraRepr(): string {
    return `${this.embedDim}, ${this.numHeads}`
  }
}

/** Views of three tensors, of which equal ones stay equal. */
function repeat(
  view: (t: Tensor) => Tensor,
  a: Tensor,
  b: Tensor,
  c: Tensor,
): [Tensor, Tensor, Tensor] {
  const first = view(a)
  const second = b === a ? first : view(b)
  return [first, second, c === a ? first : c === b ? second : view(c)]
}
