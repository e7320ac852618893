// The cpu device with the native libraries of this machine; `cpu.test.ts` has our own kernels alone.
import { cpu } from '@nablajs/backend-cpu'
import { conv2d, matmul, tensor } from '@nablajs/tensor'
import { conformance } from '@nablajs/testing'
import { describe, expect, it } from 'vitest'

const device = await cpu()
const { blas, oneDnn } = device.describe()
const found = [blas, oneDnn].filter((library) => typeof library !== 'string')
device.dispose()

if (found.length === 0)
  describe('conformance of cpu with native libraries', () => {
    it.skip(`BLAS: ${blas}; oneDNN: ${oneDnn}`, () => {})
  })
else {
  conformance(`cpu with ${found.map(({ name }) => name).join(' and ')}`, () => cpu())

  it('agrees with our own kernels where sizes are large enough for a library', async () => {
    const [native, own] = [await cpu(), await cpu({ blas: false, oneDnn: false })]
    const values = (count: number, step: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * step))
    const results = [native, own].map((on) => {
      const a = tensor(values(70 * 90, 0.7), { shape: [70, 90], device: on, requiresGrad: true })
      const b = tensor(values(90 * 80, 0.3), { shape: [90, 80], device: on, requiresGrad: true })
      matmul(a, b).square().sum().backward()
      const x = tensor(values(2 * 12 * 12 * 16, 0.9), {
        shape: [2, 12, 12, 16],
        device: on,
        requiresGrad: true,
      })
      const w = tensor(values(9 * 16 * 24, 0.2), {
        shape: [3, 3, 16, 24],
        device: on,
        requiresGrad: true,
      })
      conv2d(x, w, undefined, { padding: 1, stride: 2 }).square().sum().backward()
      return [a, b, x, w].map((own) => own.grad!.dataSync())
    })
    for (const [i, actual] of results[0]!.entries()) {
      const expected = results[1]![i]!
      const scale = Math.max(...Array.from(expected, Math.abs))
      for (const [at, value] of actual.entries())
        expect(Math.abs(value - expected[at]!)).toBeLessThan(1e-5 * scale)
    }
    native.dispose()
    own.dispose()
  })
}
