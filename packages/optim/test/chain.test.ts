/** Chains that users put together, and the links that no class has. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  addDecayedWeights,
  Chain,
  chain,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  scaleByAdam,
  scaleByLearningRate,
  skipNotFinite,
  type Transform,
  trace,
  transform,
} from '../src/index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

/** One step with given gradients; the change of each parameter. */
function moved(
  optimizer: { step(closure: () => Tensor): Tensor },
  params: readonly Tensor[],
  gradients: readonly number[][],
): number[][] {
  const before = params.map((p) => [...p.dataSync()])
  optimizer.step(() =>
    params.map((p, i) => p.mul(tensor(gradients[i]!)).sum()).reduce((a, b) => a.add(b)),
  )
  return params.map((p, i) => [...p.dataSync()].map((x, k) => before[i]![k]! - x))
}

function expectClose(actual: number[][], expected: number[][]): void {
  actual.forEach((row, i) => {
    row.forEach((x, k) => {
      expect(x).toBeCloseTo(expected[i]![k]!, 12)
    })
  })
}

describe('clipping', () => {
  const gradients = [
    [3, 0],
    [0, 4],
  ]

  test('by the norm over all parameters, across groups', () => {
    const params = [leaf([1, 1]), leaf([1, 1])]
    const recipe = chain('clipped', [clipByGlobalNorm, scaleByLearningRate])
    const groups = params.map((p) => ({ params: [p] }))
    const optimizer = new Chain(groups, recipe, { maxNorm: 1, lr: 1 })
    expectClose(moved(optimizer, params, gradients), [
      [0.6, 0],
      [0, 0.8],
    ])
    optimizer.paramGroups[0]!.maxNorm = 10
    optimizer.paramGroups[1]!.maxNorm = 10
    expectClose(moved(optimizer, params, gradients), gradients)
  })

  test('by the norm of each parameter', () => {
    const params = [leaf([1, 1]), leaf([1, 1])]
    const recipe = chain('clipped', [clipByNorm, scaleByLearningRate])
    expectClose(moved(new Chain(params, recipe, { maxNorm: 2, lr: 1 }), params, gradients), [
      [2, 0],
      [0, 2],
    ])
  })

  test('by value', () => {
    const params = [leaf([1, 1])]
    const recipe = chain('clipped', [clipByValue, scaleByLearningRate])
    const optimizer = new Chain(params, recipe, { clipValue: 2, lr: 0.5 })
    expectClose(moved(optimizer, params, [[-3, 1]]), [[-1, 0.5]])
  })

  test('of what a link before has made', () => {
    // Adam's first step is the sign of the gradient: norm √2.
    const params = [leaf([1, 1])]
    const recipe = chain('clipped', [scaleByAdam, clipByGlobalNorm, scaleByLearningRate])
    const optimizer = new Chain(params, recipe, { maxNorm: 1, lr: 1, eps: 0 })
    expectClose(moved(optimizer, params, [[5, -7]]), [[Math.SQRT1_2, -Math.SQRT1_2]])
  })

  test('of a single number', () => {
    const x = tensor(5, { requiresGrad: true })
    const recipe = chain('clipped', [clipByGlobalNorm, scaleByLearningRate])
    new Chain([x], recipe, { maxNorm: 1, lr: 1 }).step(() => x.square())
    expect(x.itemSync()).toBeCloseTo(4, 12)
  })
})

describe('skipNotFinite', () => {
  test('leaves parameters and slots alone, of all parameters', () => {
    const params = [leaf([1, 2]), leaf([3])]
    const recipe = chain('careful', [skipNotFinite, trace, scaleByLearningRate])
    const optimizer = new Chain(params, recipe, { momentum: 0.5, lr: 0.1 })
    moved(optimizer, params, [[1, 1], [1]])
    const slots = (): unknown =>
      Object.values(optimizer.stateDict().state).map((state) => [
        ...(state['momentum_buffer'] as Tensor).dataSync(),
      ])
    const before = slots()
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(moved(optimizer, params, [[1, bad], [1]])).toEqual([[0, 0], [0]])
    expect(slots()).toEqual(before)
    expectClose(moved(optimizer, params, [[1, 1], [1]]), [[0.15, 0.15], [0.15]])
  })
})

describe('a link of your own', () => {
  const towardsMean: Transform<{ pull: number }> = transform({
    name: 'towardsMean',
    defaults: { pull: 0.5 },
    numbers: ({ pull }) => ({ pull }),
    sums: (u) => ({ total: u }),
    update: (u, _, { pull, total }) => ({ u: u.add(total.sub(u).mul(pull)) }),
  })

  test('takes part with its options, numbers and sums', () => {
    const params = [leaf([0, 0])]
    const recipe = chain('mine', [towardsMean, scaleByLearningRate])
    const optimizer = new Chain(params, recipe, { lr: 1, pull: 0.25 })
    expectClose(moved(optimizer, params, [[2, 6]]), [[3.5, 6.5]])
  })

  test('has its options checked and known', () => {
    const recipe = chain('mine', [towardsMean, scaleByLearningRate])
    expect(() => new Chain([leaf([1])], recipe, { push: 1 } as never)).toThrow(
      'mine: unknown option "push"; known are pull, lr',
    )
    expect(() => new Chain([leaf([1])], recipe, { lr: -1 })).toThrow(
      'mine: lr is -1; it must be >= 0',
    )
  })
})

test('links with equal slots are refused', () => {
  const x = leaf([1])
  const optimizer = new Chain([x], chain('twice', [trace, trace]), { momentum: 0.9 })
  expect(() => optimizer.step(() => x.sum())).toThrow(
    'twice: two links keep a slot named momentum_buffer; a chain has one',
  )
})

test('options may switch links on and off between steps', () => {
  const x = leaf([1])
  const recipe = chain('switched', [addDecayedWeights, trace, scaleByLearningRate])
  const optimizer = new Chain([x], recipe, { lr: 1 })
  expectClose(moved(optimizer, [x], [[1]]), [[1]])
  const [group] = optimizer.paramGroups
  group!.momentum = 0.5
  expectClose(moved(optimizer, [x], [[1]]), [[1]])
  expectClose(moved(optimizer, [x], [[1]]), [[1.5]])
  group!.momentum = 0
  group!.weightDecay = 1
  const before = x.itemSync()
  expectClose(moved(optimizer, [x], [[1]]), [[1 + before]])
})
