/** What every layer must do, and what each does by hand. */
import {
  dispose,
  Generator,
  keep,
  manualSeed,
  noGrad,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  type Tensor,
  uniform,
  zeros,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkLayerGradients, expectClose, f64, random } from '../../test/helpers.ts'
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AlphaDropout,
  AvgPool1d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  CELU,
  ChannelShuffle,
  CircularPad2d,
  ConstantPad2d,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  Dropout,
  Dropout1d,
  Dropout2d,
  Dropout3d,
  DropPath,
  ELU,
  Flatten,
  GELU,
  GLU,
  GroupNorm,
  groupNorm,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  Identity,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  instanceNorm,
  LayerNorm,
  LayerScale,
  LeakyReLU,
  Linear,
  LocalResponseNorm,
  LogSigmoid,
  LogSoftmax,
  LPPool2d,
  layerNorm,
  MaxPool1d,
  MaxPool2d,
  Mish,
  type Module,
  PixelShuffle,
  PixelUnshuffle,
  PReLU,
  ReflectionPad2d,
  ReLU,
  ReLU6,
  ReplicationPad2d,
  RMSNorm,
  RReLU,
  rmsNorm,
  SELU,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softmax2d,
  Softmin,
  Softplus,
  Softshrink,
  Softsign,
  Tanh,
  Tanhshrink,
  Threshold,
  Unflatten,
  Upsample,
  ZeroPad2d,
} from '../index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(7)
})

interface Row {
  readonly make: () => Module
  readonly input: readonly number[]
  readonly output: readonly number[]
  /** What `toString` shows. */
  readonly shown: string
}

const images = [2, 3, 4, 3]
const rows: readonly Row[] = [
  { make: () => new Linear(3, 2), input: [4, 3], output: [4, 2], shown: 'Linear(3, 2)' },
  {
    make: () => new Linear(3, 2, { bias: false }),
    input: [2, 2, 3],
    output: [2, 2, 2],
    shown: 'Linear(3, 2, bias=false)',
  },
  { make: () => new Linear(3, 2), input: [3], output: [2], shown: 'Linear(3, 2)' },
  {
    make: () => new Conv2d(3, 2, 3),
    input: images,
    output: [2, 1, 2, 2],
    shown: 'Conv2d(3, 2, 3)',
  },
  {
    make: () => new Conv2d(3, 6, [3, 1], { stride: [2, 1], padding: 1, groups: 3, bias: false }),
    input: images,
    output: [2, 2, 6, 6],
    shown: 'Conv2d(3, 6, [3, 1], stride=[2, 1], padding=1, groups=3, bias=false)',
  },
  {
    make: () => new Conv2d(3, 2, 2, { padding: 'same', dilation: 2 }),
    input: images,
    output: [2, 3, 4, 2],
    shown: 'Conv2d(3, 2, 2, padding=same, dilation=2)',
  },
  {
    make: () => new BatchNorm2d(3),
    input: images,
    output: images,
    shown: 'BatchNorm2d(3, eps=0.00001, momentum=0.1)',
  },
  {
    make: () => new BatchNorm2d(3, { affine: false, momentum: null, eps: 1e-3 }),
    input: images,
    output: images,
    shown: 'BatchNorm2d(3, eps=0.001, momentum=null, affine=false)',
  },
  {
    make: () => new BatchNorm1d(3, { trackRunningStats: false }),
    input: [5, 3],
    output: [5, 3],
    shown: 'BatchNorm1d(3, eps=0.00001, momentum=0.1, trackRunningStats=false)',
  },
  {
    make: () => new BatchNorm1d(3),
    input: [2, 4, 3],
    output: [2, 4, 3],
    shown: 'BatchNorm1d(3, eps=0.00001, momentum=0.1)',
  },
  {
    make: () => new BatchNorm3d(3),
    input: [2, 2, 1, 2, 3],
    output: [2, 2, 1, 2, 3],
    shown: 'BatchNorm3d(3, eps=0.00001, momentum=0.1)',
  },
  {
    make: () => new LayerNorm(3),
    input: [2, 4, 3],
    output: [2, 4, 3],
    shown: 'LayerNorm([3], eps=0.00001)',
  },
  {
    make: () => new LayerNorm([4, 3], { bias: false }),
    input: [2, 4, 3],
    output: [2, 4, 3],
    shown: 'LayerNorm([4, 3], eps=0.00001, bias=false)',
  },
  {
    make: () => new LayerNorm([4], { elementwiseAffine: false, eps: 0.5 }),
    input: [4],
    output: [4],
    shown: 'LayerNorm([4], eps=0.5, elementwiseAffine=false)',
  },
  { make: () => new RMSNorm(3), input: [4, 3], output: [4, 3], shown: 'RMSNorm([3])' },
  {
    make: () => new RMSNorm([4, 3], { eps: 0.1, elementwiseAffine: false }),
    input: [2, 4, 3],
    output: [2, 4, 3],
    shown: 'RMSNorm([4, 3], eps=0.1, elementwiseAffine=false)',
  },
  {
    make: () => new GroupNorm(2, 4),
    input: [2, 3, 2, 4],
    output: [2, 3, 2, 4],
    shown: 'GroupNorm(2, 4, eps=0.00001)',
  },
  {
    make: () => new GroupNorm(1, 4, { affine: false }),
    input: [2, 4],
    output: [2, 4],
    shown: 'GroupNorm(1, 4, eps=0.00001, affine=false)',
  },
  {
    make: () => new InstanceNorm1d(3, { affine: true }),
    input: [2, 4, 3],
    output: [2, 4, 3],
    shown: 'InstanceNorm1d(3, eps=0.00001, momentum=0.1, affine=true)',
  },
  {
    make: () => new InstanceNorm2d(3, { trackRunningStats: true }),
    input: images,
    output: images,
    shown: 'InstanceNorm2d(3, eps=0.00001, momentum=0.1, trackRunningStats=true)',
  },
  {
    make: () => new InstanceNorm3d(2),
    input: [1, 2, 2, 2, 2],
    output: [1, 2, 2, 2, 2],
    shown: 'InstanceNorm3d(2, eps=0.00001, momentum=0.1)',
  },
  { make: () => new MaxPool2d(2), input: images, output: [2, 1, 2, 3], shown: 'MaxPool2d(2)' },
  {
    make: () => new MaxPool2d(3, { stride: 1, padding: [1, 0] }),
    input: images,
    output: [2, 3, 2, 3],
    shown: 'MaxPool2d(3, stride=1, padding=[1, 0])',
  },
  {
    make: () => new AvgPool2d([2, 3], { stride: [2, 1] }),
    input: images,
    output: [2, 1, 2, 3],
    shown: 'AvgPool2d([2, 3], stride=[2, 1])',
  },
  {
    make: () => new AvgPool2d(3, { padding: 1, countIncludePad: false }),
    input: images,
    output: [2, 1, 2, 3],
    shown: 'AvgPool2d(3, padding=1, countIncludePad=false)',
  },
  { make: () => new Flatten(), input: images, output: [2, 36], shown: 'Flatten()' },
  {
    make: () => new Flatten({ channelsFirst: true }),
    input: images,
    output: [2, 36],
    shown: 'Flatten(channelsFirst=true)',
  },
  {
    make: () => new Flatten({ start: 0, end: 1 }),
    input: images,
    output: [6, 4, 3],
    shown: 'Flatten(start=0, end=1)',
  },
  { make: () => new Identity(), input: images, output: images, shown: 'Identity()' },
  {
    make: () => new LayerScale(3, 0.5),
    input: images,
    output: images,
    shown: 'LayerScale(3)',
  },
  { make: () => new Dropout(0).eval(), input: [3, 4], output: [3, 4], shown: 'Dropout(p=0)' },
  {
    make: () => new Conv1d(3, 4, 3, { padding: 1, stride: 2 }),
    input: [2, 5, 3],
    output: [2, 3, 4],
    shown: 'Conv1d(3, 4, 3, stride=2, padding=1)',
  },
  {
    make: () => new Conv3d(2, 2, 2, { groups: 2, bias: false }),
    input: [1, 2, 3, 2, 2],
    output: [1, 1, 2, 1, 2],
    shown: 'Conv3d(2, 2, 2, groups=2, bias=false)',
  },
  {
    make: () => new ConvTranspose1d(2, 3, 2, { stride: 2 }),
    input: [2, 3, 2],
    output: [2, 6, 3],
    shown: 'ConvTranspose1d(2, 3, 2, stride=2)',
  },
  {
    make: () =>
      new ConvTranspose2d(2, 4, [2, 3], { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    input: [1, 2, 3, 2],
    output: [1, 3, 6, 4],
    shown: 'ConvTranspose2d(2, 4, [2, 3], stride=2, padding=1, outputPadding=1, groups=2)',
  },
  { make: () => new MaxPool1d(2), input: [2, 5, 3], output: [2, 2, 3], shown: 'MaxPool1d(2)' },
  {
    make: () => new AvgPool1d(3, { stride: 1, padding: 1 }),
    input: [2, 5, 3],
    output: [2, 5, 3],
    shown: 'AvgPool1d(3, stride=1, padding=1)',
  },
  {
    make: () => new LPPool2d(2, [2, 1]),
    input: images,
    output: [2, 1, 4, 3],
    shown: 'LPPool2d(2, [2, 1])',
  },
  {
    make: () => new AdaptiveAvgPool1d(2),
    input: [2, 5, 3],
    output: [2, 2, 3],
    shown: 'AdaptiveAvgPool1d(2)',
  },
  {
    make: () => new AdaptiveMaxPool1d(2),
    input: [2, 5, 3],
    output: [2, 2, 3],
    shown: 'AdaptiveMaxPool1d(2)',
  },
  {
    make: () => new AdaptiveAvgPool2d([2, null]),
    input: images,
    output: [2, 2, 4, 3],
    shown: 'AdaptiveAvgPool2d([2, null])',
  },
  {
    make: () => new AdaptiveMaxPool2d(1),
    input: images,
    output: [2, 1, 1, 3],
    shown: 'AdaptiveMaxPool2d(1)',
  },
  {
    make: () => new LocalResponseNorm(2, { alpha: 0.1 }),
    input: images,
    output: images,
    shown: 'LocalResponseNorm(2, alpha=0.1)',
  },
  {
    make: () => new Upsample({ scaleFactor: 2, mode: 'bilinear' }),
    input: images,
    output: [2, 6, 8, 3],
    shown: 'Upsample(scaleFactor=2, mode=bilinear)',
  },
  {
    make: () => new PixelShuffle(2),
    input: [1, 2, 3, 8],
    output: [1, 4, 6, 2],
    shown: 'PixelShuffle(2)',
  },
  {
    make: () => new PixelUnshuffle(2),
    input: [1, 2, 4, 2],
    output: [1, 1, 2, 8],
    shown: 'PixelUnshuffle(2)',
  },
  {
    make: () => new ChannelShuffle(2),
    input: [1, 2, 2, 4],
    output: [1, 2, 2, 4],
    shown: 'ChannelShuffle(2)',
  },
  {
    make: () => new Unflatten(-1, [2, 3]),
    input: [2, 6],
    output: [2, 2, 3],
    shown: 'Unflatten(-1, [2, 3])',
  },
  {
    make: () => new ZeroPad2d(1),
    input: images,
    output: [2, 5, 6, 3],
    shown: 'ZeroPad2d(1)',
  },
  {
    make: () => new ConstantPad2d([1, 0, 2, 0], 3),
    input: images,
    output: [2, 5, 5, 3],
    shown: 'ConstantPad2d([1, 0, 2, 0], 3)',
  },
  {
    make: () => new ReflectionPad2d(1),
    input: images,
    output: [2, 5, 6, 3],
    shown: 'ReflectionPad2d(1)',
  },
  {
    make: () => new ReplicationPad2d(1),
    input: images,
    output: [2, 5, 6, 3],
    shown: 'ReplicationPad2d(1)',
  },
  {
    make: () => new CircularPad2d(1),
    input: images,
    output: [2, 5, 6, 3],
    shown: 'CircularPad2d(1)',
  },
  { make: () => new Dropout1d().eval(), input: [2], output: [2], shown: 'Dropout1d(p=0.5)' },
  {
    make: () => new Dropout2d(1),
    input: images,
    output: images,
    shown: 'Dropout2d(p=1)',
  },
  { make: () => new Dropout3d(0), input: [2], output: [2], shown: 'Dropout3d(p=0)' },
  { make: () => new DropPath(1), input: [2, 3], output: [2, 3], shown: 'DropPath(p=1)' },
  { make: () => new AlphaDropout(1), input: [2], output: [2], shown: 'AlphaDropout(p=1)' },
  { make: () => new PReLU(), input: [3, 4], output: [3, 4], shown: 'PReLU(numParameters=1)' },
  {
    make: () => new PReLU({ numParameters: 4, init: 0.1 }),
    input: [3, 4],
    output: [3, 4],
    shown: 'PReLU(numParameters=4)',
  },
  {
    make: () => new RReLU(0.1, 0.3).eval(),
    input: [3, 4],
    output: [3, 4],
    shown: 'RReLU(lower=0.1, upper=0.3)',
  },
  { make: () => new ReLU6(), input: [3, 4], output: [3, 4], shown: 'ReLU6()' },
  {
    make: () => new Hardtanh(-1.5, 0.5),
    input: [3, 4],
    output: [3, 4],
    shown: 'Hardtanh(minVal=-1.5, maxVal=0.5)',
  },
  { make: () => new Hardsigmoid(), input: [3, 4], output: [3, 4], shown: 'Hardsigmoid()' },
  { make: () => new Hardswish(), input: [3, 4], output: [3, 4], shown: 'Hardswish()' },
  {
    make: () => new Hardshrink(0.6),
    input: [3, 4],
    output: [3, 4],
    shown: 'Hardshrink(lambda=0.6)',
  },
  { make: () => new Softshrink(), input: [3, 4], output: [3, 4], shown: 'Softshrink()' },
  { make: () => new Tanhshrink(), input: [3, 4], output: [3, 4], shown: 'Tanhshrink()' },
  { make: () => new Softsign(), input: [3, 4], output: [3, 4], shown: 'Softsign()' },
  {
    make: () => new Threshold(0.3, -2),
    input: [3, 4],
    output: [3, 4],
    shown: 'Threshold(threshold=0.3, value=-2)',
  },
  { make: () => new CELU(0.7), input: [3, 4], output: [3, 4], shown: 'CELU(alpha=0.7)' },
  { make: () => new SELU(), input: [3, 4], output: [3, 4], shown: 'SELU()' },
  { make: () => new Mish(), input: [3, 4], output: [3, 4], shown: 'Mish()' },
  { make: () => new GLU(), input: [3, 4], output: [3, 2], shown: 'GLU()' },
  { make: () => new Softmin(0), input: [3, 4], output: [3, 4], shown: 'Softmin(axis=0)' },
  { make: () => new Softmax2d(), input: images, output: images, shown: 'Softmax2d()' },
  {
    make: () => new GELU('tanh'),
    input: [3, 4],
    output: [3, 4],
    shown: 'GELU(approximate=tanh)',
  },
  { make: () => new ReLU(), input: [3, 4], output: [3, 4], shown: 'ReLU()' },
  {
    make: () => new LeakyReLU(0.2),
    input: [3, 4],
    output: [3, 4],
    shown: 'LeakyReLU(negativeSlope=0.2)',
  },
  { make: () => new ELU(), input: [3, 4], output: [3, 4], shown: 'ELU()' },
  { make: () => new GELU(), input: [3, 4], output: [3, 4], shown: 'GELU()' },
  { make: () => new SiLU(), input: [3, 4], output: [3, 4], shown: 'SiLU()' },
  { make: () => new Sigmoid(), input: [3, 4], output: [3, 4], shown: 'Sigmoid()' },
  { make: () => new LogSigmoid(), input: [3, 4], output: [3, 4], shown: 'LogSigmoid()' },
  { make: () => new Tanh(), input: [3, 4], output: [3, 4], shown: 'Tanh()' },
  {
    make: () => new Softplus(2, 10),
    input: [3, 4],
    output: [3, 4],
    shown: 'Softplus(beta=2, threshold=10)',
  },
  { make: () => new Softmax(0), input: [3, 4], output: [3, 4], shown: 'Softmax(axis=0)' },
  { make: () => new LogSoftmax(), input: [3, 4], output: [3, 4], shown: 'LogSoftmax()' },
]

describe.each(rows.map((row) => [row.shown, row.input.join('x'), row] as const))(
  '%s of %s',
  (_, __, { make, input, output, shown }) => {
    test('gives the shape and prints its settings', () => {
      const layer = make()
      expect(String(layer)).toBe(shown)
      expect(layer.forward(random(input)).shape).toEqual(output)
    })

    test('has the right gradients, to second order', () => {
      checkLayerGradients(make(), random(input))
    })

    test('leaves nothing but gradients behind', () => {
      const layer = make()
      const x = random(input)
      const before = device.memory().buffers
      for (let step = 0; step < 2; step++) {
        scope(() => {
          const y = layer.forward(x)
          if (y.requiresGrad) y.square().sum().backward()
        })
        layer.zeroGrad()
        expect(device.memory().buffers).toBe(before)
      }
    })

    test('goes on as before after its state is loaded elsewhere', () => {
      const [source, target] = [make(), make()]
      const x = random(input)
      source.forward(x)
      target.loadStateDict(source.stateDict())
      const outputs = [source, target].map((layer) => layer.eval().forward(x).toArraySync())
      expect(outputs[1]).toEqual(outputs[0])
    })
  },
)

describe('Linear', () => {
  test('computes x Wᵀ + b', () => {
    const layer = new Linear(2, 3)
    layer.loadStateDict({
      weight: f64([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      bias: f64([0.5, 0, -1]),
    })
    expect(layer.forward(f64([[1, -1]])).toArraySync()).toEqual([[-0.5, -1, -2]])
  })

  test('starts uniform in ±1/√in', () => {
    const layer = new Linear(400, 100, { generator: new Generator(3) })
    for (const t of layer.parameters()) {
      const values = t.dataSync()
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.05)
      expect(Math.max(...values)).toBeGreaterThan(0.045)
      expect(Math.min(...values)).toBeLessThan(-0.045)
    }
    const same = new Linear(400, 100, { generator: new Generator(3) })
    expect(same.weight.dataSync()).toEqual(layer.weight.dataSync())
  })

  test('names the sizes that do not fit', () => {
    expect(() => new Linear(3, 2).forward(zeros([4, 5]))).toThrow(
      'Linear(3, 2): the input is [4, 5]; its last axis must have 3',
    )
    expect(() => new Linear(3.5, 2)).toThrow('Linear(3.5, 2): sizes are whole numbers >= 0')
  })
})

describe('Conv2d', () => {
  test('computes by hand', () => {
    const layer = new Conv2d(1, 1, 2)
    layer.loadStateDict({ weight: f64([1, 2, 3, 4]).reshape([2, 2, 1, 1]), bias: f64([10]) })
    const x = f64([1, 2, 3, 4, 5, 6]).reshape([1, 2, 3, 1])
    // 1·1 + 2·2 + 3·4 + 4·5 = 37 and 1·2 + 2·3 + 3·5 + 4·6 = 47, plus 10
    expectClose(layer.forward(x), [47, 57])
  })

  test('starts uniform in ±1/√(taps · inputs of a group)', () => {
    const layer = new Conv2d(8, 16, 5, { groups: 2 })
    expect(layer.weight.shape).toEqual([5, 5, 4, 16])
    const bound = 1 / Math.sqrt(100)
    for (const t of layer.parameters())
      expect(Math.max(...t.dataSync().map(Math.abs))).toBeLessThanOrEqual(bound)
    expect(layer.numParameters()).toBe(5 * 5 * 4 * 16 + 16)
  })

  test('names the sizes that do not fit', () => {
    expect(() => new Conv2d(3, 8, 3).forward(zeros([1, 3, 8, 8]))).toThrow(
      'Conv2d(3, 8, 3): the input is [1, 3, 8, 8]; it must be [N, H, W, 3]: permute([0, 2, 3, 1]) it',
    )
    expect(() => new Conv2d(3, 8, 3).forward(zeros([8, 8, 3]))).toThrow(
      'the input is [8, 8, 3]; it must be [N, H, W, 3]',
    )
    expect(() => new Conv2d(3, 8, 3, { groups: 2 })).toThrow(
      'Conv2d(3, 8): the channels must be multiples of groups = 2',
    )
  })
})

describe('batch norm', () => {
  const x = () =>
    f64([
      [1, 10],
      [3, 20],
      [5, 60],
    ])

  test('uses the biased variance and keeps the unbiased one', () => {
    const layer = new BatchNorm1d(2)
    const y = layer.forward(x())
    expectClose(y.slice(0), [-1.2247426, -0.9258201], 6)
    expectClose(layer.runningMean!, [0.3, 3])
    expectClose(layer.runningVar!, [1.3, 70.9])
    expect(layer.numBatchesTracked!.itemSync()).toBe(1)
  })

  test('evaluates with the running statistics, which then stay', () => {
    const layer = new BatchNorm1d(2, { eps: 0 })
    layer.loadStateDict({
      weight: f64([2, 1]),
      bias: f64([0, 1]),
      running_mean: f64([1, 20]),
      running_var: f64([4, 100]),
    })
    expectClose(layer.eval().forward(x()), [0, 0, 2, 1, 4, 5])
    expectClose(layer.runningMean!, [1, 20])
    expect(layer.numBatchesTracked!.itemSync()).toBe(0)
  })

  test('with momentum null weighs all batches equally', () => {
    const layer = new BatchNorm1d(1, { momentum: null })
    for (const batch of [
      [0, 2],
      [4, 8],
      [9, 13],
    ])
      layer.forward(f64(batch).reshape([2, 1]))
    expectClose(layer.runningMean!, [(1 + 6 + 11) / 3])
    expectClose(layer.runningVar!, [(2 + 8 + 8) / 3])
  })

  test('without running statistics always uses the batch', () => {
    const layer = new BatchNorm1d(2, { trackRunningStats: false, affine: false })
    expect(layer.stateDict()).toEqual({})
    const outputs = [layer.forward(x()), layer.eval().forward(x())]
    expect(outputs[1]!.toArraySync()).toEqual(outputs[0]!.toArraySync())
  })

  test('is exact far from 0', () => {
    setDefaultDType('f32')
    const layer = new BatchNorm1d(1)
    const y = layer.forward(uniform([1000, 1], 1e4 - 1, 1e4 + 1))
    expect(y.mean().itemSync()).toBeCloseTo(0, 2)
    expect(y.std().itemSync()).toBeCloseTo(1, 2)
  })

  test('names what does not fit', () => {
    expect(() => new BatchNorm2d(3).forward(zeros([2, 3]))).toThrow(
      'the input is [2, 3]; it must be [N, H, W, C] with C = 3',
    )
    expect(() => new BatchNorm1d(3).forward(zeros([2, 4]))).toThrow(
      'the input is [2, 4]; it must be [N, C] or [N, L, C] with C = 3',
    )
    expect(() => new BatchNorm1d(3).forward(zeros([1, 3]))).toThrow(
      'batchNorm: [1, 3] has 1 values for each channel; training needs two or more',
    )
    expect(() => new BatchNorm1d(3).forward(zeros([2, 3], { dtype: 'f32' }))).toThrow(
      'batchNorm: the input is f32, weight f64; cast one',
    )
  })
})

describe('the other norms', () => {
  test('by hand', () => {
    const rows = f64([
      [1, 3],
      [0, 8],
    ])
    expectClose(layerNorm(rows, [2], { eps: 0 }), [-1, 1, -1, 1])
    expectClose(rmsNorm(f64([3, 4]), [2], { eps: 0 }), [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)])
    const image = f64([1, 10, 3, 30]).reshape([1, 2, 2])
    expectClose(instanceNorm(image, { eps: 0 }), [-1, -1, 1, 1])
  })

  test('group norm spans layer norm and instance norm', () => {
    const x = random([2, 3, 4])
    const whole = layerNorm(x, [3, 4])
    expect(groupNorm(x, 1).sub(whole).abs().max().itemSync()).toBeLessThan(1e-12)
    expect(groupNorm(x, 4).sub(instanceNorm(x)).abs().max().itemSync()).toBeLessThan(1e-12)
  })

  test('instance norm averages its running statistics over the batch', () => {
    const layer = new InstanceNorm1d(1, { trackRunningStats: true, momentum: 0.5 })
    const x = f64([0, 2, 4, 8]).reshape([2, 2, 1])
    layer.forward(x)
    expectClose(layer.runningMean!, [1.75])
    expectClose(layer.runningVar!, [(1 + 5) / 2])
    expect(Object.keys(layer.stateDict())).toEqual([
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ])
    layer.eval().forward(x)
    expectClose(layer.runningMean!, [1.75])
    expectClose(new InstanceNorm1d(1).eval().forward(x), [-1, 1, -1, 1], 4)
  })

  test('a backward pass through layer norm makes two large tensors at most', () => {
    const x = random([64, 128])
    const layer = new LayerNorm(128)
    x.requiresGrad = true
    const g = random([64, 128])
    scope(() => {
      const y = layer.forward(x)
      const before = device.memory().bytes
      device.resetPeak()
      y.backward(g)
      expect(device.memory().peakBytes - before).toBeLessThan(2.2 * 64 * 128 * 8)
    })
  })

  test('name what does not fit', () => {
    expect(() => new LayerNorm([4, 3]).forward(zeros([2, 3]))).toThrow(
      'layerNorm: the input is [2, 3]; its last axes must be [4, 3]',
    )
    expect(() => layerNorm(zeros([2, 3]), [3], { weight: zeros([2]) })).toThrow(
      'layerNorm: the weight is [2]; it must be [3]',
    )
    expect(() => new RMSNorm(4).forward(zeros([2, 3]))).toThrow('its last axes must be [4]')
    expect(() => new GroupNorm(2, 4).forward(zeros([2, 3]))).toThrow(
      'the input is [2, 3]; it must be [N, ..., C] with C = 4',
    )
    expect(() => groupNorm(zeros([2, 3]), 2)).toThrow(
      'groupNorm: groups is 2; it must divide the 3 channels',
    )
    expect(() => new InstanceNorm2d(3).forward(zeros([2, 4, 3]))).toThrow(
      'the input is [2, 4, 3]; it must be [N, H, W, C] with C = 3',
    )
    expect(() => instanceNorm(zeros([2, 1, 3]))).toThrow(
      'instanceNorm: [2, 1, 3] has 1 positions; it needs two or more',
    )
    expect(() => instanceNorm(zeros([2, 3]))).toThrow(
      'instanceNorm: the input is [2, 3]; it must be [N, ..., C] with axes between',
    )
  })
})

describe('Dropout', () => {
  test('drops a share p during training and keeps the mean', () => {
    const layer = new Dropout(0.25, { generator: new Generator(5) })
    const values = layer.forward(zeros([10000]).add(1)).dataSync()
    const kept = values.filter((value) => value !== 0)
    expect(kept.length / values.length).toBeCloseTo(0.75, 1)
    expect(new Set(kept)).toEqual(new Set([1 / 0.75]))
  })

  test('does nothing in evaluation', () => {
    const x = random([5])
    expect(new Dropout(0.9).eval().forward(x)).toBe(x)
  })

  test('refuses what is no probability', () => {
    expect(() => new Dropout(1.5)).toThrow('Dropout: p is 1.5; it must be in 0 .. 1')
  })
})

describe('Flatten', () => {
  test('with channelsFirst gives the order of PyTorch', () => {
    const x = random([2, 3, 4, 5])
    const expected = x.permute([0, 3, 1, 2]).flatten(1)
    const flat = new Flatten({ channelsFirst: true }).forward(x)
    expect(flat.toArraySync()).toEqual(expected.toArraySync())
  })
})

describe('Sequential', () => {
  const layers = () => [new Linear(2, 3), new ReLU(), new Linear(3, 1)] as const

  test('names its modules by position or by key', () => {
    const [first, relu, last] = layers()
    const plain = new Sequential(first, relu, last)
    const keys = ['0.weight', '0.bias', '2.weight', '2.bias']
    expect(Object.keys(plain.stateDict())).toEqual(keys)
    const named = new Sequential({ inLayer: first, act: relu }).add('out', last)
    expect(Object.keys(named.stateDict())).toEqual([
      'inLayer.weight',
      'inLayer.bias',
      'out.weight',
      'out.bias',
    ])
    expect([...named]).toEqual([first, relu, last])
    expect(named.append(new Identity()).namedChildren().at(-1)![0]).toBe('3')
    const x = random([4, 2])
    expect(named.forward(x).toArraySync()).toEqual(plain.forward(x).toArraySync())
  })

  test('gives its modules by position and by name', () => {
    const net = new Sequential(...layers())
    expect(net.length).toBe(3)
    expect(net.at(-1)).toBe(net.get('2'))
    expect([net.at(3), net.get('x')]).toEqual([undefined, undefined])
  })

  test('refuses names that are taken or cannot be part of a path', () => {
    const net = new Sequential(...layers())
    expect(() => net.add('1', new ReLU())).toThrow('Sequential.add: "1" is there already')
    expect(() => net.add('a.b', new ReLU())).toThrow(
      'Sequential.add: "a.b" is no name: it must not be empty or have dots',
    )
  })

  test('holds two results at a time where there are no gradients', () => {
    const net = new Sequential(new Tanh(), new Tanh(), new Identity(), new Tanh(), new Tanh())
    const x = random([1000])
    const before = device.memory().bytes
    device.resetPeak()
    const y = net.forward(x)
    expect(device.memory().peakBytes - before).toBe(2 * 8000)
    expect([x.disposed, y.disposed]).toEqual([false, false])
  })

  test('leaves alone what a hook keeps', () => {
    const net = new Sequential(new Tanh(), new Tanh())
    const kept: Tensor[] = []
    net.at(0)!.registerForwardHook((_, __, y) => {
      kept.push(keep(y))
    })
    net.forward(random([2]))
    expect(kept[0]!.disposed).toBe(false)
  })

  test('trains with a constant number of buffers', () => {
    const net = new Sequential(
      new Conv2d(1, 4, 3, { padding: 1 }),
      new BatchNorm2d(4),
      new ReLU(),
      new MaxPool2d(2),
      new Dropout(0.2),
      new Flatten(),
      new Linear(16, 3),
    )
    const x = random([2, 4, 4, 1])
    const before = device.memory().buffers
    for (let step = 0; step < 3; step++) {
      scope(() => {
        net.forward(x).square().mean().backward()
      })
      net.zeroGrad()
      expect(device.memory().buffers).toBe(before)
    }
    noGrad(() => dispose(net.eval().forward(x)))
    expect(device.memory().buffers).toBe(before)
  })
})

test('activations are classes', () => {
  expect(new ReLU()).toBeInstanceOf(ReLU)
  const leaky: (x: Tensor) => Tensor = (x) => new LeakyReLU().forward(x)
  expectClose(leaky(f64([-100, 2])), [-1, 2])
})
