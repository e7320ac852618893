/** Our own side of every comparison. */
import { ArrayDataset, DataLoader } from '@nablajs/data'
import { batchNorm, crossEntropy, layerNorm } from '@nablajs/nn'
import { Adam, AdamW, SGD } from '@nablajs/optim'
import {
  add,
  conv2d,
  copy,
  dispose,
  gelu,
  manualSeed,
  mul,
  noGrad,
  rand,
  randint,
  randn,
  scope,
  softmax,
  sum,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { fuse } from '@nablajs/tensor/program'
import { build } from '../network-ours.ts'
import type { Makers, Pass, Prepared, StreamOp } from '../tasks.ts'
import { mixed, operand, refusal } from './precision.ts'

function forget(leaves: readonly Tensor[]): void {
  for (const leaf of leaves) {
    leaf.grad?.dispose()
    leaf.grad = undefined
  }
}

/** A function of leaves: forward, and with their gradients for a gradient of `dy`. */
function ofLeaves(
  leaves: readonly Tensor[],
  forward: () => Tensor,
  pass: Pass,
  sync: () => unknown,
): Prepared {
  for (const leaf of leaves) leaf.requiresGrad = pass === 'both'
  const dy = scope(() => noGrad(() => rand([...forward().shape])))
  return {
    run() {
      scope(() => {
        const y = forward()
        if (pass === 'both') y.backward(dy)
      })
      forget(leaves)
      return sync()
    },
    dispose: () => dispose([...leaves, dy]),
  }
}

const optimizers = {
  sgd: (parameters) => new SGD(parameters, { lr: 1e-3, momentum: 0.9 }),
  adam: (parameters) => new Adam(parameters, { lr: 1e-3 }),
  adamw: (parameters) => new AdamW(parameters, { lr: 1e-3, weightDecay: 0.01 }),
} satisfies Record<string, (parameters: Tensor[]) => SGD | Adam | AdamW>

const mulAdd = fuse((x: Tensor, y: Tensor, z: Tensor) => add(x, mul(y, z)), { name: 'mulAdd' })

const streams = {
  copy: (x) => copy(x),
  add: (x, y) => add(x, y),
  mulAdd: (x, y, z) => mulAdd(x, y, z),
  gelu: (x) => gelu(x),
  sum: (x) => sum(x),
  sumRows: (x) => sum(x, 1),
  sumColumns: (x) => sum(x, 0),
  softmax: (x) => softmax(x),
} satisfies Record<StreamOp, (x: Tensor, y: Tensor, z: Tensor) => Tensor>

/** How we do each work. `sync` waits for the device, where work is queued. */
export function makers(sync: () => unknown): Makers {
  const step = (loss: Tensor): unknown => {
    const done = sync()
    loss.dispose()
    return done
  }
  return {
    matmul({ size, precision = 'f32' }) {
      const refused = refusal(precision)
      if (refused !== undefined) return refused
      const [a, b] = [operand([size, size], precision), operand([size, size], precision)]
      return {
        run() {
          a.matmul(b).dispose()
          return sync()
        },
        dispose: () => dispose([a, b]),
      }
    },
    conv2d({ size, inputs, outputs, kernel, stride, pass }) {
      const x = rand([1, size, size, inputs])
      const weight = randn([kernel, kernel, inputs, outputs])
      const options = { stride, padding: (kernel - 1) / 2 }
      return ofLeaves([x, weight], () => conv2d(x, weight, undefined, options), pass, sync)
    },
    elementwise({ length, pass }) {
      const x = rand([length])
      return ofLeaves([x], () => gelu(add(mul(x, 1.5), 0.5)), pass, sync)
    },
    reduction({ rows, columns, axis }) {
      const x = rand([rows, columns])
      return ofLeaves([x], () => sum(x, axis), 'forward', sync)
    },
    softmax({ rows, columns, pass }) {
      const x = rand([rows, columns])
      return ofLeaves([x], () => softmax(x), pass, sync)
    },
    layerNorm({ rows, columns, pass }) {
      const [x, weight, bias] = [rand([rows, columns]), rand([columns]), rand([columns])]
      return ofLeaves(
        [x, weight, bias],
        () => layerNorm(x, [columns], { weight, bias }),
        pass,
        sync,
      )
    },
    batchNorm({ batch, size, channels, pass }) {
      const x = rand([batch, size, size, channels])
      const [weight, bias] = [rand([channels]), rand([channels])]
      return ofLeaves(
        [x, weight, bias],
        () => batchNorm(x, { weight, bias, training: true }),
        pass,
        sync,
      )
    },
    additions({ count, recorded, walk }) {
      const a = tensor([1], { requiresGrad: recorded })
      const b = tensor([2])
      return {
        run() {
          scope(() => {
            let y = a
            for (let i = 0; i < count; i++) y = add(y, b)
            if (walk) y.backward()
          })
          forget([a])
          return sync()
        },
        dispose: () => dispose([a, b]),
      }
    },
    training({ network, batch, precision = 'f32', optimizer: method = 'adam' }) {
      const refused = refusal(precision)
      if (refused !== undefined) return refused
      manualSeed(1)
      const model = build(network)
      const optimizer = optimizers[method](model.parameters())
      const image = rand([batch, ...network.input])
      const label = randint([batch], 0, 10)
      return {
        run: () =>
          step(
            optimizer.step(() => {
              const scores = mixed(precision, () => model.forward(image))
              // The loss is computed in f32, as autocast would.
              return crossEntropy(scores.cast('f32'), label)
            }),
          ),
        dispose() {
          optimizer.dispose()
          model.dispose()
          dispose([image, label])
        },
      }
    },
    inference({ network, batch }) {
      const model = build(network)
      model.eval()
      const image = rand([batch, ...network.input])
      return {
        run: () => step(noGrad(() => model.forward(image))),
        dispose() {
          model.dispose()
          image.dispose()
        },
      }
    },
    loading({ samples, batch }) {
      const data = Uint8Array.from({ length: samples * 28 * 28 }, (_, i) => (i * 31) & 255)
      const labels = Uint8Array.from({ length: samples }, (_, i) => i % 10)
      const dataset = new ArrayDataset({
        image: { shape: [28, 28, 1], dtype: 'f32', data, divisor: 255 },
        label: { shape: [], dtype: 'i32', data: labels },
      })
      const loader = new DataLoader(dataset, { batchSize: batch, shuffle: true, seed: 1 })
      return {
        run() {
          let seen = 0
          for (const { label } of loader) seen += label.shape[0]!
          return seen
        },
      }
    },
    optimizer({ method, shapes }) {
      const parameters = shapes.map((shape) => {
        const parameter = randn([...shape], { requiresGrad: true })
        parameter.grad = randn([...shape])
        return parameter
      })
      const optimizer = optimizers[method](parameters)
      return {
        run() {
          optimizer.step()
          return sync()
        },
        dispose() {
          forget(parameters)
          optimizer.dispose()
          dispose(parameters)
        },
      }
    },
    stream({ op, rows, columns }) {
      const [x, y, z] = [rand([rows, columns]), rand([rows, columns]), rand([rows, columns])]
      return {
        run() {
          noGrad(() => streams[op](x, y, z)).dispose()
          return sync()
        },
        dispose: () => dispose([x, y, z]),
      }
    },
  }
}
