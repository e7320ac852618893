/** The links that no class has, each against its formula on plain numbers, and as one kernel. */
import {
  type Backend,
  reference,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  AdamW,
  addDecayedWeights,
  addNoise,
  applyEvery,
  Chain,
  cautious,
  centralize,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  ema,
  type Link,
  masked,
  type Recipe,
  scale,
  scaleByAdam,
  scaleByLearningRate,
  scaleBySchedule,
  scaleBySign,
  trace,
} from '../src/index.ts'

let device: Backend

beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
})

const leaf = (values: number[] | number[][]): Tensor => tensor(values, { requiresGrad: true })

/** A step with given gradients; by how much each parameter was moved. */
function moved(
  optimizer: { step(closure: () => Tensor): Tensor },
  params: readonly Tensor[],
  gradients: readonly (number[] | number[][])[],
): number[][] {
  const before = params.map((p) => [...p.dataSync()])
  optimizer
    .step(() => params.map((p, i) => p.mul(tensor(gradients[i]!)).sum()).reduce((a, b) => a.add(b)))
    .dispose()
  return params.map((p, i) => [...p.dataSync()].map((x, k) => before[i]![k]! - x))
}

function expectClose(actual: number[][], expected: number[][]): void {
  expect(actual.map((row) => row.length)).toEqual(expected.map((row) => row.length))
  actual.forEach((row, i) => {
    row.forEach((x, k) => {
      expect(x).toBeCloseTo(expected[i]![k]!, 12)
    })
  })
}

const only = (...links: readonly Link[]): Recipe<object> => chain('test', links) as Recipe<object>

describe.each([
  ['scale', scale, { factor: -2 }, 0],
  ['scaleBySchedule', scaleBySchedule, { schedule: (t: number) => 1 / (t + 1) }, 0],
  ['scaleBySign', scaleBySign, {}, 0],
  ['ema', ema, { decay: 0.5 }, 0],
  ['trace', trace, { momentum: 0.5 }, 0],
  ['addNoise', addNoise, { eta: 0.1, seed: 5 }, 0],
  ['applyEvery', applyEvery, { every: 3 }, 0],
  ['addDecayedWeights', addDecayedWeights, { weightDecay: 0.1 }, 0],
  ['clipByValue', clipByValue, { clipValue: 0.1 }, 0],
  ['clipByNorm', clipByNorm, { maxNorm: 0.1 }, 1],
  ['clipByGlobalNorm', clipByGlobalNorm, { maxNorm: 0.1 }, 1],
  ['centralize', centralize, {}, 1],
  ['cautious', cautious, {}, 1],
] as readonly (readonly [string, Link, object, number])[])('%s', (_, link, options, reduces) => {
  const recipe = only(clipByValue, link, scaleByAdam, scaleByLearningRate)
  const all = { clipValue: 0.5, lr: 0.1, ...options }

  test('is part of the one kernel for each parameter', () => {
    const params = [leaf([1, 2]), leaf([[1, 2, 3]])]
    const optimizer = new Chain(params, recipe, all)
    moved(optimizer, params, [[1, 2], [[3, 4, 5]]])
    for (const p of params) p.grad = p.detach().onesLike()
    const counts = { map: 0, reduce: 0 }
    const { map, reduce } = device
    device.map = (...args) => {
      counts.map++
      map.apply(device, args)
    }
    device.reduce = (...args) => {
      counts.reduce++
      reduce.apply(device, args)
    }
    optimizer.step()
    // The norm over all parameters is their sum: one small kernel more.
    const sums = link === clipByGlobalNorm ? 1 : 0
    expect(counts).toEqual({ map: params.length + sums, reduce: params.length * reduces })
  })

  test('goes on from a stored state bit for bit', () => {
    const gradients = [[0.3, -0.2, 0.1]]
    const run = (p: Tensor, optimizer: Chain<object>, steps: number): number[] => {
      for (let i = 0; i < steps; i++) moved(optimizer, [p], gradients)
      return [...p.dataSync()]
    }
    const whole = leaf([1, 2, 3])
    const end = run(whole, new Chain([whole], recipe, all), 7)
    const first = leaf([1, 2, 3])
    const half = new Chain([first], recipe, all)
    const second = leaf(run(first, half, 4))
    const resumed = new Chain([second], recipe, all)
    resumed.loadStateDict(half.stateDict())
    expect(run(second, resumed, 3)).toEqual(end)
  })
})

describe('numbers', () => {
  test('scale', () => {
    const x = leaf([1, 1])
    const optimizer = new Chain([x], chain('test', [scale]), { factor: -0.5 })
    expectClose(moved(optimizer, [x], [[2, -4]]), [[-1, 2]])
  })

  test('scaleBySchedule counts updates from 0', () => {
    const x = leaf([1])
    const recipe = chain('test', [scaleBySchedule])
    const optimizer = new Chain([x], recipe, { schedule: (t) => 10 - t })
    const steps = [1, 2, 3].map(() => moved(optimizer, [x], [[1]])[0]![0]!)
    expectClose([steps], [[10, 9, 8]])
    const bad = new Chain([x], recipe, { schedule: () => Number.NaN })
    expect(() => moved(bad, [x], [[1]])).toThrow(
      'scaleBySchedule: schedule(0) is NaN; it must be a finite number',
    )
    expect(() => new Chain([x], recipe, { schedule: 1 as never })).toThrow(
      'test: schedule is 1; it must be a function',
    )
  })

  test('a function is not in the state', () => {
    const x = leaf([1])
    const optimizer = new Chain([x], chain('test', [scaleBySchedule]))
    expect(Object.keys(optimizer.stateDict().param_groups[0]!)).toEqual(['params'])
  })

  test('scaleBySign', () => {
    const x = leaf([1, 1, 1])
    const optimizer = new Chain([x], chain('test', [scaleBySign]))
    expectClose(moved(optimizer, [x], [[3, -0.1, 0]]), [[1, -1, 0]])
  })

  test.each([true, false])('ema, debias: %s', (debias) => {
    const x = leaf([0])
    const optimizer = new Chain([x], chain('test', [ema]), { decay: 0.75, debias })
    let m = 0
    for (const [i, g] of [4, -2, 8].entries()) {
      m = 0.75 * m + 0.25 * g
      const expected = debias ? m / (1 - 0.75 ** (i + 1)) : m
      expectClose(moved(optimizer, [x], [[g]]), [[expected]])
    }
  })

  test('applyEvery lets sums pass', () => {
    const x = leaf([0])
    const optimizer = new Chain([x], chain('test', [applyEvery]), { every: 3 })
    const steps = [1, 2, 4, 8, 16, 32, 64].map((g) => moved(optimizer, [x], [[g]])[0]![0]!)
    expect(steps).toEqual([0, 0, 7, 0, 0, 56, 0])
  })

  test('centralize takes means of outputs away, and leaves vectors alone', () => {
    const params = [
      leaf([
        [0, 0, 0],
        [0, 0, 0],
      ]),
      leaf([0, 0]),
    ]
    const optimizer = new Chain(params, chain('test', [centralize]))
    expectClose(
      moved(optimizer, params, [
        [
          [1, 2, 6],
          [0, 0, 3],
        ],
        [5, 7],
      ]),
      [
        [-2, -1, 3, -1, -1, 2],
        [5, 7],
      ],
    )
  })

  test('cautious, also when climbing', () => {
    const x = leaf([0, 0, 0, 0])
    const recipe = chain('test', [trace, cautious])
    const optimizer = new Chain([x], recipe, { momentum: 1 })
    moved(optimizer, [x], [[5, 5, -5, 1]])
    // The velocity is [4, 6, -4, 2]; the first and third go against the gradient.
    expectClose(moved(optimizer, [x], [[-1, 1, 1, 1]]), [[0, 12, 0, 4]])
    const y = leaf([0, 0])
    const up = new Chain([y], chain('test', [scale, cautious]), { factor: -1, maximize: true })
    expectClose(moved(up, [y], [[3, -2]]), [[-3, 2]])
  })

  test('cautious makes a lone element at most a thousand times larger', () => {
    const count = 4000
    const x = leaf(new Array(count).fill(0))
    const optimizer = new Chain([x], chain('test', [cautious]))
    x.grad = tensor(Array.from({ length: count }, (_, i) => (i === 7 ? 2 : 0)))
    optimizer.step()
    expect(x.dataSync()[7]).toBeCloseTo(-2000, 9)
    expect(x.dataSync().filter((value) => value !== 0)).toHaveLength(1)
  })

  test('cautious moves nothing where nothing agrees', () => {
    const x = leaf([0, 0])
    const optimizer = new Chain([x], chain('test', [scale, cautious]), { factor: -1 })
    expectClose(moved(optimizer, [x], [[3, -2]]), [[0, 0]])
  })
})

describe('addNoise', () => {
  const noise = (options: object, steps: number, count = 4000): number[][] => {
    const x = leaf(new Array(count).fill(0))
    const optimizer = new Chain([x], chain('test', [addNoise]), options)
    const zeros = [new Array(count).fill(0)]
    return Array.from({ length: steps }, () => moved(optimizer, [x], zeros)[0]!)
  }
  const variance = (x: readonly number[]): number =>
    x.reduce((sum, value) => sum + value * value, 0) / x.length
  const correlation = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0) /
    Math.sqrt(variance(a) * variance(b)) /
    a.length

  test('has a variance of η/tᵞ and mean 0, independent from step to step', () => {
    const [first, second, , fourth] = noise({ eta: 0.04, gamma: 0.5, seed: 3 }, 4)
    // Four standard errors of 4000 squares.
    expect(Math.abs(variance(first!) / 0.04 - 1)).toBeLessThan(0.09)
    expect(Math.abs(variance(fourth!) / 0.02 - 1)).toBeLessThan(0.09)
    expect(Math.abs(first!.reduce((a, b) => a + b) / 4000)).toBeLessThan(0.0127)
    expect(Math.abs(correlation(first!, second!))).toBeLessThan(0.064)
  })

  test('is a function of the seed, also of large ones, and of the parameter', () => {
    expect(noise({ seed: 7 }, 2, 5)).toEqual(noise({ seed: 7 }, 2, 5))
    expect(noise({ seed: 0x10001 }, 1, 5)).not.toEqual(noise({ seed: 1 }, 1, 5))
    const params = [leaf([0, 0]), leaf([0, 0])]
    const [a, b] = moved(new Chain(params, chain('test', [addNoise])), params, [
      [0, 0],
      [0, 0],
    ])
    expect(a).not.toEqual(b)
  })

  test('is the same in float32', () => {
    const wide = noise({ seed: 0xfffffff1 }, 1, 6)[0]!
    const x = tensor(new Float32Array(6), { requiresGrad: true })
    const optimizer = new Chain([x], chain('test', [addNoise]), { seed: 0xfffffff1 })
    x.grad = x.detach().zerosLike()
    optimizer.step()
    x.dataSync().forEach((value, i) => {
      expect(-value).toBeCloseTo(wide[i]!, 6)
    })
  })
})

describe('masked', () => {
  test('takes part for some parameters, in one group', () => {
    const named = [
      ['0.weight', leaf([[2, 4]])],
      ['0.bias', leaf([2, 4])],
    ] as const
    const params = named.map(([, p]) => p)
    const decay = masked(addDecayedWeights, ({ name }) => name.endsWith('weight'))
    const recipe = chain('test', [decay])
    const optimizer = new Chain(named, recipe, { weightDecay: 0.5 })
    expectClose(moved(optimizer, params, [[[1, 1]], [1, 1]]), [
      [2, 3],
      [1, 1],
    ])
  })

  test('keeps slots only where it takes part', () => {
    const params = [leaf([1]), leaf([2, 2])]
    const recipe = chain('test', [masked(trace, ({ shape }) => shape[0] === 2)])
    const optimizer = new Chain(params, recipe, { momentum: 0.9 })
    moved(optimizer, params, [[1], [1, 1]])
    expect(Object.values(optimizer.stateDict().state).map(Object.keys)).toEqual([
      ['step'],
      ['step', 'momentum_buffer'],
    ])
  })
})

describe('options', () => {
  test.each([
    [scale, { factor: Number.NaN }, 'factor is NaN; it must be a finite number'],
    [ema, { decay: 1 }, 'decay is 1; it must be in [0, 1)'],
    [addNoise, { eta: -1 }, 'eta is -1; it must be >= 0'],
    [addNoise, { gamma: -1 }, 'gamma is -1; it must be >= 0'],
    [addNoise, { seed: 0.5 }, 'seed is 0.5; it must be a whole number in 0 .. 4294967295'],
    [applyEvery, { every: 0 }, 'every is 0; it must be a whole number > 0'],
    [clipByNorm, { maxNorm: 0 }, 'maxNorm is 0; it must be > 0'],
    [clipByValue, { clipValue: -1 }, 'clipValue is -1; it must be > 0'],
  ] as readonly (readonly [Link, object, string])[])('%# %j', (link, options, message) => {
    expect(() => new Chain([leaf([1])], only(link), options)).toThrow(`test: ${message}`)
  })
})

test('AdamW without a cautious step is AdamW', () => {
  const [a, b] = [leaf([1, 2]), leaf([1, 2])]
  const plain = new AdamW([a], { lr: 0.1 })
  const off = new AdamW([b], { lr: 0.1, cautious: false })
  expect(moved(plain, [a], [[1, -3]])).toEqual(moved(off, [b], [[1, -3]]))
})
