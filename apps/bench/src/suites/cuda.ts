/** What we measure on an NVIDIA GPU, at sizes that fill one. */
import { lenet } from '../networks.ts'
import { resnet50 } from '../resnet50.ts'
import type { Suite, Work } from '../suite.ts'
import type { Matrix, Precision, StreamOp } from '../tasks.ts'

const gpu = true
const f32 = 4

const precisions = {
  f32: 'f32',
  tf32: 'TF32',
  bf16: 'bf16',
  f16: 'f16',
} satisfies Record<Precision, string>

const product = (size: number): Work[] =>
  Object.entries(precisions).map(([precision, shown]) => ({
    name: `matmul ${size}, ${shown}`,
    note: `[${size}, ${size}] x [${size}, ${size}]`,
    task: { kind: 'matmul', size, precision: precision as Precision },
    flops: 2 * size ** 3,
    gpu,
  }))

/** Square products in each precision. */
export const products: Suite = {
  name: 'products',
  about: 'on CUDA: large matrix products in f32, TF32, bf16 and f16',
  on: ['cuda'],
  works: [4096, 8192, 16384].flatMap(product),
  small: [128].flatMap(product),
}

/** Each with how many matrices it reads and writes; what a sum writes counts as nothing. */
const streamed: readonly (readonly [op: StreamOp, name: string, matrices: number])[] = [
  ['copy', 'copy', 2],
  ['add', 'x + y', 3],
  ['mulAdd', 'x + y z', 4],
  ['gelu', 'gelu', 2],
  ['sum', 'sum of everything', 1],
  ['sumRows', 'sums of rows', 1],
  ['sumColumns', 'sums of columns', 1],
  ['softmax', 'softmax of rows', 2],
]

const streams = ({ rows, columns }: Matrix): Work[] =>
  streamed.map(([op, name, matrices]) => ({
    name,
    note: `f32, [${rows}, ${columns}]`,
    task: { kind: 'stream', op, rows, columns },
    bytes: matrices * f32 * rows * columns,
    gpu,
  }))

/** The first work is the copy, whose bandwidth is the floor of the others. */
export const bandwidth: Suite = {
  name: 'bandwidth',
  about: 'on CUDA: elementwise operations and reductions beside the bandwidth of a copy',
  on: ['cuda'],
  works: streams({ rows: 32768, columns: 8192 }),
  small: streams({ rows: 256, columns: 512 }),
}

const resnetStep = (precision: Precision, batch: number, size: number): Work => ({
  name: `ResNet-50 training step, ${precisions[precision]}`,
  note: `batch ${batch}, images of ${size}x${size}; forward, softmax cross-entropy, backward, SGD with momentum`,
  task: {
    kind: 'training',
    network: resnet50(size),
    batch,
    precision,
    optimizer: 'sgd',
  },
  items: { count: batch, unit: 'samples' },
  gpu,
})

const lenetStep = (batch: number): Work => ({
  name: `LeNet-5 training step, batch ${batch}`,
  note: 'f32; forward, softmax cross-entropy, backward, SGD with momentum; op by op and as a graph',
  task: { kind: 'training', network: lenet, batch, optimizer: 'sgd', replay: true },
  items: { count: batch, unit: 'samples' },
  gpu,
})

export const steps: Suite = {
  name: 'steps',
  about: 'on CUDA: training steps of LeNet-5, also as a captured graph, and of ResNet-50',
  on: ['cuda'],
  works: [
    lenetStep(64),
    ...(['f32', 'tf32', 'bf16'] as const).map((precision) => resnetStep(precision, 128, 224)),
  ],
  small: [
    lenetStep(4),
    ...(['f32', 'tf32', 'bf16'] as const).map((precision) => resnetStep(precision, 2, 32)),
  ],
}

/** Fewer than a GPU queues before it makes the host wait. */
const count = 200

const launch = (name: string, note: string, recorded: boolean, walk: boolean): Work => ({
  name,
  note: `${count} additions of one element in a chain${note}: the host's time, without waiting for the GPU`,
  task: { kind: 'additions', count, recorded, walk, host: true },
  items: { count, unit: 'additions' },
  gpu,
})

export const launches: Suite = {
  name: 'launches',
  about: 'on CUDA: what it costs the host to launch an operation',
  on: ['cuda'],
  works: [
    launch('launch of an add', '', false, false),
    launch('launch of a recorded add', ', on the tape', true, false),
    launch('launch of an add and its gradient', ', with backward()', true, true),
  ],
}
