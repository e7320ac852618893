/** Clipping, groups, hooks, accumulation, and what single methods have of their own. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  AdamW,
  accumulate,
  assertGradientsAreFinite,
  centralizeGradients,
  clipGradNorm,
  clipGradValue,
  ExponentialAverage,
  findLearningRate,
  getTotalNorm,
  gradientsAreFinite,
  layerDecayGroups,
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

test('Sophia asks for the size of the batch', () => {
  const x = leaf([1])
  const optimizer = new Sophia([x])
  expect(() => optimizer.updateHessian(() => x.sum(), Number.NaN)).toThrow(
    'Sophia: batchSize is NaN; it must be > 0',
  )
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
