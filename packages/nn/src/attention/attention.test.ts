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
import {
  checkLayerGradients,
  checkParameters,
  expectClose,
  f64,
  random,
} from '../../test/helpers.ts'
import {
  LayerNorm,
  MultiheadAttention,
  PositionalEncoding,
  scaledDotProductAttention,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '../index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(5)
})

const mask = (values: Parameters<typeof tensor>[0]) => tensor(values, { dtype: 'bool' })

/** The largest difference of two tensors. */
const distance = (a: Tensor, b: Tensor) => a.sub(b).abs().max().itemSync()

describe('scaledDotProductAttention', () => {
  test('by hand', () => {
    const [q, k, v] = [
      f64([[1, 0]]),
      f64([
        [0, 1],
        [Math.SQRT2 * Math.log(3), 0],
      ]),
      f64([[0], [8]]),
    ]
    // Scores 0 and log 3: weights 1/4 and 3/4.
    expectClose(scaledDotProductAttention(q, k, v), [6])
    expectClose(scaledDotProductAttention(q, k, v, { scale: 0 }), [4])
    expectClose(scaledDotProductAttention(q, k, v, { attnMask: mask([[1, 0]]) }), [0])
    expectClose(scaledDotProductAttention(q, k, v, { isCausal: true }), [0])
    const bias = f64([[Math.log(3), 0]])
    expectClose(scaledDotProductAttention(q, k, v, { attnMask: bias }), [4])
  })

  test('has the right gradients, to second order', () => {
    const inputs = [random([2, 3, 2]), random([2, 4, 2]), random([2, 4, 1])]
    gradCheck((q, k, v) => scaledDotProductAttention(q!, k!, v!, { isCausal: true }), inputs, {
      order: 2,
    })
    const added = random([3, 4])
    gradCheck(
      (q, k, v, m) => scaledDotProductAttention(q!, k!, v!, { attnMask: m! }),
      [...inputs, added],
    )
  })

  test('makes no mask for isCausal', () => {
    const x = random([1, 64, 4])
    scaledDotProductAttention(x, x, x).dispose()
    const peak = (isCausal: boolean) => {
      device.resetPeak()
      scaledDotProductAttention(x, x, x, { isCausal }).dispose()
      return device.memory().peakBytes
    }
    expect(peak(true)).toBe(peak(false))
  })

  test('names what does not fit', () => {
    expect(() => scaledDotProductAttention(zeros([3, 2]), zeros([4, 3]), zeros([4, 1]))).toThrow(
      'scaledDotProductAttention: query [3, 2], key [4, 3], value [4, 1]; they must be [..., L, E], [..., S, E] and [..., S, V]',
    )
  })
})

describe('MultiheadAttention', () => {
  test('has the right gradients', () => {
    const layer = new MultiheadAttention(4, 2, { addBiasKv: true, addZeroAttn: true })
    const options = { isCausal: true, keyPaddingMask: mask([[0, 0, 1]]) }
    checkParameters(
      layer,
      (q, k, v) => layer.forward(q!, k!, v!, options) as Tensor[],
      [random([2, 1, 4]), random([3, 1, 4]), random([3, 1, 4])],
      1,
    )
    const small = new MultiheadAttention(2, 1, { bias: false, kdim: 1, vdim: 3 })
    checkParameters(small, (q, k, v) => small.forward(q!, k!, v!, { needWeights: false })[0], [
      random([2, 1, 2]),
      random([2, 1, 1]),
      random([2, 1, 3]),
    ])
    checkParameters(
      small,
      (q, k, v) => small.forward(q!, k!, v!)[0],
      [random([2, 2]), random([3, 1]), random([3, 3])],
      1,
    )
  })

  test('gives the same for one tensor as for three equal ones', () => {
    const layer = new MultiheadAttention(4, 2, { batchFirst: true })
    const x = random([2, 3, 4])
    const [a, wa] = layer.forward(x, x, x)
    const [b, wb] = layer.forward(x, x.copy(), x.copy())
    expect(Math.max(distance(a, b), distance(wa!, wb!))).toBeLessThan(1e-12)
    expect(wa!.shape).toEqual([2, 3, 3])
    expectClose(wa!.sum(-1).flatten(), [1, 1, 1, 1, 1, 1])
  })

  test('takes masks as bools, as floats, for all or for each head', () => {
    const layer = new MultiheadAttention(4, 2)
    const x = random([3, 2, 4])
    const run = (options: Parameters<typeof layer.forward>[3]) => layer.forward(x, x, x, options)[0]
    const later = [
      [0, 1, 1],
      [0, 0, 1],
      [0, 0, 0],
    ]
    const causal = run({ isCausal: true })
    expect(distance(run({ attnMask: mask(later) }), causal)).toBe(0)
    const floats = f64(later.map((row) => row.map((hide) => (hide ? Number.NEGATIVE_INFINITY : 0))))
    expect(distance(run({ attnMask: floats }), causal)).toBe(0)
    const each = mask([later, later, later, later])
    expect(distance(run({ attnMask: each }), causal)).toBe(0)
    const padded = run({
      keyPaddingMask: mask([
        [0, 0, 1],
        [0, 0, 1],
      ]),
    })
    const cut = layer.forward(x, x.slice({ end: 2 }), x.slice({ end: 2 }))[0]
    expect(distance(padded, cut)).toBeLessThan(1e-12)
  })

  test('gives weights of each head, of one sequence, or none', () => {
    const layer = new MultiheadAttention(4, 2, { addZeroAttn: true })
    const x = random([3, 4])
    const shapes = (options: Parameters<typeof layer.forward>[3]) =>
      layer.forward(x, x, x, options).map((t) => t?.shape)
    expect(shapes({})).toEqual([
      [3, 4],
      [3, 4],
    ])
    expect(shapes({ averageAttnWeights: false })).toEqual([
      [3, 4],
      [2, 3, 4],
    ])
    expect(shapes({ needWeights: false })).toEqual([[3, 4], undefined])
  })

  test('has the names of PyTorch, and drops in training', () => {
    const layer = new MultiheadAttention(4, 2, { kdim: 3, addBiasKv: true, dropout: 0.5 })
    expect(Object.keys(layer.stateDict())).toEqual([
      'q_proj_weight',
      'k_proj_weight',
      'v_proj_weight',
      'in_proj_bias',
      'bias_k',
      'bias_v',
      'out_proj.weight',
      'out_proj.bias',
    ])
    const [q, k, v] = [random([3, 1, 4]), random([3, 1, 3]), random([3, 1, 4])]
    const weights = () => layer.forward(q, k, v)[1]!.toArraySync()
    expect(weights()).not.toEqual(weights())
    layer.eval()
    expect(weights()).toEqual(weights())
  })

  test('names what does not fit', () => {
    expect(() => new MultiheadAttention(4, 3)).toThrow(
      'MultiheadAttention(4, 3): the features must be a multiple of the heads',
    )
    expect(() => new MultiheadAttention(4, 2, { dropout: 2 })).toThrow(
      'MultiheadAttention: dropout is 2; it must be in 0 .. 1',
    )
    const layer = new MultiheadAttention(4, 2)
    const x = zeros([3, 2, 4])
    expect(() => layer.forward(x, zeros([3, 1, 4]), zeros([3, 1, 4]))).toThrow(
      'query, key and value are [3, 2, 4], [3, 1, 4], [3, 1, 4]; they must be [L, N, 4], [S, N, 4] and [S, N, 4]',
    )
    expect(() => layer.forward(x, x, x, { attnMask: zeros([3, 2]) })).toThrow(
      'attnMask is [3, 2]; it must be [3, 3] or [4, 3, 3]',
    )
    expect(() => layer.forward(x, x, x, { keyPaddingMask: zeros([3, 3]) })).toThrow(
      'keyPaddingMask is [3, 3]; it must be [2, 3]',
    )
  })
})

describe('transformer layers', () => {
  const options = { dimFeedforward: 3, dropout: 0 }

  test.each([
    { normFirst: false, activation: 'relu' as const },
    { normFirst: true, activation: (x: Tensor) => x.tanh(), bias: false },
  ])('have the right gradients %j', (given) => {
    const encoder = new TransformerEncoderLayer(2, 1, { ...options, ...given })
    checkParameters(encoder, (x) => encoder.forward(x!, { isCausal: true }), [random([2, 1, 2])], 1)
    const decoder = new TransformerDecoderLayer(2, 1, { ...options, ...given })
    checkParameters(
      decoder,
      (x, memory) => decoder.forward(x!, memory!, { self: { isCausal: true } }),
      [random([2, 1, 2]), random([3, 1, 2])],
      1,
    )
  })

  test('stack up, and leave nothing behind', () => {
    const encoder = new TransformerEncoder(
      () => new TransformerEncoderLayer(4, 2, { ...options, batchFirst: true, dropout: 0.3 }),
      2,
      new LayerNorm(4),
    )
    const decoder = new TransformerDecoder(
      () => new TransformerDecoderLayer(4, 2, { ...options, batchFirst: true }),
      2,
    )
    expect(Object.keys(encoder.stateDict())).toContain('layers.1.self_attn.in_proj_weight')
    expect(Object.keys(encoder.stateDict()).at(-1)).toBe('norm.bias')
    expect(decoder.layers[0]!.namedChildren().map(([name]) => name)).toEqual([
      'self_attn',
      'multihead_attn',
      'linear1',
      'linear2',
      'norm1',
      'norm2',
      'norm3',
    ])
    const x = random([2, 3, 4])
    const before = device.memory().buffers
    for (let round = 0; round < 2; round++) {
      scope(() => {
        const y = decoder.forward(x, encoder.forward(x))
        expect(y.shape).toEqual([2, 3, 4])
        y.square().sum().backward()
      })
      encoder.zeroGrad()
      decoder.zeroGrad()
      expect(device.memory().buffers).toBe(before)
    }
    const outputs = [encoder, encoder.eval()].map(() => encoder.forward(x).toArraySync())
    expect(outputs[0]).toEqual(outputs[1])
  })
})

describe('PositionalEncoding', () => {
  test('adds sines and cosines', () => {
    const y = new PositionalEncoding().forward(zeros([2, 1, 4]))
    expectClose(y.flatten(), [0, 1, 0, 1, Math.sin(1), Math.cos(1), Math.sin(0.01), Math.cos(0.01)])
    const first = new PositionalEncoding({ batchFirst: true })
    expect(distance(first.forward(zeros([1, 2, 4])).transpose(0, 1), y)).toBe(0)
    checkLayerGradients(first, random([1, 2, 3]))
    expect(() => first.forward(zeros([2, 4]))).toThrow(
      'PositionalEncoding: the input is [2, 4]; it must be [N, L, E]',
    )
  })
})
