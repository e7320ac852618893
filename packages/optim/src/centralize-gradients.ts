import { noGrad, scope, type Tensor } from '@nablajs/tensor'
import { program, updateInPlace } from '@nablajs/tensor/program'
import { outputAxis } from './output-axis.ts'

/**
 * Gradient centralisation: subtracts from the gradient of each output of a layer its mean, which keeps
 * the mean of the weights where it is. Vectors are left alone.
 *
 * `g ← g - mean(g)` over all axes but that of the outputs.
 *
 * @param axisOf The axis of the outputs, from the number of axes. Default: the first of a matrix, the
 *   last of anything larger, as the layers have it.
 * @example
 * ```ts
 * optimizer.registerStepPreHook(() => centralizeGradients(model.parameters()))
 * ```
 *
 * Source: H. Yong et al., "Gradient Centralization: A New Optimization Technique for Deep Neural
 * Networks", arXiv 2004.01461.
 */
export function centralizeGradients(
  parameters: Iterable<Tensor>,
  axisOf: (rank: number) => number = outputAxis,
): void {
  noGrad(() => {
    for (const { grad } of parameters)
      if (grad && grad.rank > 1)
        scope(() => {
          const { dtype, rank, shape } = grad
          const rest = shape.map((_, axis) => axis).filter((axis) => axis !== axisOf(rank))
          const centred = program({ name: 'centralize', inputs: [dtype, dtype] }, (g, mean) =>
            g!.sub(mean!),
          )
          updateInPlace(centred, [grad, grad.mean(rest, { keepdim: true })], [grad])
        })
  })
}
