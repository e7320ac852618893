import { outputAxis } from '../output-axis.ts'
import { type Transform, transform } from '../transform.ts'

/**
 * `u ← u - mean(u)` over the weights of each output of a layer: gradient centralisation. Outputs are
 * counted by the first axis of a matrix and by the last one of a kernel; vectors are left alone. One
 * reduction more for each parameter. {@link centralizeGradients} does the same in a hook.
 *
 * Source: H. Yong et al., "Gradient Centralization: A New Optimization Technique for Deep Neural
 * Networks", arXiv 2004.01461.
 */
export const centralize: Transform<object> = transform({
  name: 'centralize',
  defaults: {},
  numbers: (_options, _t, _memory, { shape }) => {
    const weights = shape.reduce((product, size) => product * size, 1)
    return { share: shape.length < 2 ? 0 : shape[outputAxis(shape.length)]! / weights }
  },
  over: 'output',
  sums: (u) => ({ total: u }),
  update: (u, _, { total, share }) => ({ u: u.sub(total.mul(share)) }),
})
