/**
 * How much memory a training step takes at its peak, beside what it has to hold whatever the
 * implementation: weights, gradients, the optimizer's state, and the activations that the formulas of
 * the gradients read. Those are counted from the description of the network, each value once:
 *
 * - the input of a convolution or linear layer (for the gradient of its weight); it is the network's
 *   input, or the output of a ReLU, pool or flatten,
 * - the input of a batch norm, with the mean and variance of each channel,
 * - the output of a ReLU, which is the input of the next layer, and counted as such where it is,
 * - for a max pool the place of each maximum,
 * - the log-probabilities of the loss and its labels.
 */
import { type Backend, setDevice } from '@nablajs/tensor'
import { type Layer, type Network, resnet20 } from '../networks.ts'
import { makers } from '../peers/ours.ts'
import type { Measure, Suite } from '../suite.ts'
import { prepare } from '../tasks.ts'

const bytes = 4

interface Count {
  /** Values that are learned. */
  weights: number
  /** Values that are no weights and live on: running statistics, counters. */
  buffers: number
  activations: number
  /** Of what flows at this place: `[features]` or `[height, width, channels]`. */
  shape: readonly number[]
  /** Whether what flows is counted already. */
  counted: boolean
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1)

/** How many windows of `size` fit on a height and a width. */
const windows = (
  [height, width]: readonly number[],
  size: number,
  stride: number,
  padding: number,
): number[] =>
  [height!, width!].map((extent) => Math.floor((extent + 2 * padding - size) / stride) + 1)

/** Counts what flows into a layer that keeps its input. */
function keepInput(count: Count, batch: number): void {
  if (!count.counted) count.activations += batch * sizeOf(count.shape)
  count.counted = true
}

function countLayer(layer: Layer, count: Count, batch: number): void {
  const { shape } = count
  switch (layer.type) {
    case 'conv': {
      const { inputs, outputs, kernel, stride, padding, bias } = layer
      keepInput(count, batch)
      count.weights += kernel * kernel * inputs * outputs + (bias ? outputs : 0)
      count.shape = [...windows(shape, kernel, stride, padding), outputs]
      count.counted = false
      break
    }
    case 'batchNorm':
      keepInput(count, batch)
      count.weights += 2 * layer.channels
      count.buffers += 2 * layer.channels + 1
      count.activations += 2 * layer.channels
      count.counted = false
      break
    case 'relu':
      count.counted = false
      keepInput(count, batch)
      break
    case 'maxPool': {
      const { size, stride = size, padding = 0 } = layer
      count.shape = [...windows(shape, size, stride, padding), shape[2]!]
      count.activations += batch * sizeOf(count.shape)
      count.counted = false
      break
    }
    case 'globalAvgPool':
      count.shape = [shape[2]!]
      count.counted = false
      break
    case 'flatten':
      count.shape = [sizeOf(shape)]
      break
    case 'linear':
      keepInput(count, batch)
      count.weights += layer.inputs * layer.outputs + layer.outputs
      count.shape = [layer.outputs]
      count.counted = false
      break
    case 'residual': {
      const shortcut: Count = { ...count, weights: 0, buffers: 0, activations: 0 }
      for (const part of layer.body) countLayer(part, count, batch)
      // The body has counted what flows into both.
      shortcut.counted = true
      for (const part of layer.shortcut) countLayer(part, shortcut, batch)
      count.weights += shortcut.weights
      count.buffers += shortcut.buffers
      count.activations += shortcut.activations
      countLayer({ type: 'relu' }, count, batch)
    }
  }
}

export interface Needed {
  readonly weights: number
  readonly gradients: number
  /** Two moments for each weight. */
  readonly adam: number
  readonly buffers: number
  readonly activations: number
  readonly total: number
}

/** The bytes that a training step with Adam has to hold. */
export function neededBytes(network: Network, batch: number): Needed {
  const count: Count = {
    weights: 0,
    buffers: 0,
    activations: 0,
    shape: network.input,
    counted: false,
  }
  for (const layer of network.layers) countLayer(layer, count, batch)
  // The loss: log-probabilities and labels.
  count.activations += batch * sizeOf(count.shape) + batch
  const weights = bytes * count.weights
  const parts = {
    weights,
    gradients: weights,
    adam: 2 * weights,
    buffers: bytes * count.buffers,
    activations: bytes * count.activations,
  }
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) }
}

/** The peak of the second step, which has the state of the optimizer from the start. */
async function peakBytes(device: Backend, network: Network, batch: number): Promise<number> {
  setDevice(device)
  const before = device.memory().bytes
  const made = await prepare(
    makers(() => device.sync()),
    { kind: 'training', network, batch },
  )
  if (typeof made === 'string') throw new Error(made)
  await made.run()
  device.resetPeak()
  await made.run()
  const peak = device.memory().peakBytes - before
  made.dispose?.()
  return peak
}

const mega = (n: number): string => `${(n / 1e6).toFixed(1)} MB`

export const memory: Suite = {
  name: 'memory',
  about: 'the peak of device memory in a training step',
  works: [],
  async measures(device): Promise<Measure[]> {
    const batch = 32
    const work = `memory of the ${resnet20.name} training step, batch ${batch}`
    const needed = neededBytes(resnet20, batch)
    const parts = Object.entries(needed)
      .filter(([part]) => part !== 'total')
      .map(([part, size]) => `${part} ${mega(size)}`)
    return [
      {
        work,
        subject: 'peak',
        value: await peakBytes(device, resnet20, batch),
        unit: 'B',
        note: 'the most that the device had handed out',
      },
      { work, subject: 'needed', value: needed.total, unit: 'B', note: parts.join(', ') },
    ]
  },
}
