import { expect, test } from 'vitest'
import type { View } from './backend.ts'
import { convPhases, convSizes, isPointwise } from './convolution.ts'

const view = (shape: number[]): View => ({
  buffer: { bytes: 0 },
  dtype: 'f32',
  shape,
  strides: shape,
  offset: 0,
})
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 2 } as const

test('sizes, and what is a product of pixels', () => {
  const sizes = convSizes(view([2, 5, 6, 8]), view([1, 1, 4, 12]), view([2, 5, 6, 12]), plain)
  expect(sizes).toEqual({ n: 2, h: 5, w: 6, c: 8, r: 1, s: 1, cg: 4, k: 12, kg: 6, oh: 5, ow: 6 })
  expect(isPointwise(sizes, plain)).toBe(true)
  expect(isPointwise(sizes, { ...plain, padding: [0, 1] })).toBe(false)
  expect(isPointwise({ ...sizes, r: 3 }, plain)).toBe(false)
})

test('phases reach every input from exactly the outputs and taps of the convolution', () => {
  for (const [size, kernel, stride, padding, dilation] of [
    [7, 3, 1, 1, 1],
    [9, 3, 2, 1, 1],
    [11, 4, 3, 2, 1],
    [13, 3, 4, 5, 2],
    [12, 5, 2, 3, 3],
    [5, 1, 3, 0, 1],
  ] as const) {
    const outputs = 20
    const direct = new Set<string>()
    for (let o = -outputs; o < outputs; o++)
      for (let tap = 0; tap < kernel; tap++) {
        const i = o * stride - padding + tap * dilation
        if (i >= 0 && i < size) direct.add(`${i} ${o} ${tap}`)
      }
    const found = new Set<string>()
    for (const p of convPhases(size, kernel, stride, padding, dilation))
      for (let j = 0; j < p.grid; j++)
        for (let t = 0; t < p.taps; t++)
          found.add(
            `${p.phase + j * stride} ${j - p.padding + t * p.dilation} ${p.last - t * p.every}`,
          )
    expect(found).toEqual(direct)
  }
})
