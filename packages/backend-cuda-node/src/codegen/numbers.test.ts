/** The arithmetic that kernels and launches rest on. */
import { expect, test } from 'vitest'
import { choose } from '../kernels/product.ts'
import { classOf } from '../pool.ts'
import { magicOf } from './divide.ts'
import { literal } from './primitives.ts'
import { deal } from './reduce.ts'

const quotient = (n: number, d: number): number => {
  const { multiplier, shift } = magicOf(d)
  const high = Number((BigInt(n) * BigInt(multiplier)) >> 32n)
  return Math.floor((high + n) / 2 ** shift)
}

test('a multiplication and a shift divide every number below 2^31', () => {
  const divisors = [1, 2, 3, 5, 7, 10, 28, 1000, 65535, 65536, 65537, 2 ** 30, 2 ** 31 - 1]
  for (const d of divisors) {
    const near = [0, 1, 2, d - 1, d, d + 1, 2 * d - 1, 2 * d, 2 ** 31 - 2, 2 ** 31 - 1]
    for (const n of near)
      if (n < 2 ** 31) expect([n, d, quotient(n, d)]).toEqual([n, d, Math.floor(n / d)])
  }
})

test('literals keep the number', () => {
  expect(literal(1, 'f32')).toBe('1e0f')
  expect(literal(-0, 'f32')).toBe('-0e0f')
  expect(literal(1.5e-30, 'f64')).toBe('1.5e-30')
  expect(literal(3e20, 'f32')).toBe('3e20f')
  expect(literal(Number.NaN, 'f32')).toBe('(float)__int_as_float(0x7fc00000)')
  expect(literal(Number.NEGATIVE_INFINITY, 'f64')).toBe('(-(double)__int_as_float(0x7f800000))')
  expect(literal(-(2 ** 31), 'i32')).toBe('(-2147483647 - 1)')
  expect(literal(4294967295, 'u32')).toBe('4294967295u')
})

test('size classes hold what was asked, and little more', () => {
  for (const bytes of [0, 1, 512, 513, 1000, 4097, 70_000, 2 ** 20, 2 ** 20 + 1, 5e6, 3e9]) {
    const size = classOf(bytes)
    expect(size).toBeGreaterThanOrEqual(bytes)
    expect(size % 512).toBe(0)
    expect(size - bytes).toBeLessThanOrEqual(Math.max(512, bytes > 2 ** 20 ? 2 ** 21 : bytes / 8))
  }
})

test('reductions: every element is in one part, and parts begin at vectors', () => {
  for (const outputs of [1, 5, 32, 1000, 1e6])
    for (const elements of [1, 16, 17, 1000, 1025, 123_457, 1e7])
      for (const [along, width] of [
        [false, 4],
        [true, 4],
        [false, 8],
        [true, 8],
      ] as const) {
        const { threads, parts, chunk } = deal(outputs, elements, along, 132, width)
        expect(chunk * parts).toBeGreaterThanOrEqual(elements)
        expect(chunk * (parts - 1)).toBeLessThan(elements)
        expect([1, 4, 8, 32, 256]).toContain(threads)
        if (parts > 1) expect(chunk % (width * threads)).toBe(0)
      }
})

test('reductions of columns: twice the threads for halves, which are half as large', () => {
  const parts = (width: number) => deal(256, 1e5, true, 132, width).parts
  expect(parts(8) / parts(4)).toBeCloseTo(2, 1)
})

test('products: the depth is in as many parts as keep the GPU busy', () => {
  const size = { rows: 25, columns: 6, depth: 50_176, groups: 1 }
  const { tile, parts, chunk } = choose(size, 132)
  expect(tile).toBeUndefined()
  expect(parts).toBeGreaterThan(100)
  expect(chunk * parts).toBeGreaterThanOrEqual(size.depth)
  expect(choose({ rows: 4096, columns: 4096, depth: 4096, groups: 1 }, 132)).toMatchObject({
    parts: 1,
    tile: { rows: 128 },
  })
  expect(choose({ rows: 64, columns: 64, depth: 0, groups: 2 }, 132).parts).toBe(1)
})
