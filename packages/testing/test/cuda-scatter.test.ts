/** Adding by index: equal indices add in order, to the last bit, whoever of the GPU's threads runs first. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import type { View } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()

interface Case {
  /** Of index and src. */
  readonly shape: readonly number[]
  readonly axis: number
  /** How many places the axis of the output has. */
  readonly places: number
  /** Strides of the index; dense where not given. */
  readonly index?: readonly number[]
  /** How many of the places are pointed at. */
  readonly used?: number
  readonly dtype?: 'f32' | 'i32'
}

const cases: Readonly<Record<string, Case>> = {
  'a short axis': { shape: [4, 5, 3], axis: 1, places: 7 },
  'one line': { shape: [200], axis: 0, places: 50 },
  'one line into few places': { shape: [200], axis: 0, places: 50, used: 3 },
  'rows by one index, as an embedding': { shape: [60, 9], axis: 0, places: 40, index: [1, 0] },
  'rows by one index that comes often': {
    shape: [60, 9],
    axis: 0,
    places: 40,
    index: [1, 0],
    used: 2,
  },
  'an index for each line, as pooling': { shape: [2, 48, 5], axis: 1, places: 90 },
  'the last axis': { shape: [3, 4, 33], axis: 2, places: 20 },
  'an index that one axis shares': { shape: [3, 40, 4], axis: 1, places: 30, index: [40, 1, 0] },
  'one index for all': { shape: [40, 3], axis: 0, places: 5, index: [0, 0] },
  integers: { shape: [50, 3], axis: 0, places: 12, dtype: 'i32' },
  'one place': { shape: [40, 6], axis: 0, places: 1 },
}

const dense = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((n, e) => n * e, 1))
const sizeOf = (shape: readonly number[]): number => shape.reduce((n, e) => n * e, 1)

function prepared({ shape, axis, places, index = dense(shape), used = places, dtype }: Case) {
  const last = shape.reduce((at, extent, i) => at + (extent - 1) * index[i]!, 0)
  // Of very different sizes, so that the order of a sum shows.
  const float = (i: number) => Math.sin(i * 12.9898) * 10 ** ((i * 7) % 9)
  const fill = (count: number, first: number): Float32Array | Int32Array =>
    dtype === 'i32'
      ? Int32Array.from({ length: count }, (_, i) => 2 ** 30 + i)
      : Float32Array.from({ length: count }, (_, i) => float(first + i))
  return {
    at: Int32Array.from({ length: last + 1 }, (_, i) => (i * 7919 + ((i * i) % 13)) % used),
    src: fill(sizeOf(shape), 1),
    out: fill(sizeOf(shape.with(axis, places)), 1000),
    strides: index,
  }
}

function byHand(each: Case): Float32Array | Int32Array {
  const { shape, axis, places } = each
  const { at, src, out, strides } = prepared(each)
  const [from, to] = [dense(shape), dense(shape.with(axis, places))]
  const visit = (index: readonly number[]): void => {
    if (index.length < shape.length) {
      for (let i = 0; i < shape[index.length]!; i++) visit([...index, i])
      return
    }
    const dot = (own: readonly number[], where: readonly number[]) =>
      where.reduce((sum, i, a) => sum + i * own[a]!, 0)
    const place = dot(to, index.with(axis, at[dot(strides, index)]!))
    // The arrays round, or wrap.
    out[place] = out[place]! + src[dot(from, index)]!
  }
  visit([])
  return out
}

describe.skipIf(missing !== undefined)(`scatterAdd on cuda${because(missing)}`, () => {
  let device: CudaBackend
  beforeAll(async () => {
    device = await cuda()
  })
  afterAll(() => device.dispose())

  async function onDevice(each: Case): Promise<Float32Array | Int32Array> {
    const { shape, axis, places, dtype = 'f32' } = each
    const { at, src, out, strides } = prepared(each)
    const whole = shape.with(axis, places)
    const views = [
      { data: out, dtype, shape: whole, strides: dense(whole) },
      { data: at, dtype: 'i32' as const, shape, strides },
      { data: src, dtype, shape, strides: dense(shape) },
    ].map(({ data, ...layout }): View => {
      const buffer = device.alloc(data.byteLength)
      device.write(buffer, data)
      return { ...layout, offset: 0, buffer }
    })
    const [to, index, from] = views as [View, View, View]
    device.kernels.scatterAdd!(to, index, from, axis)
    const bytes = await device.read(to.buffer)
    for (const { buffer } of views) device.free(buffer)
    return dtype === 'i32' ? new Int32Array(bytes) : new Float32Array(bytes)
  }

  const orders = controls ? (['forward', 'reverse', 'random'] as const) : (['forward'] as const)
  test.each(Object.entries(cases))('%s', async (_, each) => {
    const wanted = byHand(each)
    for (const order of orders) {
      controls?.setOrder(order)
      const result = await onDevice(each).finally(() => controls?.setOrder('forward'))
      expect(result).toEqual(wanted)
    }
  })
})
