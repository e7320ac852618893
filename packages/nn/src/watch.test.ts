import { manualSeed, noGrad, reference, scope, setDefaultDType, setDevice } from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { beforeEach, expect, test } from 'vitest'
import { f64, random } from '../test/helpers.ts'
import { init, Linear, ReLU, RNN, Sequential, Sigmoid, watch } from './index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(4)
})

test('watch gives the statistics of outputs and of their gradients', async () => {
  const net = new Sequential({ act: new ReLU(), head: new Linear(4, 1, { bias: false }) })
  init.ones((net.get('head') as Linear).weight)
  const flow = watch(net)
  net
    .forward(f64([[3, -1, 1, -2]]))
    .sum()
    .backward()
  const [act, head] = await flow.read()
  expect(act).toEqual({
    name: 'act',
    kind: 'ReLU',
    activation: { mean: 1, std: Math.sqrt(1.5), largest: 3, zeros: 0.5 },
    gradient: undefined,
  })
  expect(head!.activation!.mean).toBe(4)
  expect(head!.gradient).toEqual({ mean: 1, std: 0, largest: 1, zeros: 0 })
  flow.stop()
})

test('watch shows gradients that vanish', async () => {
  const layers = Array.from({ length: 6 }, () => [new Linear(8, 8), new Sigmoid()])
  const net = new Sequential(...layers.flat())
  const flow = watch(net)
  scope(() =>
    net
      .forward(random([16, 8]))
      .square()
      .sum()
      .backward(),
  )
  const rows = (await flow.read()).filter(({ kind }) => kind === 'Linear')
  const spread = rows.map(({ gradient }) => gradient!.std)
  expect(spread[0]!).toBeLessThan(spread.at(-1)! / 100)
  flow.stop()
})

test('watch changes no result, and leaves nothing behind', () => {
  const net = new Sequential(new Linear(3, 2), new ReLU())
  const x = random([2, 3])
  const plain = net.forward(x).toArraySync()
  const before = device.memory().buffers
  const flow = watch(net)
  expect(net.forward(x).toArraySync()).toEqual(plain)
  gradCheck((t) => net.forward(t!), [x], { order: 2 })
  noGrad(() => net.forward(x))
  flow.stop()
  scope(() => {
    net.forward(x)
  })
  expect(device.memory().buffers).toBeLessThanOrEqual(before + 4)
})

test('watch passes over what is no tensor', async () => {
  const net = new RNN(2, 2)
  const flow = watch(net)
  expect(net.forward(random([2, 1, 2]))).toHaveLength(2)
  const [row] = await flow.read()
  expect(row!.activation).toBeUndefined()
})
