/** Products with something added: by cuBLASLt, by cuBLAS and a kernel, and by own kernels alone. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import type { View } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()

/** A window on a buffer of its own, that begins at `offset`. */
interface Window {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset?: number
}

interface Case {
  readonly a: Window
  readonly b: Window
  readonly c: Window
  readonly out?: Window
  /** How many products are cuBLASLt's. */
  readonly lt: number
}

const dense = (...shape: number[]): Window => ({
  shape,
  strides: shape.map((_, i) => shape.slice(i + 1).reduce((n, e) => n * e, 1)),
})
/** A window whose last two axes are the other way round in memory. */
const turned = (...shape: number[]): Window => {
  const { strides } = dense(...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!)
  return { shape, strides: [...strides.slice(0, -2), strides.at(-1)!, strides.at(-2)!] }
}
const repeats = (shape: readonly number[], strides: readonly number[]): Window => ({
  shape,
  strides,
})

const cases: Readonly<Record<string, Case>> = {
  'a bias': { a: dense(5, 7), b: dense(7, 6), c: repeats([5, 6], [0, 1]), lt: 1 },
  'a matrix': { a: dense(5, 7), b: dense(7, 6), c: dense(5, 6), lt: 1 },
  'a wider matrix': { a: dense(5, 7), b: dense(7, 6), c: repeats([5, 6], [9, 1]), lt: 1 },
  'one number': { a: dense(5, 7), b: dense(7, 6), c: repeats([5, 6], [0, 0]), lt: 0 },
  'a column': { a: dense(5, 7), b: dense(7, 6), c: repeats([5, 6], [1, 0]), lt: 0 },
  'a transposed matrix': { a: dense(5, 7), b: dense(7, 6), c: turned(5, 6), lt: 0 },
  'transposed operands': {
    a: turned(5, 7),
    b: turned(7, 6),
    c: repeats([5, 6], [0, 1]),
    lt: 1,
  },
  'windows that begin anywhere': {
    a: { ...dense(5, 7), offset: 3 },
    b: { ...dense(7, 6), offset: 1 },
    c: { ...repeats([5, 6], [0, 1]), offset: 5 },
    out: { ...dense(5, 6), offset: 2 },
    lt: 1,
  },
  'a result with gaps': {
    a: dense(5, 7),
    b: dense(7, 6),
    c: repeats([5, 6], [0, 1]),
    out: { shape: [5, 6], strides: [8, 1] },
    lt: 1,
  },
  'a transposed result': {
    a: dense(5, 7),
    b: dense(7, 6),
    c: repeats([5, 6], [0, 1]),
    out: turned(5, 6),
    lt: 0,
  },
  'batches of one b, as one product': {
    a: dense(3, 5, 7),
    b: repeats([3, 7, 6], [0, 6, 1]),
    c: repeats([3, 5, 6], [0, 0, 1]),
    lt: 1,
  },
  'batches with one bias': {
    a: dense(3, 5, 7),
    b: dense(3, 7, 6),
    c: repeats([3, 5, 6], [0, 0, 1]),
    lt: 1,
  },
  'batches with a bias each': {
    a: dense(3, 5, 7),
    b: dense(3, 7, 6),
    c: repeats([3, 5, 6], [10, 0, 1]),
    lt: 1,
  },
  'batches with a matrix each': {
    a: dense(2, 2, 5, 7),
    b: dense(2, 2, 7, 6),
    c: dense(2, 2, 5, 6),
    lt: 1,
  },
  'batches that lie apart': {
    a: { shape: [2, 3, 5, 7], strides: [200, 40, 7, 1] },
    b: dense(2, 3, 7, 6),
    c: repeats([2, 3, 5, 6], [0, 0, 0, 1]),
    lt: 2,
  },
  'a row': { a: dense(1, 7), b: dense(7, 6), c: dense(1, 6), lt: 1 },
  'a column of results': { a: dense(5, 7), b: dense(7, 1), c: repeats([5, 1], [0, 1]), lt: 1 },
  'no depth': { a: dense(5, 0), b: dense(0, 6), c: repeats([5, 6], [0, 1]), lt: 0 },
  'products that fill the GPU with large tiles': {
    a: dense(66, 8, 33),
    b: dense(66, 33, 130),
    c: repeats([66, 8, 130], [0, 0, 1]),
    lt: 1,
  },
  'a large product': { a: dense(70, 300), b: dense(300, 66), c: repeats([70, 66], [0, 1]), lt: 1 },
}

const size = (window: Window): number =>
  (window.offset ?? 0) +
  window.shape.reduce((last, extent, i) => last + (extent - 1) * window.strides[i]!, 1)

const at = ({ strides, offset = 0 }: Window, index: readonly number[]): number =>
  index.reduce((place, i, axis) => place + i * strides[axis]!, offset)

const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: Math.max(1, count) }, (_, i) => Math.sin(seed + 12.9898 * i))

/** Runs a case; the memory of the result, with 9 in all gaps. */
async function onDevice(device: CudaBackend, { a, b, c, out }: Case): Promise<Float32Array> {
  const result = out ?? dense(...c.shape)
  const filled = [numbers(size(a), 1), numbers(size(b), 2), numbers(size(c), 3)]
  filled.push(new Float32Array(size(result)).fill(9))
  const views = [a, b, c, result].map((window, i): View => {
    const buffer = device.alloc(filled[i]!.byteLength)
    device.write(buffer, filled[i]!)
    return { dtype: 'f32', offset: 0, ...window, buffer }
  })
  device.kernels.addmm!(...(views as [View, View, View, View]))
  const values = new Float32Array(await device.read(views[3]!.buffer))
  for (const { buffer } of views) device.free(buffer)
  return values
}

function byHand({ a, b, c, out }: Case): Float64Array {
  const result = out ?? dense(...c.shape)
  const [x, y, z] = [numbers(size(a), 1), numbers(size(b), 2), numbers(size(c), 3)]
  const values = new Float64Array(size(result)).fill(9)
  const visit = (index: readonly number[]): void => {
    const axis = index.length
    if (axis < c.shape.length) {
      for (let i = 0; i < c.shape[axis]!; i++) visit([...index, i])
      return
    }
    const [batch, m, n] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!]
    let sum = z[at(c, index)]!
    for (let k = 0; k < a.shape.at(-1)!; k++)
      sum += x[at(a, [...batch, m, k])]! * y[at(b, [...batch, k, n])]!
    values[at(result, index)] = sum
  }
  visit([])
  return values
}

describe.skipIf(missing !== undefined)(`addmm on cuda${because(missing)}`, () => {
  let device: CudaBackend
  let own: CudaBackend
  beforeAll(async () => {
    device = await cuda()
    const before = { ...process.env }
    process.env['NABLA_CUDA_CUBLAS'] = 'off'
    own = await cuda().finally(() => {
      process.env = before
    })
  })
  afterAll(() => {
    device.dispose()
    own.dispose()
  })

  test.each(Object.entries(cases))('%s', async (_, each) => {
    const wanted = byHand(each)
    const before = controls?.ltProducts()
    for (const on of [device, device, own]) {
      const values = await onDevice(on, each)
      expect(values).toHaveLength(wanted.length)
      values.forEach((value, i) => {
        expect(Math.abs(value - wanted[i]!)).toBeLessThan(1e-4)
      })
    }
    // A plan is used again; own kernels need none.
    if (before !== undefined) expect(controls!.ltProducts() - before).toBe(2 * each.lt)
  })
})
