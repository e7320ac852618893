/** Optimizers on plain arrays. */
import { type Backend, reference, setDefaultDType, setDevice, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { Adam, AdamW, ArrayOptimizer, CMAES, Muon, NelderMead, SGD, SPSA } from '../src/index.ts'

let device: Backend

beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f32')
})

const curve = [1, 4, 0.3]

describe('ArrayOptimizer', () => {
  test.each([
    ['number[]', (x: number[]) => x, 'f64'],
    ['Float64Array', (x: number[]) => Float64Array.from(x), 'f64'],
    ['Float32Array', (x: number[]) => Float32Array.from(x), 'f32'],
  ] as const)('steps a %s as a tensor', (_, from, dtype) => {
    const array = from([1, -0.5, 2])
    const optimizer = new ArrayOptimizer([array], (params) => new AdamW(params, { lr: 0.1 }))
    const x = tensor([1, -0.5, 2], { dtype, requiresGrad: true })
    const expected = new AdamW([x], { lr: 0.1 })
    for (let i = 0; i < 10; i++) {
      optimizer.step([Array.from(array, (value, k) => curve[k]! * value)])
      expected.step(() => x.square().mul(tensor(curve, { dtype })).sum().mul(0.5))
    }
    Array.from(array).forEach((value, k) => {
      expect(value).toBeCloseTo(x.dataSync()[k]!, dtype === 'f64' ? 12 : 6)
    })
  })

  test('runs one kernel for each array', () => {
    const arrays = [[1, 2], Float32Array.from([3])]
    const optimizer = new ArrayOptimizer(arrays, (params) => new Adam(params))
    optimizer.step([[1, 1], [1]])
    let kernels = 0
    const { map } = device
    device.map = (...args) => {
      kernels++
      map.apply(device, args)
    }
    optimizer.step([[1, 1], [1]])
    expect(kernels).toBe(2)
  })

  test('sees what was changed in between, and leaves out what has no gradient', () => {
    const [a, b] = [[1], [2]]
    const optimizer = new ArrayOptimizer([a, b], (params) => new SGD(params, { lr: 1 }))
    optimizer.step([[0.5], undefined])
    a[0] = 10
    optimizer.step([[1], undefined])
    expect([a, b]).toEqual([[9], [2]])
    expect(Object.keys(optimizer.inner.stateDict().state)).toEqual(['0'])
  })

  test('takes shapes', () => {
    const array = [1, 2, 3, 4]
    const make = (): unknown =>
      new ArrayOptimizer([array], (params) => new Muon(params), { shapes: [[2, 2]] })
    expect(make).not.toThrow()
    expect(() => new ArrayOptimizer([array], (params) => new Muon(params))).toThrow('a matrix')
  })

  test.each([
    ['NelderMead', (p: never) => new NelderMead(p), 150],
    ['CMAES', (p: never) => new CMAES(p), 300],
  ] as const)('%s takes a function of the arrays', (_, make, steps) => {
    const point = [-1.2, 1]
    const valley = (): number => (1 - point[0]!) ** 2 + 100 * (point[1]! - point[0]! ** 2) ** 2
    const optimizer = new ArrayOptimizer([point], make as never) as ArrayOptimizer<NelderMead>
    let last = Number.NaN
    for (let i = 0; i < steps; i++) last = optimizer.step(valley)
    expect(last).toBeLessThan(1e-8)
    expect(point[0]).toBeCloseTo(1, 3)
  })

  test('SPSA too, with the array as it is looked at', () => {
    const point = [3, -2]
    const optimizer = new ArrayOptimizer([point], (params) => new SPSA(params, { lr: 0.1 }))
    for (let i = 0; i < 300; i++) optimizer.step(() => point[0]! ** 2 + point[1]! ** 2)
    expect(Math.hypot(...point)).toBeLessThan(0.05)
  })

  test('leaves nothing behind', () => {
    const optimizer = new ArrayOptimizer([[1, 2], [3]], (params) => new Adam(params))
    optimizer.step([[1, 1], [1]])
    optimizer.dispose()
    const search = new ArrayOptimizer([[1, 2]], (params) => new NelderMead(params))
    search.step(() => 1)
    search.dispose()
    expect(device.memory().buffers).toBe(0)
  })

  test('says what does not fit, and changes nothing', () => {
    const array = [1, 2]
    const optimizer = new ArrayOptimizer([array], (params) => new SGD(params, { lr: 1 }))
    expect(() => optimizer.step([])).toThrow(
      'ArrayOptimizer: 0 gradients came for 1 arrays; give one for each',
    )
    expect(() => optimizer.step([[1]])).toThrow(
      'ArrayOptimizer: gradient 0 has 1 numbers; array 0 has 2',
    )
    expect(array).toEqual([1, 2])
    expect(() => new ArrayOptimizer([array], (params) => new SGD(params), { shapes: [] })).toThrow(
      'ArrayOptimizer: 0 shapes came for 1 arrays; give one for each',
    )
  })
})
