/** TensorFlow.js on its plain JavaScript backend: the same works in its own ops. */

import * as tf from '@tensorflow/tfjs'
import type { Contender } from '../measure.ts'
import type { Convolution } from '../suites/conv2d.ts'

const version = tf.version_core

async function ready(): Promise<void> {
  await tf.setBackend('cpu')
  await tf.ready()
}

/** A weight or bias as `nn` begins with. */
function init(shape: number[], fanIn: number): tf.Variable {
  const bound = 1 / Math.sqrt(fanIn)
  return tf.variable(tf.randomUniform(shape, -bound, bound))
}

const dense = (x: tf.Tensor, w: tf.Variable, b: tf.Variable): tf.Tensor =>
  tf.add(tf.matMul(x, w), b)

/** One Adam step on random data, as `suites/train.ts` does it. */
async function training<Image extends tf.Tensor>(
  image: Image,
  variables: tf.Variable[],
  logits: (image: Image) => tf.Tensor,
): Promise<Contender> {
  const label = tf.oneHot(tf.randomUniform([image.shape[0]!], 0, 10, 'int32'), 10)
  const optimizer = tf.train.adam(1e-3)
  const loss = () => tf.losses.softmaxCrossEntropy(label, logits(image)) as tf.Scalar
  return {
    name: 'tfjs cpu',
    version,
    run() {
      optimizer.minimize(loss, false, variables)
      variables.at(-1)!.dataSync()
    },
    dispose() {
      tf.dispose([...variables, image, label])
      optimizer.dispose()
    },
  }
}

/** LeNet-5. */
export async function lenet(batch: number): Promise<Contender> {
  await ready()
  const [w1, b1] = [init([5, 5, 1, 6], 25), init([6], 25)]
  const [w2, b2] = [init([5, 5, 6, 16], 150), init([16], 150)]
  const [w3, b3] = [init([400, 120], 400), init([120], 400)]
  const [w4, b4] = [init([120, 84], 120), init([84], 120)]
  const [w5, b5] = [init([84, 10], 84), init([10], 84)]
  const conv = (x: tf.Tensor4D, w: tf.Variable, b: tf.Variable, pad: 'same' | 'valid') =>
    tf.maxPool(
      tf.relu(tf.add(tf.conv2d(x, w as unknown as tf.Tensor4D, 1, pad), b)),
      2,
      2,
      'valid',
    ) as tf.Tensor4D
  return training(
    tf.randomUniform<tf.Rank.R4>([batch, 28, 28, 1]),
    [w1, b1, w2, b2, w3, b3, w4, b4, w5, b5],
    (image) => {
      const features = conv(conv(image, w1, b1, 'same'), w2, b2, 'valid')
      const hidden = tf.relu(dense(tf.reshape(features, [batch, 400]), w3, b3))
      return dense(tf.relu(dense(hidden, w4, b4)), w5, b5)
    },
  )
}

/** 784-512-512-10. */
export async function mlp(batch: number): Promise<Contender> {
  await ready()
  const [w1, b1] = [init([784, 512], 784), init([512], 784)]
  const [w2, b2] = [init([512, 512], 512), init([512], 512)]
  const [w3, b3] = [init([512, 10], 512), init([10], 512)]
  return training(tf.randomUniform<tf.Rank.R2>([batch, 784]), [w1, b1, w2, b2, w3, b3], (image) =>
    dense(tf.relu(dense(tf.relu(dense(image, w1, b1)), w2, b2)), w3, b3),
  )
}

/** A convolution, as `suites/conv2d.ts` has them; `same` pads strided ones at the other end, which costs the same. */
export async function convolution(work: Convolution, backward: boolean): Promise<Contender> {
  await ready()
  const { size, inputs, outputs, kernel, stride } = work
  const x = tf.randomUniform<tf.Rank.R4>([1, size, size, inputs])
  const weight = tf.randomNormal<tf.Rank.R4>([kernel, kernel, inputs, outputs])
  const dy = tf.randomUniform<tf.Rank.R4>([1, size / stride, size / stride, outputs])
  const forward = (image: tf.Tensor4D, w: tf.Tensor4D) => tf.conv2d(image, w, stride, 'same')
  const both = tf.grads((image, w) => forward(image as tf.Tensor4D, w as tf.Tensor4D))
  return {
    name: 'tfjs cpu',
    version,
    run() {
      const made = backward ? both([x, weight], dy) : [forward(x, weight)]
      made.at(-1)!.dataSync()
      tf.dispose(made)
    },
    dispose: () => tf.dispose([x, weight, dy]),
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
