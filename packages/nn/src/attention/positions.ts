import { type FloatDType, ShapeError, showShape, type Tensor } from '@nablajs/tensor'
import { index, mapProgram, program, select } from '@nablajs/tensor/program'
import { floatType } from '../check.ts'
import { memoize } from '../memoize.ts'
import { Module } from '../module.ts'

const programFor = memoize(
  ({ dtype, time, width }: { dtype: FloatDType; time: number; width: number }) =>
    program({ name: 'positions', inputs: [dtype] }, (x) => {
      const feature = index(2)
      const pair = feature.sub(feature.rem(2)).cast(dtype)
      const angle = index(time)
        .cast(dtype)
        .mul(pair.mul(-Math.log(10000) / width).exp())
      return x!.add(select(feature.rem(2).eq(0), angle.sin(), angle.cos()))
    }),
)

export interface PositionalEncodingOptions {
  /** Whether tensors are `[N, L, E]` instead of `[L, N, E]`. Default false. */
  batchFirst?: boolean
}

/**
 * Adds to each position t sines and cosines of t, with wavelengths from 2π to 20000π:
 * `sin(t / 10000^(2i/E))` to feature 2i, the cosine to feature 2i + 1. There are no parameters and no
 * table: the numbers are made in the kernel. Vaswani et al., arXiv 1706.03762, section 3.5.
 *
 * Input and output `[L, N, E]`, or `[N, L, E]` with `batchFirst`.
 *
 * @example
 * ```ts
 * new PositionalEncoding({ batchFirst: true }).forward(zeros([1, 2, 2]))   // [[[0, 1], [0.84, 0.54]]]
 * ```
 */
export class PositionalEncoding extends Module {
  readonly batchFirst: boolean

  constructor(options: PositionalEncodingOptions = {}) {
    super()
    this.batchFirst = options.batchFirst ?? false
  }

  /** @throws ShapeError when the input has not three axes. */
  forward(x: Tensor): Tensor {
    const dtype = floatType('PositionalEncoding', x)
    if (x.rank !== 3)
      throw new ShapeError(
        `PositionalEncoding: the input is ${showShape(x.shape)}; it must be ${this.batchFirst ? '[N, L, E]' : '[L, N, E]'}`,
      )
    const time = this.batchFirst ? 1 : 0
    return mapProgram(programFor({ dtype, time, width: x.shape[2]! }), [x])
  }

  override extraRepr(): string {
    return this.batchFirst ? 'batchFirst=true' : ''
  }
}
