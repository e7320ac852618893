import { dtypes, type HalfDType } from '@nablajs/tensor/backend'
import { describe, expect, test } from 'vitest'
import { testKernels, variants } from '../../test/kernels.ts'
import { convert } from './convert.ts'

const every = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits)
const exponentBits: Readonly<Record<HalfDType, number>> = { f16: 0x7c00, bf16: 0x7f80 }

describe.each(variants)('conversions, $name', async (variant) => {
  const { context, finish } = await testKernels(variant)

  /** f32 bits to halves. */
  function narrow(dtype: HalfDType, words: Uint32Array): Uint16Array {
    const [float, half] = [context.scratch(4 * words.length), context.scratch(2 * words.length)]
    new Uint32Array(context.memory.buffer, float, words.length).set(words)
    convert(context, 'half', { dtype, half, shape: [words.length], strides: [1], float })
    const result = new Uint16Array(context.memory.buffer, half, words.length).slice()
    context.release(half)
    context.release(float)
    finish()
    return result
  }

  /** Halves to f32 bits; they are written `step` apart. */
  function widen(dtype: HalfDType, bits: Uint16Array, step = 1): Uint32Array {
    const { length } = bits
    const [half, float] = [context.scratch(2 * length * step), context.scratch(4 * length)]
    const place = new Uint16Array(context.memory.buffer, half, length * step)
    for (let i = 0; i < length; i++) place[i * step] = bits[i]!
    convert(context, 'float', { dtype, half, shape: [length], strides: [step], float })
    const result = new Uint32Array(context.memory.buffer, float, length).slice()
    context.release(float)
    context.release(half)
    finish()
    return result
  }

  describe.each(['f16', 'bf16'] as const)('%s', (dtype) => {
    test('every half is the number that it stands for', () => {
      const expected = Float32Array.from(every, dtypes[dtype].decode!)
      const actual = new Float32Array(widen(dtype, every).buffer)
      expect(actual.findIndex((value, i) => !Object.is(value, expected[i]))).toBe(-1)
    })

    test('every half, NaN of all kinds too, keeps its bits on the way there and back', () => {
      for (const step of [1, 3]) {
        const back = narrow(dtype, widen(dtype, every, step))
        expect(back.findIndex((bits, i) => bits !== i)).toBe(-1)
      }
    })

    test('a NaN stays one, whatever its payload', () => {
      const words = Uint32Array.from({ length: 62 }, (_, i) =>
        i < 31 ? 0x7f800000 + 2 ** (i % 23) : 0xff800000 + 2 ** (i % 23),
      )
      const exponent = exponentBits[dtype]
      for (const bits of narrow(dtype, words)) {
        expect(bits & exponent).toBe(exponent)
        expect(bits & 0x7fff).toBeGreaterThan(exponent)
      }
    })

    test('f32 over their whole range are rounded to the nearest half', () => {
      // All exponents and signs with fractions around the places where rounding turns.
      const words = Uint32Array.from({ length: 1 << 17 }, (_, i) => {
        const near = [0, 1, -1, 0x7fff, 0x8000, 0x8001, 0xfff, 0x1000, 0x1001][i % 9]!
        return Math.imul(i, 0x8123) + near
      }).filter((word) => (word & 0x7fffffff) <= 0x7f800000)
      const expected = Array.from(new Float32Array(words.buffer), dtypes[dtype].encode!)
      const actual = narrow(dtype, words)
      expect(actual.findIndex((bits, i) => bits !== expected[i])).toBe(-1)
    })
  })
})
