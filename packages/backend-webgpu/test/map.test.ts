/** Maps four elements at a time give what maps of one element do, whatever they compute. */
import {
  contiguousStrides,
  type DeviceBuffer,
  type DType,
  index,
  type Program,
  position,
  program,
  type Scalar,
  select,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MapRunner } from '../src/codegen/map.ts'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { describeOnGpu } from './gpu.ts'
import { recording } from './recording.ts'

const momentum = program(
  { name: 'momentum', inputs: ['f32', 'f32', 'f32'], scalars: ['f32'] },
  (p, g, v, lr) => {
    const next = v!.mul(0.9).add(g!)
    return [p!.sub(next.mul(lr!)), next]
  },
)
/** Pairs of neighbours swap the signs of their numbers: what counts is where an element is. */
const numbered = program({ name: 'numbered', inputs: ['f32'] }, (x) =>
  x!.mul(position().and(1).cast('f32').mul(2).sub(1)).add(position().cast('f32')),
)
const where = program({ name: 'where', inputs: ['bool', 'i32', 'i32'] }, (c, a, b) => {
  const chosen = select(c!, a!, b!)
  return [chosen, chosen.gt(0)]
})
const add = program({ name: 'add', inputs: ['f32', 'f32'] }, (a, b) => a!.add(b!))
const columns = program({ name: 'columns', inputs: ['f32'] }, (x) => x!.add(index(1).cast('f32')))
const long = program({ name: 'long', inputs: ['f32'] }, (x) => {
  let y: Scalar = x!
  for (let i = 0; i < 70; i++) y = y.mul(1.01).add(i)
  return y
})

const guard = 8
const count = 2048

/** Values by number, as the words of a type: some of each sign, and whole. */
function words(dtype: DType, n: number, salt: number): Uint32Array<ArrayBuffer> {
  const whole = Array.from({ length: n }, (_, i) => ((i * 37 + salt * 11) % 23) - 11)
  if (dtype === 'f32') return new Uint32Array(Float32Array.from(whole).buffer)
  return Uint32Array.from(whole, (value) => (dtype === 'bool' ? Number(value > 0) : value))
}

function viewOf(dtype: DType, layout: Partial<View> = {}): View {
  const { shape = [count], offset = 0 } = layout
  const buffer = { bytes: 4 * (offset + sizeOf(shape)) }
  return { buffer, dtype, shape, strides: contiguousStrides(shape), offset, ...layout }
}

it('loads and stores four elements at once', async () => {
  const runtime = recording()
  const [p, g, v] = [viewOf('f32'), viewOf('f32', { strides: [0] }), viewOf('f32')]
  new MapRunner(runtime).run(momentum, [p, g, v], [p, v], [0.1])
  const [call] = runtime.calls
  expect(call!.groups).toEqual([8, 1, 1])
  await expect(call!.kernel.code).toMatchFileSnapshot('snapshots/momentum-by-fours.wgsl')
})

it('takes one element at a time where four do not fit', () => {
  const isWide = (program: Program, inputs: View[], output: View): boolean => {
    const runtime = recording()
    new MapRunner(runtime).run(program, inputs, [output], [])
    return runtime.calls[0]!.kernel.code.includes('vec4')
  }
  const x = viewOf('f32')
  expect(isWide(add, [x, x], viewOf('f32'))).toBe(true)
  expect(isWide(add, [x, viewOf('f32', { offset: 4 })], x)).toBe(true)
  // A row for every row, a number for every row, columns of a wider matrix.
  const matrix = viewOf('f32', { shape: [64, 32] })
  const row = (layout: Partial<View> = {}) =>
    viewOf('f32', { buffer: { bytes: 2 ** 14 }, shape: [64, 32], strides: [0, 1], ...layout })
  expect(isWide(add, [matrix, row()], matrix)).toBe(true)
  expect(isWide(add, [matrix, row({ strides: [1, 0] })], matrix)).toBe(true)
  expect(isWide(add, [matrix, row({ strides: [40, 1], offset: 8 })], matrix)).toBe(true)
  expect(isWide(add, [row(), row()], row({ strides: [40, 1] }))).toBe(true)
  // They begin within a vector, or end in one.
  expect(isWide(add, [matrix, row({ offset: 1 })], matrix)).toBe(false)
  expect(isWide(add, [matrix, row({ strides: [33, 1] })], matrix)).toBe(false)
  const slim = viewOf('f32', { shape: [1024, 6] })
  expect(isWide(add, [slim, row({ shape: [1024, 6] })], slim)).toBe(false)
  expect(isWide(add, [slim, row({ shape: [1024, 6], strides: [1, 0] })], slim)).toBe(false)
  // The number of an axis is another one for each element.
  expect(isWide(columns, [matrix], matrix)).toBe(false)
  // A view that begins within a vector, a count that ends in one, few elements, a view in other order.
  expect(isWide(add, [x, viewOf('f32', { offset: 2 })], x)).toBe(false)
  const odd = viewOf('f32', { shape: [2049] })
  expect(isWide(add, [odd, odd], odd)).toBe(false)
  const few = viewOf('f32', { shape: [64] })
  expect(isWide(add, [few, few], few)).toBe(false)
  const square = viewOf('f32', { shape: [64, 32] })
  const turned = viewOf('f32', { shape: [64, 32], strides: [1, 64] })
  expect(isWide(add, [square, turned], square)).toBe(false)
  // One element of a buffer that is read by fours as well.
  const first = { ...x, strides: [0] }
  expect(isWide(add, [x, first], viewOf('f32'))).toBe(false)
  expect(isWide(add, [x, viewOf('f32', { strides: [0] })], viewOf('f32'))).toBe(true)
  expect(isWide(long, [x], viewOf('f32'))).toBe(false)
})

describeOnGpu('maps by fours', () => {
  let device: WebGpuBackend
  beforeAll(async () => {
    device = await webgpu()
  })
  afterAll(() => {
    expect(device.gpuErrors).toBe(0)
    device.dispose()
  })

  /** All words of the outputs' buffers, where views begin `offset` after their guards. */
  async function outputs(
    program: Program,
    offset: number,
    repeated: readonly number[],
    inPlace: readonly number[],
    scalars: readonly number[],
  ): Promise<Uint32Array[]> {
    const place = (dtype: DType, salt: number, layout: Partial<View> = {}): View => {
      const all = new Uint32Array(count + 2 * guard).fill(77)
      all.set(words(dtype, count, salt), guard + offset)
      const buffer = device.alloc(all.byteLength)
      device.write(buffer, all)
      return viewOf(dtype, { buffer, offset: guard + offset, ...layout })
    }
    const inputs = program.inputs.map((dtype, i) =>
      place(dtype, i, repeated.includes(i) ? { strides: [0] } : {}),
    )
    const made = program.outputs.map((output, j) =>
      inPlace[j] === undefined ? place(program.code[output]!.dtype, 10 + j) : inputs[inPlace[j]]!,
    )
    device.map(program, inputs, made, scalars)
    const read = await Promise.all(made.map(({ buffer }) => device.read(buffer)))
    for (const { buffer } of new Set([...inputs, ...made])) device.free(buffer)
    return read.map((bytes) => {
      const all = new Uint32Array(bytes)
      expect([...all.subarray(0, guard + offset), ...all.subarray(guard + offset + count)]).toEqual(
        new Array(2 * guard).fill(77),
      )
      return all.slice(guard + offset, guard + offset + count)
    })
  }

  const cases: Readonly<
    Record<string, [Program, repeated: number[], inPlace: number[], number[]]>
  > = {
    'with two outputs over its inputs': [momentum, [], [0, 2], [0.1]],
    'with an operand that repeats': [momentum, [1], [0, 2], [0.1]],
    'with bools and integers': [where, [], [], []],
    'that count their elements': [numbered, [], [], []],
    'of few lines': [add, [], [], []],
  }
  for (const [name, [program, repeated, inPlace, scalars]] of Object.entries(cases))
    it(`${name}: the same bits as one by one`, async () => {
      const { compiled } = device.stats
      const fours = await outputs(program, 0, repeated, inPlace, scalars)
      const ones = await outputs(program, 1, repeated, inPlace, scalars)
      expect(device.stats.compiled - compiled).toBe(2)
      expect(fours).toEqual(ones)
      expect(new Set(fours[0]).size).toBeGreaterThan(3)
    })

  // Scale and shift of each column, a number for each row, every second row of a larger matrix.
  const layouts: Readonly<Record<string, readonly number[]>> = {
    'a row for every row': [0, 0, 1],
    'a row for some rows': [32, 0, 1],
    'a number for every row': [8, 1, 0],
    'a number for some rows': [1, 0, 0],
    'rows apart': [512, 64, 1],
  }
  for (const [name, strides] of Object.entries(layouts))
    it(`with ${name}: the same bits as one by one`, async () => {
      const shape = [8, 8, 32]
      const made: DeviceBuffer[] = []
      const run = async (offset: number): Promise<Float32Array> => {
        const place = (salt: number, layout: Partial<View> = {}): View => {
          const all = new Uint32Array(2 * count + guard)
          all.set(words('f32', 2 * count, salt), offset)
          const buffer = device.alloc(all.byteLength)
          made.push(buffer)
          device.write(buffer, all)
          return viewOf('f32', { buffer, shape, offset, ...layout })
        }
        const out = place(2, { strides: [512, 64, 1] })
        device.map(add, [place(0), place(1, { strides })], [out])
        return new Float32Array(await device.read(out.buffer)).slice(offset, offset + 2 * count)
      }
      const fours = await run(4)
      expect(fours).toEqual(await run(3))
      const [a, b] = [0, 1].map((salt) => new Float32Array(words('f32', 2 * count, salt).buffer))
      const wanted = new Float32Array(words('f32', 2 * count, 2).buffer)
      for (let i = 0; i < count; i++) {
        const at = [Math.floor(i / 256), Math.floor(i / 32) % 8, i % 32]
        const along = (steps: readonly number[]) =>
          at.reduce((sum, place, axis) => sum + place * steps[axis]!, 0)
        wanted[along([512, 64, 1])] = a![i]! + b![along(strides)]!
      }
      expect(fours).toEqual(wanted)
      for (const buffer of made) device.free(buffer)
    })
})
