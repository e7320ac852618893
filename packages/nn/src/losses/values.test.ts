/** Losses by hand, at their edges, and their errors. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor, zeros } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { expectClose, f64, labels } from '../../test/helpers.ts'
import {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  ctcLoss,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  klDiv,
  marginRankingLoss,
  mseLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  poissonNllLoss,
  softMarginLoss,
  tripletMarginLoss,
} from '../index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

function gradientOf(loss: (x: Tensor) => Tensor, x: Tensor): Tensor {
  x.requiresGrad = true
  loss(x).backward()
  return x.grad!
}

test('values by hand', () => {
  expectClose(binaryCrossEntropy(f64([0.8, 0.3]), f64([1, 0])), [
    -(Math.log(0.8) + Math.log(0.7)) / 2,
  ])
  expectClose(poissonNllLoss(f64([0.5]), f64([2])), [Math.exp(0.5) - 1])
  expectClose(gaussianNllLoss(f64([1, 2]), f64([1.5, 1]), f64([0.5, 2])), [0.25])
  expectClose(hingeEmbeddingLoss(f64([0.3, 0.3]), f64([1, -1])), [0.5])
  expectClose(marginRankingLoss(f64([0.2]), f64([0.5]), f64([1]), { margin: 0.1 }), [0.4])
  expectClose(softMarginLoss(f64([2, -1]), f64([1, -1])), [0.2200948], 7)
  const scores = f64([0.1, 0.2, 0.4, 0.8])
  expectClose(multiMarginLoss(scores, labels(3)), [0.325])
  expectClose(multilabelMarginLoss(scores, labels([3, 0, -1, 1])), [0.85])
  expectClose(
    multilabelSoftMarginLoss(f64([[2, -1]]), f64([[1, 0]]), { reduction: 'none' }),
    [0.2200948],
    7,
  )
  expectClose(cosineEmbeddingLoss(f64([[1, 0]]), f64([[1, 1]]), f64([1])), [1 - Math.SQRT1_2])
  expectClose(tripletMarginLoss(f64([[0, 0]]), f64([[0, 1]]), f64([[3, 0]]), { margin: 3 }), [1], 5)
})

describe('binaryCrossEntropy', () => {
  test('costs 100 for certainty that is wrong, and still has a slope', () => {
    const x = f64([0, 1, 0])
    expectClose(binaryCrossEntropy(x, f64([1, 0, 0]), { reduction: 'none' }), [100, 100, 0])
    const g = gradientOf((p) => binaryCrossEntropy(p, f64([1, 0, 0]), { reduction: 'sum' }), x)
    expect((g.toArraySync() as number[]).map((slope) => slope / 1e12)).toEqual([
      expect.closeTo(-1),
      expect.closeTo(1),
      0,
    ])
  })

  test('takes bools, and names what does not fit', () => {
    expectClose(binaryCrossEntropy(f64([0.5]), tensor([1], { dtype: 'bool' })), [Math.LN2])
    expect(() => binaryCrossEntropy(zeros([2]), zeros([2, 1]))).toThrow(
      'binaryCrossEntropy: the input is [2], the target [2, 1]; they must be equal, reshape one',
    )
    expect(() => binaryCrossEntropy(zeros([2]), zeros([2]), { weight: zeros([3]) })).toThrow(
      'binaryCrossEntropy: weight is [3]; it must broadcast to the input [2]',
    )
  })
})

describe('klDiv', () => {
  const p = () => f64([[0.5, 0.5, 0]])
  const q = () => f64([[0.25, 0.25, 0.5]])

  test('with batchmean is the divergence', () => {
    expectClose(klDiv(q().log(), p(), { reduction: 'batchmean' }), [Math.LN2])
    expectClose(klDiv(q().log(), p()), [Math.LN2 / 3])
    const logs = klDiv(q().log(), f64([[-1, -2, -3]]), { logTarget: true, reduction: 'sum' })
    const by = (t: number, x: number) => Math.exp(t) * (t - Math.log(x))
    expectClose(logs, [by(-1, 0.25) + by(-2, 0.25) + by(-3, 0.5)])
  })

  test('names its reductions', () => {
    expect(() => klDiv(p(), q(), { reduction: 'median' as 'mean' })).toThrow(
      'klDiv: reduction is "median"; use mean, sum or none',
    )
  })
})

describe('gaussianNllLoss', () => {
  test('with equal variances is mseLoss up to constants', () => {
    const [x, y] = [f64([1, 2, 3]), f64([0, 2, 5])]
    const loss = gaussianNllLoss(x, y, f64([2, 2, 2]), { full: true }).itemSync()
    expect(loss).toBeCloseTo(
      mseLoss(x, y).itemSync() / 4 + Math.log(2) / 2 + Math.log(2 * Math.PI) / 2,
      12,
    )
  })

  test('keeps a slope below the least variance', () => {
    const g = gradientOf((v) => gaussianNllLoss(f64([1]), f64([0]), v, { eps: 0.1 }), f64([0]))
    expectClose(g, [(1 - 10) / 0.1 / 2])
  })

  test('names what does not fit', () => {
    expect(() => gaussianNllLoss(zeros([2, 3]), zeros([2, 3]), zeros([3]))).toThrow(
      'gaussianNllLoss: the input is [2, 3], the variance [3]; it must be equal, or lack the last axis, or have 1 there',
    )
    expect(() => gaussianNllLoss(zeros([1]), zeros([1]), zeros([1]), { eps: 0 })).toThrow(
      'gaussianNllLoss: eps is 0; it must be above 0',
    )
  })
})

test('poissonNllLoss adds the approximation of log t! above 1', () => {
  const counts = f64([0, 1, 2])
  const [plain, full] = [false, true].map((on) =>
    poissonNllLoss(zeros([3]), counts, { full: on, reduction: 'none' }).toArraySync(),
  ) as [number[], number[]]
  expect([full[0], full[1]]).toEqual([plain[0], plain[1]])
  expect(full[2]! - plain[2]!).toBeCloseTo(Math.log(2), 1)
  expect(() => poissonNllLoss(counts, counts, { eps: -1 })).toThrow(
    'poissonNllLoss: eps is -1; it must be >= 0',
  )
})

test('softMarginLoss is finite for huge scores', () => {
  expectClose(softMarginLoss(f64([1e4, -1e4]), f64([-1, -1]), { reduction: 'none' }), [1e4, 0])
})

describe('margin losses', () => {
  test('have a slope of 0 or 1 at the edge, as PyTorch', () => {
    expectClose(
      gradientOf((x) => hingeEmbeddingLoss(x, f64([-1])), f64([1])),
      [-1],
    )
    expectClose(
      gradientOf((x) => marginRankingLoss(x, f64([0]), f64([1])), f64([0])),
      [-1],
    )
    expectClose(
      gradientOf((x) => multiMarginLoss(x, labels(0)), f64([1, 0])),
      [0, 0],
    )
  })

  test('name what does not fit', () => {
    expect(() => marginRankingLoss(zeros([2]), zeros([2]), zeros([1]))).toThrow(
      'marginRankingLoss: the first input is [2], the target [1]; they must be equal, reshape one',
    )
    expect(() => multiMarginLoss(zeros([2, 3]), labels([0]))).toThrow(
      'multiMarginLoss: the target is [1]; it must be [2]',
    )
    expect(() => multiMarginLoss(zeros([2, 3]), zeros([2]))).toThrow(
      'multiMarginLoss: the target is f64; class numbers are i32 or u32',
    )
    expect(() => multiMarginLoss(zeros([3]), labels(0), { p: 3 as 2 })).toThrow(
      'multiMarginLoss: p is 3; it must be 1 or 2',
    )
    expect(() => multiMarginLoss(zeros([3]), labels(0), { weight: zeros([2]) })).toThrow(
      'multiMarginLoss: weight is [2]; it must be [3], one for each class',
    )
    expect(() => multilabelMarginLoss(zeros([1, 2, 3]), zeros([1, 2, 3]).cast('i32'))).toThrow(
      'multilabelMarginLoss: the input is [1, 2, 3]; it must be [N, C] or [C] with the classes last',
    )
    expect(() => cosineEmbeddingLoss(zeros([2, 3]), zeros([2, 3]), zeros([3]))).toThrow(
      'cosineEmbeddingLoss: the target is [3]; it must be [2]',
    )
    expect(() => cosineEmbeddingLoss(zeros([]), zeros([]), zeros([]))).toThrow(
      'cosineEmbeddingLoss: the inputs are []; they must be [N, D] or [D]',
    )
    expect(() => tripletMarginLoss(zeros([2]), zeros([2]), zeros([3]))).toThrow(
      'tripletMarginLoss: the anchor is [2], the negative [3]; they must be equal, reshape one',
    )
    expect(() => tripletMarginLoss(zeros([2]), zeros([2]), zeros([2]), { p: 0 })).toThrow(
      'tripletMarginLoss: p is 0; it must be above 0',
    )
  })
})

describe('ctcLoss', () => {
  const even = (times: number, count = 1) => zeros([times, count, 3]).logSoftmax()

  test('counts alignments', () => {
    // 11, 01 and 10 of nine.
    expectClose(ctcLoss(even(2), labels([[1]]), [2], [1]), [Math.log(3)])
    // Equal labels need a blank between them: 101 of 27.
    expectClose(ctcLoss(even(3), labels([[1, 1]]), [3], [2], { reduction: 'sum' }), [Math.log(27)])
    // Nothing is said: 00 of nine.
    expectClose(ctcLoss(even(2), labels([[1]]), [2], [0]), [Math.log(9)])
  })

  test('is Infinity, or 0 with no gradient, for what cannot be aligned', () => {
    const y = labels([[1, 1]])
    expect(ctcLoss(even(2), y, [2], [2]).itemSync()).toBe(Number.POSITIVE_INFINITY)
    const loss = (x: Tensor) => ctcLoss(x.logSoftmax(), y, [2], [2], { zeroInfinity: true })
    expectClose(loss(zeros([2, 1, 3])), [0])
    expectClose(gradientOf(loss, zeros([2, 1, 3])), [0, 0, 0, 0, 0, 0])
  })

  test('takes targets in one row and lengths as tensors', () => {
    const x = f64([...Array(24).keys()].map((i) => Math.sin(i)))
      .reshape([4, 2, 3])
      .logSoftmax()
    const padded = ctcLoss(
      x,
      labels([
        [1, 2],
        [2, 0],
      ]),
      [4, 3],
      [2, 1],
      { reduction: 'none' },
    )
    const packed = ctcLoss(x, labels([1, 2, 2]), [4, 3], [2, 1], { reduction: 'none' })
    expect(packed.toArraySync()).toEqual(padded.toArraySync())
    const lengths = [labels([4, 3]), labels([2, 1])] as const
    const tensors = ctcLoss(
      x,
      labels([
        [1, 2],
        [2, 0],
      ]),
      ...lengths,
      { reduction: 'none' },
    )
    expect(tensors.toArraySync()).toEqual(padded.toArraySync())
  })

  test('names what does not fit', () => {
    expect(() => ctcLoss(zeros([3]), labels([1]), [3], [1])).toThrow(
      'ctcLoss: the input is [3]; it must be [T, N, C] or [T, C]',
    )
    expect(() => ctcLoss(even(2), labels([[1]]), [3], [1])).toThrow(
      'ctcLoss: a length in inputLengths is 3; it must be a whole number in 0 .. 2',
    )
    expect(() => ctcLoss(even(2), labels([[1]]), [2, 2], [1])).toThrow(
      'ctcLoss: the inputLengths is [2]; it must be [1]',
    )
    expect(() => ctcLoss(even(2), labels([[1]]), [2], [1], { blank: 3 })).toThrow(
      'ctcLoss: blank is 3; it must be in 0 .. 2',
    )
    expect(() => ctcLoss(even(2, 2), labels([1, 2, 1]), [2, 2], [1, 1])).toThrow(
      'ctcLoss: the targets are [3]; targetLengths add up to 2',
    )
    expect(() => ctcLoss(even(2, 2), labels([1, 2]), [2, 2], labels([1, 1]))).toThrow(
      'ctcLoss: targets in one row need targetLengths as numbers',
    )
  })
})
