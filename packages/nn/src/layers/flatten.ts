import { flatten, type Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'

export interface FlattenOptions {
  /** The first axis that is merged. Default 1: all but the batch. */
  start?: number
  /** The last one. Default -1. */
  end?: number
  /**
   * Moves the last axis before the others that are merged, so that images `[N, H, W, C]` become
   * `[N, C·H·W]` in PyTorch's order: for a `Linear` behind it that loads PyTorch's weights.
   * Costs a copy. Default false.
   */
  channelsFirst?: boolean
}

/**
 * Merges axes into one, by default all but the first: `[N, H, W, C]` becomes `[N, H·W·C]`.
 *
 * @example
 * ```ts
 * new Flatten().forward(zeros([8, 4, 4, 16])).shape   // [8, 256]
 * ```
 */
export class Flatten extends Module {
  readonly start: number
  readonly end: number
  readonly channelsFirst: boolean

  constructor(options: FlattenOptions = {}) {
    super()
    this.start = options.start ?? 1
    this.end = options.end ?? -1
    this.channelsFirst = options.channelsFirst ?? false
  }

  forward(x: Tensor): Tensor {
    return flatten(this.channelsFirst ? this.#reorder(x) : x, this.start, this.end)
  }

  #reorder(x: Tensor): Tensor {
    const axes = x.shape.map((_, axis) => axis)
    const [start, end] = [this.start, this.end].map((axis) => (axis < 0 ? axis + x.rank : axis))
    const [last] = axes.splice(end!, 1)
    return x.permute(axes.toSpliced(start!, 0, last!))
  }

  override extraRepr(): string {
    const { start, end } = this
    const range = start === 1 && end === -1 ? [] : [`start=${start}`, `end=${end}`]
    return [...range, ...(this.channelsFirst ? ['channelsFirst=true'] : [])].join(', ')
  }
}
