/**
 * What the examples in doc blocks take for granted: a small model, its data and its training, and for
 * some files names of their own.
 */
import {
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  Module,
  ReLU,
  Sequential,
  TransformerDecoderLayer,
  torchStateDict,
} from '@nablajs/nn'
import { SGD } from '@nablajs/optim'
import {
  arange,
  eye,
  rand,
  randint,
  randn,
  saveTensors,
  type Tensor,
  tensor,
  toHost,
} from '@nablajs/tensor'
import { encodeNpy, encodeNpz } from '@nablajs/tensor/io'

type Fixtures = Readonly<Record<string, unknown>>

/** Given to every example, fresh each time. */
export function fixtures(): Fixtures {
  const model = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 3))
  return {
    model,
    net: model,
    x: randn([5, 4]),
    label: randint([5], 0, 3),
    optimizer: new SGD(model.parameters(), { lr: 0.1 }),
    w: randn([4, 3], { requiresGrad: true }),
    y: rand([5, 3]),
    logits: randn([5, 3], { requiresGrad: true }),
    prediction: rand([5, 3], { requiresGrad: true }),
    target: rand([5, 3]),
    image: randn([5, 4]),
    images: rand([2, 8, 8, 3]),
    indices: arange(3),
    layer: new Linear(4, 3),
    writeFile: async (_name: string, bytes: Uint8Array) => bytes.length,
  }
}

const batch = () => ({ image: randn([5, 4]), label: randint([5], 0, 3) })
const mean = (module: Sequential) => crossEntropy(module.forward(randn([5, 4])), randint([5], 0, 3))

const fullBatch = () => {
  const given = batch()
  return { loss: (m: Sequential) => crossEntropy(m.forward(given.image), given.label) }
}

/** A network with a part called `features`. */
class Net extends Module {
  features = new Linear(4, 3)
  forward(x: Tensor): Tensor {
    return this.features.forward(x)
  }
}

function spread(n: number): Tensor {
  const a = randn([n, n])
  return a.matmul(a.transpose()).add(eye(n))
}

/** For the examples of one file: more names. */
export const own: Readonly<Record<string, (given: Fixtures) => Fixtures | Promise<Fixtures>>> = {
  'data/src/loader.ts': () => {
    const model = new Sequential(new Flatten(), new Linear(64, 10))
    return { model, optimizer: new SGD(model.parameters()) }
  },
  'nn/src/attention/multihead.ts': () => ({ x: randn([2, 7, 64]) }),
  'nn/src/attention/scaled-dot-product.ts': () => ({
    q: randn([2, 5, 8]),
    k: randn([2, 5, 8]),
    v: randn([2, 5, 8]),
  }),
  'nn/src/attention/transformer.ts': () => ({
    layer: new TransformerDecoderLayer(8, 2, { dimFeedforward: 16 }),
    target: randn([5, 2, 8]),
    memory: randn([6, 2, 8]),
  }),
  'nn/src/losses/kl-div.ts': () => ({ teacher: randn([5, 3]) }),
  'nn/src/module.ts': () => ({ net: new Net(), activations: [] }),
  'nn/src/recurrent/cells.ts': () => ({ first: randn([2, 10]), second: randn([2, 10]) }),
  'nn/src/torch.ts': async () => {
    const net = new Sequential(new Conv2d(3, 4, 3), new Linear(4, 3))
    const bytes = await saveTensors(torchStateDict(net))
    return { net, readFile: async () => bytes }
  },
  'nn/src/tree.ts': () => ({ net: new Net() }),
  'nn/src/watch.ts': () => ({
    net: new Sequential(new Flatten(), new Linear(192, 3)),
    labels: tensor([0, 2], { dtype: 'i32' }),
  }),
  'optim/src/accumulate.ts': () => ({ batches: [batch(), batch()] }),
  'optim/src/averaged-parameters.ts': () => ({ batches: [batch(), batch()], loss: mean }),
  'optim/src/clip-grad.ts': ({ model }) => ({ loss: mean(model as Sequential) }),
  'optim/src/exponential-average.ts': () => ({ loss: tensor(1.5) }),
  'optim/src/find-learning-rate.ts': ({ model }) => ({
    loss: () => mean(model as Sequential),
    nextBatch: batch,
  }),
  'optim/src/grad-scaler.ts': () => ({ loss: mean, batch: batch() }),
  'optim/src/descend.ts': () => ({ x: randn([20, 4]), y: randint([20], 0, 3) }),
  'optim/src/sharpness.ts': ({ model }) => {
    const { loss } = fullBatch()
    return { loss: () => loss(model as Sequential) }
  },
  'optim/src/optimizers/cma-es.ts': () => ({ errors: mean }),
  'optim/src/optimizers/lbfgs.ts': fullBatch,
  'optim/src/optimizers/nelder-mead.ts': () => ({ errors: mean }),
  'optim/src/optimizers/newton-cg.ts': fullBatch,
  'optim/src/optimizers/spsa.ts': () => ({ errors: mean }),
  'optim/src/schedules/cosine-annealing.ts': () => ({ epochs: 10 }),
  'optim/src/schedules/reduce-on-plateau.ts': () => ({ validationLoss: 0.5 }),
  'tensor/src/autograd.ts': () => ({ y: randint([5], 0, 3) }),
  'tensor/src/checkpoint.ts': () => ({ block: new Linear(4, 4), input: randn([2, 4]) }),
  'tensor/src/fft/fft.ts': () => ({ signal: randn([16]) }),
  'tensor/src/io/npy.ts': async () => {
    const bytes = encodeNpy(await toHost(rand([2, 3])))
    return { readFile: async () => bytes }
  },
  'tensor/src/io/npz.ts': async () => {
    const host = await toHost(rand([2, 3]))
    const bytes = await encodeNpz({ images: host, labels: host })
    return { readFile: async () => bytes }
  },
  'tensor/src/linalg/cholesky.ts': () => ({ covariance: spread(3), n: 3 }),
  'tensor/src/linalg/pinv.ts': () => ({ x: randn([5]), y: randn([5]) }),
  'tensor/src/linalg/solve.ts': () => ({ covariance: spread(3) }),
  'tensor/src/linalg/svd.ts': () => ({ weights: randn([12, 10]) }),
  'tensor/src/linalg/triangular.ts': () => ({ a: spread(3), b: randn([3, 1]) }),
  'tensor/src/ops/einsum.ts': () => ({
    queries: randn([2, 2, 3, 4]),
    keys: randn([2, 2, 5, 4]),
    matrix: randn([3, 3]),
  }),
}

const files = 'it reads files of the reader; the tests beside it read files of their own'
const part = 'it shows a part of a class, which means nothing alone'

/** Examples that do not run here, with the reason. */
export const notRun: Readonly<Record<string, string>> = {
  'backend-webgpu/src/open.ts': 'it needs a GPU; the tests of its package have it',
  'backend-webgpu/src/tfjs/index.ts': 'it needs TensorFlow.js; the tests of its package have it',
  'data/src/node/mnist.ts': files,
  'tensor/src/io/checkpoint.ts': files,
  'tensor/src/io/fetch.ts': files,
  'tensor/src/io/node/atomic.ts': files,
  'tensor/src/io/node/open.ts': files,
  'tensor/src/io/shards.ts': files,
  'tensor/src/io/stream.ts': files,
  'tensor/src/io/torch.ts': files,
  'nn/src/layers/drop.ts': part,
  'nn/src/state.ts': part,
  'optim/src/optimizers/sophia.ts': part,
  'optim/src/tfjs.ts': 'it needs TensorFlow.js; the tests of its package have it',
}
