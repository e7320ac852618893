import {
  type Combine,
  type DType,
  index,
  type Program,
  position,
  program,
  type Reduction,
  type View,
} from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { Device, difference, generator, pick, type Random } from '../../test/device.ts'

const device = await Device.open()

const combines = ['sum', 'prod', 'max', 'min', 'argmax', 'argmin'] as const
const numeric = ['f32', 'i32', 'u32'] as const

/** The value itself. */
function identity(dtype: DType): Program {
  return program({ name: 'identity', inputs: [dtype] }, (x) => x!)
}

function outputType({ program: { code, outputs }, combine, finish }: Reduction): DType {
  if (finish) return finish.code[finish.outputs[0]!]!.dtype
  return combine.startsWith('arg') ? 'i32' : code[outputs[0]!]!.dtype
}

/** The view as a tensor is one: what it has is not its own, and spreading it would lose that. */
function inherited(view: View): View {
  return Object.create(view)
}

/** Reduces the axes where `output` is 1 and compares with the plain loops. */
function check(
  random: Random,
  reduction: Reduction,
  inputs: readonly View[],
  output: readonly number[],
  scalars: number[] = [],
): void {
  const { shape } = inputs[0]!
  const out = device.empty(outputType(reduction), output, random)
  const expected = device.expectedReduce(reduction, shape, inputs, output, scalars)
  device.backend.reduce(reduction, inputs.map(inherited), inherited(out), scalars)
  const wrong = difference(device.read(out), expected)
  if (wrong)
    throw new Error(
      `${reduction.combine} [${shape}] to [${output}] ` +
        `${JSON.stringify([...inputs, out].map((view) => view.strides))}: ${wrong}`,
    )
}

/** Values whose float sums and products are exact in any order; ties, and now and then a NaN. */
function values(random: Random, combine: Combine, dtype: DType, count: number): number[] {
  const nan = dtype === 'f32' && random() < 0.3
  const factors = dtype === 'f32' ? [1, 1, 2, 0.5] : [1, 1, 1, 2, 3]
  const list = combine === 'prod' ? factors : [0, 1, 2, 3, 4, 5, 6, 7]
  return Array.from({ length: count }, () => {
    if (nan && random() < 0.05) return Number.NaN
    const value = pick(random, list)
    return dtype === 'u32' || random() < 0.5 ? value : -value
  })
}

const shapes: readonly (readonly number[])[] = [
  [1],
  [7],
  [16],
  [67],
  [300],
  [3, 5],
  [5, 33],
  [33, 5],
  [20, 20],
  [130, 3],
  [2, 3, 4],
  [9, 1, 6],
  [4, 17, 3],
  [3, 4, 2, 5],
  [2, 3, 1, 5, 2],
]

describe('reduce', () => {
  test.each(combines.flatMap((combine) => numeric.map((dtype) => ({ combine, dtype }))))(
    '$combine of $dtype over any axes of any layout',
    ({ combine, dtype }) => {
      const random = generator(combine.length + dtype.charCodeAt(0))
      for (const shape of shapes)
        for (let round = 0; round < 8; round++) {
          const output = shape.map((extent) => (random() < 0.5 ? 1 : extent))
          const input = device.random(random, dtype, shape)
          const data = values(random, combine, dtype, input.buffer.bytes / 4)
          const view = device.view(dtype, shape, data, input)
          check(random, { program: identity(dtype), combine }, [view], output)
          device.free()
        }
    },
  )

  test.each(['max', 'min', 'argmax', 'argmin'] as const)('%s of special values', (combine) => {
    const random = generator(8)
    for (const dtype of [...numeric, 'bool'] as const)
      for (const shape of [[1], [5], [40], [6, 7], [70, 3], [3, 70]])
        for (const output of [
          [1, 1],
          [1, shape[1]],
          [shape[0], 1],
        ]) {
          const own = shape.length === 1 ? [1] : (output as number[])
          const reduction = { program: identity(dtype), combine }
          check(random, reduction, [device.random(random, dtype, shape)], own)
          device.free()
        }
  })

  test.each(['max', 'min', 'argmax', 'argmin'] as const)(
    '%s where everything is the neutral value, or one NaN is anywhere',
    (combine) => {
      const random = generator(9)
      const worst = combine.endsWith('max') ? -Infinity : Infinity
      const reduction = { program: identity('f32'), combine }
      for (const n of [1, 3, 4, 21, 64])
        for (let at = -1; at < n; at++) {
          const data = Array.from({ length: n }, (_, i) => (i === at ? Number.NaN : worst))
          check(random, reduction, [device.view('f32', [n], data)], [1])
          const columns = data.flatMap((value) => [0, value, 0, 0, value])
          check(random, reduction, [device.view('f32', [n, 5], columns)], [1, 5])
          device.free()
        }
      for (const dtype of ['i32', 'u32'] as const) {
        const [low, high] = dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
        const view = device.view(dtype, [9], new Array(9).fill(worst < 0 ? low : high))
        check(random, { program: identity(dtype), combine }, [view], [1])
      }
      device.free()
    },
  )

  test('programs of several inputs with scalars, index and position, and a finish', () => {
    const random = generator(10)
    const weigh = program({ name: 'weigh', inputs: ['i32', 'bool'], scalars: ['i32'] }, (x, m, s) =>
      x!.rem(11).mul(s!).add(m!.cast('i32')).add(index(1)).add(position().cast('i32')),
    )
    const halve = program({ name: 'halve', inputs: ['i32'], scalars: ['i32'] }, (x, s) =>
      x!.cast('f32').mul(0.5).add(s!.cast('f32')),
    )
    for (const combine of combines)
      for (const shape of [
        [3, 4],
        [40, 1],
        [5, 21],
        [4, 3, 6],
        [21, 2, 5],
      ])
        for (let round = 0; round < 4; round++) {
          const output = shape.map((extent) => (random() < 0.5 ? 1 : extent))
          const inputs = (['i32', 'bool'] as const).map((t) => device.random(random, t, shape))
          check(random, { program: weigh, combine }, inputs, output, [3])
          check(random, { program: weigh, combine, finish: halve }, inputs, output, [3])
          device.free()
        }
  })

  test('a program that computes nothing from its inputs', () => {
    const count = program({ name: 'count', inputs: ['f32'] }, (x) => x!.eq(x!).cast('i32').max(1))
    const random = generator(11)
    const input = device.view('f32', [6, 5], new Array(30).fill(Number.NaN))
    check(random, { program: count, combine: 'sum' }, [input], [6, 1])
    check(random, { program: count, combine: 'sum' }, [input], [1, 5])
    device.free()
  })

  test('no elements: the neutral value, finished', () => {
    const neutral = { sum: 0, prod: 1, max: -Infinity, min: Infinity, argmax: 0, argmin: 0 }
    const add = program({ name: 'add', inputs: ['f32'], scalars: ['f32'] }, (x, s) => x!.add(s!))
    const input = program({ name: 'x', inputs: ['f32'], scalars: ['f32'] }, (x) => x!)
    const empty = device.view('f32', [3, 0], [])
    for (const combine of combines) {
      const reduction = { program: input, combine }
      const out = device.empty(outputType(reduction), [3, 1])
      device.backend.reduce(reduction, [empty], out, [5])
      expect(device.read(out)).toEqual(new Array(3).fill(neutral[combine]))
    }
    const out = device.empty('f32', [3, 1])
    device.backend.reduce({ program: input, combine: 'sum', finish: add }, [empty], out, [5])
    expect(device.read(out)).toEqual([5, 5, 5])
    const none = device.empty('f32', [0, 1])
    device.backend.reduce(
      { program: input, combine: 'sum' },
      [{ ...empty, shape: [0, 3] }],
      none,
      [5],
    )
    device.free()
  })

  test('sums of floats keep their digits', () => {
    const random = generator(12)
    const n = 1_000_003
    const data = Float32Array.from({ length: n }, () => random())
    let exact = 0
    for (const value of data) exact += value
    const flat = device.view('f32', [n], data)
    const sum = (shape: number[], output: number[]): number[] => {
      const out = device.empty('f32', output)
      const view = { ...flat, shape, strides: shape.length === 1 ? [1] : [shape[1]!, 1] }
      device.backend.reduce({ program: identity('f32'), combine: 'sum' }, [view], out)
      return device.read(out)
    }
    expect(sum([n], [1])[0]).toBe(Math.fround(exact))
    // As columns, each against its own sum: two units in the last place.
    for (const columns of [3, 4, 20, 64]) {
      const rows = Math.floor(n / columns)
      const totals = new Float64Array(columns)
      for (let i = 0; i < rows * columns; i++) totals[i % columns]! += data[i]!
      for (const [i, value] of sum([rows, columns], [1, columns]).entries())
        expect(Math.abs(value / totals[i]! - 1)).toBeLessThan(2 ** -22)
    }
    // A float counter would stop at 2^24.
    const ones = device.view('f32', [1], [1])
    for (const [shape, output, strides] of [
      [[2 ** 24 + 2], [1], [0]],
      [
        [2 ** 23 + 1, 2],
        [1, 2],
        [0, 0],
      ],
    ] as const) {
      const out = device.empty('f32', output)
      const view = { ...ones, shape, strides }
      device.backend.reduce({ program: identity('f32'), combine: 'sum' }, [view], out)
      expect(new Set(device.read(out))).toEqual(new Set([shape[0]]))
    }
    device.free()
  })

  test('narrow matrices of very many rows, in parts', () => {
    const [rows, columns] = [5001, 40]
    const data = Int32Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 1000)
    const totals = new Array<number>(columns).fill(0)
    for (const [i, value] of data.entries()) totals[i % columns]! += value
    const view = device.view('i32', [rows, columns], data)
    const double = program({ name: 'double', inputs: ['i32'] }, (x) => x!.mul(2))
    const out = device.empty('i32', [1, columns])
    const reduction = { program: identity('i32'), combine: 'sum', finish: double } as const
    device.backend.reduce(reduction, [view], out)
    expect(device.read(out)).toEqual(totals.map((total) => 2 * total))
    device.free()
  })

  test('wide matrices of many rows, in parts', () => {
    const random = generator(14)
    const scale = program({ name: 'scale', inputs: ['f32'], scalars: ['f32'] }, (x, s) =>
      x!.mul(s!).add(1),
    )
    const input = (shape: number[], strides: number[]): View =>
      device.view('f32', shape, values(random, 'sum', 'f32', 70_000), { strides, offset: 3 })
    for (const [shape, output, strides] of [
      [
        [64, 512],
        [1, 512],
        [512, 1],
      ],
      [
        [67, 70],
        [1, 70],
        [512, 1],
      ],
      [
        [67, 3, 70],
        [1, 1, 70],
        [512, 100, 1],
      ],
      [
        [2, 41, 3, 70],
        [2, 1, 3, 70],
        [210, 1024, 70, 1],
      ],
    ] as [number[], number[], number[]][])
      for (const combine of combines) {
        const own = combine === 'prod' ? identity('f32') : scale
        const scalars = combine === 'prod' ? [] : [2]
        const view = input(shape, strides)
        check(random, { program: own, combine }, [view], output, scalars)
        if (!combine.startsWith('arg') && combine !== 'prod')
          check(random, { program: scale, combine, finish: scale }, [view], output, [2])
        device.free()
      }
    expect(device.backend.memory().bytes).toBe(0)
  })

  test('many short runs are summed as carefully as one long one', () => {
    const [rows, width] = [200_000, 3]
    const tenth = Math.fround(0.1)
    const data = new Float32Array(rows * 4).fill(tenth)
    const view = device.view('f32', [rows, width], data, { strides: [4, 1], offset: 0 })
    const out = device.empty('f32', [1, 1])
    device.backend.reduce({ program: identity('f32'), combine: 'sum' }, [view], out)
    expect(Math.abs(device.read(out)[0]! / (rows * width * tenth) - 1)).toBeLessThan(2 ** -21)
    device.free()
  })

  test('infinities and NaN travel through sums', () => {
    const sum = (data: number[]): number => {
      const out = device.empty('f32', [1])
      const reduction = { program: identity('f32'), combine: 'sum' } as const
      device.backend.reduce(reduction, [device.view('f32', [data.length], data)], out)
      return device.read(out)[0]!
    }
    const padding = new Array(300).fill(1)
    expect(sum([...padding, Infinity])).toBe(Infinity)
    expect(sum([-Infinity, ...padding])).toBe(-Infinity)
    expect(sum([Infinity, ...padding, -Infinity])).toBe(Number.NaN)
    expect(sum([...padding, Number.NaN])).toBe(Number.NaN)
    device.free()
  })

  test('the same bits every time', () => {
    const random = generator(13)
    const data = Float32Array.from({ length: 70_000 }, () => random() - 0.5)
    const view = device.view('f32', [700, 100], data)
    const bits = (output: number[]): string => {
      const out = device.empty('f32', output)
      device.backend.reduce({ program: identity('f32'), combine: 'sum' }, [view], out)
      return new Uint32Array(device.backend.readSync(out.buffer)).join()
    }
    for (const output of [
      [1, 1],
      [1, 100],
      [700, 1],
    ])
      expect(new Set([0, 1, 2].map(() => bits(output))).size).toBe(1)
    device.free()
  })
})
