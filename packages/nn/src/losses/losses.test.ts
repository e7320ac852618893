/** What every loss must do, and what each does by hand. */
import { readFile } from 'node:fs/promises'
import {
  manualSeed,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { beforeEach, describe, expect, test } from 'vitest'
import { expectClose, f64, labels, random } from '../../test/helpers.ts'
import {
  bceWithLogits,
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  crossEntropy,
  ctcLoss,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  huberLoss,
  klDiv,
  l1Loss,
  logCoshLoss,
  marginRankingLoss,
  mseLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  nllLoss,
  poissonNllLoss,
  type Reduction,
  smoothL1Loss,
  softMarginLoss,
  tripletMarginLoss,
} from '../index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(11)
})

type Loss = (input: Tensor, target: Tensor, reduction: Reduction) => Tensor
interface Row {
  readonly loss: Loss
  readonly input: readonly number[]
  readonly target: () => Tensor
  /** The shape of the single losses. */
  readonly single: readonly number[]
  /** Whether the gradient for the target is checked too. */
  readonly smoothTarget?: boolean
}

const classes = () => labels([0, 2, -100, 1])
const weight = () => f64([1, 0.5, 2])
const two = () => random([4, 3])
const positive = () => f64([1, 3, 0.5])

const rows: Record<string, Row> = {
  mseLoss: {
    loss: (x, y, reduction) => mseLoss(x, y, { reduction }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  l1Loss: {
    loss: (x, y, reduction) => l1Loss(x, y, { reduction }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  logCoshLoss: {
    loss: (x, y, reduction) => logCoshLoss(x, y, { reduction }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  huberLoss: {
    loss: (x, y, reduction) => huberLoss(x, y, { reduction, delta: 0.7 }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  smoothL1Loss: {
    loss: (x, y, reduction) => smoothL1Loss(x, y, { reduction, beta: 0.5 }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  bceWithLogits: {
    loss: (x, y, reduction) => bceWithLogits(x, y, { reduction }),
    input: [4, 3],
    target: () => random([4, 3], 0, 1),
    single: [4, 3],
    smoothTarget: true,
  },
  'bceWithLogits with weights': {
    loss: (x, y, reduction) =>
      bceWithLogits(x, y, { reduction, weight: weight(), posWeight: positive() }),
    input: [4, 3],
    target: () => random([4, 3], 0, 1),
    single: [4, 3],
    smoothTarget: true,
  },
  nllLoss: {
    loss: (x, y, reduction) => nllLoss(x, y, { reduction, weight: weight() }),
    input: [4, 3],
    target: classes,
    single: [4],
  },
  crossEntropy: {
    loss: (x, y, reduction) => crossEntropy(x, y, { reduction }),
    input: [4, 3],
    target: classes,
    single: [4],
  },
  'crossEntropy with weights and smoothing': {
    loss: (x, y, reduction) =>
      crossEntropy(x, y, { reduction, weight: weight(), labelSmoothing: 0.2, ignoreIndex: 1 }),
    input: [2, 2, 3],
    target: () =>
      labels([
        [0, 2],
        [1, 0],
      ]),
    single: [2, 2],
  },
  'crossEntropy with one row': {
    loss: (x, y, reduction) => crossEntropy(x, y, { reduction }),
    input: [3],
    target: () => labels(2),
    single: [],
  },
  'crossEntropy with probabilities': {
    loss: (x, y, reduction) => crossEntropy(x, y, { reduction }),
    input: [4, 3],
    target: () => random([4, 3], 0, 1),
    single: [4],
    smoothTarget: true,
  },
  'crossEntropy with probabilities, weights and smoothing': {
    loss: (x, y, reduction) =>
      crossEntropy(x, y, { reduction, weight: weight(), labelSmoothing: 0.1 }),
    input: [4, 3],
    target: () => random([4, 3], 0, 1),
    single: [4],
    smoothTarget: true,
  },
  binaryCrossEntropy: {
    loss: (x, y, reduction) => binaryCrossEntropy(x.sigmoid(), y, { reduction, weight: weight() }),
    input: [4, 3],
    target: () => random([4, 3], 0.1, 0.9),
    single: [4, 3],
    smoothTarget: true,
  },
  klDiv: {
    loss: (x, y, reduction) => klDiv(x.logSoftmax(), y, { reduction }),
    input: [4, 3],
    target: () => random([4, 3], 0.1, 0.9),
    single: [4, 3],
    smoothTarget: true,
  },
  'klDiv with logarithms': {
    loss: (x, y, reduction) => klDiv(x, y, { reduction, logTarget: true }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  poissonNllLoss: {
    loss: (x, y, reduction) => poissonNllLoss(x, y, { reduction, full: true }),
    input: [4, 3],
    target: () => random([4, 3], 1.2, 5),
    single: [4, 3],
    smoothTarget: true,
  },
  'poissonNllLoss of rates': {
    loss: (x, y, reduction) => poissonNllLoss(x.exp(), y, { reduction, logInput: false }),
    input: [4, 3],
    target: () => random([4, 3], 0, 5),
    single: [4, 3],
    smoothTarget: true,
  },
  gaussianNllLoss: {
    loss: (x, y, reduction) => gaussianNllLoss(x, y, y.square().add(0.3), { reduction }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  'gaussianNllLoss with a variance for each row': {
    loss: (x, y, reduction) =>
      gaussianNllLoss(x, y, x.square().mean(-1).add(0.3), { reduction, full: true }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  hingeEmbeddingLoss: {
    loss: (x, y, reduction) => hingeEmbeddingLoss(x, y, { reduction, margin: 0.8 }),
    input: [4, 3],
    target: () => random([4, 3]).sign(),
    single: [4, 3],
  },
  marginRankingLoss: {
    loss: (x, y, reduction) =>
      marginRankingLoss(x, y, x.detach().sin().sign(), { reduction, margin: 0.3 }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  softMarginLoss: {
    loss: (x, y, reduction) => softMarginLoss(x, y, { reduction }),
    input: [4, 3],
    target: two,
    single: [4, 3],
    smoothTarget: true,
  },
  multiMarginLoss: {
    loss: (x, y, reduction) => multiMarginLoss(x, y, { reduction, margin: 0.7 }),
    input: [4, 3],
    target: () => labels([0, 2, 1, 1]),
    single: [4],
  },
  'multiMarginLoss, squared and weighted': {
    loss: (x, y, reduction) => multiMarginLoss(x, y, { reduction, p: 2, weight: weight() }),
    input: [4, 3],
    target: () => labels([0, 2, 1, 1]),
    single: [4],
  },
  'multiMarginLoss of one row': {
    loss: (x, y, reduction) => multiMarginLoss(x, y, { reduction }),
    input: [3],
    target: () => labels(2),
    single: [],
  },
  multilabelMarginLoss: {
    loss: (x, y, reduction) => multilabelMarginLoss(x, y, { reduction }),
    input: [3, 4],
    target: () =>
      labels([
        [3, 0, -1, 1],
        [-1, 2, 1, 0],
        [0, 1, 2, 3],
      ]),
    single: [3],
  },
  multilabelSoftMarginLoss: {
    loss: (x, y, reduction) => multilabelSoftMarginLoss(x, y, { reduction, weight: weight() }),
    input: [4, 3],
    target: () => random([4, 3], 0, 1),
    single: [4],
    smoothTarget: true,
  },
  cosineEmbeddingLoss: {
    loss: (x, y, reduction) =>
      cosineEmbeddingLoss(x, y, f64([1, -1, -1, 1]), { reduction, margin: -0.3 }),
    input: [4, 3],
    target: two,
    single: [4],
    smoothTarget: true,
  },
  tripletMarginLoss: {
    loss: (x, y, reduction) =>
      tripletMarginLoss(x, y, x.mul(y).add(0.2), { reduction, margin: 2, swap: true }),
    input: [4, 3],
    target: two,
    single: [4],
    smoothTarget: true,
  },
  'tripletMarginLoss with p = 3': {
    loss: (x, y, reduction) => tripletMarginLoss(x, y, x.sin(), { reduction, p: 3, margin: 4 }),
    input: [2, 2, 3],
    target: () => random([2, 2, 3]),
    single: [2, 2],
    smoothTarget: true,
  },
  ctcLoss: {
    loss: (x, y, reduction) => ctcLoss(x.logSoftmax(), y, [5, 4, 5], [2, 2, 0], { reduction }),
    input: [5, 3, 3],
    target: () =>
      labels([
        [1, 1, 7],
        [1, 2, -1],
        [0, 0, 0],
      ]),
    single: [3],
  },
  'ctcLoss of one sequence': {
    loss: (x, y, reduction) =>
      ctcLoss(x.logSoftmax(), y, [4], [2], { reduction, blank: 2, zeroInfinity: true }),
    input: [4, 3],
    target: () => labels([0, 1]),
    single: [],
  },
}

test('every loss is among them', async () => {
  const exported = await readFile(new URL('../index.ts', import.meta.url), 'utf8')
  const lists = exported.matchAll(/^export \{([^}]*)\} from '.\/losses\//gm)
  const names = [...lists].flatMap(([, list]) =>
    list!.split(',').flatMap((name) => name.trim().match(/^[a-z]\w*$/) ?? []),
  )
  expect(names.length).toBeGreaterThan(15)
  expect(names.filter((name) => !(name in rows))).toEqual([])
})

describe.each(Object.entries(rows))('%s', (_, { loss, input, target, single, smoothTarget }) => {
  test.each(['mean', 'sum', 'none'] as const)('%s has the right gradients twice', (reduction) => {
    const y = target()
    if (smoothTarget) gradCheck((x, t) => loss(x!, t!, reduction), [random(input), y], { order: 2 })
    else gradCheck((x) => loss(x!, y, reduction), [random(input)], { order: 2 })
  })

  test('gives single losses that add up', () => {
    const [x, y] = [random(input), target()]
    const all = loss(x, y, 'none')
    expect(all.shape).toEqual(single)
    expect(all.sum().itemSync()).toBeCloseTo(loss(x, y, 'sum').itemSync(), 10)
    expect(loss(x, y, 'mean').shape).toEqual([])
  })

  test('leaves nothing behind', () => {
    const [x, y] = [random(input), target()]
    x.requiresGrad = true
    loss(x, y, 'mean').dispose()
    const before = device.memory().buffers
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      scope(() => loss(x, y, reduction).sum().backward())
      x.grad!.dispose()
      x.grad = undefined
      expect(device.memory().buffers).toBeLessThanOrEqual(before + 4)
    }
  })

  test('refuses other reductions', () => {
    expect(() => loss(random(input), target(), 'median' as Reduction)).toThrow(
      /: reduction is "median"; use mean, sum or none$/,
    )
  })
})

describe('crossEntropy', () => {
  const logits = () =>
    f64([
      [2, 1, 0.1],
      [0.5, 2.5, -1],
    ])

  test('agrees with PyTorch', () => {
    const y = labels([0, 1])
    expectClose(crossEntropy(logits(), y), [0.2851041117])
    expectClose(crossEntropy(logits(), y, { labelSmoothing: 0.1 }), [0.4251041117])
    expectClose(crossEntropy(logits(), y, { weight: f64([1, 2, 3]) }), [0.2411288102])
    const soft = f64([
      [0.7, 0.2, 0.1],
      [0.1, 0.8, 0.1],
    ])
    expectClose(crossEntropy(logits(), soft), [0.7551041117])
  })

  test('agrees with one-hot probabilities', () => {
    const hot = f64([
      [1, 0, 0],
      [0, 1, 0],
    ])
    for (const labelSmoothing of [0, 0.3])
      expectClose(crossEntropy(logits(), hot, { labelSmoothing }), [
        crossEntropy(logits(), labels([0, 1]), { labelSmoothing }).itemSync(),
      ])
  })

  test('leaves ignored rows out of the mean and of the gradient', () => {
    const x = logits()
    x.requiresGrad = true
    const one = crossEntropy(x, labels([-100, 1]))
    expectClose(one, [crossEntropy(logits().slice(1), labels(1)).itemSync()])
    one.backward()
    expect(x.grad!.slice(0).toArraySync()).toEqual([0, 0, 0])
    expectClose(crossEntropy(logits(), labels([0, 1]), { ignoreIndex: 1, reduction: 'none' }), [
      crossEntropy(logits().slice(0), labels(0)).itemSync(),
      0,
    ])
    expect(crossEntropy(logits(), labels([-100, -100])).itemSync()).toBeNaN()
  })

  test('is finite for huge logits and for classes that are ruled out', () => {
    const far = f64([
      [1e4, 0, -1e4],
      [-1e300, -1e300, -1e300],
    ])
    expectClose(crossEntropy(far, labels([0, 2]), { reduction: 'none' }), [0, Math.log(3)])
    const masked = f64([[1, 1, Number.NEGATIVE_INFINITY]])
    masked.requiresGrad = true
    const loss = crossEntropy(masked, labels([0]))
    expectClose(loss, [Math.LN2])
    loss.backward()
    expectClose(masked.grad!, [-0.5, 0.5, 0])
  })

  test('is NaN for classes that do not exist', () => {
    const losses = crossEntropy(logits(), labels([3, -1]), { reduction: 'none' })
    expect(losses.toArraySync()).toEqual([Number.NaN, Number.NaN])
  })

  test('takes f32 logits with u32 classes and f64 weights', () => {
    const x = logits().cast('f32')
    const y = tensor([0, 1], { dtype: 'u32' })
    const loss = crossEntropy(x, y, { weight: f64([1, 2, 3]) })
    expect(loss.dtype).toBe('f32')
    expect(loss.itemSync()).toBeCloseTo(0.2411288102, 6)
  })

  test('makes no tensor of the size of the logits but their gradient', () => {
    const x = random([256, 64])
    const y = zeros([256], { dtype: 'i32' })
    x.requiresGrad = true
    const before = device.memory().bytes
    device.resetPeak()
    scope(() => {
      const loss = crossEntropy(x, y)
      expect(device.memory().peakBytes - before).toBeLessThan(0.2 * 256 * 64 * 8)
      loss.backward()
    })
    // The softmax's part, the target's, and their sum.
    expect(device.memory().peakBytes - before).toBeLessThan(3.2 * 256 * 64 * 8)
  })

  test('names what does not fit', () => {
    expect(() => crossEntropy(logits(), labels([0]))).toThrow(
      'crossEntropy: input [2, 3], target i32 [1]: class numbers must be [2], with the classes last in the input',
    )
    expect(() => crossEntropy(logits(), f64([0, 1]))).toThrow(
      'crossEntropy: input [2, 3], target f64 [2]: probabilities must be [2, 3]; class numbers are i32 or u32',
    )
    expect(() => crossEntropy(f64(1), labels(0))).toThrow(
      'the input must be [..., C] with the classes last',
    )
    expect(() => crossEntropy(labels([1, 2]), labels(0))).toThrow(
      'crossEntropy: the input is i32; it must be a float',
    )
    expect(() => crossEntropy(logits(), labels([0, 1]), { weight: f64([1, 2]) })).toThrow(
      'crossEntropy: weight is [2]; it must be [3], one for each class',
    )
    expect(() => crossEntropy(logits(), labels([0, 1]), { labelSmoothing: 2 })).toThrow(
      'crossEntropy: labelSmoothing is 2; it must be in 0 .. 1',
    )
    expect(() => nllLoss(logits(), f64([0, 1]))).toThrow(
      'nllLoss: the target is f64; class numbers are i32 or u32',
    )
  })

  test('is nllLoss of logSoftmax', () => {
    const options = { weight: f64([1, 2, 3]), ignoreIndex: 1 }
    const y = labels([2, 1])
    expectClose(nllLoss(logits().logSoftmax(), y, options), [
      crossEntropy(logits(), y, options).itemSync(),
    ])
  })
})

describe('element by element', () => {
  test('logCosh is log(cosh(e)), also where cosh overflows', () => {
    expectClose(logCoshLoss(f64([1]), f64([0.5])), [Math.log(Math.cosh(0.5))])
    expectClose(logCoshLoss(f64([1e4]), f64([0])), [1e4 - Math.LN2])
  })

  test('by hand', () => {
    expectClose(mseLoss(f64([1, 2, 3]), f64([1.5, 2, 2])), [1.25 / 3])
    expectClose(l1Loss(f64([1, 2, 3]), f64([1.5, 2, 2])), [0.5])
    const [x, y] = [f64([0, 0.25, 3]), f64([0, 0, 0])]
    expectClose(huberLoss(x, y, { reduction: 'none' }), [0, 0.03125, 2.5])
    expectClose(huberLoss(x, y, { reduction: 'none', delta: 2 }), [0, 0.03125, 4])
    expectClose(smoothL1Loss(x, y, { reduction: 'none', beta: 0.5 }), [0, 0.0625, 2.75])
    expectClose(smoothL1Loss(x, y, { beta: 0 }), [3.25 / 3])
    expectClose(bceWithLogits(f64([2, -1]), f64([1, 0])), [0.2200948], 7)
  })

  test('bceWithLogits takes bools, and is finite for huge logits', () => {
    const x = f64([1000, -1000])
    x.requiresGrad = true
    const loss = bceWithLogits(x, tensor([0, 1], { dtype: 'bool' }), { reduction: 'sum' })
    expectClose(loss, [2000])
    loss.backward()
    expectClose(x.grad!, [1, -1])
  })

  test('the gradient of bceWithLogits at 0 is sigmoid(0) - target', () => {
    const x = f64([0])
    x.requiresGrad = true
    bceWithLogits(x, f64([0.25])).backward()
    expectClose(x.grad!, [0.25])
  })

  test('names what does not fit', () => {
    expect(() => mseLoss(zeros([8]), zeros([8, 1]))).toThrow(
      'mseLoss: the input is [8], the target [8, 1]; they must be equal, reshape one',
    )
    expect(() => l1Loss(labels([1]), labels([1]))).toThrow(
      'l1Loss: the input is i32; it must be a float',
    )
    expect(() => huberLoss(zeros([1]), zeros([1]), { delta: 0 })).toThrow(
      'huberLoss: delta is 0; it must be above 0',
    )
    expect(() => smoothL1Loss(zeros([1]), zeros([1]), { beta: -1 })).toThrow(
      'smoothL1Loss: beta is -1; it must be >= 0',
    )
    expect(() => bceWithLogits(zeros([2, 3]), zeros([2, 3]), { posWeight: zeros([2]) })).toThrow(
      'bceWithLogits: a weight is [2]; it must broadcast to the input [2, 3]',
    )
  })
})
