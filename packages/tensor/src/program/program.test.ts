import { describe, expect, it } from 'vitest'
import { inline, program, showProgram } from './program.ts'
import { constant, index, position, type Scalar, select } from './scalar.ts'

const f = (body: (x: Scalar, y: Scalar) => Scalar | Scalar[]) =>
  program({ name: 'f', inputs: ['f32', 'f32'] }, (x, y) => body(x!, y!))

describe('program', () => {
  it('lists instructions in order of use', () => {
    expect(showProgram(f((x, y) => x.mul(y).add(0.5)))).toMatchInlineSnapshot(`
      "f(f32, f32)
        %0 = input.f32 0
        %1 = input.f32 1
        %2 = mul.f32 %0, %1
        %3 = constant.f32 0.5
        %4 = add.f32 %2, %3
        return %4"
    `)
  })

  it('computes equal expressions once', () => {
    const source = f((x, y) => x.add(y).mul(x.add(y)))
    expect(source.code.filter(({ op }) => op === 'add')).toHaveLength(1)
  })

  it('makes one object of equal programs, whatever their names', () => {
    const other = program({ name: 'other', inputs: ['f32', 'f32'] }, (a, b) => a!.add(b!))
    expect(f((x, y) => x.add(y))).toBe(other)
    expect(f((x, y) => y.add(x))).not.toBe(other)
    const wide = program({ name: 'f', inputs: ['f64', 'f64'] }, (a, b) => a!.add(b!))
    expect(wide).not.toBe(other)
  })

  it('keeps apart constants that only print alike', () => {
    const withConstant = (value: number) => f((x) => x.add(constant(value, 'f32')))
    expect(withConstant(0)).not.toBe(withConstant(-0))
    expect(withConstant(Number.NaN)).toBe(withConstant(Number.NaN))
    // Rounded to the dtype before they are compared.
    expect(withConstant(0.1)).toBe(withConstant(Math.fround(0.1)))
  })

  it('has several outputs, also the same twice', () => {
    const source = f((x, y) => [x, y.neg(), x])
    expect(source.outputs).toHaveLength(3)
    expect(source.outputs[0]).toBe(source.outputs[2])
  })

  it('knows whether it looks at an index', () => {
    expect(f((x) => x.add(index(0).cast('f32'))).usesIndex).toBe(true)
    expect(f((x) => x.add(position().cast('f32'))).usesIndex).toBe(false)
  })

  it('refuses to have no output', () => {
    expect(() => f(() => [])).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: f: a program needs an output]`,
    )
  })

  it('builds long chains without deep recursion', () => {
    const source = f((x, y) => {
      let sum = x
      for (let i = 0; i < 20_000; i++) sum = sum.add(y)
      return sum
    })
    expect(source.code).toHaveLength(20_002)
  })

  it('becomes part of a larger one', () => {
    const square = program({ name: 'square', inputs: ['f32'], scalars: ['f32'] }, (x, a) =>
      x!.mul(x!).mul(a!),
    )
    const sum = program({ name: 'sum', inputs: ['f32', 'f32'], scalars: ['f32'] }, (x, y, a) =>
      inline(square, [x!, a!])[0]!.add(inline(square, [y!, a!])[0]!),
    )
    expect(showProgram(sum)).toMatchInlineSnapshot(`
      "sum(f32, f32, f32 scalar)
        %0 = input.f32 0
        %1 = mul.f32 %0, %0
        %2 = scalar.f32 0
        %3 = mul.f32 %1, %2
        %4 = input.f32 1
        %5 = mul.f32 %4, %4
        %6 = mul.f32 %5, %2
        %7 = add.f32 %3, %6
        return %7"
    `)
  })
})

describe('scalars', () => {
  it('turn numbers into constants of their dtype', () => {
    expect(f((x) => x.lt(0.1)).code.map(({ value }) => value)).toContain(Math.fround(0.1))
    expect(constant(2.7, 'i32').value).toBe(2)
    expect(constant(3, 'bool').value).toBe(1)
  })

  it('write greater as less', () => {
    expect(f((x, y) => x.gt(y))).toBe(f((x, y) => y.lt(x)))
    expect(f((x, y) => x.ge(y))).toBe(f((x, y) => y.le(x)))
  })

  it('leave integers as they are when they are rounded', () => {
    const whole = constant(3, 'i32')
    expect(whole.floor()).toBe(whole)
  })

  it('refuse what their dtype cannot do', () => {
    const [real, whole, truth] = [constant(1, 'f32'), constant(1, 'i32'), constant(1, 'bool')]
    expect(() => real.add(whole)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: add: f32 and i32: cast one side first]`,
    )
    expect(() => whole.sqrt()).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: sqrt: i32 came; it takes f32, f64, f16, bf16]`,
    )
    expect(() => truth.add(truth)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: add: bool came; it takes f32, f64, f16, bf16, i32, u32]`,
    )
    expect(() => real.and(real)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: and: f32 came; it takes bool, i32, u32]`,
    )
    expect(() => constant(1, 'f64').bitcast('u32')).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: bitcast: f64 to u32: both must have 32 bits]`,
    )
    expect(() => select(real, real, real)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: select: the condition is f32; it must be bool]`,
    )
    expect(() => select(truth, real, whole)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: select: f32 and i32: cast one side first]`,
    )
    expect(() => select(truth, 1, 2)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: select: two plain numbers; make one a constant of a dtype]`,
    )
  })
})
