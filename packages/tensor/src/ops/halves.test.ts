/** Where 16 bits between the steps of an op would overflow, or lose what it is about. */
import { afterEach, describe, expect, test } from 'vitest'
import {
  autocast,
  avgPool2d,
  bernoulli,
  concat,
  full,
  getDefaultDType,
  gridSample,
  type HalfDType,
  interpolate,
  localResponseNorm,
  logSoftmax,
  logsumexp,
  lpPool2d,
  manualSeed,
  norm,
  ones,
  prod,
  reference,
  scatterAdd,
  setDefaultDType,
  setDevice,
  softmax,
  stack,
  std,
  type Tensor,
  tensor,
  variance,
  zeros,
} from '../index.ts'
import { fuse } from './fuse.ts'

setDevice(reference())
afterEach(() => setDefaultDType('f32'))
/** The largest difference of two tensors. */
const apart = (a: Tensor, b: Tensor): number => {
  const [left, right] = [values(a), values(b)]
  return Math.max(...left.map((value, i) => Math.abs(value - right[i]!)))
}
const values = (t: Tensor): number[] => [...t.dataSync()]

test('sums in f16 that are beyond its range on the way', () => {
  const f16 = { dtype: 'f16' } as const
  const large = full([100_000], 60_000, f16)
  expect(large.mean().itemSync()).toBe(60_000)
  expect(large.nanmean().itemSync()).toBe(60_000)
  expect(std(large).itemSync()).toBe(0)
  // The squares are 90000 each, the variance too: only the deviation is an f16.
  const wide = tensor([-300, 300, -300, 300], f16)
  expect(std(wide, undefined, { correction: 0 }).itemSync()).toBe(300)
  expect(variance(ones([80_000], f16).add(tensor([0, 1], f16).tile([40_000]))).itemSync()).toBe(
    0.25,
  )
  expect(norm(tensor([300, 400], f16)).itemSync()).toBe(500)
  expect(norm(tensor([300, 400], f16), 3).itemSync()).toBeCloseTo(450, -1)
  expect(values(avgPool2d(full([1, 3, 3, 1], 60_000, f16), 3))).toEqual([60_000])
  expect(values(lpPool2d(full([1, 2, 2, 1], 300, f16), 2, 2))).toEqual([600])
  const strong = localResponseNorm(full([1, 1, 1, 1], 300, f16), 1)
  expect(strong.itemSync()).toBeCloseTo(300 / 10 ** 0.75, 1)
  // log 80000, whose sum of exponentials overflows.
  expect(logsumexp(zeros([80_000], f16)).itemSync()).toBeCloseTo(Math.log(80_000), 2)
  const factors = tensor([300, 300, 0.001], { ...f16, requiresGrad: true })
  const product = prod(factors)
  product.backward()
  expect(product.itemSync()).toBeCloseTo(90, 0)
  expect(values(factors.grad!)[0]).toBeCloseTo(0.3, 3)
  expect(values(factors.grad!)[2]).toBe(Infinity)
})

describe.each(['f16', 'bf16'] as const)('%s', (dtype: HalfDType) => {
  test('variance of numbers far from 0', () => {
    // A mean of 1001.33 would be 1000 in bf16, and 1001.5 in f16.
    const x = tensor([1000, 1000, 1004], { dtype })
    expect(variance(x).itemSync()).toBeCloseTo(16 / 3, 1)
    expect(variance(x).dtype).toBe(dtype)
    expect(std(x).dtype).toBe(dtype)
  })

  test('softmax adds up to 1, whatever the size of its logarithm', () => {
    const x = tensor([20, 20.125, 19.75, 20], { dtype })
    const ulp = dtype === 'f16' ? 2 ** -12 : 2 ** -9
    expect(apart(softmax(x), softmax(x.cast('f32')))).toBeLessThanOrEqual(ulp)
    expect(apart(logSoftmax(x), logSoftmax(x.cast('f32')))).toBeLessThanOrEqual(4 * ulp)
    // One key hidden, as attention does it.
    const hidden = softmax(tensor([1, Number.NEGATIVE_INFINITY], { dtype }))
    expect(values(hidden)).toEqual([1, 0])
    expect(hidden.dtype).toBe(dtype)
  })

  test('softmax has gradients of the dtype of its input, also in autocast', () => {
    for (const op of [softmax, logSoftmax]) {
      const x = tensor([1, 2, 3], { dtype, requiresGrad: true })
      const y = autocast(dtype, () => op(x))
      expect(y.dtype).toBe('f32')
      y.backward(tensor([1, 0, 0]))
      expect(x.grad!.dtype).toBe(dtype)
      const wide = tensor([1, 2, 3], { requiresGrad: true })
      op(wide).backward(tensor([1, 0, 0]))
      expect(apart(x.grad!, wide.grad!)).toBeLessThan(0.01)
    }
  })

  test('is compared with numbers of its own', () => {
    // 0.1 itself is between two of them.
    const x = tensor([0.1, 0.2], { dtype })
    expect(values(x.eq(0.1))).toEqual([1, 0])
    expect(values(x.ne(0.1))).toEqual([0, 1])
    expect(values(x.le(0.1))).toEqual([1, 0])
    expect(values(x.ge(0.1))).toEqual([1, 1])
    expect(values(x.lt(0.1))).toEqual([0, 0])
    expect(values(x.gt(0.1))).toEqual([0, 1])
    expect(values(full([1], Infinity, { dtype }).eq(1e39))).toEqual([1])
    // What is computed takes the number as it is: 0.01 · 1e6 is within f16, 1e6 is not.
    expect(tensor([0.01], { dtype }).mul(1e6).itemSync()).toBeCloseTo(1e4, -2)
  })

  test('joins other floats', () => {
    const half = tensor([1, 2], { dtype, requiresGrad: true })
    const wide = tensor([3, 4], { requiresGrad: true })
    const joined = concat([half, wide])
    expect(joined.dtype).toBe('f32')
    joined.sum().backward()
    expect([half.grad!.dtype, wide.grad!.dtype]).toEqual([dtype, 'f32'])
    expect(stack([half, wide]).dtype).toBe('f32')
    expect(concat([half, half]).dtype).toBe(dtype)
    const at = tensor([0, 1], { dtype: 'i32' })
    expect(scatterAdd(zeros([2]), 0, at, half).dtype).toBe('f32')
    expect(scatterAdd(half, 0, at, wide).dtype).toBe('f32')
    const whole = tensor([1, 2], { dtype: 'i32' })
    expect(() => concat([half, whole])).toThrow('may differ only on axis 0')
  })

  test('places in an image are found in f32', () => {
    const count = 1000
    const row = tensor(Float32Array.from({ length: count }, (_, i) => i % 8)).reshape([1, 1, -1, 1])
    // The center of pixel 700, which is 0.400400 of -1 .. 1: in bf16 its pixel would be a multiple of 4.
    const grid = tensor([[[[0.401, 0]]]], { requiresGrad: true })
    const [narrow, full] = [row.cast(dtype), row].map((image) => gridSample(image, grid))
    expect(narrow!.dtype).toBe(dtype)
    expect(narrow!.itemSync()).toBeCloseTo(full!.itemSync(), 1)
    narrow!.sum().backward()
    expect(grid.grad!.dtype).toBe('f32')
    expect(gridSample(row, grid.cast(dtype)).dtype).toBe('f32')
    const image = tensor([0, 1], { dtype }).reshape([1, 1, 2, 1])
    const large = interpolate(image, { size: [1, 6], mode: 'bilinear' })
    expect(large.dtype).toBe(dtype)
    const step = dtype === 'f16' ? 0.1666259765625 : 0.1669921875
    expect(values(large)[2]).toBeCloseTo(2 * step, 3)
  })

  test('fused functions follow autocast', () => {
    const chain = fuse((x: Tensor) => x.exp())
    const x = tensor([1], { dtype, requiresGrad: true })
    const inside = autocast(dtype, () => chain(x))
    expect(inside.dtype).toBe('f32')
    inside.backward()
    expect(x.grad!.dtype).toBe(dtype)
    expect(x.grad!.itemSync()).toBeCloseTo(Math.E, 1)
    expect(chain(x).dtype).toBe(dtype)
    expect(autocast(dtype, () => chain(x)).dtype).toBe('f32')
  })

  test('as the default leaves draws as they are', () => {
    manualSeed(7)
    const draws = values(bernoulli([4000], 0.3))
    setDefaultDType(dtype)
    manualSeed(7)
    expect(values(bernoulli([4000], 0.3))).toEqual(draws)
    expect(getDefaultDType()).toBe(dtype)
  })
})
