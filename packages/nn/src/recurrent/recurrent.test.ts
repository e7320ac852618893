import {
  Generator,
  gradients,
  manualSeed,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  type Tensor,
  zeros,
} from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { beforeEach, describe, expect, test } from 'vitest'
import { checkParameters, expectClose, f64, random } from '../../test/helpers.ts'
import {
  type AnyModule,
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type Module,
  RNN,
  RNNCell,
} from '../index.ts'
import { unstack } from './unstack.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
  manualSeed(9)
})

const flat = (value: unknown): Tensor[] =>
  Array.isArray(value) ? value.flatMap(flat) : [value as Tensor]

type AnyRecurrent = Module<[x: Tensor, state?: never], unknown>

interface Row {
  readonly make: () => AnyModule
  readonly input: readonly number[]
  readonly outputs: readonly (readonly number[])[]
  readonly shown: string
}

const rows: readonly Row[] = [
  {
    make: () => new RNN(3, 2),
    input: [4, 2, 3],
    outputs: [
      [4, 2, 2],
      [1, 2, 2],
    ],
    shown: 'RNN(3, 2)',
  },
  {
    make: () => new RNN(3, 2, { nonlinearity: 'relu', bias: false }),
    input: [3, 3],
    outputs: [
      [3, 2],
      [1, 2],
    ],
    shown: 'RNN(3, 2, bias=false)',
  },
  {
    make: () => new GRU(2, 3, { numLayers: 2, bidirectional: true, batchFirst: true }),
    input: [2, 3, 2],
    outputs: [
      [2, 3, 6],
      [4, 2, 3],
    ],
    shown: 'GRU(2, 3, numLayers=2, batchFirst=true, bidirectional=true)',
  },
  {
    make: () => new LSTM(2, 3, { projSize: 2, bidirectional: true }),
    input: [3, 2, 2],
    outputs: [
      [3, 2, 4],
      [2, 2, 2],
      [2, 2, 3],
    ],
    shown: 'LSTM(2, 3, projSize=2, bidirectional=true)',
  },
  {
    make: () => new LSTM(2, 2, { numLayers: 2, dropout: 0.5 }).eval(),
    input: [2, 1, 2],
    outputs: [
      [2, 1, 2],
      [2, 1, 2],
      [2, 1, 2],
    ],
    shown: 'LSTM(2, 2, numLayers=2, dropout=0.5)',
  },
  {
    make: () => new RNNCell(3, 2, { nonlinearity: 'relu' }),
    input: [4, 3],
    outputs: [[4, 2]],
    shown: 'RNNCell(3, 2)',
  },
  {
    make: () => new GRUCell(3, 2, { bias: false }),
    input: [3],
    outputs: [[2]],
    shown: 'GRUCell(3, 2, bias=false)',
  },
  {
    make: () => new LSTMCell(3, 2),
    input: [4, 3],
    outputs: [
      [4, 2],
      [4, 2],
    ],
    shown: 'LSTMCell(3, 2)',
  },
]

describe.each(rows.map((row) => [row.shown, row] as const))('%s', (_, row) => {
  const make = () => row.make() as AnyRecurrent

  test('gives the shapes and prints its settings', () => {
    const layer = make()
    expect(String(layer)).toBe(row.shown)
    expect(flat(layer.forward(random(row.input))).map((t) => t.shape)).toEqual(row.outputs)
  })

  test('has the right gradients', () => {
    const layer = make()
    // Second differences of all weights of all layers take too long.
    const order = layer.numParameters() < 40 ? 2 : 1
    checkParameters(layer, (x) => flat(layer.forward(x!)), [random(row.input)], order)
  })

  test('leaves nothing but gradients behind', () => {
    const layer = make()
    const x = random(row.input)
    x.requiresGrad = true
    const before = device.memory().buffers
    for (let round = 0; round < 2; round++) {
      scope(() => {
        flat(layer.forward(x))[0]!.square().sum().backward()
      })
      layer.zeroGrad()
      x.grad!.dispose()
      x.grad = undefined
      expect(device.memory().buffers).toBe(before)
    }
  })
})

describe('unstack', () => {
  test('has the right gradients where only some parts are used', () => {
    const x = random([4, 2, 3])
    gradCheck((t) => unstack(t!, 1)[1]!.square(), [x], { order: 2 })
    gradCheck((t) => unstack(t!, 0)[3]!.mul(unstack(t!, 0)[1]!), [x], { order: 2 })
    gradCheck((t) => unstack(t!.square(), 2).map((part) => part.square()), [x], { order: 2 })
  })

  test('can be walked twice', () => {
    const x = random([2, 2])
    x.requiresGrad = true
    const y = unstack(x, 0)[1]!.sum()
    for (let round = 0; round < 2; round++)
      expectClose(gradients(y, [x], { retainGraph: true })[0]!, [0, 0, 1, 1])
  })
})

describe('recurrent layers', () => {
  test('are their cells, step by step', () => {
    const layer = new LSTM(3, 2)
    const cell = new LSTMCell(3, 2)
    const state = layer.stateDict()
    cell.loadStateDict(
      Object.fromEntries(Object.entries(state).map(([name, t]) => [name.replace('_l0', ''), t])),
    )
    const x = random([3, 2, 3])
    const [h0, c0] = [random([1, 2, 2]), random([1, 2, 2])]
    const [output, [hN, cN]] = layer.forward(x, [h0, c0])
    let pair: [Tensor, Tensor] = [h0.slice(0), c0.slice(0)]
    for (let time = 0; time < 3; time++) pair = cell.forward(x.slice(time), pair)
    expectClose(pair[0], [...hN.dataSync()])
    expectClose(pair[1], [...cN.dataSync()])
    expectClose(output.slice(2), [...hN.dataSync()])
  })

  test('by hand', () => {
    const cell = new RNNCell(1, 1, { nonlinearity: 'relu' })
    cell.loadStateDict({
      weight_ih: f64([[2]]),
      weight_hh: f64([[3]]),
      bias_ih: f64([0.5]),
      bias_hh: f64([0.25]),
    })
    expectClose(cell.forward(f64([[1]]), f64([[2]])), [8.75])
    // All gates half open: n = tanh(0), h' = h / 2.
    const gru = new GRUCell(1, 1, { bias: false })
    gru.loadStateDict({ weight_ih: zeros([3, 1]), weight_hh: zeros([3, 1]) })
    expectClose(gru.forward(f64([[1]]), f64([[4]])), [2])
  })

  test('have the names of PyTorch', () => {
    const layer = new LSTM(2, 3, { numLayers: 2, bidirectional: true, projSize: 1 })
    const names = Object.keys(layer.stateDict())
    expect(names.slice(0, 10)).toEqual([
      'weight_ih_l0',
      'weight_hh_l0',
      'bias_ih_l0',
      'bias_hh_l0',
      'weight_hr_l0',
      'weight_ih_l0_reverse',
      'weight_hh_l0_reverse',
      'bias_ih_l0_reverse',
      'bias_hh_l0_reverse',
      'weight_hr_l0_reverse',
    ])
    expect(names).toHaveLength(20)
    expect(layer.stateDict()['weight_ih_l1']!.shape).toEqual([12, 2])
  })

  test('drop between layers, during training', () => {
    const make = (dropout: number) => {
      manualSeed(1)
      return new GRU(2, 8, { numLayers: 2, dropout, generator: new Generator(4) })
    }
    const x = random([3, 2, 2])
    const [plain] = make(0).forward(x)
    const [dropped] = make(0.5).forward(x)
    const [evaluated] = make(0.5).eval().forward(x)
    expect(dropped.toArraySync()).not.toEqual(plain.toArraySync())
    expect(evaluated.toArraySync()).toEqual(plain.toArraySync())
  })

  test('name what does not fit', () => {
    expect(() => new RNN(3, 2).forward(zeros([4, 2]))).toThrow(
      'RNN(3, 2): the input is [4, 2]; it must be [T, N, 3] or [T, 3]',
    )
    expect(() => new GRU(3, 2).forward(zeros([4, 5, 3]), zeros([1, 4, 2]))).toThrow(
      'GRU(3, 2): h0 is [1, 4, 2]; it must be [1, 5, 2]',
    )
    expect(() => new RNN(3, 2).forward(zeros([0, 5, 3]))).toThrow('has no times')
    const state = [zeros([1, 5, 2]), zeros([5, 2])] as const
    expect(() => new LSTM(3, 2).forward(zeros([4, 5, 3]), state)).toThrow(
      'LSTM(3, 2): c0 is [5, 2]; it must be [1, 5, 2]',
    )
    expect(() => new LSTM(3, 2, { projSize: 2 })).toThrow(
      'LSTM: projSize is 2; it must be below hiddenSize = 2',
    )
    expect(() => new RNN(0, 2)).toThrow('RNN: inputSize is 0; it must be a whole number >= 1')
    expect(() => new RNN(1, 2, { dropout: 2 })).toThrow('RNN: dropout is 2; it must be in 0 .. 1')
    expect(() => new RNNCell(3, 2).forward(zeros([4, 2]))).toThrow(
      'RNNCell(3, 2): the input is [4, 2]; it must be [N, 3] or [3]',
    )
    expect(() => new GRUCell(3, 2).forward(zeros([4, 3]), zeros([2]))).toThrow(
      'GRUCell(3, 2): h is [2]; it must be [4, 2]',
    )
  })
})
