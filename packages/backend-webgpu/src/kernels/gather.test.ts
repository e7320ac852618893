import type { View } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import {
  difference,
  generator,
  kernelTests,
  type TestKernels,
  testDevices,
  whole,
} from '../../test/kernels.ts'

type Shape = readonly number[]

function placesOf(shape: Shape): number[][] {
  let list: number[][] = [[]]
  for (const extent of shape)
    list = list.flatMap((at) => Array.from({ length: extent }, (_, i) => [...at, i]))
  return list
}

const flat = (shape: Shape, at: readonly number[]) =>
  at.reduce((sum, i, axis) => sum * shape[axis]! + i, 0)
const volume = (shape: Shape) => shape.reduce((size, extent) => size * extent, 1)

/** Row-major strides of `shape` with its axes stored in the opposite order. */
function reversed(shape: Shape): number[] {
  let stride = 1
  return shape.map((extent) => {
    const own = stride
    stride *= extent
    return own
  })
}

function suite(t: TestKernels): void {
  async function check(
    shape: Shape,
    extent: number,
    axis: number,
    { dtype = 'f32', turn = false, shared = false } = {} as {
      dtype?: 'f32' | 'i32' | 'u32'
      turn?: boolean
      /** Whether the index repeats along all other axes. */
      shared?: boolean
    },
  ) {
    const picked = shape.map((size, a) => (a === axis ? extent : size))
    const next = generator(volume(shape) + extent)
    const line = Array.from({ length: extent }, () => Math.floor(next() * shape[axis]!))
    const index = placesOf(picked).map((at) =>
      shared ? line[at[axis]!]! : Math.floor(next() * shape[axis]!),
    )
    const bits = dtype === 'u32' ? 0 : 4
    const [x, src] = [
      whole(volume(shape), 1).map((v) => v + 4 - bits),
      whole(volume(picked), 2).map((v) => v + 4 - bits),
    ]
    const gathered = src.map(() => 0)
    const sums = [...x]
    for (const [here, at] of placesOf(picked).entries()) {
      const there = flat(shape, at.with(axis, index[here]!))
      gathered[here] = x[there]!
      sums[there]! += src[here]!
    }
    const strides = (s: Shape) => (turn ? { strides: reversed(s) } : {})
    const indices = shared
      ? t.view(picked, index, {
          dtype: 'i32',
          strides: picked.map((_, a) => (a === axis ? 1 : 0)),
        })
      : t.view(picked, index, { dtype: 'i32', ...(turn ? {} : strides(picked)) })
    const out = t.empty(picked, { dtype, ...strides(picked), offset: 1 })
    const target = t.view(shape, x, { dtype, ...strides(shape), offset: 2 })
    t.kernels.gather(target, indices, out, axis)
    expect(difference(await t.read(out), gathered)).toBeUndefined()
    t.kernels.scatterAdd(target, indices, t.view(picked, src, { dtype, ...strides(picked) }), axis)
    expect(difference(await t.read(target), sums)).toBeUndefined()
    t.finish()
  }

  const shapes = [
    [[1], 1],
    [[17], 40],
    [[5, 33], 7],
    [[3, 5, 16], 33],
    [[127, 2], 65],
  ] as const
  test.each(shapes)('%o with %i indices, on every axis', async (shape, extent) => {
    for (const [axis] of shape.entries())
      for (const dtype of ['f32', 'i32', 'u32'] as const)
        for (const turn of [false, true]) await check(shape, extent, axis, { dtype, turn })
  })

  test.each([
    [[7], 3000],
    [[2000], 1025],
    [[50, 9], 700],
    [[4, 3, 6], 300],
  ])('%o with %i indices: few long lines', async (shape, extent) => {
    for (const [axis] of shape.entries())
      for (const turn of [false, true]) await check(shape, extent, axis, { turn })
  })

  test('an index that all columns share', async () => {
    await check([50, 9], 700, 0, { shared: true })
    await check([9, 50], 400, 1, { shared: true, turn: true })
    await check([6, 40, 5], 260, 1, { shared: true })
  })

  test('floats that meet at one place are added in the order of their index', async () => {
    for (const count of [100, 3000]) {
      const next = generator(count)
      const src = Array.from({ length: count }, () => Math.fround(next() * 2 - 1))
      const index = src.map((_, i) => i % 2)
      const sums = [Math.fround(0.1), Math.fround(0.2)]
      for (const [i, value] of src.entries()) sums[i % 2] = Math.fround(sums[i % 2]! + value)
      const out = t.view([2], [0.1, 0.2])
      t.kernels.scatterAdd(out, t.view([count], index, { dtype: 'i32' }), t.view([count], src), 0)
      expect(difference(await t.read(out), sums)).toBeUndefined()
    }
    t.finish()
  })

  test('integers wrap; NaN, infinities and -0 are moved as they are', async () => {
    const out = t.view([2], [2 ** 31 - 1, 5], { dtype: 'i32' })
    const index = t.view([3], [0, 0, 1], { dtype: 'i32' })
    t.kernels.scatterAdd(out, index, t.view([3], [1, 1, -7], { dtype: 'i32' }), 0)
    expect(await t.read(out)).toEqual([-(2 ** 31) + 1, -2])
    const x = t.view([4], [Number.NaN, Number.NEGATIVE_INFINITY, -0, 2 ** -149])
    const back = t.empty([4])
    t.kernels.gather(x, t.view([4], [3, 2, 1, 0], { dtype: 'i32' }), back, 0)
    expect(await t.read(back)).toEqual([2 ** -149, -0, Number.NEGATIVE_INFINITY, Number.NaN])
    t.finish()
  })

  test('nothing to index', async () => {
    const out = t.empty([0, 3])
    const index = t.empty([0, 3], { dtype: 'i32' })
    const x = t.view([2, 3], whole(6, 1))
    t.kernels.gather(x, index, out, 0)
    t.kernels.scatterAdd(x, index, out, 0)
    expect(difference(await t.read(x), whole(6, 1))).toBeUndefined()
    t.finish()
  })
}

for (const device of testDevices.filter(({ subgroups }) => !subgroups))
  kernelTests('indexing', suite, undefined, device)
kernelTests('indexing', suite, 5)

kernelTests('many indices', (t) => {
  test('more workgroups than a device allows on one axis', async () => {
    const count = 65_535 * 64 + 77
    const out = t.empty([count])
    const repeated = ({ buffer, dtype }: View): View => ({
      ...{ buffer, dtype, shape: [count], strides: [0], offset: 0 },
    })
    const [x, index] = [t.view([1], [7]), t.view([1], [0], { dtype: 'i32' })]
    t.kernels.gather(repeated(x), repeated(index), out, 0)
    expect((await t.read(out)).every((value) => value === 7)).toBe(true)
    t.finish()
  })
})
