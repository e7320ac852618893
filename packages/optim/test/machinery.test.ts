/** Clipping, groups, hooks, accumulation, averages, and methods around other optimizers. */
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
import {
  AdamW,
  AveragedParameters,
  accumulate,
  assertGradientsAreFinite,
  centralizeGradients,
  clipGradNorm,
  clipGradValue,
  ExponentialAverage,
  findLearningRate,
  getTotalNorm,
  gradientsAreFinite,
  Lookahead,
  layerDecayGroups,
  SAM,
  ScheduleFreeSGD,
  SGD,
  Sophia,
  weightDecayGroups,
} from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

function withGradients(...gradients: number[][]): Tensor[] {
  return gradients.map((g) => {
    const x = leaf(g.map(() => 0))
    x.mul(tensor(g)).sum().backward()
    return x
  })
}

const gradientsOf = (params: readonly Tensor[]): number[][] =>
  params.map((p) => [...p.grad!.dataSync()])

describe('clipGradNorm', () => {
  test('scales all gradients together and returns the norm', () => {
    const params = withGradients([3, 0], [4])
    expect(clipGradNorm(params, 1).itemSync()).toBe(5)
    const [a, b] = gradientsOf(params)
    expect(a![0]).toBeCloseTo(3 / (5 + 1e-6), 14)
    expect(b![0]).toBeCloseTo(4 / (5 + 1e-6), 14)
  })

  test('leaves small gradients alone', () => {
    const params = withGradients([3, 0], [4])
    clipGradNorm(params, 6)
    expect(gradientsOf(params)).toEqual([[3, 0], [4]])
  })

  test.each([
    [1, 8],
    [2, Math.sqrt(26)],
    [3, (27 + 64 + 1) ** (1 / 3)],
    [Number.POSITIVE_INFINITY, 4],
  ])('with the norm of order %f', (normType, expected) => {
    expect(getTotalNorm(withGradients([3, -1], [-4]), normType).itemSync()).toBeCloseTo(
      expected,
      12,
    )
  })

  test('of no gradients is 0', () => {
    expect(clipGradNorm([leaf([1])], 1).itemSync()).toBe(0)
  })

  test('refuses what it cannot do', () => {
    const params = withGradients([Number.NaN])
    expect(() => clipGradNorm(params, 1, { errorIfNonFinite: true })).toThrow(
      'clipGradNorm: the norm of the gradients is NaN; it must be finite',
    )
    expect(() => clipGradNorm(params, -1)).toThrow('clipGradNorm: maxNorm is -1; it must be >= 0')
    expect(() => getTotalNorm(params, 0)).toThrow('getTotalNorm: normType is 0; it must be > 0')
    expect(() => clipGradValue(params, -1)).toThrow(
      'clipGradValue: clipValue is -1; it must be >= 0',
    )
  })
})

test('clipGradValue brings every element into its range', () => {
  const params = withGradients([3, -0.5], [-4])
  clipGradValue(params, 1)
  expect(gradientsOf(params)).toEqual([[1, -0.5], [-1]])
})

describe('hooks', () => {
  test('see the gradients, may forbid the update, and can be taken away', () => {
    const x = leaf([1])
    const optimizer = new SGD([x], { lr: 0.1 })
    const calls: string[] = []
    const removePre = optimizer.registerStepPreHook(() => {
      calls.push(`before ${x.grad!.itemSync()}`)
    })
    const removePost = optimizer.registerStepPostHook(() => {
      calls.push(`after ${x.itemSync()}`)
    })
    optimizer.step(() => x.mul(5).sum())
    removePre()
    removePost()
    optimizer.registerStepPreHook(() => gradientsAreFinite([x]))
    optimizer.step(() => x.mul(Number.POSITIVE_INFINITY).sum())
    expect(calls).toEqual(['before 5', 'after 0.5'])
    expect(x.itemSync()).toBe(0.5)
    expect(optimizer.stateDict().state['0']!.step).toBe(1)
  })
})

test('assertGradientsAreFinite stops, and names whose gradients are bad', () => {
  const [good, bad, worse, idle] = [leaf([1]), leaf([1, 2]), leaf([1]), leaf([1])]
  const named = [
    ['a', good],
    ['b', bad],
    ['c', worse],
    ['d', idle],
  ] as const
  good.mul(2).sum().backward()
  expect(() => assertGradientsAreFinite(named)).not.toThrow()
  bad
    .mul(tensor([1, Number.NaN]))
    .sum()
    .backward()
  worse.mul(Number.NEGATIVE_INFINITY).sum().backward()
  expect(() => assertGradientsAreFinite(named)).toThrow(
    'assertGradientsAreFinite: 2 of 4 gradients are infinite or NaN, those of b, c; they must be finite',
  )
  const optimizer = new SGD([bad], { lr: 1 })
  optimizer.registerStepPreHook(() => assertGradientsAreFinite(named))
  expect(() => optimizer.step()).toThrow('assertGradientsAreFinite: ')
  expect([...bad.dataSync()]).toEqual([1, 2])
})

describe('groups', () => {
  const named = (): [string, Tensor][] => [
    ['0.weight', tensor([[1, 2]], { requiresGrad: true })],
    ['0.bias', leaf([1])],
    ['1.weight', tensor([[3]], { requiresGrad: true })],
    ['1.bias', leaf([1])],
  ]

  test('without decay for vectors', () => {
    const optimizer = new AdamW(weightDecayGroups(named(), 0.3), { lr: 1 })
    expect(optimizer.paramGroups.map(({ names, weightDecay }) => [names, weightDecay])).toEqual([
      [['0.weight', '1.weight'], 0.3],
      [['0.bias', '1.bias'], 0],
    ])
  })

  test('with smaller rates for early layers', () => {
    const optimizer = new AdamW(layerDecayGroups(named(), { lr: 1, decay: 0.5 }))
    expect(optimizer.paramGroups.map(({ names, lr }) => [names, lr])).toEqual([
      [['0.weight', '0.bias'], 0.5],
      [['1.weight', '1.bias'], 1],
    ])
    expect(() => layerDecayGroups(named(), { lr: 1, decay: 0 })).toThrow(
      'layerDecayGroups: decay is 0; it must be in (0, 1]',
    )
  })
})

test('accumulate equals one large batch', () => {
  const [a, b] = [leaf([1, 2]), leaf([1, 2])]
  const data = [1, 2, 3, 6]
  const mean = (x: Tensor, batch: readonly number[]): Tensor =>
    batch
      .map((y) => x.sub(y).square().sum())
      .reduce((p, q) => p.add(q))
      .mul(1 / batch.length)
  const whole = new SGD([a], { lr: 0.1 }).step(() => mean(a, data))
  const batches = [data.slice(0, 2), data.slice(2)]
  const parts = accumulate(new SGD([b], { lr: 0.1 }), batches, (batch) => mean(b, batch))
  expect(parts.itemSync()).toBeCloseTo(whole.itemSync(), 12)
  b.dataSync().forEach((value, i) => {
    expect(value).toBeCloseTo(a.dataSync()[i]!, 12)
  })
})

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

test('Sophia asks for the size of the batch', () => {
  const x = leaf([1])
  const optimizer = new Sophia([x])
  expect(() => optimizer.updateHessian(() => x.sum(), Number.NaN)).toThrow(
    'Sophia: batchSize is NaN; it must be > 0',
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

describe('ScheduleFreeSGD', () => {
  test('evaluates at the average of its iterates, and goes on', () => {
    const x = leaf([2])
    const optimizer = new ScheduleFreeSGD([x], { lr: 0.1 })
    let z = 2
    let sum = 0
    for (let t = 1; t <= 5; t++) {
      const y = x.itemSync()
      optimizer.step(() => x.square().sum())
      z -= 0.1 * 2 * y
      sum += z
    }
    const y = x.itemSync()
    optimizer.eval()
    expect(x.itemSync()).toBeCloseTo(sum / 5, 12)
    expect(() => optimizer.step(() => x.square().sum())).toThrow(
      'ScheduleFreeSGD: step() came after eval(); call train() before going on',
    )
    optimizer.train()
    expect(x.itemSync()).toBeCloseTo(y, 12)
  })
})

describe('Sophia', () => {
  test('divides by the Hessian that it is shown', () => {
    const x = leaf([1, 2])
    const optimizer = new Sophia([x], { lr: 0.1, rho: 0.5, weightDecay: 0, betas: [0.5, 0.9] })
    optimizer.updateHessian(() => x.mul(tensor([3, 0.1])).sum(), 4)
    expect(x.grad).toBeUndefined()
    optimizer.step(() => x.mul(tensor([0.2, 0.2])).sum())
    // h = 0.1 · 4 · ĝ² = [3.6, 0.004]; m = 0.1; the second element is clipped.
    const [a, b] = x.dataSync()
    expect(a).toBeCloseTo(1 - (0.1 * 0.1) / (0.5 * 3.6), 12)
    expect(b).toBeCloseTo(2 - 0.1, 12)
  })
})

test('centralizeGradients takes the mean of each output away', () => {
  const matrix = tensor(
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    { requiresGrad: true },
  )
  const slopes = tensor([
    [1, 2, 6],
    [0, 0, 3],
  ])
  const kernel = tensor([[[0, 0]], [[0, 0]]], { requiresGrad: true })
  const [vector] = withGradients([5, 7])
  matrix.mul(slopes).sum().backward()
  kernel
    .mul(tensor([[[1, 10]], [[3, 20]]]))
    .sum()
    .backward()
  centralizeGradients([matrix, kernel, vector!])
  expect([...matrix.grad!.dataSync()]).toEqual([-2, -1, 3, -1, -1, 2])
  expect([...kernel.grad!.dataSync()]).toEqual([-1, -5, 1, 5])
  expect([...vector!.grad!.dataSync()]).toEqual([5, 7])
})

describe('ExponentialAverage', () => {
  test('is right from the first number, or biased towards 0', () => {
    const [corrected, raw] = [
      new ExponentialAverage(0.9),
      new ExponentialAverage(0.9, { biasCorrection: false }),
    ]
    expect(corrected.value).toBeNaN()
    const values = [1, 2, 3].map(() => [corrected.update(10), raw.update(10)])
    const expected = [1, 1.9, 2.71]
    values.forEach(([right, low], i) => {
      expect(right).toBeCloseTo(10, 12)
      expect(low).toBeCloseTo(expected[i]!, 12)
    })
    expect(() => new ExponentialAverage(1)).toThrow(
      'ExponentialAverage: beta is 1; it must be in [0, 1)',
    )
  })
})

describe('findLearningRate', () => {
  test('finds where the loss falls fastest, and puts everything back', () => {
    const x = leaf([1])
    const optimizer = new SGD([x], { lr: 0.5 })
    const { rates, losses, steepest } = findLearningRate(optimizer, () => x.square().sum(), {
      from: 1e-3,
      to: 10,
      steps: 50,
      smoothing: 0,
    })
    expect(x.itemSync()).toBe(1)
    expect(optimizer.paramGroups[0]!.lr).toBe(0.5)
    expect(rates.length).toBe(losses.length)
    // Beyond a rate of 1 the steps diverge, long before it they hardly move.
    expect(steepest).toBeGreaterThan(0.01)
    expect(steepest).toBeLessThan(1)
  })

  test('refuses a range that is none', () => {
    expect(() =>
      findLearningRate(new SGD([leaf([1])]), () => leaf([1]), { from: 1, to: 1 }),
    ).toThrow('findLearningRate: from is 1 and to is 1; it must be 0 < from < to')
  })
})

describe('a state of PyTorch', () => {
  test('has counts as tensors, or none', () => {
    const x = leaf([1])
    const adam = new AdamW([x])
    adam.loadStateDict({
      state: {
        '0': { step: tensor(7), exp_avg: tensor([0.5]), exp_avg_sq: tensor([0.25]) },
      },
      param_groups: [{ lr: 0.01, betas: [0.8, 0.9], foreach: null, params: [0] }],
    })
    expect(adam.stateDict().state['0']!.step).toBe(7)
    expect(adam.paramGroups[0]!.betas).toEqual([0.8, 0.9])

    const sgd = new SGD([x], { lr: 1, momentum: 0.5, dampening: 0.5 })
    sgd.loadStateDict({
      state: { '0': { momentum_buffer: tensor([2]) } },
      param_groups: [{ lr: 1, momentum: 0.5, dampening: 0.5, params: [0] }],
    })
    sgd.step(() => x.mul(4).sum())
    expect(x.itemSync()).toBe(1 - (0.5 * 2 + 0.5 * 4))
  })
})
