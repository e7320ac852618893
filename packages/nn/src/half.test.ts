import {
  addmm,
  autocast,
  full,
  type HalfDType,
  manualSeed,
  matmul,
  rand,
  randn,
  reference,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { describe, expect, it } from 'vitest'
import {
  BatchNorm1d,
  BatchNorm2d,
  batchNorm,
  bceWithLogits,
  binaryCrossEntropy,
  Conv2d,
  cosineEmbeddingLoss,
  crossEntropy,
  embeddingBag,
  GRU,
  gaussianNllLoss,
  groupNorm,
  init,
  instanceNorm,
  Linear,
  LSTM,
  layerNorm,
  mseLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  normalize,
  ReLU,
  RNN,
  rmsNorm,
  Sequential,
  scaledDotProductAttention,
  spectralNorm,
  TransformerEncoderLayer,
  tripletMarginLoss,
  watch,
  weightNorm,
} from './index.ts'

setDevice(reference())

/** The largest difference of two tensors, in units of the largest number. */
function distance(a: Tensor, b: Tensor): number {
  const [left, right] = [a.dataSync(), b.dataSync()]
  const size = Math.max(...right.map(Math.abs))
  return Math.max(...left.map((value, i) => Math.abs(value - right[i]!))) / size
}

const rounding = { f16: 2 ** -11, bf16: 2 ** -8 } as const

describe.each(['f16', 'bf16'] as const)('%s', (dtype: HalfDType) => {
  const norms: Record<string, (x: Tensor, w: Tensor, b: Tensor) => Tensor> = {
    batchNorm: (x, weight, bias) => batchNorm(x, { weight, bias, training: true }),
    layerNorm: (x, weight, bias) => layerNorm(x, [6], { weight, bias }),
    groupNorm: (x, weight, bias) => groupNorm(x, 2, { weight, bias }),
    instanceNorm: (x, weight, bias) => instanceNorm(x, { weight, bias }),
    rmsNorm: (x, weight) => rmsNorm(x, [6], { weight }),
  }

  it.each(Object.keys(norms))('%s computes in f32', (name) => {
    manualSeed(3)
    // Far from 0: a mean rounded to 16 bits would leave nothing of the differences.
    const x = randn([4, 5, 5, 6]).add(40).cast(dtype)
    const g = randn(x.shape).cast(dtype)
    const run = (input: Tensor): Tensor[] => {
      const from = input.detach()
      from.requiresGrad = true
      const weight = tensor([1, 2, 3, 4, 5, 6], { requiresGrad: true })
      const bias = tensor([0, 1, 0, -1, 2, 0], { requiresGrad: true })
      const y = norms[name]!(from, weight, bias)
      y.backward(g.cast(y.dtype))
      return [y, from.grad!, weight.grad!, ...(bias.grad ? [bias.grad] : [])]
    }
    const [half, full] = [run(x), run(x.cast('f32'))]
    expect(half.map((t) => t.dtype).slice(0, 3)).toEqual([dtype, dtype, 'f32'])
    half.forEach((t, i) => {
      expect(distance(t, full[i]!), `part ${i}`).toBeLessThan(2 * rounding[dtype])
    })
  })

  it('moves running statistics of f32', () => {
    const layer = new BatchNorm2d(6)
    const y = layer.forward(rand([4, 3, 3, 6]).cast(dtype))
    expect(y.dtype).toBe(dtype)
    expect(layer.runningMean!.dtype).toBe('f32')
    expect(layer.runningMean!.dataSync()[0]).toBeCloseTo(0.05, 1)
    layer.eval()
    expect(layer.forward(rand([4, 3, 3, 6]).cast(dtype)).dtype).toBe(dtype)
  })

  const classes = tensor([0, 2, 1], { dtype: 'i32' })
  const ones = tensor([1, 1, -1])
  const losses: Record<string, (x: Tensor, y: Tensor) => Tensor> = {
    mseLoss,
    crossEntropy: (x) => crossEntropy(x, classes),
    bceWithLogits: (x, y) => bceWithLogits(x, y),
    binaryCrossEntropy: (x, y) => binaryCrossEntropy(x.sigmoid(), y),
    cosineEmbeddingLoss: (x, y) => cosineEmbeddingLoss(x, y, ones),
    tripletMarginLoss: (x, y) => tripletMarginLoss(x, y, y.neg()),
    multiMarginLoss: (x) => multiMarginLoss(x, classes),
    multilabelSoftMarginLoss: (x, y) => multilabelSoftMarginLoss(x, y),
    gaussianNllLoss: (x, y) => gaussianNllLoss(x, y, y),
  }

  it.each(Object.keys(losses))('%s is an f32 number', (name) => {
    manualSeed(4)
    const x = randn([3, 4]).cast(dtype)
    const y = rand([3, 4]).add(0.1).clamp(0, 1)
    const run = (input: Tensor): [Tensor, Tensor] => {
      const from = input.detach()
      from.requiresGrad = true
      const loss = losses[name]!(from, y)
      loss.backward()
      return [loss, from.grad!]
    }
    const [half, full] = [run(x), run(x.cast('f32'))]
    expect(half[0].dtype).toBe('f32')
    expect(half[1].dtype).toBe(dtype)
    // The sigmoid before one of them is rounded.
    expect(distance(half[0], full[0])).toBeLessThan(4 * rounding[dtype])
    expect(distance(half[1], full[1])).toBeLessThan(4 * rounding[dtype])
  })

  const models: Record<string, () => { run: (x: Tensor) => Tensor; shape: number[] }> = {
    'a convolutional network': () => {
      const net = new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4), new ReLU())
      return { run: (x) => net.forward(x), shape: [2, 5, 5, 3] }
    },
    RNN: () => {
      const net = new RNN(3, 4)
      return { run: (x) => net.forward(x)[0], shape: [5, 2, 3] }
    },
    LSTM: () => {
      const net = new LSTM(3, 4)
      return { run: (x) => net.forward(x)[0], shape: [5, 2, 3] }
    },
    GRU: () => {
      const net = new GRU(3, 4, { numLayers: 2 })
      return { run: (x) => net.forward(x)[0], shape: [5, 2, 3] }
    },
    'a transformer layer': () => {
      const net = new TransformerEncoderLayer(8, 2, { dropout: 0 })
      return { run: (x) => net.forward(x), shape: [5, 2, 8] }
    },
    'a linear layer on a vector': () => {
      const net = new Linear(3, 2)
      return { run: (x) => net.forward(x), shape: [3] }
    },
  }

  it('is drawn by every initialization, and held by layers where it is the default', () => {
    manualSeed(6)
    const draws: Record<string, (t: Tensor) => Tensor> = {
      uniform: (t) => init.uniform(t, -1, 1),
      normal: (t) => init.normal(t),
      truncNormal: (t) => init.truncNormal(t),
      kaimingUniform: (t) => init.kaimingUniform(t),
      xavierNormal: (t) => init.xavierNormal(t),
      orthogonal: (t) => init.orthogonal(t),
    }
    for (const [name, draw] of Object.entries(draws)) {
      const t = draw(zeros([60, 50], { dtype }))
      expect(t.dtype, name).toBe(dtype)
      expect(Math.abs(t.mean().itemSync()), name).toBeLessThan(0.05)
      // Uniform numbers have the 11 or 8 random bits that a half can hold.
      expect(new Set(t.dataSync()).size, name).toBeGreaterThan(dtype === 'f16' ? 1000 : 200)
    }
    setDefaultDType(dtype)
    try {
      for (const layer of [new TransformerEncoderLayer(8, 2), new LSTM(3, 4), new Conv2d(3, 4, 3)])
        expect([...new Set(layer.parameters().map((p) => p.dtype))]).toEqual([dtype])
    } finally {
      setDefaultDType('f32')
    }
  })

  it('takes reparametrized weights', () => {
    for (const wrap of [spectralNorm, weightNorm]) {
      const layer = wrap(new Conv2d(3, 4, 3)).cast(dtype)
      const y = layer.forward(rand([2, 5, 5, 3]).cast(dtype))
      expect(y.dtype).toBe(dtype)
      y.sum().backward()
      expect([...new Set(layer.parameters().map((p) => p.grad!.dtype))]).toEqual([dtype])
      expect(autocast(dtype, () => layer.forward(rand([2, 5, 5, 3]))).dtype).toBe(dtype)
      layer.cast('f32')
      expect(layer.forward(rand([2, 5, 5, 3])).dtype).toBe('f32')
    }
  })

  it('is made of length 1, also where a length is 0 or beyond f16', () => {
    expect([...normalize(tensor([0, 0], { dtype })).dataSync()]).toEqual([0, 0])
    const unit = normalize(tensor([60000, 60000], { dtype }))
    expect(unit.dtype).toBe(dtype)
    expect(unit.dataSync()[0]).toBeCloseTo(Math.SQRT1_2, 2)
    expect(autocast(dtype, () => normalize(tensor([3, 4], { dtype }))).dtype).toBe('f32')
  })

  it('is attended to, though the scores overflow f16 before they are scaled', () => {
    const x = full([1, 2, 64], 40)
    const v = tensor([[[1], [3]]])
    const half = scaledDotProductAttention(x.cast(dtype), x.cast(dtype), v.cast(dtype))
    const mixed = autocast(dtype, () => scaledDotProductAttention(x, x, v))
    for (const y of [half, mixed]) {
      expect(y.dtype).toBe(dtype)
      expect([...y.dataSync()]).toEqual([2, 2])
    }
  })

  it('is averaged in bags of any size', () => {
    const weight = full([3, 2], 2, { dtype })
    const offsets = tensor([0], { dtype: 'i32' })
    const indices = zeros([70_000], { dtype: 'i32' })
    const mean = embeddingBag(indices, weight, { offsets })
    expect(mean.dtype).toBe(dtype)
    expect([...mean.dataSync()]).toEqual([2, 2])
    const few = zeros([4], { dtype: 'i32' })
    const sum = embeddingBag(few, weight, { offsets, mode: 'sum' })
    expect([sum.dtype, ...sum.dataSync()]).toEqual([dtype, 8, 8])
  })

  it('is watched', async () => {
    const net = new Sequential({ first: new Linear(3, 4), second: new ReLU() })
    const flow = watch(net)
    autocast(dtype, () => net.forward(full([2, 3], 1)))
      .sum()
      .backward()
    const [first] = await flow.read()
    flow.stop()
    expect(first!.activation!.largest).toBeGreaterThan(0)
    expect(first!.gradient!.mean).toBeGreaterThanOrEqual(0)
  })

  it('is what a model can be cast to', () => {
    const net = new Sequential(new Linear(3, 4), new BatchNorm1d(4))
    const names = Object.keys(net.stateDict())
    expect(net.cast(dtype)).toBe(net)
    expect(net.parameters().every((p) => p.dtype === dtype && p.requiresGrad)).toBe(true)
    expect(net.namedBuffers().map(([, t]) => t.dtype)).toContain('f32')
    expect(Object.keys(net.stateDict())).toEqual(names)
    const y = net.forward(rand([8, 3], { dtype }))
    expect(y.dtype).toBe(dtype)
    y.sum().backward()
    expect(net.parameters()[0]!.grad!.dtype).toBe(dtype)
    net.cast('f32')
    expect(net.forward(rand([8, 3])).dtype).toBe('f32')
  })

  it.each(Object.keys(models))('%s runs in mixed precision', (name) => {
    manualSeed(5)
    const { run, shape } = models[name]!()
    const x = randn(shape)
    x.requiresGrad = true
    const full = run(x)
    const half = autocast(dtype, () => run(x))
    expect(half.dtype === dtype || half.dtype === 'f32').toBe(true)
    expect(distance(half.cast('f32'), full)).toBeLessThan(12 * rounding[dtype])
    half.sum().backward()
    const inexact = x.grad!
    expect(inexact.dtype).toBe('f32')
  })
})

/** Numbers of PyTorch 2.13: `torch.autocast('cpu', dtype)` around the same network. */
const torch = {
  f16: {
    loss: 0.9528456330299377,
    bias: [
      0, -0.10809326171875, -0.102294921875, 0.02423095703125, -0.08062744140625, -0.08062744140625,
      -0.10552978515625, 0.1553955078125,
    ],
    weight: [0, 0, 0, 0.0200347900390625, 0.017547607421875, -0.03759765625],
  },
  bf16: {
    loss: 0.9529258608818054,
    bias: [
      0, -0.10791015625, -0.1025390625, 0.024169921875, -0.08056640625, -0.0810546875, -0.10546875,
      0.1552734375,
    ],
    weight: [0, 0, 0, 0.020263671875, 0.0184326171875, -0.038818359375],
  },
} as const

it.each(['f16', 'bf16'] as const)('autocast rounds where PyTorch does: %s', (dtype) => {
  const wave = (...shape: number[]): Tensor => {
    const count = shape.reduce((size, extent) => size * extent, 1)
    const values = Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 50 - 1)
    return tensor(values, { dtype: 'f32' }).reshape(shape)
  }
  const x = wave(4, 6)
  const [w1, b1, w2] = [wave(6, 8), wave(8), wave(8, 3).mul(0.7)]
  for (const t of [w1, b1, w2]) t.requiresGrad = true
  const loss = autocast(dtype, () => {
    const hidden = addmm(b1, x, w1).relu()
    return crossEntropy(matmul(hidden, w2), tensor([0, 2, 1, 1], { dtype: 'i32' }))
  })
  loss.backward()
  expect(loss.itemSync()).toBeCloseTo(torch[dtype].loss, 6)
  expect([...b1.grad!.dataSync()]).toEqual(torch[dtype].bias)
  expect([...w2.grad!.dataSync()].slice(0, 6)).toEqual(torch[dtype].weight)
})
