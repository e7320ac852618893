/** What layers with parameters have in common: where their tensors come from. */
import {
  type Backend,
  type FloatDType,
  type Generator,
  type Pair,
  type Shape,
  type Tensor,
  uniform,
} from '@nablajs/tensor'
import { parameter } from '../state.ts'

/** Where the parameters of a layer live and how they are drawn. */
export interface FactoryOptions {
  /** Default: f32 (see `setDefaultDType`). */
  dtype?: FloatDType
  /** Default: the one set with `setDevice`. */
  device?: Backend
  /** What draws the initial values. Default: the shared one (see `manualSeed`). */
  generator?: Generator
}

/** Where constant tensors of a layer go, as options of `zeros` and the like. */
export function placeOf({ dtype, device }: FactoryOptions): {
  dtype?: FloatDType
  device?: Backend
} {
  return { ...(dtype && { dtype }), ...(device && { device }) }
}

/**
 * PyTorch's default for weights and biases: uniform in ±1/√fanIn. (PyTorch writes it for weights as
 * `kaiming_uniform_(a=√5)`, which is the same bound.)
 */
export function drawParameter(shape: Shape, fanIn: number, options: FactoryOptions): Tensor {
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0
  const { generator } = options
  const place = { ...placeOf(options), ...(generator && { generator }) }
  return parameter(uniform(shape, -bound, bound, place))
}

/** `3` for two equal numbers, else `[3, 5]`. */
export function showPair(value: Pair): string {
  if (typeof value === 'number') return String(value)
  return value[0] === value[1] ? String(value[0]) : `[${value.join(', ')}]`
}
