/** The group `train`: small trainings from fixed weights, every step of them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Flatten,
  Linear,
  loadTorchStateDict,
  type Module,
  ReLU,
  Sequential,
  torchStateDict,
} from '@nablajs/nn'
import { type Backend, noGrad, scope, type Tensor, tensor } from '@nablajs/tensor'
import { compareNumbers, type Target } from './compare.ts'
import type { GoldenFolder } from './folder.ts'
import { formulaWeights } from './formula.ts'
import { makeOptimizer } from './optim.ts'
import { Report, Unsupported } from './report.ts'

interface Case {
  readonly model: string
  readonly weight_seed: number
  readonly gain: number
  readonly args: Readonly<Record<string, unknown>> & { readonly optimizer: string }
  readonly data: string
  readonly losses: readonly number[]
  readonly test_accuracy: number
  readonly test_logits_first2: readonly (readonly number[])[]
  readonly param_l2: Readonly<Record<string, number>>
}

/** `cnn: c1 Conv(1,8,3,1,1) bn BatchNorm(8) relu ...`: layers, some with a name before them. */
function parseModel(text: string): Sequential {
  const [, description = ''] = text.split(';')[0]!.split(/:(.*)/s)
  const net = new Sequential()
  let name: string | undefined
  let position = 0
  for (const word of description.trim().split(/\s+/)) {
    const [, kind = word, list = ''] = /^(\w+)\((.*)\)$/.exec(word) ?? []
    const layer = layerOf(kind, list.split(',').map(Number))
    if (layer) {
      net.add(name ?? String(position), layer)
      position++
      name = undefined
    } else if (name === undefined && kind === word) name = word
    else throw new Unsupported(`layer ${word}`)
  }
  if (name !== undefined) throw new Unsupported(`layer ${name}`)
  return net
}

function layerOf(kind: string, numbers: readonly number[]): Module | undefined {
  const [a = 0, b = 0, kernel = 0, stride = 1, padding = 0] = numbers
  if (kind === 'Linear') return new Linear(a, b)
  if (kind === 'Conv') return new Conv2d(a, b, kernel, { stride, padding })
  if (kind === 'BatchNorm') return new BatchNorm2d(a)
  if (/^relu$/i.test(kind)) return new ReLU()
  // PyTorch flattens images channel by channel.
  if (/^flatten$/i.test(kind)) return new Flatten({ channelsFirst: true })
  return undefined
}

/** Gives every entry of the state dict its formula weights. */
function fill(net: Sequential, { weight_seed: seed, gain }: Case): void {
  const dict = torchStateDict(net)
  const entries = Object.entries(dict).map(([name, t], position): [string, Tensor] => {
    const owner = net.get(name.slice(0, name.indexOf('.')))
    const entry = { name, shape: t.shape, norm: owner instanceof BatchNorm2d }
    const values = formulaWeights(entry, position, seed, gain)
    return [name, tensor(values, { shape: t.shape, dtype: t.dtype })]
  })
  loadTorchStateDict(net, Object.fromEntries(entries))
}

interface Data {
  readonly pixels: Float64Array
  readonly labels: Int32Array
}

const WIDTH = 8

function readDigits(folder: GoldenFolder): Data {
  const path = join(folder.path, '..', 'data', 'sklearn', 'digits.csv.gz')
  if (!existsSync(path)) throw new Unsupported(`no ${path}`)
  const rows = gunzipSync(readFileSync(path)).toString().trim().split('\n')
  const pixels = new Float64Array(rows.length * WIDTH * WIDTH)
  const labels = new Int32Array(rows.length)
  rows.forEach((row, i) => {
    const numbers = row.split(',').map(Number)
    for (let k = 0; k < WIDTH * WIDTH; k++) pixels[i * WIDTH * WIDTH + k] = numbers[k]! / 16
    labels[i] = numbers[WIDTH * WIDTH]!
  })
  return { pixels, labels }
}

interface Plan {
  readonly train: readonly [first: number, last: number]
  readonly test: readonly [first: number, last: number]
  readonly batch: number
  readonly epochs: number
}

function parsePlan(text: string): Plan {
  const found =
    /pixels\/16, rows (\d+)\.\.(\d+) in file order, batches of (\d+) in order, (\d+) epochs; test rows (\d+)\.\.(\d+)/.exec(
      text,
    )
  if (!text.startsWith('sklearn digits') || !found) throw new Unsupported(`data "${text}"`)
  const [a, b, batch, epochs, c, d] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { train: [a, b], test: [c, d], batch, epochs }
}

/** Rows `first` up to, but without, `end`; as images for networks that start with a convolution. */
function rows(
  { pixels, labels }: Data,
  first: number,
  end: number,
  images: boolean,
): [Tensor, Tensor] {
  const size = WIDTH * WIDTH
  const count = end - first
  const shape = images ? [count, WIDTH, WIDTH, 1] : [count, size]
  return [
    tensor(Array.from(pixels.subarray(first * size, end * size))).reshape(shape),
    tensor(labels.subarray(first, end)),
  ]
}

function check(one: Case, folder: GoldenFolder, target: Target): string[] {
  const plan = parsePlan(one.data)
  const net = parseModel(one.model)
  const data = readDigits(folder)
  const images = net.at(0) instanceof Conv2d
  fill(net, one)
  const { optimizer: name, ...options } = one.args
  const optimizer = makeOptimizer(name, [...net.parameters()], options)
  const losses: number[] = []
  const [first, last] = plan.train
  for (let epoch = 0; epoch < plan.epochs; epoch++)
    for (let at = first; at <= last; at += plan.batch)
      scope(() => {
        const [x, y] = rows(data, at, Math.min(at + plan.batch, last + 1), images)
        losses.push(optimizer.step(() => crossEntropy(net.forward(x), y)).itemSync())
      })
  net.eval()
  return noGrad(() =>
    scope(() => {
      const [x, y] = rows(data, plan.test[0], plan.test[1] + 1, images)
      const logits = net.forward(x)
      const accuracy = logits.argmax(-1).eq(y).cast(target.float).mean().itemSync()
      const two = one.test_logits_first2
      const norms = Object.entries(torchStateDict(net)).filter(([key]) => key in one.param_l2)
      return [
        ...compareNumbers(
          'losses',
          losses,
          { shape: [one.losses.length], values: one.losses },
          target,
        ),
        ...compareNumbers(
          'accuracy',
          [accuracy],
          { shape: [], values: [one.test_accuracy] },
          target,
        ),
        ...compareNumbers(
          'logits',
          logits.slice({ end: two.length }).dataSync(),
          { shape: [two.length, two[0]!.length], values: two.flat() },
          target,
        ),
        ...(norms.length === Object.keys(one.param_l2).length
          ? []
          : ['not all parameters are there']),
        ...norms.flatMap(([key, t]) =>
          compareNumbers(
            `norm of ${key}`,
            [t.square().sum().sqrt().itemSync()],
            { shape: [], values: [one.param_l2[key]!] },
            target,
          ),
        ),
      ]
    }),
  )
}

export async function runTrain(
  folder: GoldenFolder,
  _device: Backend,
  target: Target,
): Promise<Report> {
  const report = new Report('train')
  const { cases } = folder.json('train.json') as { cases: readonly Case[] }
  for (const one of cases) {
    const id = `${one.model.split(':')[0]} ${JSON.stringify(one.args)}`
    await report.run(id, one.model.split(':')[0]!, async () => check(one, folder, target))
  }
  return report
}
