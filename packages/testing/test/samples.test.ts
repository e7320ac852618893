import { reference, type Tensor, tensor, withDevice } from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { allSamples, withoutSamples } from '@nablajs/testing'
import { describe, expect, it } from 'vitest'

describe('samples', () => {
  it('exist for every exported op', () => {
    // A new op: add a line to a table in src/samples/ (elementwise rows need none), or to notOps.
    expect(withoutSamples()).toEqual([])
  })
})

describe('gradients of first and second order', () => {
  const device = reference()
  for (const [op, samples] of allSamples()) {
    const smooth = samples.filter((sample) => sample.smooth)
    if (smooth.length === 0) continue
    it(op, () => {
      const before = device.memory().buffers
      withDevice(device, () => {
        for (const { inputs, run } of smooth) {
          const tensors = inputs.map(({ dtype, values, shape }) =>
            tensor(Float64Array.from(values), { dtype: dtype === 'float' ? 'f64' : dtype, shape }),
          )
          const views = (given: Tensor[]) => given.map((t, i) => inputs[i]!.view?.(t) ?? t)
          gradCheck((...given) => run(...views(given)), tensors, { order: 2 })
          for (const t of tensors) t.dispose()
        }
      })
      expect(device.memory().buffers).toBe(before)
    })
  }
})
