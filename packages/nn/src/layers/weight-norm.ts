import { norm, scope, type Tensor } from '@nablajs/tensor'
import { parameter } from '../state.ts'
import type { AnyModule } from '../tree.ts'
import { axisFromTorch, parameterOf, parametrize } from './parametrize.ts'

export interface WeightNormOptions {
  /** The field of the parameter. Default `'weight'`. */
  name?: string
  /**
   * The axis that keeps lengths of its own, counted in PyTorch's layout (0 are the outputs of linear
   * and convolution layers); `null` for one length of the whole. Default 0.
   */
  dim?: number | null
}

const others = ({ rank }: Tensor, axis: number | null): number[] =>
  Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)

/**
 * `g v / |v|`: the direction of v with the length g, for each index of an axis.
 *
 * @param axis The axis of v with lengths of its own; `null` for one length of the whole.
 */
export function normalizeWeight(v: Tensor, g: Tensor, axis: number | null = 0): Tensor {
  return scope(() => v.mul(g.div(norm(v, 2, others(v, axis), { keepdim: true }))))
}

/**
 * Splits a weight into lengths `weightG` and directions `weightV`, which learn apart:
 * `weight = g v / |v|`. The state dict has `weight_g` and `weight_v`, as PyTorch's. Salimans & Kingma:
 * "Weight Normalization", arXiv 1602.07868.
 *
 * Give the module to the optimizer afterwards: its parameters are other ones now.
 *
 * @throws ArgumentError when the module has no such parameter, or it has no such axis.
 * @example
 * ```ts
 * const layer = weightNorm(new Linear(64, 10))
 * layer.stateDict()['weight_g'].shape   // [10, 1]
 * ```
 */
export function weightNorm<M extends AnyModule>(module: M, options: WeightNormOptions = {}): M {
  const { name = 'weight', dim = 0 } = options
  const weight = parameterOf('weightNorm', module, name)
  const axis = dim === null ? null : axisFromTorch('weightNorm', module, name, dim)
  const g = parameter(
    scope(() => norm(weight.detach(), 2, others(weight, axis), { keepdim: true })),
  )
  const parts = { [`${name}G`]: g, [`${name}V`]: weight }
  return parametrize(module, name, parts, [`${name}_g`, `${name}_v`], () => {
    const own = module as unknown as Record<string, Tensor>
    return normalizeWeight(own[`${name}V`]!, own[`${name}G`]!, axis)
  })
}
