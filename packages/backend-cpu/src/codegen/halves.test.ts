import {
  DeviceError,
  DTypeError,
  index,
  type Program,
  program,
  type Reduction,
  ShapeError,
  select,
  type View,
} from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { Device, difference, generator, pick } from '../../test/device.ts'

const device = await Device.open()

const halves = ['f16', 'bf16'] as const
const shapes = [[], [1], [5], [64], [3, 7], [20, 6], [1, 9], [2, 3, 5], [4, 1, 3, 2], [0, 3]]

const double = program({ name: 'double', inputs: ['f16'] }, (x) => x!.mul(2))
const copy = program({ name: 'copy', inputs: ['f16'] }, (x) => x!)

/** All that a program can do with halves. */
const programs: readonly Program[] = halves.flatMap((dtype) => [
  program({ name: 'copy', inputs: [dtype] }, (x) => x!),
  program({ name: 'widen', inputs: [dtype] }, (x) => x!.cast('f32')),
  program({ name: 'narrow', inputs: ['f32'] }, (x) => x!.cast(dtype)),
  program({ name: 'whole', inputs: [dtype] }, (x) => x!.cast('i32')),
  program({ name: 'unused', inputs: [dtype] }, () => index(0).cast(dtype)),
  program(
    { name: 'mixed', inputs: [dtype, 'f16', 'f32', 'bool'], scalars: ['f32'] },
    (x, y, z, mask, factor) => [
      x!.cast('f32').mul(factor!).add(z!).cast('bf16'),
      select(mask!, x!, y!.cast(dtype)),
      y!,
      x!.cast('f32').lt(z!),
    ],
  ),
])

describe('halves', () => {
  test('maps on random layouts; nothing else is written', () => {
    const random = generator(11)
    for (let round = 0; round < 30; round++)
      for (const made of programs)
        for (const shape of shapes) {
          if (made.usesIndex && shape.length === 0) continue
          const inputs = made.inputs.map((dtype) => device.random(random, dtype, shape))
          const outputs = made.outputs.map((line) =>
            device.empty(made.code[line]!.dtype, shape, random),
          )
          const scalars = made.scalars.map(() => 1.5)
          const expected = device.expectedMap(made, shape, inputs, scalars)
          device.backend.map(made, inputs, outputs, scalars)
          for (const [i, output] of outputs.entries()) {
            const strides = [...inputs, output].map((view) => view.strides)
            const wrong = difference(device.read(output), expected[i]!)
            expect(wrong, `${made.name} [${shape}] ${JSON.stringify(strides)}`).toBe('')
          }
          device.free()
        }
  })

  test('reductions on random layouts', () => {
    const random = generator(12)
    for (let round = 0; round < 20; round++)
      for (const dtype of halves)
        for (const [shape, kept] of [
          [[5], [1]],
          [
            [3, 7],
            [3, 1],
          ],
          [
            [2, 9, 3],
            [1, 9, 1],
          ],
          [
            [200, 70],
            [1, 70],
          ],
        ] as const) {
          const combine = pick(random, ['max', 'min', 'argmax', 'argmin'] as const)
          const identity = program({ name: 'identity', inputs: [dtype] }, (x) => x!.cast('f32'))
          const finish = program({ name: 'finish', inputs: ['f32'] }, (x) => x!.neg().cast(dtype))
          const finds = combine.startsWith('arg')
          const reduction: Reduction = { program: identity, combine, ...(!finds && { finish }) }
          const input = device.random(random, dtype, shape)
          const output = device.empty(finds ? 'i32' : dtype, kept, random)
          const expected = device.expectedReduce(reduction, shape, [input], kept)
          device.backend.reduce(reduction, [input], output)
          expect(difference(device.read(output), expected), `${combine} [${shape}]`).toBe('')
          device.free()
        }
  })

  test('a reduction of halves without a finish gives halves', () => {
    const largest: Reduction = { program: copy, combine: 'max' }
    const out = device.empty('f16', [2, 1])
    device.backend.reduce(largest, [device.view('f16', [2, 3], [1, 5, 2, -4, -3, -9])], out)
    expect(device.read(out)).toEqual([5, -3])
    device.backend.reduce(largest, [device.view('f16', [2, 0], [])], out)
    expect(device.read(out)).toEqual([-Infinity, -Infinity])
    device.free()
  })

  test('a sum of long columns, which is made of parts, is rounded once', () => {
    const [rows, columns] = [8000, 40]
    const terms = program({ name: 'terms', inputs: ['f16'] }, (x) => x!.cast('f32'))
    const finish = program({ name: 'rest', inputs: ['f32'] }, (x) => x!.sub(rows).cast('f16'))
    const out = device.empty('f16', [1, columns])
    // Sums of some hundreds of the first are no multiples of 0.5, which is what f16 could hold of them.
    const values = Array.from({ length: rows * columns }, (_, i) => (i % 2 ? 1 : 1 + 2 ** -10))
    const before = device.backend.compiledKernels
    const x = device.view('f16', [rows, columns], values)
    device.backend.reduce({ program: terms, combine: 'sum', finish }, [x], out)
    expect(device.backend.compiledKernels - before).toBeGreaterThan(1)
    expect(device.read(out)).toEqual(
      Array.from({ length: columns }, (_, i) => (i % 2 ? 0 : rows * 2 ** -10)),
    )
    device.free()
  })
})

describe('halves and memory', () => {
  const view = (at: View, more: Partial<View>): View => ({ ...at, ...more })

  test('a tensor of halves takes two bytes an element, and scratch memory is no buffer', () => {
    const { backend } = device
    const before = backend.memory()
    const x = device.empty('f16', [1001])
    const held = { buffers: before.buffers + 1, bytes: before.bytes + 2002 }
    expect(backend.memory()).toMatchObject(held)
    backend.resetPeak()
    backend.map(double, [x], [x])
    expect(backend.memory()).toEqual({ ...held, peakBytes: held.bytes })
    device.free()
  })

  test('a view takes scratch memory for what it reaches, and gives it back', async () => {
    const small = await Device.open({ memoryLimit: 1 << 22 })
    const column = view(small.empty('f16', [1 << 20]), {
      shape: [1000],
      strides: [1000],
      offset: 7,
    })
    const out = small.empty('f16', [1000])
    // Each call that failed would leave its scratch memory behind.
    const short = view(out, { shape: [999] })
    for (let i = 0; i < 2000; i++) {
      small.backend.map(double, [column], [out])
      expect(() => small.backend.map(double, [column], [short])).toThrow(ShapeError)
    }
    small.backend.dispose()
  })

  test('errors name the op', async () => {
    const { backend } = await Device.open({ memoryLimit: 1 << 22 })
    const made = (bytes: number): View => {
      const shape = [bytes / 2]
      return { buffer: backend.alloc(bytes), dtype: 'f16', shape, strides: [1], offset: 0 }
    }
    const x = made(8)
    expect(() => backend.map(double, [view(x, { dtype: 'bf16' })], [x])).toThrow(
      'double: input 0 is bf16; it must be f16',
    )
    expect(() => backend.map(double, [x], [view(x, { dtype: 'f32' })])).toThrow(DTypeError)
    expect(() => backend.map(double, [x], [view(x, { offset: 1 })])).toThrow(
      'double: a view reaches elements 1 to 4 of a buffer of 4',
    )
    expect(() => backend.map(copy, [x], [view(x, { shape: [2] })])).toThrow('copy: views of [4]')
    const widen = program({ name: 'widen', inputs: ['f16'] }, (a) => a!.cast('f32'))
    const wide = view(made(16), { dtype: 'f32', shape: [4] })
    expect(() => backend.map(widen, [x], [view(wide, { shape: [3] })])).toThrow('widen: views of')
    expect(() => backend.map(widen, [view(x, { offset: 1 })], [wide])).toThrow('widen: a view')
    const large = made(1 << 21)
    expect(() => backend.map(double, [large], [large])).toThrow(DeviceError)
    expect(() => backend.map(double, [large], [large])).toThrow(
      'double: no room for 4194304 bytes: 3 buffers hold 2097176 bytes',
    )
    const freed = made(8)
    backend.free(freed.buffer)
    expect(() => backend.map(double, [freed], [x])).toThrow('double: the buffer was freed')
    backend.dispose()
    const disposed = /^\w+: the cpu device was disposed$/
    expect(() => backend.map(double, [x], [x])).toThrow(disposed)
    expect(() => backend.map(widen, [x], [wide])).toThrow(disposed)
    const fill = program({ name: 'fill', inputs: [] }, () => index(0).cast('f16'))
    expect(() => backend.map(fill, [], [x])).toThrow(disposed)
    const largest = { program: copy, combine: 'max' } as const
    expect(() => backend.reduce(largest, [x], x)).toThrow(disposed)
  })
})
