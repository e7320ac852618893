import { manualSeed, norm, reference, scope, setDefaultDType, setDevice } from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkLayerGradients, expectClose, f64, random } from '../../test/helpers.ts'
import {
  Conv2d,
  Linear,
  normalizeWeight,
  ReLU,
  spectralNorm,
  spectralNormalize,
  torchStateDict,
  weightNorm,
} from '../index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(3)
})

describe('weightNorm', () => {
  test('changes nothing at first', () => {
    const layer = new Conv2d(2, 3, 2)
    const x = random([1, 3, 3, 2])
    const before = [...layer.forward(x).dataSync()]
    weightNorm(layer)
    expectClose(layer.forward(x), before)
    expect(Object.keys(layer.stateDict())).toEqual(['bias', 'weight_g', 'weight_v'])
    expect(torchStateDict(layer)['weight_g']!.shape).toEqual([3, 1, 1, 1])
    expect(torchStateDict(layer)['weight_v']!.shape).toEqual([3, 2, 2, 2])
  })

  test('has the right gradients, and frees the weight', () => {
    const layer = weightNorm(new Linear(3, 2))
    const x = random([4, 3])
    const before = device.memory().buffers
    scope(() => layer.forward(x).square().sum().backward())
    layer.zeroGrad()
    expect(device.memory().buffers).toBeLessThanOrEqual(before + 1)
    const points = [random([2, 3]), random([2, 1])]
    gradCheck((v, g) => normalizeWeight(v!, g!), points, { order: 2 })
    gradCheck((v, g) => normalizeWeight(v!, g!, null), [random([2, 3]), random([])], { order: 2 })
    expectClose(normalizeWeight(f64([[3, 4]]), f64([[10]])), [6, 8])
  })

  test('names what does not fit', () => {
    expect(() => weightNorm(new ReLU())).toThrow('weightNorm: ReLU() has no parameter "weight"')
    expect(() => weightNorm(new Linear(2, 2), { dim: 2 })).toThrow(
      'weightNorm: dim is 2; "weight" has 2 axes',
    )
  })
})

describe('spectralNorm', () => {
  test('brings the largest singular value to 1', () => {
    const layer = spectralNorm(new Linear(3, 3), { nPowerIterations: 50 })
    layer.loadStateDict(
      {
        weight_orig: f64([
          [5, 0, 0],
          [0, 3, 0],
          [0, 0, 1],
        ]),
      },
      { strict: false },
    )
    expect(Object.keys(layer.stateDict())).toEqual(['bias', 'weight_orig', 'weight_u', 'weight_v'])
    layer.forward(random([1, 3]))
    layer.eval()
    const bias = layer.bias!.detach()
    expectClose(layer.forward(f64([[1, 0, 0]])).sub(bias), [1, 0, 0], 8)
    expectClose(layer.forward(f64([[0, 1, 0]])).sub(bias), [0, 0.6, 0], 8)
    expect(norm(layer.stateDict()['weight_u']!).itemSync()).toBeCloseTo(1)
  })

  test('improves its vectors in training alone', () => {
    const layer = spectralNorm(new Conv2d(2, 3, 2))
    const u = () => layer.stateDict()['weight_u']!.toArraySync()
    const first = u()
    layer.eval().forward(random([1, 2, 2, 2]))
    expect(u()).toEqual(first)
    layer.train().forward(random([1, 2, 2, 2]))
    expect(u()).not.toEqual(first)
  })

  test('has the right gradients with its vectors held', () => {
    const [u, v] = [random([2]), random([3])]
    const held = { nPowerIterations: 0 }
    gradCheck((w) => spectralNormalize(w!, u, v, held).weight, [random([2, 3])], { order: 2 })
    checkLayerGradients(spectralNorm(new Linear(3, 2)).eval(), random([4, 3]))
    expect(() => spectralNormalize(random([2, 3]), u, undefined, held)).toThrow(
      'spectralNormalize: nPowerIterations is 0; it must be a whole number >= 1',
    )
  })
})
