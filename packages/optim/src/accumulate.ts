import { scope, type Tensor, zeros } from '@nablajs/tensor'
import type { Wrapped } from './wrapped.ts'

/**
 * One training step over several batches, as large as memory allows each: the gradients of the means
 * are averaged before the update. Returns the mean of the losses.
 *
 * @param loss The mean loss of one batch; batches count alike, so make them of one size.
 * @example
 * ```ts
 * const loss = accumulate(optimizer, batches, ({ image, label }) =>
 *   crossEntropy(model.forward(image), label),
 * )
 * ```
 */
export function accumulate<Batch>(
  optimizer: Wrapped,
  batches: readonly Batch[],
  loss: (batch: Batch) => Tensor,
): Tensor {
  optimizer.zeroGrad()
  return scope(() => {
    const losses = batches.map((batch) =>
      scope(() => {
        const own = loss(batch).mul(1 / batches.length)
        own.backward()
        return own.detach()
      }),
    )
    optimizer.step()
    return losses.length === 0 ? zeros([]) : losses.reduce((a, b) => a.add(b))
  })
}
