/**
 * Kernels whose threads work together, in several orders of the threads, with late execution, and in
 * memory whose every overrun is caught: the same bits each time. A barrier too few would show.
 */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { type Backend, conv2d, grad, matmul, type Tensor, tensor } from '@nablajs/tensor'
import { describe, expect, test } from 'vitest'
import { emulated, emulatorAlone } from './emulated.ts'

const found = emulated()
const { controls } = found

/** Numbers without a pattern, the same every time. */
function numbers(device: Backend, shape: readonly number[], seed: number): Tensor {
  const count = shape.reduce((n, extent) => n * extent, 1)
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 12.9898 * i) * 3)
  return tensor(values, { device }).reshape([...shape])
}

/** Every kind of cooperation: warps, blocks, parts, tiles; own products in the place of cuBLAS and cuDNN. */
async function results(device: CudaBackend): Promise<number[][]> {
  const make = (shape: readonly number[], seed: number) => numbers(device, shape, seed)
  const long = make([3, 20_000], 1)
  const rows = make([40, 300], 2)
  const [a, b] = [make([70, 90], 3), make([90, 75], 4)]
  const [x, weight] = [make([2, 12, 12, 9], 5), make([3, 3, 9, 16], 6)]
  const convolved = (v: Tensor, w: Tensor) => conv2d(v, w, undefined, { padding: 1 }).square().sum()
  const halves = (['f16', 'bf16'] as const).flatMap((dtype) => {
    // So small that no sum of f16 is infinite.
    const [v, w] = [x.mul(0.25).cast(dtype), weight.mul(0.25).cast(dtype)]
    return [
      long.cast(dtype).sum(1),
      rows.cast(dtype).max(0),
      rows.cast(dtype).transpose().add(1),
      matmul(a.cast(dtype), b.cast(dtype)),
      grad((t: Tensor) => convolved(t, w))(v),
      grad((t: Tensor) => convolved(v, t))(w),
    ]
  })
  const all = [
    ...halves,
    long.sum(),
    long.max(1),
    long.argmin(1),
    long.sum(0),
    rows.sum(1),
    rows.argmax(1),
    rows.reshape([4, 10, 300]).sum([0, 2]),
    matmul(a, b),
    conv2d(x, weight, undefined, { padding: 1 }),
    grad((v: Tensor) => convolved(v, weight))(x),
    grad((w: Tensor) => convolved(x, w))(weight),
    long.cumsum(1),
    rows.sort(1).values,
  ]
  return Promise.all(all.map(async (each) => [...(await each.data())].map(Number)))
}

describe.skipIf(!controls)(`threads in any order${emulatorAlone(found)}`, () => {
  /** The results on a device opened with these variables. */
  async function run(variables: Record<string, string> = {}): Promise<number[][]> {
    const before = { ...process.env }
    Object.assign(process.env, { NABLA_CUDA_CUBLAS: 'off', NABLA_CUDA_CUDNN: 'off', ...variables })
    try {
      const device = await cuda()
      const values = await results(device)
      device.dispose()
      return values
    } finally {
      process.env = before
    }
  }

  let forward: number[][]
  test('forward', async () => {
    forward = await run()
    expect(forward.flat().every(Number.isFinite)).toBe(true)
    expect(await run()).toEqual(forward)
  })

  test.each([
    ['reverse', 1],
    ['random', 1],
    ['random', 2],
  ] as const)('%s %i', async (order, seed) => {
    controls!.setOrder(order, seed)
    try {
      expect(await run()).toEqual(forward)
    } finally {
      controls!.setOrder('forward')
    }
  })

  test('late', async () => {
    controls!.setLazy(true)
    try {
      expect(await run()).toEqual(forward)
    } finally {
      controls!.setLazy(false)
    }
  })

  test('strict', async () => {
    controls!.setStrict(true)
    try {
      expect(await run({ NABLA_CUDA_NO_POOL: '1' })).toEqual(forward)
    } finally {
      controls!.setStrict(false)
    }
  })
})
