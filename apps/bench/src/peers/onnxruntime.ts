/**
 * onnxruntime-node, which runs models and trains none. It is large, and so not among the
 * dependencies: NABLA_BENCH_PEERS names a folder that it is installed in.
 */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Network } from '../networks.ts'
import { absent, localPlayer, type Player } from '../player.ts'
import type { Makers, Prepared } from '../tasks.ts'
import { networkModel, Onnx } from './onnx.ts'

const variable = 'NABLA_BENCH_PEERS'
const tested = '1.30.0'
const advice = `npm install --prefix FOLDER onnxruntime-node@${tested}, and ${variable}=FOLDER`

/** What we use of the package. */
interface Runtime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>
  }
}

interface Session {
  readonly inputNames: readonly string[]
  run(feeds: Record<string, object>): Promise<object>
  release(): Promise<void>
}

/** A model that is made of `input` and ends in the output that it returns. */
type Model = { readonly model: Uint8Array; readonly inputs: readonly (readonly number[])[] }

function modelOf(
  inputs: readonly (readonly number[])[],
  output: readonly number[],
  body: (onnx: Onnx, ...names: string[]) => string,
): Model {
  const onnx = new Onnx()
  const names = inputs.map((shape) => onnx.input(shape))
  return { model: onnx.model(body(onnx, ...names), output), inputs }
}

const inferenceOnly = 'it runs models and trains none'

function makers({ Tensor, InferenceSession }: Runtime, threads: number): Makers {
  async function prepared({ model, inputs }: Model): Promise<Prepared> {
    const session = await InferenceSession.create(model, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Its threads would spin between runs, while others have their turn.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      logSeverityLevel: 3,
    })
    const feeds = Object.fromEntries(
      session.inputNames.map((name, i) => {
        const shape = inputs[i]!
        const size = shape.reduce((product, extent) => product * extent, 1)
        const data = Float32Array.from({ length: size }, Math.random)
        return [name, new Tensor('float32', data, shape)]
      }),
    )
    return { run: () => session.run(feeds), dispose: () => void session.release() }
  }
  return {
    matmul: ({ size }) => {
      const shape = [size, size]
      return prepared(modelOf([shape, shape], shape, (onnx, a, b) => onnx.node('MatMul', [a!, b!])))
    },
    conv2d({ size, inputs, outputs, kernel, stride, pass }) {
      if (pass === 'both') return inferenceOnly
      const padding = (kernel - 1) / 2
      const network: Network = {
        name: 'convolution',
        input: [],
        layers: [{ type: 'conv', inputs, outputs, kernel, stride, padding, bias: false }],
      }
      const shape = [1, inputs, size, size]
      const output = [1, outputs, size / stride, size / stride]
      return prepared({ model: networkModel(network, shape, output), inputs: [shape] })
    },
    elementwise({ length, pass }) {
      if (pass === 'both') return inferenceOnly
      return prepared(
        modelOf([[length]], [length], (onnx, x) =>
          onnx.node('Gelu', [
            onnx.node('Add', [onnx.node('Mul', [x!, onnx.constant(1.5)]), onnx.constant(0.5)]),
          ]),
        ),
      )
    },
    reduction: ({ rows, columns, axis }) =>
      prepared(
        modelOf([[rows, columns]], [axis === 0 ? columns : rows], (onnx, x) =>
          onnx.node('ReduceSum', [x!, onnx.integers([axis])], { keepdims: 0 }),
        ),
      ),
    softmax({ rows, columns, pass }) {
      if (pass === 'both') return inferenceOnly
      const shape = [rows, columns]
      return prepared(modelOf([shape], shape, (onnx, x) => onnx.node('Softmax', [x!], { axis: 1 })))
    },
    layerNorm({ rows, columns, pass }) {
      if (pass === 'both') return inferenceOnly
      const shape = [rows, columns]
      return prepared(
        modelOf([shape], shape, (onnx, x) =>
          onnx.node('LayerNormalization', [x!, onnx.weight([columns]), onnx.weight([columns])], {
            axis: 1,
          }),
        ),
      )
    },
    batchNorm: inferenceOnly,
    additions: 'it runs whole models, no single calls',
    training: inferenceOnly,
    inference({ network, batch }) {
      const [height, width, channels] = network.input
      const shape = [batch, channels!, height!, width!]
      return prepared({ model: networkModel(network, shape, [batch, 10]), inputs: [shape] })
    },
    loading: 'it has no data loader',
    optimizer: inferenceOnly,
  }
}

/** `onnxruntime, 1 thread` and `onnxruntime, N threads`; one that says how to get it where it is missing. */
export async function onnxruntimePlayers(threads: number): Promise<Player[]> {
  const folder = process.env[variable]
  if (!folder) return [absent('onnxruntime', `not installed: ${advice}`)]
  let entry: string
  const require = createRequire(join(resolve(folder), 'package.json'))
  try {
    entry = require.resolve('onnxruntime-node')
  } catch {
    return [absent('onnxruntime', `${folder} has no onnxruntime-node: ${advice}`)]
  }
  const { version } = require('onnxruntime-node/package.json') as { version: string }
  const imported = (await import(pathToFileURL(entry).href)) as Runtime & { default?: Runtime }
  const runtime = imported.default ?? imported
  return [...new Set([1, threads])].map((count) =>
    localPlayer(
      `onnxruntime, ${count} thread${count === 1 ? '' : 's'}`,
      version,
      makers(runtime, count),
    ),
  )
}
