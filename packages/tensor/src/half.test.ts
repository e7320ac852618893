import { expect, test } from 'vitest'
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from './half.ts'

/** Every bit pattern of 16 bits that is not NaN, with its value. */
function patterns(decode: (bits: number) => number): [bits: number, value: number][] {
  return Array.from({ length: 0x10000 }, (_, bits): [number, number] => [
    bits,
    decode(bits),
  ]).filter(([, value]) => !Number.isNaN(value))
}

for (const [name, decode, encode] of [
  ['f16', halfToFloat, floatToHalf],
  ['bf16', bfloatToFloat, floatToBfloat],
] as const) {
  test(`${name}: every number comes back as its own bits`, () => {
    const wrong = patterns(decode).filter(([bits, value]) => encode(value) !== bits)
    expect(wrong).toEqual([])
  })

  test(`${name}: between two neighbours the nearer one, and the even one from the middle`, () => {
    const positive = patterns(decode).filter(([bits, value]) => bits < 0x8000 && value < Infinity)
    const wrong = positive.slice(1).flatMap(([bits, value], i) => {
      const below = positive[i]![1]
      const middle = (below + value) / 2
      const even = bits % 2 === 0 ? bits : bits - 1
      const ulp = (value - below) / 64
      const got = [encode(middle - ulp), encode(middle), encode(middle + ulp)]
      const due = [bits - 1, even, bits]
      // f32 itself has no numbers between the smallest bfloat16.
      const exact = Math.fround(middle) === middle && Math.fround(middle - ulp) === middle - ulp
      return exact && got.join() !== due.join() ? [{ bits, got, due }] : []
    })
    expect(wrong).toEqual([])
  })

  test(`${name}: NaN, and infinity beyond the largest`, () => {
    expect(decode(encode(Number.NaN))).toBeNaN()
    expect(decode(encode(-Infinity))).toBe(-Infinity)
    expect(decode(encode(3.4028234663852886e38))).toBe(Infinity)
  })
}

test('f16 ends at 65504', () => {
  expect(halfToFloat(floatToHalf(65519.996))).toBe(65504)
  expect(halfToFloat(floatToHalf(65520))).toBe(Infinity)
  expect(halfToFloat(1)).toBe(2 ** -24)
  expect(halfToFloat(floatToHalf(2 ** -25))).toBe(0)
})
