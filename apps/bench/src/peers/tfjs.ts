/** TensorFlow.js on its plain JavaScript backend: the same works in its own ops. */

import * as tf from '@tensorflow/tfjs'
import type { Contender } from '../measure.ts'

const version = tf.version_core

async function ready(): Promise<void> {
  await tf.setBackend('cpu')
  await tf.ready()
}

/** One Adam step of LeNet-5 on random images, as `suites/lenet.ts` does it. */
export async function lenet(batch: number): Promise<Contender> {
  await ready()
  const init = (shape: number[], fanIn: number): tf.Variable => {
    const bound = 1 / Math.sqrt(fanIn)
    return tf.variable(tf.randomUniform(shape, -bound, bound))
  }
  const [w1, b1] = [init([5, 5, 1, 6], 25), init([6], 25)]
  const [w2, b2] = [init([5, 5, 6, 16], 150), init([16], 150)]
  const [w3, b3] = [init([400, 120], 400), init([120], 400)]
  const [w4, b4] = [init([120, 84], 120), init([84], 120)]
  const [w5, b5] = [init([84, 10], 84), init([10], 84)]
  const variables = [w1, b1, w2, b2, w3, b3, w4, b4, w5, b5]
  const image = tf.randomUniform<tf.Rank.R4>([batch, 28, 28, 1])
  const label = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32'), 10)
  const optimizer = tf.train.adam(1e-3)

  const loss = (): tf.Scalar => {
    const conv = (x: tf.Tensor4D, w: tf.Variable, b: tf.Variable, pad: 'same' | 'valid') =>
      tf.maxPool(
        tf.relu(tf.add(tf.conv2d(x, w as unknown as tf.Tensor4D, 1, pad), b)),
        2,
        2,
        'valid',
      ) as tf.Tensor4D
    const dense = (x: tf.Tensor, w: tf.Variable, b: tf.Variable) => tf.add(tf.matMul(x, w), b)
    const features = conv(conv(image, w1, b1, 'same'), w2, b2, 'valid')
    const hidden = tf.relu(dense(tf.reshape(features, [batch, 400]), w3, b3))
    const logits = dense(tf.relu(dense(hidden, w4, b4)), w5, b5)
    return tf.losses.softmaxCrossEntropy(label, logits) as tf.Scalar
  }
  return {
    name: 'tfjs cpu',
    version,
    run() {
      optimizer.minimize(loss, false, variables)
      w5.dataSync()
    },
    dispose() {
      tf.dispose([...variables, image, label])
      optimizer.dispose()
    },
  }
}

/** A square matrix product. */
export async function matmul(size: number): Promise<Contender> {
  await ready()
  const a = tf.randomUniform<tf.Rank.R2>([size, size])
  const b = tf.randomUniform<tf.Rank.R2>([size, size])
  return {
    name: 'tfjs cpu',
    version,
    run() {
      const c = tf.matMul(a, b)
      c.dataSync()
      c.dispose()
    },
    dispose: () => tf.dispose([a, b]),
  }
}

/** An addition of one element, `count` times. */
export async function additions(count: number, taped: boolean): Promise<Contender> {
  await ready()
  const a = tf.tensor1d([1])
  const b = tf.tensor1d([2])
  const sum = (x: tf.Tensor) => {
    let y = x
    for (let i = 0; i < count; i++) y = tf.add(y, b)
    return y as tf.Scalar
  }
  const forward = taped ? tf.grad((x) => sum(x)) : undefined
  return {
    name: taped ? 'tfjs cpu, with its backward' : 'tfjs cpu',
    version,
    run() {
      tf.tidy(() => (forward ? forward(a) : sum(a)))
    },
    dispose: () => tf.dispose([a, b]),
  }
}
