/** Layers that take something else than one tensor of floats, and what chance does. */
import {
  Generator,
  manualSeed,
  ones,
  reference,
  setDefaultDType,
  setDevice,
  zeros,
} from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkParameters, expectClose, f64, labels, random } from '../../test/helpers.ts'
import {
  AlphaDropout,
  Bilinear,
  Conv1d,
  ConvTranspose2d,
  cosineSimilarity,
  Dropout2d,
  DropPath,
  Embedding,
  EmbeddingBag,
  embedding,
  embeddingBag,
  GLU,
  normalize,
  PReLU,
  pairwiseDistance,
  RReLU,
  Softmax2d,
  torchStateDict,
  Unflatten,
  ZeroPad2d,
} from '../index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
  manualSeed(2)
})

describe('Embedding', () => {
  test('looks up rows', () => {
    const table = f64([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    expect(embedding(labels([[2, 0]]), table).toArraySync()).toEqual([
      [
        [5, 6],
        [1, 2],
      ],
    ])
    gradCheck((w) => embedding(labels([2, 0, 2]), w!).square(), [table], { order: 2 })
  })

  test('gives padding no gradient', () => {
    const layer = new Embedding(3, 2, { paddingIdx: 1 })
    expect(layer.weight.slice(1).toArraySync()).toEqual([0, 0])
    expect(String(layer)).toBe('Embedding(3, 2, paddingIdx=1)')
    layer
      .forward(labels([1, 2, 1, 2]))
      .sum()
      .backward()
    expect(layer.weight.grad!.toArraySync()).toEqual([
      [0, 0],
      [0, 0],
      [2, 2],
    ])
  })

  test('shortens vectors that are too long, where it looks', () => {
    const layer = new Embedding(3, 2, { maxNorm: 1 })
    expect(String(layer)).toBe('Embedding(3, 2, maxNorm=1)')
    layer.loadStateDict({
      weight: f64([
        [3, 4],
        [0.3, 0.4],
        [6, 8],
      ]),
    })
    expectClose(layer.forward(labels([0, 1])).flatten(), [0.6, 0.8, 0.3, 0.4], 6)
    expectClose(layer.weight.flatten(), [0.6, 0.8, 0.3, 0.4, 6, 8], 6)
    layer
      .forward(labels([0]))
      .sum()
      .backward()
    expect(layer.weight.grad!.slice(0).toArraySync()).toEqual([1, 1])
    expect(() => new Embedding(3, 2, { maxNorm: 0 })).toThrow(
      'Embedding: maxNorm is 0; it must be above 0',
    )
  })

  test('names what does not fit', () => {
    expect(() => new Embedding(3, 2).forward(zeros([2]))).toThrow(
      'embedding: the indices are f64; they must be i32 or u32',
    )
    expect(() => embedding(labels([1]), zeros([2]))).toThrow(
      'embedding: the table is [2]; it must be a row for each index',
    )
    expect(() => new Embedding(3, 2, { paddingIdx: 3 })).toThrow(
      'Embedding: paddingIdx is 3; it must be in 0 .. 2',
    )
  })
})

describe('EmbeddingBag', () => {
  const indices = () => labels([0, 2, 1, 1])
  // The second bag is empty.
  const offsets = () => labels([0, 2, 2])

  test.each(['sum', 'mean', 'max'] as const)('%s has the right gradients', (mode) => {
    const layer = new EmbeddingBag(3, 2, { mode })
    expect(String(layer)).toBe(`EmbeddingBag(3, 2, mode=${mode})`)
    checkParameters(layer, () => layer.forward(indices(), offsets()), [])
    checkParameters(layer, () => layer.forward(labels([[0, 2]])), [])
    expect(layer.forward(indices(), offsets()).slice(1).toArraySync()).toEqual([0, 0])
  })

  test('by hand', () => {
    const table = f64([[1], [10], [-4]])
    const run = (mode: 'sum' | 'mean' | 'max') =>
      embeddingBag(indices(), table, { mode, offsets: offsets() })
    expectClose(run('sum'), [-3, 0, 20])
    expectClose(run('mean'), [-1.5, 0, 10])
    expectClose(run('max'), [1, 0, 10])
    const perSampleWeights = f64([[2, 0.5]])
    expectClose(embeddingBag(labels([[0, 1]]), table, { mode: 'sum', perSampleWeights }), [7])
  })

  test('names what does not fit', () => {
    const table = zeros([3, 2])
    expect(() => embeddingBag(indices(), table)).toThrow(
      'embeddingBag: the indices are [4]; they must be [N, L], or one row with offsets',
    )
    expect(() => embeddingBag(labels([[1]]), table, { perSampleWeights: zeros([1, 1]) })).toThrow(
      'embeddingBag: perSampleWeights in mode "mean"; use "sum"',
    )
  })
})

describe('Bilinear', () => {
  test('has the right gradients', () => {
    const layer = new Bilinear(2, 3, 2)
    expect(String(layer)).toBe('Bilinear(2, 3, 2)')
    const inputs = [random([2, 2, 2]), random([2, 2, 3])]
    checkParameters(layer, (a, b) => layer.forward(a!, b!), inputs)
    expect(layer.forward(inputs[0]!, inputs[1]!).shape).toEqual([2, 2, 2])
    layer.loadStateDict({ weight: ones([2, 2, 3]), bias: f64([0, 1]) })
    expectClose(layer.forward(f64([1, 2]), f64([1, 1, 2])), [12, 13])
    expect(() => layer.forward(zeros([2, 2]), zeros([3, 3]))).toThrow(
      'Bilinear(2, 3, 2): the inputs are [2, 2] and [3, 3]; they must be [..., 2] and [..., 3]',
    )
  })
})

describe('distances', () => {
  test('have the right gradients', () => {
    const inputs = [random([3, 2]), random([3, 2])]
    gradCheck((a, b) => cosineSimilarity(a!, b!), inputs, { order: 2 })
    gradCheck((a, b) => pairwiseDistance(a!, b!, { p: 3, keepdim: true }), inputs, { order: 2 })
    gradCheck((a) => normalize(a!, { axis: 0, p: 1 }), [inputs[0]!], { order: 2 })
  })

  test('by hand', () => {
    expectClose(normalize(f64([3, 4])), [0.6, 0.8])
    expectClose(cosineSimilarity(f64([1, 0]), f64([1, 1])), [Math.SQRT1_2])
    expectClose(pairwiseDistance(f64([[0, 0]]), f64([[3, 4]]), { eps: 0 }), [5])
  })
})

describe('dropout of more than elements', () => {
  test('drops whole channels', () => {
    const layer = new Dropout2d(0.5, { generator: new Generator(1) })
    const y = layer.forward(ones([8, 3, 3, 8]))
    expectClose(y.variance([1, 2]).flatten(), Array<number>(64).fill(0))
    expect(new Set(y.dataSync())).toEqual(new Set([0, 2]))
    expect(() => layer.forward(zeros([2, 3]))).toThrow(
      'Dropout2d(p=0.5): the input is [2, 3]; it must be [N, H, W, C]',
    )
  })

  test('drops whole samples', () => {
    const y = new DropPath(0.25, { generator: new Generator(1) }).forward(ones([400, 3]))
    expectClose(y.variance(1), Array<number>(400).fill(0))
    expect(y.mean().itemSync()).toBeCloseTo(1, 1)
    expect(() => new DropPath(2)).toThrow('DropPath: p is 2; it must be in 0 .. 1')
  })

  test('keeps mean and variance where SELU has its own', () => {
    const x = random([20000], -Math.sqrt(3), Math.sqrt(3))
    const y = new AlphaDropout(0.3, { generator: new Generator(1) }).forward(x)
    expect(y.mean().itemSync()).toBeCloseTo(0, 1)
    expect(y.std().itemSync()).toBeCloseTo(1, 1)
  })
})

describe('activations', () => {
  test('of chance draw slopes in training', () => {
    const layer = new RReLU(0.1, 0.3)
    const slopes = layer
      .forward(ones([100]).neg())
      .neg()
      .dataSync()
    expect(Math.min(...slopes)).toBeGreaterThanOrEqual(0.1)
    expect(Math.max(...slopes)).toBeLessThan(0.3)
    expectClose(layer.eval().forward(f64([-1, 2])), [-0.2, 2])
    expect(() => new RReLU(0.5, 0.1)).toThrow('RReLU: lower is 0.5, upper 0.1')
  })

  test('name what does not fit', () => {
    expect(() => new GLU().forward(zeros([2, 3]))).toThrow(
      'GLU: axis -1 of [2, 3] cannot be halved; it must have an even size',
    )
    expect(() => new Softmax2d().forward(zeros([2, 3]))).toThrow(
      'Softmax2d: the input is [2, 3]; it must be [N, H, W, C] or [H, W, C]',
    )
    expect(() => new PReLU({ numParameters: 4 }).forward(zeros([2, 3]))).toThrow(
      'PReLU(numParameters=4): the input is [2, 3]; its last axis must have 4',
    )
  })
})

describe('convolutions and shapes', () => {
  test('lie as in PyTorch in its state dicts', () => {
    const shapeOf = (layer: Conv1d | ConvTranspose2d) => torchStateDict(layer)['weight']!.shape
    expect(shapeOf(new Conv1d(4, 6, 3, { groups: 2 }))).toEqual([6, 2, 3])
    expect(shapeOf(new ConvTranspose2d(4, 6, [3, 2], { groups: 2 }))).toEqual([4, 3, 3, 2])
  })

  test('name what does not fit', () => {
    expect(() => new Conv1d(3, 4, 2).forward(zeros([2, 5, 4]))).toThrow(
      'Conv1d(3, 4, 2): the input is [2, 5, 4]; it must be [N, L, 3]',
    )
    expect(() => new ConvTranspose2d(3, 4, 2, { groups: 2 })).toThrow(
      'ConvTranspose2d(3, 4): the channels must be multiples of groups = 2',
    )
    expect(() => new Unflatten(1, [2, 2]).forward(zeros([2, 6]))).toThrow(
      'Unflatten: axis 1 of [2, 6] does not have the size of [2, 2]',
    )
    expect(() => new ZeroPad2d(1).forward(zeros([2, 6]))).toThrow(
      'pad: the input is [2, 6]; it must be [N, H, W, C]',
    )
  })
})
