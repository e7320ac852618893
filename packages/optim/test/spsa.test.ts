import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { SPSA } from '../src/index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

describe('SPSA', () => {
  test('goes along its direction by the slope there', () => {
    // On a linear loss the estimate is exact: every element moves by a |w·Δ|, against the sign.
    const w = [1, -2, 0.5, 3]
    const x = leaf([0, 0, 0, 0])
    const loss = new SPSA([x], { lr: 0.1, alpha: 0 }).step(() => x.mul(tensor(w)).sum())
    expect(loss.itemSync()).toBeCloseTo(0, 12)
    const moved = [...x.dataSync()]
    const direction = moved.map((value) => -Math.sign(value))
    const slope = w.reduce((sum, value, i) => sum + value * direction[i]!, 0)
    expect(slope).toBeGreaterThan(0)
    moved.forEach((value, i) => {
      expect(value).toBeCloseTo(-0.1 * slope * direction[i]!, 10)
    })
  })

  test('falls as its sequences say', () => {
    // With one element the direction does not matter.
    const x = leaf([1])
    const optimizer = new SPSA([x], { lr: 0.2, stability: 3, alpha: 0.5 })
    let p = 1
    for (let t = 1; t <= 5; t++) {
      optimizer.step(() => x.square().sum())
      p -= (0.2 / (3 + t) ** 0.5) * 2 * p
      expect(x.itemSync()).toBeCloseTo(p, 10)
    }
  })

  test('comes down a bowl, also from a stored state, and differs by its seed', () => {
    const run = (x: Tensor, optimizer: SPSA, steps: number): number[] => {
      for (let i = 0; i < steps; i++) optimizer.step(() => x.square().sum()).dispose()
      return [...x.dataSync()]
    }
    const x = leaf([1, -1, 2])
    const options = { lr: 0.1, alpha: 0.2 }
    const end = run(x, new SPSA([x], options), 150)
    expect(Math.hypot(...end)).toBeLessThan(0.05)

    const y = leaf([1, -1, 2])
    const half = new SPSA([y], options)
    run(y, half, 70)
    const z = leaf([...y.dataSync()])
    const resumed = new SPSA([z], options)
    resumed.loadStateDict(half.stateDict())
    expect(run(z, resumed, 80)).toEqual(end)

    const other = leaf([1, -1, 2])
    expect(run(other, new SPSA([other], { ...options, seed: 1 }), 150)).not.toEqual(end)
  })

  test('stays where a loss is not finite or cannot be computed', () => {
    const x = leaf([1, -2])
    const optimizer = new SPSA([x], { lr: 0.1, c: 0.5 })
    const expectStart = (): void => {
      const [a, b] = x.dataSync()
      expect(a).toBeCloseTo(1, 14)
      expect(b).toBeCloseTo(-2, 14)
    }
    let calls = 0
    optimizer.step(() => x.sum().mul(++calls === 2 ? Number.NaN : 1))
    expect(calls).toBe(2)
    expectStart()
    for (const failing of [1, 2]) {
      calls = 0
      const run = (): Tensor =>
        optimizer.step(() => {
          if (++calls === failing) throw new Error('no loss')
          return x.sum()
        })
      expect(run).toThrow('no loss')
      expectStart()
    }
  })

  test('needs the loss', () => {
    expect(() => new SPSA([leaf([1])]).step()).toThrow(
      'SPSA: step() came without a function; it needs step(() => loss)',
    )
    expect(() => new SPSA([leaf([1])], { seed: -1 })).toThrow(
      'SPSA: seed is -1; it must be a whole number in 0 .. 4294967295',
    )
  })
})
