/**
 * A sample is one call of one op that every device must agree on: inputs as plain numbers, and a
 * function of tensors. The conformance suite runs it on a device in f32 and on the reference in f64.
 */
import type { DType, FloatDType, Shape, Tensor } from '@nablajs/tensor'
import type { Tolerance } from './close.ts'
import { Random } from './random.ts'

/** How an input lies in memory: the op gets a view of this kind. */
export type LayoutName = 'dense' | 'transposed' | 'strided' | 'reversed' | 'expanded'

export interface Input {
  /** `float` is f32 on the device under test and f64 on the reference. */
  readonly dtype: 'float' | Exclude<DType, FloatDType>
  /** Of the memory, before `view`. */
  readonly shape: Shape
  readonly values: readonly number[]
  /** From the memory to what the op gets; moves nothing. */
  readonly view?: (t: Tensor) => Tensor
  /** A float that gets no gradient. */
  readonly constant?: boolean
}

export interface Sample {
  /** Shapes and options, for messages. */
  readonly label: string
  /** Samples of one aspect are one test. Default `values`. */
  readonly aspect?: string
  readonly inputs: readonly Input[]
  readonly run: (...inputs: Tensor[]) => Tensor | readonly Tensor[]
  /** Whether the gradients are compared. Default: where the result depends on a float input. */
  readonly differentiable?: boolean
  /** Whether differences may be taken: few elements, away from kinks. Default false. */
  readonly smooth?: boolean
  readonly tolerance?: Partial<Tolerance>
  readonly gradientTolerance?: Partial<Tolerance>
  /**
   * Whether an element may also agree with the reference in f32: at extremes the rounding and
   * overflow of a program's intermediate results is part of what it means. `gradients`: only there.
   */
  readonly rounded?: boolean | 'gradients'
}

export interface Layout {
  readonly base: Shape
  readonly view: (t: Tensor) => Tensor
}

const size = (shape: Shape): number => shape.reduce((n, extent) => n * extent, 1)

/** How to get a tensor of `shape` as a view of some memory. */
export const layouts: Readonly<Record<LayoutName, (shape: Shape) => Layout>> = {
  dense: (shape) => ({ base: shape, view: (t) => t }),
  transposed: (shape) => ({
    base: [...shape].reverse(),
    view: (t) => t.permute(shape.map((_, axis) => axis).reverse()),
  }),
  strided: (shape) => ({
    base: shape.map((extent) => 2 * extent + 1),
    view: (t) => t.slice(...shape.map(() => ({ start: 1, step: 2 }))),
  }),
  reversed: (shape) => ({ base: shape, view: (t) => t.flip(shape.map((_, axis) => axis)) }),
  expanded: (shape) => ({
    base: shape.map((extent, axis) => (axis % 2 === 0 ? 1 : extent)),
    view: (t) => t.expand(shape),
  }),
}

export const layoutNames = Object.keys(layouts) as LayoutName[]

/** Makes the inputs of one op; what it draws depends on the op's name and the calls before. */
export class Inputs {
  readonly random: Random

  constructor(op: string) {
    this.random = new Random(op)
  }

  /** Floats drawn from [low, high). */
  floats(shape: Shape, low = -2, high = 2, layout: LayoutName = 'dense'): Input {
    return this.#made('float', shape, layout, () => this.random.float(low, high))
  }

  /** Whole numbers drawn from low .. high without 0, by which some ops divide. */
  integers(
    dtype: 'i32' | 'u32' | 'bool',
    shape: Shape,
    low = dtype === 'i32' ? -9 : 0,
    high = 9,
    layout: LayoutName = 'dense',
  ): Input {
    return this.#made(dtype, shape, layout, () =>
      dtype === 'bool' ? this.random.integer(0, 1) : this.random.integer(low, high) || 1,
    )
  }

  /** Whole numbers from 0 .. count - 1. */
  indices(shape: Shape, count: number, dtype: 'i32' | 'u32' = 'i32'): Input {
    return this.#made(dtype, shape, 'dense', () => this.random.integer(0, count - 1))
  }

  /** Floats with many equal values, for ties. */
  ties(shape: Shape): Input {
    return this.#made('float', shape, 'dense', () => this.random.integer(-2, 2))
  }

  #made(dtype: Input['dtype'], shape: Shape, layout: LayoutName, draw: () => number): Input {
    const { base, view } = layouts[layout](shape)
    return { dtype, shape: base, values: Array.from({ length: size(base) }, draw), view }
  }
}

/** An input with given values; floats are rounded to f32. */
export function given(
  values: readonly number[],
  dtype: Input['dtype'] = 'float',
  shape: Shape = [values.length],
): Input {
  return { dtype, shape, values: dtype === 'float' ? values.map(Math.fround) : values }
}

/** Values at which arithmetic is special. */
export const specials: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  0.5,
  2,
  -3,
  1e-40,
  -1e-40,
  1.1754943508222875e-38,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  16777216,
].map(Math.fround)
