import {
  arity,
  constant,
  type DType,
  index,
  type Program,
  position,
  program,
  type Scalar,
  select,
  showProgram,
} from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { Device, difference, generator, pick, type Random, randomValue } from '../../test/device.ts'
import { approximate } from '../../test/interpret.ts'

const device = await Device.open()

/** Runs a program on random views of a shape and compares with the interpreter. */
function check(
  random: Random,
  made: Program,
  shape: readonly number[],
  scalars: number[] = [],
): void {
  const inputs = made.inputs.map((dtype) => device.random(random, dtype, shape))
  const outputs = made.outputs.map((line) => device.empty(made.code[line]!.dtype, shape, random))
  const expected = device.expectedMap(made, shape, inputs, scalars)
  device.backend.map(made, inputs, outputs, scalars)
  for (const [i, output] of outputs.entries()) {
    const wrong = difference(device.read(output), expected[i]!)
    if (wrong)
      throw new Error(
        `[${shape}] ${JSON.stringify([...inputs, output].map((v) => v.strides))} ${scalars}: ` +
          `${wrong}\n${showProgram(made)}`,
      )
  }
  device.free()
}

const shapes: readonly (readonly number[])[] = [
  [],
  [1],
  [3],
  [4],
  [37],
  [5, 1],
  [3, 7],
  [20, 6],
  [2, 3, 5],
  [7, 1, 9],
  [2, 3, 2, 3],
  [2, 1, 3, 2, 5],
  [0],
  [3, 0, 2],
]

const numeric = ['f32', 'i32', 'u32'] as const
const words = ['i32', 'u32', 'bool'] as const
const all = ['f32', 'i32', 'u32', 'bool'] as const

/** Every primitive that gives exact results, with the dtypes it takes. */
const unary: readonly (readonly [string, readonly DType[], (x: Scalar) => Scalar])[] = [
  ['neg', numeric, (x) => x.neg()],
  ['abs', numeric, (x) => x.abs()],
  ['sign', numeric, (x) => x.sign()],
  ['floor', ['f32'], (x) => x.floor()],
  ['ceil', ['f32'], (x) => x.ceil()],
  ['round', ['f32'], (x) => x.round()],
  ['trunc', ['f32'], (x) => x.trunc()],
  ['sqrt', ['f32'], (x) => x.sqrt()],
  ['not', words, (x) => x.not()],
  ...all.map((to) => [`cast to ${to}`, all, (x: Scalar) => x.cast(to)] as const),
  ...numeric.map((to) => [`bitcast to ${to}`, all, (x: Scalar) => x.bitcast(to)] as const),
]

const binary: readonly (readonly [
  string,
  readonly DType[],
  (x: Scalar, y: Scalar | number) => Scalar,
])[] = [
  ['add', numeric, (x, y) => x.add(y)],
  ['sub', numeric, (x, y) => x.sub(y)],
  ['mul', numeric, (x, y) => x.mul(y)],
  ['div', ['f32'], (x, y) => x.div(y)],
  ['rem', numeric, (x, y) => x.rem(y)],
  ['min', numeric, (x, y) => x.min(y)],
  ['max', numeric, (x, y) => x.max(y)],
  ['mulhi', ['u32'], (x, y) => x.mulhi(y)],
  ['and', words, (x, y) => x.and(y)],
  ['or', words, (x, y) => x.or(y)],
  ['xor', words, (x, y) => x.xor(y)],
  ['shl', ['i32', 'u32'], (x, y) => x.shl(y)],
  ['shr', ['i32', 'u32'], (x, y) => x.shr(y)],
  ['lt', all, (x, y) => x.lt(y)],
  ['le', all, (x, y) => x.le(y)],
  ['gt', all, (x, y) => x.gt(y)],
  ['ge', all, (x, y) => x.ge(y)],
  ['eq', all, (x, y) => x.eq(y)],
  ['ne', all, (x, y) => x.ne(y)],
]

describe('map', () => {
  test.each(unary.flatMap(([name, dtypes, f]) => dtypes.map((dtype) => ({ name, dtype, f }))))(
    '$name of $dtype',
    ({ name, dtype, f }) => {
      const random = generator(1)
      const made = program({ name, inputs: [dtype] }, f)
      for (const shape of [[], [61], [3, 7], [9, 2]]) check(random, made, shape)
    },
  )

  test.each(binary.flatMap(([name, dtypes, f]) => dtypes.map((dtype) => ({ name, dtype, f }))))(
    '$name of $dtype',
    ({ name, dtype, f }) => {
      const random = generator(2)
      const made = program({ name, inputs: [dtype, dtype] }, f)
      for (const shape of [[], [203], [3, 7], [9, 2]]) check(random, made, shape)
      // Constants and scalars have code of their own.
      for (let i = 0; i < 8; i++) {
        const value = randomValue(random, dtype)
        const right = program({ name, inputs: [dtype] }, (x) => f(x!, constant(value, dtype)))
        const left = program({ name, inputs: [dtype] }, (x) => f(constant(value, dtype), x!))
        const scalar = program({ name, inputs: [dtype], scalars: [dtype] }, (x, s) => f(x!, s!))
        check(random, right, [41])
        check(random, left, [41])
        check(random, scalar, [41], [value])
      }
    },
  )

  test.each(['i32', 'u32'] as const)('div of %s truncates; by zero it does not trap', (dtype) => {
    const divide = program({ name: 'div', inputs: [dtype, dtype] }, (x, y) => x!.div(y!))
    const values =
      dtype === 'i32'
        ? [7, -7, 2147483647, -2147483648, 1, 0, 2147483646]
        : [7, 4294967295, 2147483648, 1, 0, 4294967294, 3]
    const pairs = values.flatMap((a) => values.map((b) => [a, b] as const))
    const a = device.view(
      dtype,
      [pairs.length],
      pairs.map(([x]) => x),
    )
    const b = device.view(
      dtype,
      [pairs.length],
      pairs.map(([, y]) => y),
    )
    const out = device.empty(dtype, [pairs.length])
    device.backend.map(divide, [a, b], [out])
    const fit = (x: number): number => (dtype === 'i32' ? x | 0 : x >>> 0)
    for (const [i, value] of device.read(out).entries()) {
      const [x, y] = pairs[i]!
      if (y !== 0) expect([x, y, value]).toEqual([x, y, fit(Math.trunc(x / y))])
    }
    device.free()
  })

  test('select keeps NaN of the side not taken out, in each of its short forms', () => {
    const random = generator(3)
    const choose = (name: string, f: (x: Scalar, y: Scalar) => Scalar): Program =>
      program({ name, inputs: ['f32', 'f32'] }, f as (...leaves: Scalar[]) => Scalar)
    const zero = constant(0, 'f32')
    for (const made of [
      choose('select', (x, y) => select(x.lt(0.5), x, y)),
      choose('or zero', (x, y) => select(x.lt(y), x, 0)),
      choose('zero or', (x, y) => select(x.lt(y), zero, x)),
      choose('pmin', (x, y) => select(x.lt(y), x, y)),
      choose('pmax', (x, y) => select(x.lt(y), y, x)),
      choose('or minus zero', (x, y) => select(x.lt(y), x, -0)),
    ])
      for (const shape of [[200], [9, 3]]) check(random, made, shape)
  })

  test('every primitive of the contract is among the tests', () => {
    const leaves = ['input', 'scalar', 'constant', 'index', 'position', 'select']
    const exact = [...unary, ...binary].map(([name]) => name.split(' ')[0]!)
    const tested = new Set([...leaves, ...exact, ...Object.keys(approximate)])
    expect(Object.keys(arity).filter((name) => !tested.has(name))).toEqual([])
  })

  test('index and position count in the original shape, on any layout', () => {
    const random = generator(4)
    for (const shape of shapes) {
      if (shape.length === 0) continue
      for (let round = 0; round < 6; round++) {
        const axis = Math.floor(random() * shape.length)
        const other = Math.floor(random() * shape.length)
        const numbers = program({ name: 'numbers', inputs: ['i32'] }, (x) => [
          index(axis).mul(1000).add(index(other)).add(x!),
          position().cast('i32').sub(x!),
          position(),
        ])
        check(random, numbers, shape)
      }
      check(
        random,
        program({ name: 'iota', inputs: [] }, () => position().cast('f32')),
        shape,
      )
    }
  })

  test('random programs of many inputs and outputs on random layouts', () => {
    const random = generator(5)
    for (let round = 0; round < 250; round++) {
      const { made, scalars } = randomProgram(random)
      check(random, made, pick(random, shapes), scalars)
    }
  })

  test('more operands than a numbered key holds', () => {
    const random = generator(6)
    const inputs = new Array<DType>(40).fill('i32')
    const sum = program({ name: 'many', inputs }, (...x) => x.reduce((a, b) => a.add(b)))
    for (const shape of [[21], [4, 5], [4, 5], [3, 1, 7]]) check(random, sum, shape)
  })

  test('in place, several outputs: an optimizer step', () => {
    const signature = { name: 'momentum', inputs: ['f32', 'f32', 'f32'], scalars: ['f32'] } as const
    const step = program(signature, (p, g, m, lr) => {
      const next = m!.mul(0.5).add(g!)
      return [p!.sub(next.mul(lr!)), next]
    })
    for (const n of [1, 5, 16, 1003]) {
      const data = (k: number): number[] => Array.from({ length: n }, (_, i) => (i % 17) * k)
      const [p, g, m] = [1, 2, 4].map((k) => device.view('f32', [n], data(k)))
      const expected = device.expectedMap(step, [n], [p!, g!, m!], [0.25])
      device.backend.map(step, [p!, g!, m!], [p!, m!], [0.25])
      expect(difference(device.elements(p!), expected[0]!)).toBe('')
      expect(difference(device.elements(m!), expected[1]!)).toBe('')
      device.free()
    }
  })

  test('large tensors, in pieces', () => {
    const n = 200_003
    const add = program({ name: 'add', inputs: ['f32', 'f32'] }, (x, y) => x!.add(y!))
    const count = program({ name: 'count', inputs: [] }, () => position())
    const x = device.view(
      'f32',
      [n],
      Array.from({ length: n }, (_, i) => i % 1000),
    )
    const row = device.view('f32', [1], [1])
    const out = device.empty('f32', [n])
    device.backend.map(add, [x, { ...row, shape: [n], strides: [0] }], [out])
    expect(device.read(out).every((value, i) => value === (i % 1000) + 1)).toBe(true)
    const numbers = device.empty('u32', [n])
    device.backend.map(count, [], [numbers])
    expect(device.read(numbers).every((value, i) => value === i)).toBe(true)
    const [rows, columns] = [401, 499]
    const turned = device.empty('u32', [rows * columns])
    device.backend.map(count, [], [{ ...turned, shape: [rows, columns], strides: [1, rows] }])
    const wrong = device
      .read(turned)
      .findIndex((value, i) => value !== (i % rows) * columns + Math.floor(i / rows))
    expect(wrong).toBe(-1)
    device.free()
  })

  test('transposed views, in tiles', () => {
    const random = generator(15)
    const weigh = program({ name: 'weigh', inputs: ['i32', 'i32'] }, (x, y) => [
      x!.add(y!).add(index(1)),
      position(),
    ])
    for (const [rows, columns] of [
      [64, 64],
      [70, 131],
      [33, 200],
    ] as const)
      for (const strides of [
        [1, rows],
        [-1, rows],
        [1, rows + 5],
      ]) {
        const data = Array.from({ length: (rows + 5) * columns }, () => randomValue(random, 'i32'))
        const offset = strides[0]! < 0 ? rows - 1 : 0
        const turned = device.view('i32', [rows, columns], data, { strides, offset })
        const plain = device.view('i32', [rows, columns], data)
        const outputs = [0, 1].map((i) => device.empty(i ? 'u32' : 'i32', [rows, columns]))
        device.backend.map(weigh, [turned, plain], outputs)
        const expected = device.expectedMap(weigh, [rows, columns], [turned, plain])
        for (const [i, output] of outputs.entries())
          expect(difference(device.read(output), expected[i]!)).toBe('')
        device.free()
      }
  })

  test('an element has the same bits wherever it falls', () => {
    const f = program({ name: 'f', inputs: ['f32'] }, (x) =>
      x!.tanh().add(x!.sin()).mul(x!.erf()).sub(x!.exp().log1p()),
    )
    const n = 67
    const random = generator(7)
    const values = Array.from({ length: n }, () => (random() - 0.5) * 20)
    const run = (strides: number[], data: number[]): number[] => {
      const out = device.empty('f32', [n])
      device.backend.map(f, [device.view('f32', [n], data, { strides, offset: 0 })], [out])
      return device.read(out)
    }
    const dense = run([1], values)
    const spread = run(
      [3],
      values.flatMap((value) => [value, 9, 9]),
    )
    expect(spread).toEqual(dense)
    for (const [i, value] of values.entries()) {
      const out = device.empty('f32', [1])
      device.backend.map(f, [device.view('f32', [1], [value])], [out])
      expect(device.read(out)).toEqual([dense[i]])
    }
    device.free()
  })
})

/** A program of up to 24 exact steps over inputs of all dtypes. */
function randomProgram(random: Random): { made: Program; scalars: number[] } {
  const inputs = Array.from({ length: 1 + Math.floor(random() * 5) }, () => pick(random, all))
  const scalarTypes = Array.from({ length: Math.floor(random() * 3) }, () => pick(random, all))
  const scalars = scalarTypes.map((dtype) => randomValue(random, dtype))
  const made = program({ name: 'random', inputs, scalars: scalarTypes }, (...leaves) => {
    const nodes = [...leaves, position().cast('f32')]
    const withType = (dtype: DType): Scalar => {
      const fitting = nodes.filter((node) => node.dtype === dtype)
      return fitting.length > 0 && random() < 0.8
        ? pick(random, fitting)
        : constant(randomValue(random, dtype), dtype)
    }
    for (let i = Math.floor(random() * 24); i >= 0; i--) {
      if (random() < 0.2) {
        const dtype = pick(random, all)
        nodes.push(select(withType('bool'), withType(dtype), withType(dtype)))
      } else if (random() < 0.3) {
        const [, dtypes, f] = pick(random, unary)
        nodes.push(f(withType(pick(random, dtypes))))
      } else {
        // A min of 0 and -0 may be either, and a quotient would tell them apart.
        const [, dtypes, f] = pick(
          random,
          binary.filter(([name]) => name !== 'div'),
        )
        const dtype = pick(random, dtypes)
        nodes.push(f(withType(dtype), withType(dtype)))
      }
    }
    const count = 1 + Math.floor(random() * 3)
    return Array.from({ length: count }, (_, i) => nodes[Math.max(0, nodes.length - 1 - i)]!)
  })
  return { made, scalars }
}
