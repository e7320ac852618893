/** TensorFlow.js: the same works in its own ops, on its `cpu`, its `wasm` or its `webgpu` backend. */
import * as tf from '@tensorflow/tfjs'
import { countGpu } from '../gpu/counts.ts'
import type { Layer, Network } from '../networks.ts'
import { localPlayer, type Player } from '../player.ts'
import type { Maker, Makers, Pass, Prepared, Tasks } from '../tasks.ts'

const uniform = (shape: readonly number[]): tf.Tensor => tf.randomUniform([...shape])

/** `x` has a gradient for `weights`, images are NHWC as ours are. */
type Apply = (x: tf.Tensor, training: boolean) => tf.Tensor

/** A weight or bias as `nn` begins with. */
function init(weights: tf.Variable[], shape: number[], fanIn: number): tf.Variable {
  const bound = 1 / Math.sqrt(fanIn)
  const variable = tf.variable(tf.randomUniform(shape, -bound, bound))
  weights.push(variable)
  return variable
}

/** In training with the batch's statistics, as tfjs's layers do it: moments, then the formula. */
function normalise(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2])
  return tf.add(tf.mul(tf.sub(x, mean), tf.mul(tf.rsqrt(tf.add(variance, 1e-5)), scale)), offset)
}

function layer(at: Layer, weights: tf.Variable[]): Apply {
  switch (at.type) {
    case 'conv': {
      const { inputs, outputs, kernel, stride, padding, bias } = at
      const fanIn = kernel * kernel * inputs
      const w = init(weights, [kernel, kernel, inputs, outputs], fanIn)
      const b = bias ? init(weights, [outputs], fanIn) : undefined
      return (x) => {
        const y = tf.conv2d(
          x as tf.Tensor4D,
          w as unknown as tf.Tensor4D,
          stride,
          // Its gradients know no uneven padding; "same" costs what ours does.
          padding > 0 ? 'same' : 'valid',
        )
        return b ? tf.add(y, b) : y
      }
    }
    case 'batchNorm': {
      const scale = init(weights, [at.channels], 1)
      const offset = init(weights, [at.channels], 1)
      const mean = tf.variable(tf.zeros([at.channels]), false)
      const variance = tf.variable(tf.ones([at.channels]), false)
      return (x, training) =>
        training
          ? normalise(x, scale, offset)
          : tf.batchNorm(
              x as tf.Tensor4D,
              mean as unknown as tf.Tensor1D,
              variance as unknown as tf.Tensor1D,
              offset as unknown as tf.Tensor1D,
              scale as unknown as tf.Tensor1D,
            )
    }
    case 'relu':
      return (x) => tf.relu(x)
    case 'maxPool': {
      const { size, stride = size, padding = 0 } = at
      return (x) => tf.maxPool(x as tf.Tensor4D, size, stride, padding, 'floor')
    }
    case 'globalAvgPool':
      return (x) => tf.mean(x, [1, 2])
    case 'flatten':
      return (x) => tf.reshape(x, [x.shape[0]!, -1])
    case 'linear': {
      const w = init(weights, [at.inputs, at.outputs], at.inputs)
      const b = init(weights, [at.outputs], at.inputs)
      return (x) => tf.add(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), b)
    }
    case 'residual': {
      const body = sequence(at.body, weights)
      const shortcut = sequence(at.shortcut, weights)
      return (x, training) => tf.relu(tf.add(body(x, training), shortcut(x, training)))
    }
  }
}

function sequence(layers: readonly Layer[], weights: tf.Variable[]): Apply {
  const applies = layers.map((at) => layer(at, weights))
  return (x, training) => applies.reduce((y, apply) => apply(y, training), x)
}

function network({ layers }: Network): { apply: Apply; weights: tf.Variable[] } {
  const weights: tf.Variable[] = []
  return { apply: sequence(layers, weights), weights }
}

/** Waits for a result, and then does the rest. */
type Read = (result: tf.Tensor, rest?: () => void) => unknown

/** A function of leaves: forward, and with their gradients. */
type OfLeaves = (
  leaves: tf.Tensor[],
  forward: (...leaves: tf.Tensor[]) => tf.Tensor,
  pass: Pass,
) => Prepared

const leavesWith =
  (read: Read): OfLeaves =>
  (leaves, forward, pass) => {
    const dy = tf.tidy(() => uniform(forward(...leaves).shape))
    const both = tf.grads((...xs) => forward(...xs))
    return {
      run() {
        const made = pass === 'both' ? both(leaves, dy) : [tf.tidy(() => forward(...leaves))]
        return read(made.at(-1)!, () => tf.dispose(made))
      },
      dispose: () => tf.dispose([...leaves, dy]),
    }
  }

type Gradients = Parameters<ReturnType<typeof tf.train.adam>['applyGradients']>[0] &
  Record<string, tf.Tensor>

/** Plain tensors by the names of their variables, which will do, whatever the types ask for. */
const gradientsFor = (weights: readonly tf.Variable[]): Gradients =>
  Object.fromEntries(
    weights.map(({ name, shape }): [string, tf.Tensor] => [name, tf.randomNormal(shape)]),
  ) as unknown as Gradients

const methods = {
  sgd: () => tf.train.momentum(1e-3, 0.9),
  adam: () => tf.train.adam(1e-3),
}

function makersWith(read: Read): Makers {
  const ofLeaves = leavesWith(read)
  return {
    matmul({ size }) {
      return ofLeaves(
        [uniform([size, size]), uniform([size, size])],
        (a, b) => tf.matMul(a!, b!),
        'forward',
      )
    },
    conv2d({ size, inputs, outputs, kernel, stride, pass }) {
      return ofLeaves(
        [uniform([1, size, size, inputs]), uniform([kernel, kernel, inputs, outputs])],
        (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, 'same'),
        pass,
      )
    },
    elementwise: ({ length, pass }) =>
      ofLeaves(
        [uniform([length])],
        (x) => {
          const y = tf.add(tf.mul(x!, 1.5), 0.5)
          // It has no gelu of its own.
          return tf.mul(tf.mul(y, 0.5), tf.add(tf.erf(tf.mul(y, Math.SQRT1_2)), 1))
        },
        pass,
      ),
    reduction: ({ rows, columns, axis }) =>
      ofLeaves([uniform([rows, columns])], (x) => tf.sum(x!, axis), 'forward'),
    softmax: ({ rows, columns, pass }) =>
      ofLeaves([uniform([rows, columns])], (x) => tf.softmax(x!), pass),
    layerNorm: ({ rows, columns, pass }) =>
      ofLeaves(
        [uniform([rows, columns]), uniform([columns]), uniform([columns])],
        (x, weight, bias) => {
          const { mean, variance } = tf.moments(x!, 1, true)
          const unit = tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-5)))
          return tf.add(tf.mul(unit, weight!), bias!)
        },
        pass,
      ),
    batchNorm: ({ batch, size, channels, pass }) =>
      ofLeaves(
        [uniform([batch, size, size, channels]), uniform([channels]), uniform([channels])],
        (x, weight, bias) => normalise(x!, weight!, bias!),
        pass,
      ),
    additions({ count, recorded, walk }) {
      if (recorded && !walk) return 'its tape cannot record without walking back'
      const a = tf.tensor1d([1])
      const b = tf.tensor1d([2])
      const sum = (x: tf.Tensor): tf.Scalar => {
        let y = x
        for (let i = 0; i < count; i++) y = tf.add(y, b)
        return y as tf.Scalar
      }
      const forward = recorded ? tf.grad((x) => sum(x)) : sum
      return {
        run() {
          const y = tf.tidy(() => forward(a))
          return read(y, () => y.dispose())
        },
        dispose: () => tf.dispose([a, b]),
      }
    },
    training({ network: description, batch }) {
      const { apply, weights } = network(description)
      const image = uniform([batch, ...description.input])
      const label = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32'), 10)
      const optimizer = tf.train.adam(1e-3)
      const loss = () => tf.losses.softmaxCrossEntropy(label, apply(image, true)) as tf.Scalar
      return {
        run() {
          optimizer.minimize(loss, false, weights)
          return read(weights.at(-1)!)
        },
        dispose() {
          tf.dispose([...weights, image, label])
          optimizer.dispose()
        },
      }
    },
    inference({ network: description, batch }) {
      const { apply, weights } = network(description)
      const image = uniform([batch, ...description.input])
      return {
        run() {
          const y = tf.tidy(() => apply(image, false))
          return read(y, () => y.dispose())
        },
        dispose: () => tf.dispose([...weights, image]),
      }
    },
    loading: 'its data pipeline is tf.data, a package of its own that reads sample by sample',
    optimizer({ method, shapes }) {
      if (method === 'adamw') return 'it has no AdamW'
      const optimizer = methods[method]()
      const weights = shapes.map((shape) => tf.variable(tf.randomNormal([...shape])))
      const gradients = gradientsFor(weights)
      return {
        run() {
          optimizer.applyGradients(gradients)
          return read(weights.at(-1)!)
        },
        dispose() {
          tf.dispose([...weights, ...Object.values(gradients)])
          optimizer.dispose()
        },
      }
    },
  }
}

const makers = makersWith((result, rest) => {
  result.dataSync()
  rest?.()
})

/** A maker with exceptions: `refuse` gives the reason where a task is one. */
function except<K extends keyof Makers>(
  kind: K,
  refuse: (task: Tasks[K]) => string | undefined,
): Makers[K] {
  const maker = makers[kind] as Maker<Tasks[K]>
  return ((task: Tasks[K]) => refuse(task) ?? maker(task)) as Makers[K]
}

const has = ({ layers }: Network, type: Layer['type']): boolean =>
  layers.some((at) => at.type === type)

/** Its plain JavaScript, without the works that would take it longer than everybody else together. */
const cpuMakers: Makers = {
  ...makers,
  matmul: except('matmul', ({ size }) => (size > 1024 ? 'takes half a minute' : undefined)),
  conv2d: except('conv2d', ({ pass, inputs, size }) =>
    pass === 'both' && inputs >= 64 && size >= 14 ? 'takes ten seconds' : undefined,
  ),
  training: except('training', (task) =>
    has(task.network, 'residual') ? 'takes minutes' : undefined,
  ),
}

const noBackprop = 'its wasm backend has no gradient of convolutions for the weight'

const wasmMakers: Makers = {
  ...makers,
  conv2d: except('conv2d', ({ pass }) => (pass === 'both' ? noBackprop : undefined)),
  training: except('training', (task) => (has(task.network, 'conv') ? noBackprop : undefined)),
}

async function select(backend: string): Promise<void> {
  if (tf.getBackend() !== backend) await tf.setBackend(backend)
}

export const tfjsCpu = (): Player =>
  localPlayer('tfjs cpu', tf.version_core, cpuMakers, () => select('cpu'))

type WasmPaths = Parameters<typeof import('@tensorflow/tfjs-backend-wasm').setWasmPaths>[0]

/** `paths` is the folder of its `.wasm` files, or where each of them is. */
export async function tfjsWasm(paths: WasmPaths, threads: number): Promise<Player> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  wasm.setWasmPaths(paths)
  wasm.setThreadsCount(threads)
  await tf.setBackend('wasm')
  return localPlayer('tfjs wasm', wasm.version_wasm, wasmMakers, () => select('wasm'))
}

/** Needs `navigator.gpu` when it is called. Its work is queued, so that a run waits for its result. */
export async function tfjsWebgpu(): Promise<Player> {
  await import('@tensorflow/tfjs-backend-webgpu')
  // Small ops would run on the processor.
  tf.env().set('WEBGPU_CPU_FORWARD', false)
  const own = makersWith((result, rest) => result.data().then(rest))
  return localPlayer('tfjs webgpu', tf.version_core, own, () => select('webgpu'), countGpu)
}

/** How many kernels its Adam runs for so many parameters in a step. */
export async function adamKernels(parameters: number): Promise<number> {
  await select('cpu')
  const weights = Array.from({ length: parameters }, () => tf.variable(tf.zeros([8, 4])))
  const gradients = gradientsFor(weights)
  const optimizer = tf.train.adam(1e-3)
  const step = (): void => optimizer.applyGradients(gradients)
  step()
  const { kernels } = await tf.profile(() => tf.tidy(step))
  optimizer.dispose()
  tf.dispose([...weights, ...Object.values(gradients)])
  return kernels.length
}
