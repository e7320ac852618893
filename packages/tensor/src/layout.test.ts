import { describe, expect, it } from 'vitest'
import {
  broadcastShapes,
  broadcastStrides,
  collapse,
  contiguousStrides,
  inferShape,
  isContiguous,
  normalizeAxes,
  normalizeAxis,
  reshapeStrides,
  type Shape,
  sizeOf,
  windowCount,
} from './layout.ts'

/** Where the elements lie, in row-major order. */
function places(shape: Shape, strides: readonly number[]): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    let rest = i
    let at = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    return at
  })
}

describe('contiguousStrides and isContiguous', () => {
  it('agree', () => {
    for (const shape of [[], [1], [5], [2, 3], [2, 1, 3], [0, 3]])
      expect(isContiguous(shape, contiguousStrides(shape))).toBe(true)
    expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1])
  })

  it('look past axes of extent 1, and past strides of nothing', () => {
    expect(isContiguous([1, 3], [99, 1])).toBe(true)
    expect(isContiguous([0, 3], [7, 7])).toBe(true)
    expect(isContiguous([2, 3], [1, 2])).toBe(false)
    expect(isContiguous([3], [-1])).toBe(false)
    expect(isContiguous([3], [0])).toBe(false)
  })
})

describe('broadcastShapes', () => {
  it('aligns at the right and repeats extents of 1', () => {
    expect(broadcastShapes('op', [3, 1], [1, 4])).toEqual([3, 4])
    expect(broadcastShapes('op', [5], [2, 3, 5])).toEqual([2, 3, 5])
    expect(broadcastShapes('op', [], [2])).toEqual([2])
    expect(broadcastShapes('op', [1, 3], [0, 1])).toEqual([0, 3])
    expect(broadcastShapes('op', [2, 1], [1], [1, 3])).toEqual([2, 3])
  })

  it('says which sizes differ', () => {
    expect(() => broadcastShapes('add', [2, 3], [4, 3])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: [2, 3] and [4, 3] do not broadcast: sizes 2 and 4 differ on axis -2]`,
    )
    expect(() => broadcastShapes('add', [0], [2])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: add: [0] and [2] do not broadcast: sizes 0 and 2 differ on axis -1]`,
    )
  })
})

it('broadcastStrides repeats with 0', () => {
  expect(broadcastStrides([3, 1], [1, 1], [2, 3, 4])).toEqual([0, 1, 0])
  expect(broadcastStrides([1], [5], [1])).toEqual([5])
})

describe('axes', () => {
  it('count from either end', () => {
    expect(normalizeAxis('op', -1, 3)).toBe(2)
    expect(normalizeAxes('op', [-1, 0], 3)).toEqual([0, 2])
    expect(normalizeAxes('op', undefined, 2)).toEqual([0, 1])
    expect(normalizeAxes('op', [], 2)).toEqual([])
  })

  it('must be there, and once', () => {
    expect(() => normalizeAxis('sum', 2, 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sum: axis 2 is not an axis of a tensor with 2 axes; it must be in -2 .. 1]`,
    )
    expect(() => normalizeAxis('sum', 0.5, 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sum: axis 0.5 is not an axis of a tensor with 2 axes; it must be in -2 .. 1]`,
    )
    expect(() => normalizeAxes('sum', [0, -2], 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: sum: axis 0 is named twice]`,
    )
  })
})

describe('inferShape', () => {
  it('fills in one -1', () => {
    expect(inferShape('reshape', [2, 6], [3, -1])).toEqual([3, 4])
    expect(inferShape('reshape', [2, 6], [12])).toEqual([12])
    expect(inferShape('reshape', [], [1, -1])).toEqual([1, 1])
    expect(inferShape('reshape', [0, 3], [3, -1])).toEqual([3, 0])
  })

  it('refuses what does not fit', () => {
    expect(() => inferShape('reshape', [2, 3], [4, -1])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: reshape: [2, 3] has 6 elements and does not fit [4, -1]]`,
    )
    expect(() => inferShape('reshape', [2, 3], [5])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: reshape: [2, 3] has 6 elements and does not fit [5]]`,
    )
    expect(() => inferShape('reshape', [2, 3], [-1, -1])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: reshape: [-1, -1] is not a shape; sizes are whole numbers, and one may be -1]`,
    )
    expect(() => inferShape('reshape', [2, 3], [1.5, 4])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: reshape: [1.5, 4] is not a shape; sizes are whole numbers, and one may be -1]`,
    )
  })
})

describe('reshapeStrides', () => {
  /** Every shape of at most four axes with this many elements. */
  function shapesOf(size: number, axes = 4): number[][] {
    if (axes === 0) return size === 1 ? [[]] : []
    const all: number[][] = size === 1 ? [[]] : []
    for (let extent = 1; extent <= size; extent++)
      if (size % extent === 0)
        for (const rest of shapesOf(size / extent, axes - 1)) all.push([extent, ...rest])
    return all
  }

  it('shows the same elements in the same order, or gives up', () => {
    const sources: [Shape, number[]][] = [
      [
        [2, 6],
        [6, 1],
      ],
      [
        [2, 6],
        [1, 2],
      ],
      [
        [2, 2, 3],
        [6, 3, 1],
      ],
      [
        [2, 2, 3],
        [12, 3, 1],
      ],
      [
        [2, 2, 3],
        [3, 6, 1],
      ],
      [
        [3, 4],
        [-4, -1],
      ],
      [
        [3, 4],
        [0, 1],
      ],
      [
        [3, 4],
        [4, 0],
      ],
      [[12], [2]],
      [
        [1, 12, 1],
        [99, 1, 99],
      ],
    ]
    let views = 0
    for (const [shape, strides] of sources)
      for (const to of shapesOf(12)) {
        const found = reshapeStrides(shape, strides, to)
        if (!found) continue
        views++
        expect(places(to, found), `[${shape}] by [${strides}] to [${to}]`).toEqual(
          places(shape, strides),
        )
      }
    expect(views).toBeGreaterThan(100)
  })

  it('finds the views that exist', () => {
    expect(reshapeStrides([4, 6], [6, 1], [2, 2, 6])).toEqual([12, 6, 1])
    // Splitting an axis is always possible, merging only where memory goes on.
    expect(reshapeStrides([6, 4], [1, 6], [2, 3, 4])).toEqual([3, 1, 6])
    expect(reshapeStrides([6, 4], [1, 6], [24])).toBeUndefined()
    expect(reshapeStrides([3], [0], [3, 1])).toEqual([0, 1])
  })
})

describe('collapse', () => {
  it('visits the same elements in the same order', () => {
    const cases: [Shape, number[][]][] = [
      [
        [2, 3, 4],
        [
          [12, 4, 1],
          [12, 4, 1],
        ],
      ],
      [
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 4, 1],
        ],
      ],
      [
        [2, 1, 3],
        [
          [3, 77, 1],
          [6, 5, 2],
        ],
      ],
      [
        [4, 3],
        [
          [1, 4],
          [3, 1],
        ],
      ],
      [[2, 3], [[-3, -1]]],
      [[], [[], []]],
      [[1, 1], [[5, 6]]],
      [
        [2, 3],
        [
          [0, 0],
          [3, 1],
        ],
      ],
    ]
    for (const [shape, strides] of cases) {
      const loops = collapse(shape, strides)
      expect(loops.shape.length).toBeLessThanOrEqual(shape.length)
      strides.forEach((own, k) => {
        expect(places(loops.shape, loops.strides[k]!)).toEqual(places(shape, own))
      })
    }
  })

  it('makes one loop of what is dense', () => {
    expect(collapse([2, 3, 4], [[12, 4, 1]]).shape).toEqual([24])
    expect(
      collapse(
        [2, 3, 4],
        [
          [12, 4, 1],
          [0, 4, 1],
        ],
      ).shape,
    ).toEqual([2, 12])
  })

  it('keeps reduced and kept axes apart', () => {
    const split = [false, true, true]
    const loops = collapse([2, 3, 4], [[12, 4, 1]], split)
    expect(loops.shape).toEqual([2, 12])
    expect(loops.split).toEqual([false, true])
  })
})

it('windowCount counts whole windows', () => {
  expect(windowCount(5, 3, 1, 0, 1)).toBe(3)
  expect(windowCount(5, 3, 2, 2, 1)).toBe(3)
  expect(windowCount(7, 3, 2, 0, 2)).toBe(2)
  expect(windowCount(2, 3, 1, 0, 1)).toBe(0)
})
