import { describe, expect, test } from 'vitest'
import { difference, generator, testKernels, variants, whole } from '../../test/kernels.ts'

type Shape = readonly number[]

function offsetsOf(shape: Shape): number[][] {
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

describe.each(variants)('indexing, $name', async (variant) => {
  const { kernels, view, empty, read, finish } = await testKernels(variant)

  function check(
    shape: Shape,
    extent: number,
    axis: number,
    dtype: 'f32' | 'i32' | 'u32',
    turn: boolean,
  ) {
    const picked = shape.map((size, a) => (a === axis ? extent : size))
    const next = generator(volume(shape) + extent)
    const index = Array.from({ length: volume(picked) }, () => Math.floor(next() * shape[axis]!))
    const x = whole(volume(shape), 1)
    const src = whole(volume(picked), 2)
    const gathered = src.map(() => 0)
    const sums = [...x]
    for (const at of offsetsOf(picked)) {
      const here = flat(picked, at)
      const there = flat(shape, at.with(axis, index[here]!))
      gathered[here] = x[there]!
      sums[there]! += src[here]!
    }
    const strides = (s: Shape) => (turn ? { strides: reversed(s) } : {})
    const [a, b] = [
      { dtype, ...strides(shape) },
      { dtype, ...strides(picked) },
    ]
    const indices = view(picked, index, { dtype: 'i32', ...(turn ? {} : strides(picked)) })
    const out = empty(picked, b)
    const target = view(shape, x, a)
    kernels.gather(target, indices, out, axis)
    expect(difference(read(out), gathered)).toBeUndefined()
    kernels.scatterAdd(target, indices, view(picked, src, b), axis)
    expect(difference(read(target), sums)).toBeUndefined()
    finish()
  }

  test('shapes, axes, element types and orders of memory', () => {
    const shapes = [[7], [1], [3, 5], [5, 3], [2, 3, 4], [4, 1, 3], [2, 3, 2, 5], [2, 1, 3, 2, 2]]
    for (const shape of shapes)
      for (let axis = 0; axis < shape.length; axis++)
        for (const extent of [1, 2, 9])
          for (const dtype of ['f32', 'i32', 'u32'] as const)
            for (const turn of [false, true]) check(shape, extent, axis, dtype, turn)
  })

  test('nothing to pick', () => {
    check([3, 4], 0, 0, 'f32', false)
    check([3, 0], 2, 0, 'f32', false)
  })

  test('rows of a table, by an index that repeats along them', () => {
    for (const width of [1, 3, 4, 19]) {
      const table = whole(6 * width, 1)
      const wanted = [4, 0, 5, 4, 4]
      const rows = wanted.flatMap((row) => table.slice(row * width, (row + 1) * width))
      const index = { ...view([5], wanted, { dtype: 'i32' }), shape: [5, width], strides: [1, 0] }
      const weights = view([6, width], table)
      const out = empty([5, width])
      kernels.gather(weights, index, out, 0)
      expect(difference(read(out), rows)).toBeUndefined()
      for (const dtype of ['f32', 'i32'] as const) {
        const sums = view([6, width], new Array(6 * width).fill(0), { dtype })
        kernels.scatterAdd(sums, index, view([5, width], rows, { dtype }), 0)
        const times = [1, 0, 0, 0, 3, 1]
        expect(
          difference(
            read(sums),
            table.map((v, i) => v * times[Math.floor(i / width)]!),
          ),
        ).toBeUndefined()
      }
      finish()
    }
  })

  test('equal indices add in order', () => {
    const out = view([1], [0])
    const src = view([3], [2 ** 24, 1, -(2 ** 24)])
    kernels.scatterAdd(out, view([3], [0, 0, 0], { dtype: 'i32' }), src, 0)
    expect(read(out)).toEqual([0])
    finish()
  })
})
