/** Products and convolutions of 16 bits: by the libraries, and by own kernels alone. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { addmm, conv2d, grad, type HalfDType, matmul, type Tensor, tensor } from '@nablajs/tensor'
import { dtypes } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()

/** The libraries that are off. */
const setups = { 'with libraries': [], 'without libraries': ['CUBLAS', 'CUDNN'] } as const

/** Whole eighths: of some dozens of them every product and sum is exact in f32. */
const eighths = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.round(Math.sin(seed + 12.9898 * i) * 40) / 8)

const round = (value: number, dtype: HalfDType): number => {
  const { encode, decode } = dtypes[dtype]
  return decode!(encode!(value))
}

async function opened(off: readonly string[]): Promise<CudaBackend> {
  const before = { ...process.env }
  for (const name of off) process.env[`NABLA_CUDA_${name}`] = 'off'
  return cuda().finally(() => {
    process.env = before
  })
}

const read = async (t: Tensor): Promise<number[]> => [...(await t.data())]

describe.skipIf(missing !== undefined)(`16 bits on cuda${because(missing)}`, () => {
  for (const [title, off] of Object.entries<readonly string[]>(setups))
    describe(title, () => {
      let device: CudaBackend
      beforeAll(async () => {
        device = await opened(off)
      })
      afterAll(() => device.dispose())

      for (const dtype of ['f16', 'bf16'] as const) {
        const made = (shape: number[], seed: number): Tensor => {
          const count = shape.reduce((n, extent) => n * extent, 1)
          return tensor(eighths(count, seed), { shape, device }).cast(dtype)
        }

        /** Compares with sums by hand, rounded once; `c` tells what is added. */
        const check = async (
          result: Tensor,
          [batch, m, k, n]: readonly [number, number, number, number],
          c: (batch: number, m: number, n: number) => number,
        ): Promise<void> => {
          expect(result.dtype).toBe(dtype)
          const [x, y] = [eighths(batch * m * k, 1), eighths(batch * k * n, 2)]
          const wanted = Array.from({ length: batch * m * n }, (_, i) => {
            const [g, row, column] = [Math.floor(i / n / m), Math.floor(i / n) % m, i % n]
            let sum = c(g, row, column)
            for (let j = 0; j < k; j++)
              sum += x[(g * m + row) * k + j]! * y[(g * k + j) * n + column]!
            return round(sum, dtype)
          })
          expect(await read(result)).toEqual(wanted)
        }

        test(`${dtype}: products`, async () => {
          for (const [m, k, n] of [
            [5, 7, 6],
            [1, 40, 3],
            [70, 33, 66],
          ] as const) {
            await check(matmul(made([m, k], 1), made([k, n], 2)), [1, m, k, n], () => 0)
            const batches = matmul(made([3, m, k], 1), made([3, k, n], 2))
            await check(batches, [3, m, k, n], () => 0)
          }
        })

        test(`${dtype}: sums of a product and something else are rounded once`, async () => {
          const sizes = [1, 5, 7, 6] as const
          const before = controls?.ltProducts()
          const [a, b] = [made([5, 7], 1), made([7, 6], 2)]
          const [row, full, column] = [made([6], 3), made([5, 6], 3), made([5, 1], 3)]
          const added = eighths(30, 3)
          await check(addmm(row, a, b), sizes, (_, __, n) => added[n]!)
          await check(addmm(full, a, b), sizes, (_, m, n) => added[m * 6 + n]!)
          await check(addmm(column, a, b), sizes, (_, m) => added[m]!)
          if (before !== undefined)
            expect(controls!.ltProducts() - before).toBe(off.length === 0 ? 2 : 0)
        })

        test(`${dtype}: convolutions and their gradients`, async () => {
          const before = controls?.convolutions()
          const [x, w, dy] = [made([2, 5, 6, 4], 1), made([3, 3, 4, 8], 2), made([2, 5, 6, 8], 3)]
          const convolved = (v: Tensor, weight: Tensor) =>
            conv2d(v, weight, undefined, { padding: 1 })
          const y = convolved(x, w)
          const loss = (v: Tensor, weight: Tensor) => convolved(v, weight).mul(dy).sum()
          const dx = grad((v: Tensor) => loss(v, w))(x)
          const dw = grad((weight: Tensor) => loss(x, weight))(w)
          const [values, weights, factors] = [eighths(240, 1), eighths(288, 2), eighths(480, 3)]
          const sums = [factors, values, weights].map(({ length }) => new Float64Array(length))
          const [wantedY, wantedX, wantedW] = sums as [Float64Array, Float64Array, Float64Array]
          for (let to = 0; to < 480; to++) {
            const [o, ow, oh, image] = [to % 8, (to >> 3) % 6, Math.floor(to / 48) % 5, +(to > 239)]
            for (let tap = 0; tap < 36; tap++) {
              const [c, s, r] = [tap % 4, (tap >> 2) % 3, Math.floor(tap / 12)]
              const [h, v] = [oh + r - 1, ow + s - 1]
              if (h < 0 || v < 0 || h > 4 || v > 5) continue
              const [from, at] = [((image * 5 + h) * 6 + v) * 4 + c, tap * 8 + o]
              wantedY[to]! += values[from]! * weights[at]!
              wantedX[from]! += factors[to]! * weights[at]!
              wantedW[at]! += values[from]! * factors[to]!
            }
          }
          for (const [t, wanted] of [
            [y, wantedY],
            [dx, wantedX],
            [dw, wantedW],
          ] as const) {
            expect(t.dtype).toBe(dtype)
            expect(await read(t)).toEqual([...wanted].map((sum) => round(sum, dtype)))
          }
          if (before !== undefined)
            expect(controls!.convolutions() - before).toBe(off.length === 0 ? 5 : 0)
        })
      }

      test('f16: what is too large is infinite, and bf16 has the range of f32', async () => {
        const large = tensor([[300, -300]], { device })
        const products = (dtype: HalfDType) => {
          const x = large.cast(dtype)
          return read(matmul(x.reshape([2, 1]), x))
        }
        const { POSITIVE_INFINITY: most } = Number
        expect(await products('f16')).toEqual([most, -most, -most, most])
        expect(await products('bf16')).toEqual([90112, -90112, -90112, 90112])
      })
    })

  // Own kernels are for every GPU; those without bfloat16 units may have libraries that refuse it.
  test.skipIf(!controls)('bf16 on a GPU whose libraries have none', async () => {
    controls!.setCapability(75)
    const device = await cuda()
    try {
      const [a, b] = [eighths(35, 1), eighths(42, 2)]
      const x = tensor(a, { shape: [5, 7], device }).cast('bf16')
      const y = tensor(b, { shape: [7, 6], device }).cast('bf16')
      const wanted = Array.from({ length: 30 }, (_, i) => {
        let sum = 0
        for (let j = 0; j < 7; j++) sum += a[Math.floor(i / 6) * 7 + j]! * b[j * 6 + (i % 6)]!
        return round(sum, 'bf16')
      })
      const before = [controls!.ltProducts(), controls!.convolutions()]
      expect(await read(matmul(x, y))).toEqual(wanted)
      expect(await read(addmm(tensor(0, { device }).cast('bf16'), x, y))).toEqual(wanted)
      const pixels = conv2d(x.reshape([1, 1, 5, 7]), y.reshape([1, 1, 7, 6]), undefined)
      expect(await read(pixels)).toEqual(wanted)
      const wide = { padding: [1, 0] } as const
      const rows = await read(
        conv2d(x.reshape([1, 1, 5, 7]), y.reshape([1, 1, 7, 6]), undefined, wide),
      )
      expect(rows.slice(30, 60)).toEqual(wanted)
      expect([controls!.ltProducts(), controls!.convolutions()]).toEqual(before)
    } finally {
      device.dispose()
      controls!.setCapability(90)
    }
  })
})
