/**
 * Every optimizer joins the table below with one row and is under all the shared tests: it follows
 * an independent transcription of its paper, converges, stores and resumes its state bit for bit,
 * keeps dtype and shape, takes groups, leaves nothing behind, and runs one kernel per parameter.
 */
import {
  type Backend,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { Adam, AdamW, type Optimizer, SGD } from '../src/index.ts'
import { type CommonOptions, rows } from './rows.ts'

type Parameters = Iterable<Tensor>

const start = [1, -0.5, 2]
const curvature = [1, 4, 0.3]

let device: Backend

beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
})

function parameter(values: readonly number[] = start): Tensor {
  return tensor(values, { requiresGrad: true })
}

const bowl = (x: Tensor): Tensor => x.square().mul(tensor(curvature)).sum().mul(0.5)

function run(optimizer: Optimizer<never>, x: Tensor, steps: number): void {
  for (let i = 0; i < steps; i++) optimizer.step(() => bowl(x)).dispose()
}

describe.each(rows)('$name', ({ make, paper, name, reduces = 0, settles = 0, steps = 60 }) => {
  test('follows its paper', () => {
    const x = parameter()
    const optimizer = make([x])
    let expected = [...start]
    const memory = expected.map((): Record<string, number> => ({}))
    for (let t = 1; t <= 25; t++) {
      run(optimizer, x, 1)
      const slopes = expected.map((p, i) => curvature[i]! * p)
      expected = paper(expected, slopes, t, memory)
      x.dataSync().forEach((value, i) => {
        expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-9 * Math.max(1, Math.abs(value)))
      })
    }
  })

  test('comes down a bowl, or climbs it', () => {
    const x = parameter()
    const before = bowl(x).itemSync()
    run(make([x]), x, steps)
    const after = bowl(x).itemSync()
    if (name.includes('"maximize":true')) expect(after).toBeGreaterThan(before * 20)
    else expect(after).toBeLessThan(before * 0.05)
  })

  test('goes on from a stored state bit for bit', () => {
    const whole = parameter()
    run(make([whole]), whole, 8)

    const first = parameter()
    const half = make([first])
    run(half, first, 3)
    const second = parameter([...first.dataSync()])
    const resumed = make([second])
    resumed.loadStateDict(half.stateDict())
    run(resumed, second, 5)
    expect([...second.dataSync()]).toEqual([...whole.dataSync()])
  })

  test('keeps float32 and the shape of its state', () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'f32', requiresGrad: true },
    )
    const optimizer = make([x])
    optimizer.step(() => x.square().sum())
    for (const state of Object.values(optimizer.stateDict().state))
      for (const slot of Object.values(state))
        if (slot instanceof Tensor) {
          expect(slot.dtype).toBe('f32')
          if (slot.rank > 0) expect(slot.shape).toEqual([2, 2])
        }
  })

  test('gives each group its own options', () => {
    const [a, b] = [parameter(), parameter()]
    const optimizer = make([{ params: [a] }, { params: [b], lr: 0 }] as unknown as Parameters)
    optimizer.step(() => bowl(a).add(bowl(b)))
    expect([...a.dataSync()]).not.toEqual(start)
    const { weightDecay } = optimizer.paramGroups[1]! as CommonOptions
    if (!weightDecay && !/^(Rprop|ASGD)/.test(name)) expect([...b.dataSync()]).toEqual(start)
  })

  test('accumulated gradients equal those of the whole batch', () => {
    const [whole, parts] = [parameter(), parameter()]
    const [a, b] = [make([whole]), make([parts])]
    for (let i = 0; i < 3; i++) {
      run(a, whole, 1)
      b.zeroGrad()
      scope(() => bowl(parts).mul(0.25).backward())
      scope(() => bowl(parts).mul(0.75).backward())
      b.step()
    }
    parts.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(whole.dataSync()[i]!, 12)
    })
  })

  test('runs one kernel for each parameter, and one reduction for each sum', () => {
    const params = [parameter(), parameter(), parameter()]
    const optimizer = make(params)
    scope(() =>
      params
        .map(bowl)
        .reduce((sum, loss) => sum.add(loss))
        .backward(),
    )
    optimizer.step()
    const counts = { map: 0, reduce: 0 }
    const { map, reduce } = device
    Object.assign(device, {
      map: (...args: globalThis.Parameters<Backend['map']>) => {
        counts.map++
        map.apply(device, args)
      },
      reduce: (...args: globalThis.Parameters<Backend['reduce']>) => {
        counts.reduce++
        reduce.apply(device, args)
      },
    })
    optimizer.step()
    expect(counts).toEqual({ map: 3 + settles, reduce: 3 * reduces })
  })

  test('leaves nothing behind', () => {
    const buffers = device.memory().buffers
    const x = parameter()
    const optimizer = make([x])
    run(optimizer, x, 3)
    optimizer.zeroGrad()
    optimizer.dispose()
    x.dispose()
    expect(device.memory().buffers).toBe(buffers)
  })
})

describe('momentum, in numbers', () => {
  // By hand: v = 0.9 v + g on 0.5 (w1² + 10 w2²) from (1, -0.5) with lr 0.05.
  test('the torch form', () => {
    const x = tensor([1, -0.5], { requiresGrad: true })
    const optimizer = new SGD([x], { lr: 0.05, momentum: 0.9 })
    const path = [
      [0.95, -0.25],
      [0.8575, 0.1],
      [0.731375, 0.365],
    ]
    for (const point of path) {
      optimizer.step(() =>
        x
          .square()
          .mul(tensor([1, 10]))
          .sum()
          .mul(0.5),
      )
      x.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(point[i]!, 12)
      })
    }
  })

  test('epsilon is outside of the root', () => {
    const x = tensor([1, -0.5], { requiresGrad: true })
    const optimizer = new Adam([x], { lr: 0.1, eps: 1e-2 })
    optimizer.step(() =>
      x
        .square()
        .mul(tensor([1, 10]))
        .sum()
        .mul(0.5),
    )
    expect(x.dataSync()[0]).toBeCloseTo(0.900990099, 9)
    expect(x.dataSync()[1]).toBeCloseTo(-0.400199601, 9)
  })
})

describe('parameters without a gradient', () => {
  test('are left alone, and their count of steps too', () => {
    const [used, idle] = [parameter(), parameter()]
    const optimizer = new Adam([used, idle])
    optimizer.step(() => bowl(used))
    expect([...idle.dataSync()]).toEqual(start)
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0'])
  })
})

describe('bad input', () => {
  const cases: readonly (readonly [what: string, make: () => unknown, message: string])[] = [
    ['no parameters', () => new SGD([]), 'SGD: no parameters came; pass model.parameters()'],
    ['a negative rate', () => new SGD([parameter()], { lr: -1 }), 'SGD: lr is -1; it must be >= 0'],
    [
      'a beta of 1',
      () => new Adam([parameter()], { betas: [0.9, 1] }),
      'Adam: betas is [0.9,1]; it must be two numbers in [0, 1)',
    ],
    [
      'nesterov without momentum',
      () => new SGD([parameter()], { nesterov: true }),
      'SGD: nesterov is true; it must be false unless momentum > 0 and dampening is 0',
    ],
    [
      'an unknown option',
      () => new AdamW([parameter()], { learningRate: 1 } as never),
      'AdamW: unknown option "learningRate"; known are maximize, betas, eps, epsRoot, amsgrad, cautious, weightDecay, lr',
    ],
    [
      'a tensor that is no parameter',
      () => new SGD([tensor([1])]),
      'SGD: parameter 0 is Tensor(f64 [1] on reference); parameters are leaves with requiresGrad',
    ],
    [
      'a mixture of parameters and groups',
      () => new SGD([parameter(), { params: [parameter()] }] as never),
      'SGD: parameters and groups are mixed; pass one kind',
    ],
  ]
  test.each(cases)('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  test('a parameter listed twice is named', () => {
    const x = parameter()
    expect(
      () =>
        new SGD([
          ['weight', x],
          ['again', x],
        ]),
    ).toThrow('SGD: again Tensor(f64 [3] on')
  })

  test('an option that became bad later', () => {
    const x = parameter()
    const optimizer = new SGD([x])
    optimizer.paramGroups[0]!.lr = Number.NaN
    expect(() => optimizer.step(() => bowl(x))).toThrow('SGD: lr is NaN; it must be >= 0')
  })

  test('a state of other groups', () => {
    const other = new SGD([parameter(), parameter()])
    expect(() => new SGD([parameter()]).loadStateDict(other.stateDict())).toThrow(
      'SGD: the state is of groups with [2] parameters; this optimizer has [1]',
    )
  })

  test('a state of another shape changes nothing', () => {
    const x = parameter([1])
    const donor = new Adam([x], { lr: 0.5 })
    donor.step(() => x.square().sum())
    const optimizer = new Adam([parameter()])
    expect(() => optimizer.loadStateDict(donor.stateDict())).toThrow(
      'Adam: the state of parameter 0 has exp_avg = Tensor(f64 [1] on reference); it must be a tensor like',
    )
    expect(optimizer.paramGroups[0]!.lr).toBe(1e-3)
  })
})
