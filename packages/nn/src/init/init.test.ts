import { Generator, manualSeed, reference, setDevice, type Tensor, zeros } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { f64 } from '../../test/helpers.ts'
import { init, Linear } from '../index.ts'

beforeEach(() => {
  setDevice(reference())
  manualSeed(5)
})

const empty = (shape: readonly number[]): Tensor => zeros(shape, { dtype: 'f64' })

function statistics(t: Tensor): { mean: number; std: number; low: number; high: number } {
  const values = [...t.dataSync()]
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length
  return { mean, std: Math.sqrt(variance), low: Math.min(...values), high: Math.max(...values) }
}

describe('fans and gains', () => {
  test('fans of matrices, of convolutions, and of both in the layout of PyTorch', () => {
    const fans = (shape: number[], layout: init.WeightLayout = 'nabla') =>
      init.calculateFanInAndFanOut({ shape }, { layout })
    expect(fans([40, 60])).toEqual([60, 40])
    expect(fans([40, 60], 'torch')).toEqual([60, 40])
    expect(fans([3, 3, 8, 16])).toEqual([72, 144])
    expect(fans([16, 8, 3, 3], 'torch')).toEqual([72, 144])
    expect(fans([7, 6, 12])).toEqual([42, 84])
    expect(() => fans([3])).toThrow(
      'calculateFanInAndFanOut: [3] must have two axes or more, as a weight',
    )
  })

  test('gains', () => {
    expect(init.calculateGain('linear')).toBe(1)
    expect(init.calculateGain('tanh')).toBe(5 / 3)
    expect(init.calculateGain('relu')).toBe(Math.SQRT2)
    expect(init.calculateGain('leakyRelu')).toBeCloseTo(1.4141428569978354, 15)
    expect(init.calculateGain('leakyRelu', 0.2)).toBeCloseTo(1.3867504905630728, 15)
    expect(init.calculateGain('selu')).toBe(0.75)
    expect(() => init.calculateGain('swish' as 'relu')).toThrow(
      'calculateGain: "swish" is not known; use linear, conv, sigmoid, tanh, relu, leakyRelu or selu',
    )
  })
})

describe('random values', () => {
  test.each([
    ['xavierUniform', () => init.xavierUniform(empty([80, 120])), Math.sqrt(6 / 200)],
    [
      'xavierUniform, gain',
      () => init.xavierUniform(empty([80, 120]), { gain: 2 }),
      2 * Math.sqrt(6 / 200),
    ],
    ['kaimingUniform', () => init.kaimingUniform(empty([5, 5, 20, 30])), Math.sqrt(6 / 500)],
    [
      'kaimingUniform, fanOut, tanh',
      () => init.kaimingUniform(empty([80, 120]), { mode: 'fanOut', nonlinearity: 'tanh' }),
      (5 / 3) * Math.sqrt(3 / 80),
    ],
    ['uniform', () => init.uniform(empty([20000]), -2, 2), 2],
  ])('%s fills its bounds', (_, make, bound) => {
    const { mean, std, low, high } = statistics(make())
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound)
    expect(std).toBeCloseTo(bound / Math.sqrt(3), 2)
    expect(high).toBeGreaterThan(0.998 * bound)
    expect(low).toBeLessThan(-0.998 * bound)
    expect(Math.max(high, -low)).toBeLessThanOrEqual(bound * (1 + 1e-4))
  })

  test.each([
    ['xavierNormal', () => init.xavierNormal(empty([80, 120])), Math.sqrt(2 / 200)],
    ['kaimingNormal', () => init.kaimingNormal(empty([80, 120])), Math.sqrt(2 / 120)],
    [
      'kaimingNormal, a',
      () => init.kaimingNormal(empty([80, 120]), { a: Math.sqrt(5) }),
      Math.sqrt(1 / 360),
    ],
    ['normal', () => init.normal(empty([20000]), 0, 3), 3],
  ])('%s has its standard deviation', (_, make, expected) => {
    const { mean, std } = statistics(make())
    expect(Math.abs(mean)).toBeLessThan(0.02 * expected)
    expect(std / expected).toBeCloseTo(1, 1)
  })

  test('truncNormal follows the cut distribution', () => {
    const plain = statistics(init.truncNormal(empty([20000])))
    // The deviation of a standard normal cut at ±2.
    expect(plain.std).toBeCloseTo(0.8796, 2)
    expect(Math.max(plain.high, -plain.low)).toBeLessThanOrEqual(2)
    expect(plain.high).toBeGreaterThan(1.99)
    const shifted = { mean: 0.5, std: 0.2, low: 0.3, high: 1 }
    const skewed = statistics(init.truncNormal(empty([20000]), shifted))
    expect(skewed.mean).toBeCloseTo(0.554, 2)
    expect(skewed.std).toBeCloseTo(0.153, 2)
    expect(skewed.low).toBeGreaterThanOrEqual(0.3)
    const open = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
    const whole = statistics(init.truncNormal(empty([20000]), open))
    expect(whole.std).toBeCloseTo(1, 1)
    expect(Number.isFinite(whole.low) && Number.isFinite(whole.high)).toBe(true)
    expect(() => init.truncNormal(empty([1]), { low: 1, high: 0 })).toThrow(
      'truncNormal: low 1, high 0, std 1: low must be below high, and std above 0',
    )
  })

  test('the same seed gives the same values, also in a view', () => {
    const draw = (t: Tensor) => init.normal(t, 0, 1, { generator: new Generator(9) }).toArraySync()
    expect(draw(empty([3, 2]).transpose())).toEqual(draw(empty([2, 3])))
  })

  test('a parameter stays the parameter that it is', () => {
    const { weight } = new Linear(3, 2)
    expect(init.constant(weight, 2)).toBe(weight)
    expect(weight.requiresGrad).toBe(true)
    expect(weight.toArraySync()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ])
  })

  test('integers are refused', () => {
    expect(() => init.normal(zeros([2], { dtype: 'i32' }))).toThrow(
      'normal: the tensor is i32; draws are floats',
    )
  })
})

describe('structured values', () => {
  test('constants and the identity', () => {
    expect(init.ones(empty([2])).toArraySync()).toEqual([1, 1])
    expect(init.zeros(f64([1, 2])).toArraySync()).toEqual([0, 0])
    expect(init.eye(empty([2, 3])).toArraySync()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ])
    expect(() => init.eye(empty([2]))).toThrow('eye: [2] is no matrix')
  })

  test('dirac copies channels through the middle tap', () => {
    const places = (groups: number): string[] => {
      const found: string[] = []
      const values = init.dirac(empty([3, 3, 3, 6]), groups).dataSync()
      values.forEach((value, i) => {
        const [k, c] = [i % 6, Math.floor(i / 6) % 3]
        const [s, r] = [Math.floor(i / 18) % 3, Math.floor(i / 54)]
        if (value !== 0) found.push(`${k}<-${c} at ${r},${s}: ${value}`)
      })
      return found.sort()
    }
    const first = ['0<-0 at 1,1: 1', '1<-1 at 1,1: 1', '2<-2 at 1,1: 1']
    expect(places(1)).toEqual(first)
    expect(places(2)).toEqual([...first, '3<-0 at 1,1: 1', '4<-1 at 1,1: 1', '5<-2 at 1,1: 1'])
    expect(() => init.dirac(empty([3, 3]))).toThrow(
      'dirac: [3, 3] must be a convolution weight of 3 to 5 axes',
    )
    expect(() => init.dirac(empty([3, 3, 6]), 4)).toThrow(
      'dirac: groups is 4; it must divide the 6 outputs',
    )
  })

  test.each([
    [
      [4, 7],
      [4, 7],
    ],
    [
      [7, 4],
      [7, 4],
    ],
    [
      [2, 3, 5, 4],
      [30, 4],
    ],
    [
      [1, 1, 3, 8],
      [3, 8],
    ],
  ])('orthogonal %j has orthonormal rows or columns', (shape, matrix) => {
    const m = init.orthogonal(empty(shape), { gain: 2 }).reshape(matrix)
    const wide = matrix[0]! <= matrix[1]!
    const product = wide ? m.matmul(m.transpose()) : m.transpose().matmul(m)
    const size = Math.min(...matrix)
    const difference = product.sub(init.eye(empty([size, size])).mul(4))
    expect(difference.abs().max().itemSync()).toBeLessThan(1e-14)
  })

  test('sparse has its share of zeros in each column', () => {
    const t = init.sparse(empty([10, 100]), { sparsity: 0.33, std: 0.5 })
    expect(new Set(t.eq(0).sum(0).dataSync())).toEqual(new Set([4]))
    expect(statistics(t).std).toBeCloseTo(0.5 * Math.sqrt(0.6), 1)
    expect(() => init.sparse(empty([3]), { sparsity: 0.5 })).toThrow('sparse: [3] is no matrix')
    expect(() => init.sparse(empty([3, 3]), { sparsity: 2 })).toThrow(
      'sparse: sparsity is 2; it must be in 0 .. 1',
    )
  })
})
