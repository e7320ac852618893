/** Optimizers on variables of TensorFlow.js, beside its own. */
import { reference, setDevice } from '@nablajs/tensor'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Adam, AdamW, ExponentialLR, Muon, RMSprop, SGD } from '../src/index.ts'
import { tfjsOptimizer } from '../src/tfjs.ts'

const device = reference()

beforeAll(async () => {
  await tf.setBackend('cpu')
})
beforeEach(() => setDevice(device))
afterEach(() => tf.disposeVariables())

const start = [1, -0.5, 2]
const curve = [1, 4, 0.3]
const bowl = (w: tf.Variable): tf.Scalar =>
  w.square().mul(tf.tensor1d(curve)).sum().mul(0.5).asScalar()

/** The path of a variable under an optimizer. */
function path(optimizer: tf.Optimizer, steps = 12): number[][] {
  const w = tf.variable(tf.tensor1d(start))
  const seen = Array.from({ length: steps }, () => {
    optimizer.minimize(() => bowl(w), false, [w])
    return [...w.dataSync()]
  })
  w.dispose()
  return seen
}

describe('tfjsOptimizer', () => {
  test.each([
    ['SGD', () => tf.train.sgd(0.1), (p: never) => new SGD(p, { lr: 0.1 })],
    [
      'momentum',
      () => tf.train.momentum(0.05, 0.9),
      (p: never) => new SGD(p, { lr: 0.05, momentum: 0.9 }),
    ],
    ['Adam', () => tf.train.adam(0.1), (p: never) => new Adam(p, { lr: 0.1, eps: 1e-7 })],
    [
      'RMSprop',
      () => tf.train.rmsprop(0.05, 0.9, 0, 1e-3),
      (p: never) => new RMSprop(p, { lr: 0.05, alpha: 0.9, eps: 0, epsRoot: 1e-3 }),
    ],
  ] as const)('%s takes the place of theirs', (_, theirs, ours) => {
    const expected = path(theirs())
    path(tfjsOptimizer(tf, ours as never)).forEach((row, t) => {
      row.forEach((value, i) => {
        // Theirs multiplies the powers of beta up in float32.
        expect(value, `step ${t}`).toBeCloseTo(expected[t]![i]!, 4)
      })
    })
  })

  test('applies gradients, as a map or a list, and leaves out what has none', () => {
    const a = tf.variable(tf.tensor1d([1]), true, 'a')
    const b = tf.variable(tf.tensor1d([1]), true, 'b')
    const optimizer = tfjsOptimizer(tf, (params) => new SGD(params, { lr: 0.5 }))
    optimizer.applyGradients({ a: tf.tensor1d([1]) })
    optimizer.applyGradients([{ name: 'b', tensor: tf.tensor1d([2]) }])
    expect([a.dataSync()[0], b.dataSync()[0]]).toEqual([0.5, 0])
    expect(optimizer.iterations).toBe(2)
    expect(() => optimizer.applyGradients({ c: tf.tensor1d([1]) })).toThrow(
      'tfjsOptimizer: there is a gradient for c, but no variable',
    )
  })

  test('returns the cost, sees changes from outside, and takes schedules', () => {
    const w = tf.variable(tf.tensor1d([2]))
    const optimizer = tfjsOptimizer(tf, (params) => new SGD(params, { lr: 1 }))
    const schedule = new ExponentialLR(optimizer.inner, { gamma: 0.5 })
    w.assign(tf.tensor1d([4]))
    const cost = optimizer.minimize(() => w.sum().asScalar(), true)
    expect(cost!.dataSync()[0]).toBe(4)
    schedule.step()
    optimizer.minimize(() => w.sum().asScalar())
    expect(w.dataSync()[0]).toBe(2.5)
  })

  test('takes variables that come later into groups of their own', () => {
    const a = tf.variable(tf.tensor1d([1]))
    const optimizer = tfjsOptimizer(tf, (params) => new SGD(params, { lr: 1 }))
    optimizer.minimize(() => a.sum().asScalar())
    const b = tf.variable(tf.tensor1d([1]))
    optimizer.minimize(() => a.add(b).sum().asScalar())
    expect([a.dataSync()[0], b.dataSync()[0]]).toEqual([-1, 0])
    expect(optimizer.inner.paramGroups.length).toBe(2)
  })

  test('gives shapes on, for methods that look at matrices', () => {
    const w = tf.variable(
      tf.tensor2d([
        [1, 2],
        [3, 4],
      ]),
    )
    const optimizer = tfjsOptimizer(tf, (params) => new Muon(params, { lr: 0.1 }))
    const before = w.square().sum().dataSync()[0]!
    for (let i = 0; i < 5; i++) optimizer.minimize(() => w.square().sum().asScalar())
    expect(w.square().sum().dataSync()[0]).toBeLessThan(before)
  })

  test('trains a compiled model', async () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'zeros' })],
    })
    const optimizer = tfjsOptimizer(tf, (params) => new AdamW(params, { lr: 0.1, weightDecay: 0 }))
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const x = tf.tensor2d([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    const y = tf.tensor2d([[1], [3], [0], [2]])
    await model.fit(x, y, { epochs: 150, batchSize: 4, verbose: 0 })
    const [kernel, bias] = model.getWeights()
    const learned = [...kernel!.dataSync(), ...bias!.dataSync()]
    for (const [i, expected] of [-1, 2, 1].entries()) expect(learned[i]).toBeCloseTo(expected, 1)
  })

  test('leaves no tensors behind, on either side', () => {
    const before = device.memory().buffers
    const w = tf.variable(tf.tensor1d(start))
    const optimizer = tfjsOptimizer(tf, (params) => new Adam(params))
    tf.tidy(() => {
      optimizer.minimize(() => bowl(w))
    })
    const { numTensors } = tf.memory()
    tf.tidy(() => {
      optimizer.minimize(() => bowl(w))
    })
    expect(tf.memory().numTensors).toBe(numTensors)
    optimizer.dispose()
    expect(device.memory().buffers).toBe(before)
  })

  test('says what is missing', () => {
    const optimizer = tfjsOptimizer(tf, (params) => new SGD(params))
    expect(() => optimizer.inner).toThrow('tfjsOptimizer: there are no trainable variables')
    tf.variable(tf.tensor1d([1], 'int32'))
    expect(() => optimizer.inner).toThrow('is int32; trainable variables are float32')
    tf.disposeVariables()
    tf.variable(tf.tensor1d([1]))
    const distant = reference()
    Object.defineProperty(distant, 'readSync', { value: undefined })
    const far = tfjsOptimizer(tf, (params) => new SGD(params), { device: distant })
    expect(() => far.inner).toThrow(
      'tfjsOptimizer: it reads numbers back at once, which the reference device cannot do; give it a device that can',
    )
    expect(() => tfjsOptimizer(tf, (params) => new SGD(params), { on: 1 } as never)).toThrow(
      'tfjsOptimizer: unknown option "on"; known are device',
    )
  })
})
