import { describe, expect, it } from 'vitest'
import { chainRule } from './derivative.ts'
import { type Program, program, showProgram } from './program.ts'
import { type Scalar, select } from './scalar.ts'

const unary = (body: (x: Scalar) => Scalar): Program =>
  program({ name: 'f', inputs: ['f32'] }, (x) => body(x!))

const binary = (body: (x: Scalar, y: Scalar) => Scalar): Program =>
  program({ name: 'f', inputs: ['f32', 'f32'] }, (x, y) => body(x!, y!))

const shown = (source: Program, wrt = 0): string => {
  const rule = chainRule(source, wrt)
  return rule ? showProgram(rule) : 'flat'
}

describe('chainRule', () => {
  it('hands the gradient through a sum', () => {
    expect(
      shown(
        binary((x, y) => x.add(y)),
        1,
      ),
    ).toMatchInlineSnapshot(`
      "f'(f32, f32, f32)
        %0 = input.f32 0
        return %0"
    `)
  })

  it('multiplies by the other factor', () => {
    expect(shown(binary((x, y) => x.mul(y)))).toMatchInlineSnapshot(`
      "f'(f32, f32, f32)
        %0 = input.f32 2
        %1 = input.f32 0
        %2 = mul.f32 %0, %1
        return %2"
    `)
  })

  it('adds up the uses of an input', () => {
    expect(shown(unary((x) => x.mul(x)))).toMatchInlineSnapshot(`
      "f'(f32, f32)
        %0 = input.f32 1
        %1 = add.f32 %0, %0
        %2 = input.f32 0
        %3 = mul.f32 %1, %2
        return %3"
    `)
  })

  it('takes what the value already computes', () => {
    expect(shown(unary((x) => x.exp()))).toMatchInlineSnapshot(`
      "f'(f32, f32)
        %0 = input.f32 1
        %1 = exp.f32 %0
        %2 = input.f32 0
        %3 = mul.f32 %1, %2
        return %3"
    `)
    expect(shown(unary((x) => x.tanh()))).toMatchInlineSnapshot(`
      "f'(f32, f32)
        %0 = constant.f32 1
        %1 = input.f32 1
        %2 = tanh.f32 %1
        %3 = mul.f32 %2, %2
        %4 = sub.f32 %0, %3
        %5 = input.f32 0
        %6 = mul.f32 %4, %5
        return %6"
    `)
  })

  it('keeps the choice of a select outside', () => {
    // log of a negative number is NaN, but only on the side not taken.
    expect(shown(unary((x) => select(x.gt(0), x.log(), x)))).toMatchInlineSnapshot(`
      "f'(f32, f32)
        %0 = constant.f32 0
        %1 = input.f32 1
        %2 = lt.bool %0, %1
        %3 = constant.f32 1
        %4 = div.f32 %3, %1
        %5 = select.f32 %2, %4, %3
        %6 = input.f32 0
        %7 = mul.f32 %5, %6
        return %7"
    `)
  })

  it('halves ties', () => {
    expect(shown(binary((x, y) => x.max(y)))).toMatchInlineSnapshot(`
      "f'(f32, f32, f32)
        %0 = input.f32 2
        %1 = input.f32 1
        %2 = lt.bool %0, %1
        %3 = input.f32 0
        %4 = eq.bool %1, %0
        %5 = constant.f32 0.5
        %6 = mul.f32 %5, %3
        %7 = constant.f32 0
        %8 = select.f32 %4, %6, %7
        %9 = select.f32 %2, %3, %8
        return %9"
    `)
  })

  it('keeps what is not taken at zero, also under infinite gradients', () => {
    const source = program({ name: 'f', inputs: ['bool', 'f32', 'f32'] }, (c, x, y) =>
      select(c!, x!.mul(3), y!).exp(),
    )
    expect(shown(source, 1)).toMatchInlineSnapshot(`
      "f'(f32, bool, f32, f32)
        %0 = input.bool 1
        %1 = constant.f32 3
        %2 = input.f32 2
        %3 = mul.f32 %2, %1
        %4 = input.f32 3
        %5 = select.f32 %0, %3, %4
        %6 = exp.f32 %5
        %7 = mul.f32 %1, %6
        %8 = input.f32 0
        %9 = mul.f32 %7, %8
        %10 = constant.f32 0
        %11 = select.f32 %0, %9, %10
        return %11"
    `)
  })

  it('passes runtime scalars on', () => {
    const source = program({ name: 'f', inputs: ['f32'], scalars: ['f32'] }, (x, a) =>
      x!.mul(a!).sin(),
    )
    expect(shown(source)).toMatchInlineSnapshot(`
      "f'(f32, f32, f32 scalar)
        %0 = scalar.f32 0
        %1 = input.f32 1
        %2 = mul.f32 %1, %0
        %3 = cos.f32 %2
        %4 = mul.f32 %0, %3
        %5 = input.f32 0
        %6 = mul.f32 %4, %5
        return %6"
    `)
  })

  it('is undefined where the output is flat', () => {
    expect(shown(unary((x) => x.floor()))).toBe('flat')
    expect(shown(unary((x) => x.mul(0)))).toBe('flat')
    expect(shown(unary((x) => x.cast('i32').cast('f32')))).toBe('flat')
    expect(shown(binary((x, y) => select(x.gt(0), y, 0)))).toBe('flat')
  })

  it('is undefined for outputs without gradients', () => {
    expect(shown(binary((x, y) => x.lt(y)))).toBe('flat')
    expect(shown(unary((x) => x.cast('i32')))).toBe('flat')
  })

  it('differentiates long programs without deep recursion', () => {
    const source = unary((x) => {
      let y = x
      for (let i = 0; i < 20_000; i++) y = y.add(1)
      return y
    })
    expect(chainRule(source, 0)).toBeDefined()
  })
})
