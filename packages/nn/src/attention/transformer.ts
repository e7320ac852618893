import { gelu, relu, type Tensor } from '@nablajs/tensor'
import { Dropout } from '../layers/dropout.ts'
import type { FactoryOptions } from '../layers/factory.ts'
import { LayerNorm } from '../layers/layer-norm.ts'
import { Linear } from '../layers/linear.ts'
import { Module } from '../module.ts'
import { type AttentionMasks, MultiheadAttention } from './multihead.ts'

export interface TransformerLayerOptions extends FactoryOptions {
  /** The size between the two linear layers. Default 2048. */
  dimFeedforward?: number
  /** The probability to drop, everywhere. Default 0.1. */
  dropout?: number
  /** What follows the first linear layer. Default `'relu'`. */
  activation?: 'relu' | 'gelu' | ((x: Tensor) => Tensor)
  /** Added to variances. Default 1e-5. */
  layerNormEps?: number
  /** Whether tensors are `[N, L, E]` instead of `[L, N, E]`. Default false. */
  batchFirst?: boolean
  /** Whether norms come before each part, inside of the residual branch. Default false. */
  normFirst?: boolean
  /** Whether linear layers and norms have biases. Default true. */
  bias?: boolean
}

/** What encoder and decoder layers share: the last part, and how a part is added. */
abstract class TransformerLayer<Inputs extends unknown[]> extends Module<Inputs, Tensor> {
  readonly normFirst: boolean
  selfAttn: MultiheadAttention
  /** A decoder's; here, so that parameters have PyTorch's order. */
  multiheadAttn: MultiheadAttention | undefined
  linear1: Linear
  linear2: Linear
  norm1: LayerNorm
  norm2: LayerNorm
  readonly #drop: Dropout
  readonly #activation: (x: Tensor) => Tensor

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions, decodes: boolean) {
    super()
    const { dimFeedforward = 2048, normFirst = false, activation = 'relu' } = options
    this.normFirst = normFirst
    const attention = (): MultiheadAttention =>
      new MultiheadAttention(dModel, nhead, { dropout: 0.1, ...options })
    this.selfAttn = attention()
    this.multiheadAttn = decodes ? attention() : undefined
    this.linear1 = new Linear(dModel, dimFeedforward, options)
    this.linear2 = new Linear(dimFeedforward, dModel, options)
    this.norm1 = this.norm(dModel, options)
    this.norm2 = this.norm(dModel, options)
    this.#drop = new Dropout(options.dropout ?? 0.1, options)
    this.#activation =
      typeof activation === 'function' ? activation : activation === 'gelu' ? gelu : relu
  }

  protected norm(dModel: number, options: TransformerLayerOptions): LayerNorm {
    const { layerNormEps: eps = 1e-5 } = options
    return new LayerNorm(dModel, { ...options, eps })
  }

  /** A part with its residual connection and its norm. */
  protected add(x: Tensor, norm: LayerNorm, part: (x: Tensor) => Tensor): Tensor {
    return this.normFirst
      ? x.add(this.dropped(part(norm.forward(x))))
      : norm.forward(x.add(this.dropped(part(x))))
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropped(this.#activation(this.linear1.forward(x))))
  }

  /** The layer that drops is no child: PyTorch's three have no state, and train with this one. */
  protected dropped(x: Tensor): Tensor {
    this.#drop.training = this.training
    return this.#drop.forward(x)
  }
}

/**
 * A layer of a transformer's encoder: self-attention, then two linear layers, each with a residual
 * connection, dropout and layer norm (after the sum, or with `normFirst` before the part).
 *
 * Input and output `[L, N, dModel]`, or `[N, L, dModel]` with `batchFirst`. Vaswani et al.:
 * "Attention Is All You Need", arXiv 1706.03762; norms first: Xiong et al., arXiv 2002.04745.
 *
 * @example
 * ```ts
 * const layer = new TransformerEncoderLayer(64, 8, { dimFeedforward: 256, batchFirst: true })
 * layer.forward(zeros([2, 10, 64]), { isCausal: true })
 * ```
 */
export class TransformerEncoderLayer extends TransformerLayer<[x: Tensor, masks?: AttentionMasks]> {
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options, false)
  }

  /** @throws ShapeError when the input or a mask does not fit. */
  forward(x: Tensor, masks: AttentionMasks = {}): Tensor {
    const attended = this.add(
      x,
      this.norm1,
      (t) => this.selfAttn.forward(t, t, t, { ...masks, needWeights: false })[0],
    )
    return this.add(attended, this.norm2, (t) => this.feedForward(t))
  }
}

/** Masks for the decoder's own positions, and for those of the encoder. */
export interface DecoderMasks {
  self?: AttentionMasks
  memory?: AttentionMasks
}

/**
 * A layer of a transformer's decoder: self-attention, attention to the encoder's output, then two
 * linear layers; otherwise as {@link TransformerEncoderLayer}.
 *
 * Input and output `[L, N, dModel]`, memory `[S, N, dModel]`.
 *
 * @example
 * ```ts
 * layer.forward(target, memory, { self: { isCausal: true } })
 * ```
 */
export class TransformerDecoderLayer extends TransformerLayer<
  [x: Tensor, memory: Tensor, masks?: DecoderMasks]
> {
  declare multiheadAttn: MultiheadAttention
  norm3: LayerNorm

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options, true)
    this.norm3 = this.norm(dModel, options)
  }

  /** @throws ShapeError when an input or a mask does not fit. */
  forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const plain = { needWeights: false }
    const own = this.add(
      x,
      this.norm1,
      (t) => this.selfAttn.forward(t, t, t, { ...masks.self, ...plain })[0],
    )
    const attended = this.add(
      own,
      this.norm2,
      (t) => this.multiheadAttn.forward(t, memory, memory, { ...masks.memory, ...plain })[0],
    )
    return this.add(attended, this.norm3, (t) => this.feedForward(t))
  }
}

/**
 * Encoder layers one after the other.
 *
 * @example
 * ```ts
 * const encoder = new TransformerEncoder(() => new TransformerEncoderLayer(64, 8), 6)
 * ```
 */
export class TransformerEncoder extends Module<[x: Tensor, masks?: AttentionMasks], Tensor> {
  layers: TransformerEncoderLayer[]
  norm: LayerNorm | undefined

  /**
   * @param make Makes one layer; called `numLayers` times. (PyTorch copies one, and all start equal.)
   * @param norm What follows the last layer: worth having with `normFirst`.
   */
  constructor(make: () => TransformerEncoderLayer, numLayers: number, norm?: LayerNorm) {
    super()
    this.layers = Array.from({ length: numLayers }, make)
    this.norm = norm
  }

  /** @throws ShapeError when the input or a mask does not fit. */
  forward(x: Tensor, masks: AttentionMasks = {}): Tensor {
    for (const layer of this.layers) x = layer.forward(x, masks)
    return this.norm ? this.norm.forward(x) : x
  }
}

/** Decoder layers one after the other; see {@link TransformerEncoder}. */
export class TransformerDecoder extends Module<
  [x: Tensor, memory: Tensor, masks?: DecoderMasks],
  Tensor
> {
  layers: TransformerDecoderLayer[]
  norm: LayerNorm | undefined

  /**
   * @param make Makes one layer; called `numLayers` times.
   * @param norm What follows the last layer.
   */
  constructor(make: () => TransformerDecoderLayer, numLayers: number, norm?: LayerNorm) {
    super()
    this.layers = Array.from({ length: numLayers }, make)
    this.norm = norm
  }

  /** @throws ShapeError when an input or a mask does not fit. */
  forward(x: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    for (const layer of this.layers) x = layer.forward(x, memory, masks)
    return this.norm ? this.norm.forward(x) : x
  }
}
