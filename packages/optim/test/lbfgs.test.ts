import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { LBFGS } from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const point = (): Tensor[] => [
  tensor([-1.2], { requiresGrad: true }),
  tensor([1], { requiresGrad: true }),
]

/** Rosenbrock's valley, in two parameters. */
const valley = ([a, b]: readonly Tensor[]): Tensor =>
  a!.sub(1).square().add(b!.sub(a!.square()).square().mul(100)).sum()

describe('LBFGS', () => {
  test('finds the end of the valley in a few steps', () => {
    const x = point()
    const options = { lineSearchFn: 'strong_wolfe', toleranceChange: 1e-15 } as const
    const optimizer = new LBFGS(x, options)
    for (let i = 0; i < 8; i++) optimizer.step(() => valley(x))
    expect(x[0]!.itemSync()).toBeCloseTo(1, 6)
    expect(x[1]!.itemSync()).toBeCloseTo(1, 6)
  })

  test('its first direction is the gradient, its second takes one pair', () => {
    // By hand on 2x²: g = 4, t = min(1, 1/4): x = 1 - 1; the next gradient is 0.
    const x = tensor([1], { requiresGrad: true })
    new LBFGS([x], { maxIter: 1 }).step(() => x.square().mul(2).sum())
    expect(x.itemSync()).toBeCloseTo(0, 14)
    // On 2x² from 10 with lr 0.1: one step of 0.1/40 · 40, then Newton's exact one, times 0.1.
    const y = tensor([10], { requiresGrad: true })
    new LBFGS([y], { maxIter: 2, maxEval: 9, lr: 0.1 }).step(() => y.square().mul(2).sum())
    expect(y.itemSync()).toBeCloseTo(9.9 * 0.9, 12)
  })

  test('goes on from a stored state bit for bit', () => {
    const whole = point()
    const options = { maxIter: 3, historySize: 2, lr: 0.3 }
    const a = new LBFGS(whole, options)
    for (let i = 0; i < 6; i++) a.step(() => valley(whole))
    const first = point()
    const b = new LBFGS(first, options)
    for (let i = 0; i < 3; i++) b.step(() => valley(first))
    const second = first.map((x) => tensor(x.dataSync(), { requiresGrad: true }))
    const c = new LBFGS(second, options)
    c.loadStateDict(b.stateDict())
    for (let i = 3; i < 6; i++) c.step(() => valley(second))
    expect(second.map((x) => x.itemSync())).toEqual(whole.map((x) => x.itemSync()))
  })

  test('leaves nothing behind', () => {
    const buffers = device.memory().buffers
    const x = point()
    const optimizer = new LBFGS(x, { historySize: 2, lineSearchFn: 'strong_wolfe' })
    for (let i = 0; i < 3; i++) optimizer.step(() => valley(x)).dispose()
    optimizer.zeroGrad()
    optimizer.dispose()
    for (const one of x) one.dispose()
    expect(device.memory().buffers).toBe(buffers)
  })

  test('says what it needs', () => {
    expect(() => new LBFGS(point()).step()).toThrow(
      'LBFGS: step() came without a function; it needs step(() => loss)',
    )
    expect(() => new LBFGS(point().map((x) => ({ params: [x] })))).toThrow('LBFGS: 2 groups came')
    expect(() => new LBFGS(point(), { maxIter: 0 })).toThrow(
      'LBFGS: maxIter is 0; it must be a whole number > 0',
    )
  })
})
