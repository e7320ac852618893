/** The Hessian of a loss in its parameters, without ever making it. */
import { enableGrad, gradients, type Tensor } from '@nablajs/tensor'
import { flat } from './one-vector.ts'

/** A loss where the parameters are, to second order. Call it inside of a `scope`. */
export interface Curvature {
  readonly loss: Tensor
  /** The gradient, as one vector. */
  readonly gradient: Tensor
  /** The Hessian times a vector, by one more backward pass (Pearlmutter's method). */
  times(vector: Tensor): Tensor
}

/** Computes loss and gradient, and keeps the graph for products with the Hessian. */
export function curvatureOf(parameters: readonly Tensor[], closure: () => Tensor): Curvature {
  return enableGrad(() => {
    const loss = closure()
    const slopes = gradients(loss, parameters, { createGraph: true })
    const tracked = flat(slopes)
    return {
      loss: loss.detach(),
      gradient: tracked.detach(),
      times: (vector) => {
        // A linear loss has no curvature, and no graph of its gradient.
        if (!tracked.requiresGrad) return vector.zerosLike()
        return flat(
          gradients(tracked, parameters, { gradient: vector, retainGraph: true }),
        ).detach()
      },
    }
  })
}
