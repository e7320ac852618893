/** Averages of the weights, and what goes around another optimizer. */
import {
  assign,
  noGrad,
  reference,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { AveragedParameters, Lookahead, SAM, SGD } from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

describe('AveragedParameters', () => {
  const run = (options: { decay?: number }): number[] => {
    const x = leaf([1])
    const average = new AveragedParameters([x], options)
    return [1, 2, 3, 4].map((t) => {
      new SGD([x], { lr: 1 }).step(() => x.mul(-t).sum())
      average.update()
      return average.averages[0]!.itemSync()
    })
  }

  test('means of all updates', () => {
    // The parameter is 2, 4, 7, 11.
    const expected = [2, 3, 13 / 3, 6]
    run({}).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12)
    })
  })

  test('exponential', () => {
    const expected = [2, 2.2, 2.68, 3.512]
    run({ decay: 0.9 }).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12)
    })
  })

  test('go into the parameters and back', () => {
    const x = leaf([1])
    const average = new AveragedParameters([x])
    average.update()
    new SGD([x], { lr: 1 }).step(() => x.sum())
    average.apply()
    expect(x.itemSync()).toBe(1)
    expect(() => average.apply()).toThrow('AveragedParameters: apply() came twice')
    average.restore()
    expect(x.itemSync()).toBe(0)
    expect(() => average.restore()).toThrow('AveragedParameters: restore() came first')
    expect(() => new AveragedParameters([x], { decay: 1 })).toThrow(
      'AveragedParameters: decay is 1; it must be in [0, 1)',
    )
  })
})

test('AveragedParameters take whole numbers as they are', () => {
  const [x, count] = [leaf([1]), tensor([1], { dtype: 'i32' })]
  const average = new AveragedParameters([x, count], { decay: 0.5 })
  average.update()
  noGrad(() => {
    assign(x, tensor([3]))
    assign(count, tensor([2], { dtype: 'i32' }))
  })
  average.update()
  expect(average.averages.map((one) => one.itemSync())).toEqual([2, 2])
})

test('AveragedParameters go on from a stored state, and refuse one of others', () => {
  const x = leaf([1, 3])
  const average = new AveragedParameters([x])
  average.update()
  new SGD([x], { lr: 1 }).step(() => x.sum())
  const resumed = new AveragedParameters([x])
  resumed.loadStateDict(average.stateDict())
  for (const one of [average, resumed]) one.update()
  expect([...average.averages[0]!.dataSync()]).toEqual([0.5, 2.5])
  expect([...resumed.averages[0]!.dataSync()]).toEqual([0.5, 2.5])
  expect(resumed.count).toBe(2)
  expect(() => new AveragedParameters([leaf([1])]).loadStateDict(average.stateDict())).toThrow(
    'AveragedParameters: the state has shapes [2]; the parameters have [1]',
  )
})

test('Lookahead refuses the state of others', () => {
  const make = (values: number[]): Lookahead<object> =>
    new Lookahead(new SGD([leaf(values)]) as never)
  expect(() => make([1]).loadStateDict(make([1, 2]).stateDict())).toThrow(
    'Lookahead: the state has shapes [2]; the parameters have [1]',
  )
})

describe('Lookahead', () => {
  test('goes back a part of the way every k steps, also from a stored state', () => {
    const x = leaf([10])
    const make = (p: Tensor): Lookahead<object> =>
      new Lookahead(new SGD([p], { lr: 1 }) as never, { k: 2, alpha: 0.25 })
    const optimizer = make(x)
    const seen = [1, 2, 3].map(() => {
      optimizer.step(() => x.sum())
      return x.itemSync()
    })
    expect(seen).toEqual([9, 9.5, 8.5])
    const y = leaf([8.5])
    const resumed = make(y)
    resumed.loadStateDict(optimizer.stateDict())
    resumed.step(() => y.sum())
    expect(y.itemSync()).toBeCloseTo(9.5 + 0.25 * (7.5 - 9.5), 12)
  })

  test('says what is wrong', () => {
    expect(() => new Lookahead(new SGD([leaf([1])]), { k: 0 })).toThrow(
      'Lookahead: k is 0; it must be a whole number > 0',
    )
  })
})

describe('SAM', () => {
  const curve = [1, 4]
  const bowl = (x: Tensor): Tensor => x.square().mul(tensor(curve)).sum().mul(0.5)

  test.each([false, true])('follows its paper, adaptive: %s', (adaptive) => {
    const x = leaf([1, -0.5])
    const optimizer = new SAM(new SGD([x], { lr: 0.1, momentum: 0.5 }), { rho: 0.2, adaptive })
    let p = [1, -0.5]
    let b = [0, 0]
    for (let t = 1; t <= 6; t++) {
      const loss = optimizer.step(() => bowl(x))
      expect(loss.itemSync()).toBeCloseTo(0.5 * (p[0]! ** 2 + 4 * p[1]! ** 2), 12)
      const g = p.map((value, i) => curve[i]! * value)
      const size = Math.hypot(...g.map((s, i) => (adaptive ? Math.abs(p[i]!) * s : s)))
      const e = g.map((s, i) => (0.2 * (adaptive ? p[i]! ** 2 : 1) * s) / size)
      b = b.map((old, i) => 0.5 * old + curve[i]! * (p[i]! + e[i]!))
      p = p.map((value, i) => value - 0.1 * b[i]!)
      x.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(p[i]!, 11)
      })
    }
  })

  test('leaves nothing behind', () => {
    const buffers = device.memory().buffers
    const x = leaf([1, 2])
    const inner = new SGD([x], { lr: 0.1 })
    new SAM(inner).step(() => x.square().sum()).dispose()
    inner.zeroGrad()
    inner.dispose()
    x.dispose()
    expect(device.memory().buffers).toBe(buffers)
  })

  test('says what is wrong', () => {
    expect(() => new SAM(new SGD([leaf([1])]), { rho: -1 })).toThrow(
      'SAM: rho is -1; it must be >= 0',
    )
  })
})
