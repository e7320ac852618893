/**
 * jax-js on its `wasm` or its `webgpu` backend, jitted wherever it can be. An array is used up by what it goes into;
 * `.ref` makes it last for another use. Images are NCHW, as its convolutions have them.
 */
import {
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from '@jax-js/jax'
import { countGpu } from '../gpu/counts.ts'
import type { Layer, Network } from '../networks.ts'
import { absent, localPlayer, type Player } from '../player.ts'
import type { Makers, Pass, Prepared } from '../tasks.ts'

const random = (shape: readonly number[], scale = 1): np.Array => {
  const size = shape.reduce((product, extent) => product * extent, 1)
  const data = Float32Array.from({ length: size }, () => (Math.random() * 2 - 1) * scale)
  return np.array(data).reshape([...shape])
}

/** Uses up `x` and the weights, which come in order. */
type Apply = (x: np.Array, weights: Iterator<np.Array>, training: boolean) => np.Array

const take = (weights: Iterator<np.Array>): np.Array => weights.next().value as np.Array

function layer(at: Layer, shapes: number[][]): Apply {
  switch (at.type) {
    case 'conv': {
      const { inputs, outputs, kernel, stride, padding, bias } = at
      shapes.push([outputs, inputs, kernel, kernel], ...(bias ? [[outputs, 1, 1]] : []))
      return (x, weights) => {
        const y = lax.convGeneralDilated(
          x,
          take(weights),
          [stride, stride],
          [
            [padding, padding],
            [padding, padding],
          ],
        )
        return bias ? y.add(take(weights)) : y
      }
    }
    case 'batchNorm':
      shapes.push([at.channels, 1, 1], [at.channels, 1, 1])
      // Without training the statistics are 0 and 1, as they are at first.
      return (x, weights, training) =>
        (training ? standardize(x, [0, 2, 3]) : x.mul(1 / Math.sqrt(1 + 1e-5)))
          .mul(take(weights))
          .add(take(weights))
    case 'relu':
      return (x) => nn.relu(x)
    case 'maxPool':
      if (at.stride !== undefined || at.padding !== undefined)
        throw new Error('its pooling is done by reshape here, of windows that do not overlap')
      return (x) => {
        const [n, c, h, w] = x.shape as [number, number, number, number]
        const { size } = at
        return np.max(x.reshape([n, c, h / size, size, w / size, size]), [3, 5])
      }
    case 'globalAvgPool':
      return (x) => np.mean(x, [2, 3])
    case 'flatten':
      return (x) => x.reshape([x.shape[0]!, -1])
    case 'linear':
      shapes.push([at.inputs, at.outputs], [at.outputs])
      return (x, weights) => np.matmul(x, take(weights)).add(take(weights))
    case 'residual': {
      const body = sequence(at.body, shapes)
      const shortcut = sequence(at.shortcut, shapes)
      return (x, weights, training) => {
        const y = body(x.ref, weights, training)
        return nn.relu(y.add(shortcut(x, weights, training)))
      }
    }
  }
}

function standardize(x: np.Array, axes: number[]): np.Array {
  const centred = x.ref.sub(np.mean(x, axes, { keepdims: true }))
  const variance = np.mean(np.square(centred.ref), axes, { keepdims: true })
  return centred.div(np.sqrt(variance.add(1e-5)))
}

function sequence(layers: readonly Layer[], shapes: number[][]): Apply {
  const applies = layers.map((at) => layer(at, shapes))
  return (x, weights, training) => applies.reduce((y, apply) => apply(y, weights, training), x)
}

function network({ layers }: Network): { apply: Apply; weights: np.Array[] } {
  const shapes: number[][] = []
  const apply = sequence(layers, shapes)
  const fanIn = ([first, ...rest]: number[]): number =>
    rest.length > 1 ? rest.reduce((product, extent) => product * extent, 1) : first!
  return { apply, weights: shapes.map((shape) => random(shape, 1 / Math.sqrt(fanIn(shape)))) }
}

const imageShape = (batch: number, { input }: Network): number[] =>
  input.length === 3 ? [batch, input[2]!, input[0]!, input[1]!] : [batch, ...input]

const refs = (arrays: readonly np.Array[]): np.Array[] => arrays.map((array) => array.ref)

async function settle(result: np.Array | np.Array[]): Promise<void> {
  await blockUntilReady(result)
  tree.dispose(result)
}

/** A function of leaves, jitted: forward, or the gradients of all leaves. */
function ofLeaves(
  leaves: np.Array[],
  forward: (...leaves: np.Array[]) => np.Array,
  pass: Pass,
): Prepared {
  const argnums = leaves.map((_, i) => i)
  const f =
    pass === 'forward'
      ? jit(forward)
      : jit(grad((...xs: np.Array[]) => np.sum(forward(...xs)), { argnums }))
  return {
    run: () => settle(f(...refs(leaves)) as np.Array | np.Array[]),
    dispose() {
      tree.dispose(leaves)
      f.dispose()
    },
  }
}

/** The state of Adam for one parameter, and the powers of its two betas. */
function adam(
  [p, g, m, v]: [p: np.Array, g: np.Array, m: np.Array, v: np.Array],
  [power1, power2]: [np.Array, np.Array],
): [p: np.Array, m: np.Array, v: np.Array] {
  const nextM = m.mul(0.9).add(g.ref.mul(0.1))
  const nextV = v.mul(0.999).add(np.square(g).mul(0.001))
  const unbiasedM = nextM.ref.div(np.array(1).sub(power1))
  const unbiasedV = nextV.ref.div(np.array(1).sub(power2))
  return [p.sub(unbiasedM.mul(1e-3).div(np.sqrt(unbiasedV).add(1e-8))), nextM, nextV]
}

const makers: Makers = {
  matmul: ({ size }) =>
    ofLeaves([random([size, size]), random([size, size])], (a, b) => np.matmul(a!, b!), 'forward'),
  conv2d({ size, inputs, outputs, kernel, stride, pass }) {
    const padding: [number, number] = [(kernel - 1) / 2, (kernel - 1) / 2]
    return ofLeaves(
      [random([1, inputs, size, size]), random([outputs, inputs, kernel, kernel])],
      (x, w) => lax.convGeneralDilated(x!, w!, [stride, stride], [padding, padding]),
      pass,
    )
  },
  elementwise: ({ length, pass }) =>
    ofLeaves(
      [random([length])],
      (x) => nn.gelu(x!.mul(1.5).add(0.5), { approximate: false }),
      pass,
    ),
  reduction: ({ rows, columns, axis }) =>
    ofLeaves([random([rows, columns])], (x) => np.sum(x!, axis), 'forward'),
  softmax: ({ rows, columns, pass }) =>
    ofLeaves([random([rows, columns])], (x) => nn.softmax(x!, 1), pass),
  layerNorm: ({ rows, columns, pass }) =>
    ofLeaves(
      [random([rows, columns]), random([columns]), random([columns])],
      (x, weight, bias) => standardize(x!, [1]).mul(weight!).add(bias!),
      pass,
    ),
  batchNorm: ({ batch, size, channels, pass }) =>
    ofLeaves(
      [random([batch, channels, size, size]), random([channels, 1, 1]), random([channels, 1, 1])],
      (x, weight, bias) => standardize(x!, [0, 2, 3]).mul(weight!).add(bias!),
      pass,
    ),
  additions({ count, recorded, walk }) {
    if (recorded) return walk ? 'takes seconds: it records by tracing' : 'it has no tape'
    const [a, b] = [np.array([1]), np.array([2])]
    return {
      run() {
        let y = a.ref
        for (let i = 0; i < count; i++) y = y.add(b.ref)
        return settle(y)
      },
      dispose: () => tree.dispose([a, b]),
    }
  },
  training({ network: description, batch }) {
    if (description.layers.some(({ type }) => type === 'residual')) return 'takes half a minute'
    const { apply, weights } = network(description)
    const image = random(imageShape(batch, description))
    const label = np.array(Int32Array.from({ length: batch }, (_, i) => i % 10))
    const loss = (w: np.Array[], x: np.Array, classes: np.Array): np.Array => {
      const scores = nn.logSoftmax(apply(x, w.values(), true), 1)
      return np.mean(np.sum(scores.mul(nn.oneHot(classes, 10)), 1)).mul(-1)
    }
    const step = jit(
      (
        p: np.Array[],
        m: np.Array[],
        v: np.Array[],
        powers: np.Array[],
        x: np.Array,
        classes: np.Array,
      ) => {
        const [value, gradients] = valueAndGrad(loss)(refs(p), x, classes)
        const [power1, power2] = [powers[0]!.mul(0.9), powers[1]!.mul(0.999)]
        const next = p.map((one, i) =>
          adam([one, (gradients as np.Array[])[i]!, m[i]!, v[i]!], [power1.ref, power2.ref]),
        )
        return [
          next.map(([w]) => w),
          next.map(([, first]) => first),
          next.map(([, , second]) => second),
          [power1, power2],
          value,
        ] as const
      },
    )
    let state = [
      weights,
      weights.map(({ shape }) => np.zeros(shape)),
      weights.map(({ shape }) => np.zeros(shape)),
      [np.array(1), np.array(1)],
    ]
    return {
      async run() {
        const [p, m, v, powers, value] = step(
          state[0]!,
          state[1]!,
          state[2]!,
          state[3]!,
          image.ref,
          label.ref,
        )
        state = [p, m, v, powers]
        await value.data()
      },
      dispose() {
        tree.dispose([...state.flat(), image, label])
        step.dispose()
      },
    }
  },
  inference({ network: description, batch }) {
    const { apply, weights } = network(description)
    const image = random(imageShape(batch, description))
    const f = jit((w: np.Array[], x: np.Array) => apply(x, w.values(), false))
    return {
      run: () => settle(f(refs(weights), image.ref)),
      dispose() {
        tree.dispose([...weights, image])
        f.dispose()
      },
    }
  },
  loading: 'it has no data loader',
  optimizer: 'its optimizers are a package of their own, @jax-js/optax',
}

/** Its package tells its version to nobody who imports it, so that the caller finds it out. */
export async function jaxJs(version: string, backend: 'wasm' | 'webgpu'): Promise<Player> {
  const name = `jax-js ${backend}`
  const available = await init(backend)
  if (!available.includes(backend))
    return absent(name, `its ${backend} backend does not start here`)
  const count = backend === 'webgpu' ? countGpu : undefined
  return localPlayer(name, version, makers, () => void defaultDevice(backend), count)
}
