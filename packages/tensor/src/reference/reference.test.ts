import { describe, expect, it } from 'vitest'
import type { View } from '../backend.ts'
import type { DType } from '../dtype.ts'
import { program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import { reference } from './reference.ts'

const device = reference()

/** A program of two f64 inputs, at one point. */
function evaluate(body: (x: Scalar, y: Scalar) => Scalar, x: number, y: number): number {
  const place = (value: number, dtype: DType = 'f64'): View => {
    const buffer = device.alloc(8)
    device.write(buffer, Float64Array.of(value))
    return { buffer, dtype, shape: [], strides: [], offset: 0 }
  }
  const out = place(0)
  const source = program({ name: 'test', inputs: ['f64', 'f64'] }, (a, b) => body(a!, b!))
  device.map(source, [place(x), place(y)], [out])
  return new Float64Array(device.readSync!(out.buffer))[0]!
}

describe('reference', () => {
  it('takes the extremes of two numbers only', () => {
    expect(evaluate((x, y) => x.max(y), -2, -3)).toBe(-2)
    expect(evaluate((x, y) => x.min(y), 2, 3)).toBe(2)
    expect(evaluate((x, y) => x.max(y), -2, Number.NaN)).toBeNaN()
  })

  it('rounds halves to even', () => {
    const round = (x: number) => evaluate((a) => a.round(), x, 0) + 0
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map(round)).toEqual([0, 2, 2, 0, -2, 2, -3])
  })

  it("has C's powers of one", () => {
    const pow = (x: number, y: number) => evaluate((a, b) => a.pow(b), x, y)
    expect(pow(1, Number.NaN)).toBe(1)
    expect(pow(-1, Number.POSITIVE_INFINITY)).toBe(1)
    expect(pow(Number.NaN, 0)).toBe(1)
  })

  it('knows the error function to the last digits', () => {
    const erf = (x: number) => evaluate((a) => a.erf(), x, 0)
    // Abramowitz and Stegun, table 7.1, and erf(3) from mpmath.
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15)
    expect(erf(-1)).toBeCloseTo(-0.8427007929497149, 15)
    expect(erf(3)).toBeCloseTo(0.9999779095030014, 15)
    expect(erf(1e-10)).toBeCloseTo(1.1283791670955126e-10, 24)
    expect(erf(10)).toBe(1)
  })

  it('hands out memory that is not zero', () => {
    const buffer = device.alloc(8)
    expect(new Uint8Array(device.readSync!(buffer))).toContain(0xa5)
    device.free(buffer)
  })

  it('refuses freed and foreign buffers', () => {
    const buffer = device.alloc(8)
    device.free(buffer)
    expect(() => device.readSync!(buffer)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: reference: the buffer has been freed]`,
    )
    expect(() => device.free(buffer)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: reference: the buffer has been freed]`,
    )
    expect(() =>
      device.write({ bytes: 8 }, new Float64Array(1)),
    ).toThrowErrorMatchingInlineSnapshot(`[DeviceError: reference: a buffer of another device]`)
  })

  it('ends with dispose, but for free', () => {
    const own = reference()
    const buffer = own.alloc(8)
    own.dispose()
    expect(() => own.alloc(8)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: reference: the backend has been disposed; make a new one]`,
    )
    expect(() => own.readSync!(buffer)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: reference: the backend has been disposed; make a new one]`,
    )
    expect(() => own.free(buffer)).not.toThrow()
  })
})
