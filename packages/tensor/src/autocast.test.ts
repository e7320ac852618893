import { describe, expect, test } from 'vitest'
import {
  addmm,
  autocast,
  checkpoint,
  conv2d,
  customGrad,
  fromHost,
  gradients,
  type HalfDType,
  hessian,
  jacobian,
  logSoftmax,
  manualSeed,
  matmul,
  noAutocast,
  ones,
  rand,
  randn,
  reference,
  setDevice,
  type Tensor,
  tensor,
  toHost,
} from './index.ts'
import { fuse } from './ops/fuse.ts'

setDevice(reference())
const both: readonly HalfDType[] = ['f16', 'bf16']

describe.each(both)('%s', (dtype) => {
  // Between two neighbours of either type.
  const third = dtype === 'f16' ? 0.333251953125 : 0.333984375

  test('is stored rounded and computed in f32', () => {
    const x = tensor([1, 3], { dtype }).div(3)
    expect(x.dtype).toBe(dtype)
    expect([...x.dataSync()]).toEqual([third, 1])
    // A fused chain rounds once: 1/3 · 3 is 1 in f32, but not from the rounded third.
    const chain = fuse((t: Tensor) => t.div(3).mul(3))
    expect(chain(tensor([1], { dtype })).itemSync()).toBe(1)
  })

  test('sums in f32', () => {
    // 4096 ones: beyond 2048 (f16) or 256 (bf16) a running sum in the dtype itself would stop.
    expect(ones([4096], { dtype }).sum().itemSync()).toBe(4096)
    expect(ones([4096], { dtype }).mean().itemSync()).toBe(1)
    expect(matmul(ones([1, 4096], { dtype }), ones([4096, 1], { dtype })).itemSync()).toBe(4096)
  })

  test('finds extrema, sorts and gathers', () => {
    const x = tensor([[3, 1, 2]], { dtype })
    expect(x.max().dtype).toBe(dtype)
    expect(x.max(1).dataSync()[0]).toBe(3)
    expect(x.argmin(1).dataSync()[0]).toBe(1)
    expect([...x.sort().values.dataSync()]).toEqual([1, 2, 3])
  })

  test('is refused no gradient of another dtype', () => {
    const x = tensor([1, 2], { dtype, requiresGrad: true })
    x.reshape([2, 1]).backward(tensor([[1], [2]]))
    expect(x.grad!.dtype).toBe(dtype)
    expect([...x.grad!.dataSync()]).toEqual([1, 2])
    const double = customGrad(
      'double',
      (t: Tensor) => ({ output: t.mul(2) }),
      (g) => [g.mul(2).cast(g.dtype === 'f32' ? dtype : 'f32')],
    )
    for (const own of [dtype, 'f32'] as const) {
      const leaf = tensor([1, 2], { dtype: own, requiresGrad: true })
      double(leaf).sum().backward()
      expect(leaf.grad!.dtype).toBe(own)
    }
  })

  test('has derivatives of higher order, also in autocast', () => {
    const x = tensor([0.5, 2], { dtype, requiresGrad: true })
    const [slope] = gradients(x.pow(3).sum(), [x], { createGraph: true })
    expect(gradients(slope!.sum(), [x])[0]!.dataSync()[1]).toBeCloseTo(12, 1)
    const weight = tensor([
      [1, 2],
      [3, 4],
    ])
    const row = tensor([[0.25, -0.125]])
    const map = (t: Tensor): Tensor => matmul(t, weight).tanh().square().sum()
    const exact = hessian(map)(row)
    const rough = hessian((t) => autocast(dtype, () => map(t)))(row)
    expect(rough.dtype).toBe('f32')
    const [due, found] = [exact.dataSync(), rough.dataSync()]
    const size = Math.max(...due.map(Math.abs))
    due.forEach((value, i) => {
      expect(Math.abs(found[i]! - value) / size).toBeLessThan(dtype === 'f16' ? 0.01 : 0.08)
    })
    const slopes = jacobian((t) => autocast(dtype, () => matmul(t, weight)))(row)
    expect([...slopes.dataSync()]).toEqual([1, 3, 2, 4])
  })

  test('has gradients of its own dtype', () => {
    const x = tensor([1, 2], { dtype, requiresGrad: true })
    x.square().sum().backward()
    expect(x.grad!.dtype).toBe(dtype)
    expect([...x.grad!.dataSync()]).toEqual([2, 4])
  })

  test('passes gradients to f32 and back', () => {
    const x = tensor([0.5, 2], { requiresGrad: true })
    x.cast(dtype).exp().sum().backward()
    expect(x.grad!.dtype).toBe('f32')
    expect(x.grad!.dataSync()[0]).toBeCloseTo(Math.exp(0.5), 1)
  })

  test('meets other dtypes as in PyTorch', () => {
    const x = tensor([1], { dtype })
    expect(x.add(1.5).dtype).toBe(dtype)
    expect(x.add(tensor([1], { dtype: 'i32' })).dtype).toBe(dtype)
    expect(x.add(tensor([1])).dtype).toBe('f32')
    expect(x.gt(0).dtype).toBe('bool')
    expect(x.add(tensor([1], { dtype: dtype === 'f16' ? 'bf16' : 'f16' })).dtype).toBe('f32')
  })

  test('draws numbers below the upper bound', async () => {
    manualSeed(1)
    const x = rand([20000], { dtype })
    expect((await x.max().data())[0]).toBeLessThan(1)
    expect(Math.abs((await x.mean().data())[0]! - 0.5)).toBeLessThan(0.01)
    expect(Math.abs((await randn([20000], { dtype }).mean().data())[0]!)).toBeLessThan(0.03)
  })

  test('moves between devices and files bit by bit', async () => {
    const x = tensor([third, -0, Infinity, Number.NaN], { dtype })
    const copy = await x.to(reference())
    expect(copy.dtype).toBe(dtype)
    expect([...(await copy.data())]).toEqual([third, -0, Infinity, Number.NaN])
    const file = await toHost(x)
    expect(file.dtype).toBe(dtype === 'f16' ? 'F16' : 'BF16')
    expect([...fromHost(file, { dtype }).dataSync()]).toEqual([...x.dataSync()])
    expect(fromHost(file).dtype).toBe('f32')
  })

  describe('autocast', () => {
    const x = tensor([[0.1, 0.2]])
    const w = tensor([[1 / 3], [2 / 3]], { requiresGrad: true })

    test('lowers products and convolutions, and nothing else', () => {
      autocast(dtype, () => {
        expect(matmul(x, w).dtype).toBe(dtype)
        expect(addmm(tensor([1]), x, w).dtype).toBe(dtype)
        const image = conv2d(ones([1, 2, 2, 1]), ones([2, 2, 1, 1]), tensor([1]))
        expect(image.dtype).toBe(dtype)
        expect(image.itemSync()).toBe(5)
        expect(x.add(1).dtype).toBe('f32')
        expect(matmul(x.cast('i32'), ones([2, 1], { dtype: 'i32' })).dtype).toBe('i32')
        noAutocast(() => expect(matmul(x, w).dtype).toBe('f32'))
      })
      expect(matmul(x, w).dtype).toBe('f32')
    })

    test('keeps what needs precision in f32', () => {
      autocast(dtype, () => {
        const h = matmul(x, w)
        for (const y of [h.exp(), h.sum(), logSoftmax(h), h.pow(2), h.norm(), h.variance(0)])
          expect(y.dtype).toBe('f32')
        for (const y of [h.relu(), h.mul(2), h.max()]) expect(y.dtype).toBe(dtype)
      })
      expect(x.cast(dtype).exp().dtype).toBe(dtype)
    })

    test('gives f32 gradients near those of f32', () => {
      const gradientOf = (run: () => Tensor): number[] => {
        w.grad = undefined
        run().backward()
        expect(w.grad!.dtype).toBe('f32')
        return [...w.grad!.dataSync()]
      }
      const loss = (): Tensor => matmul(x, w).square().sum()
      const exact = gradientOf(loss)
      const inside = gradientOf(() => autocast(dtype, loss))
      inside.forEach((g, i) => {
        expect(Math.abs(g / exact[i]! - 1)).toBeLessThan(0.02)
      })
      const again = gradientOf(() => autocast(dtype, () => checkpoint(loss)))
      expect(again).toEqual(inside)
    })

    test('ends with an error inside', () => {
      expect(() =>
        autocast(dtype, () => {
          throw new Error('stop')
        }),
      ).toThrow('stop')
      expect(matmul(x, w).dtype).toBe('f32')
    })
  })
})

test('autocast takes dtypes of 16 bits', () => {
  // @ts-expect-error f32 is no half
  expect(() => autocast('f32', () => 0)).toThrowErrorMatchingInlineSnapshot(
    `[DTypeError: autocast: "f32" came; it takes f16 and bf16]`,
  )
})

test('a Float16Array is f16', () => {
  const halves = (globalThis as { Float16Array?: new (from: number[]) => ArrayLike<number> })
    .Float16Array
  if (!halves) return
  const x = tensor(new halves([1, 2.5]))
  expect(x.dtype).toBe('f16')
  expect([...x.dataSync()]).toEqual([1, 2.5])
  expect(tensor(new Uint16Array([1, 60000])).dtype).toBe('i32')
})
