import { expect, test } from 'vitest'
import { dedent, dividesFast, divideText, indent } from './wgsl.ts'

test('multiplying by the inverse divides exactly', () => {
  const { fround, floor } = Math
  const most = 2 ** 21
  expect(dividesFast(most)).toBe(true)
  expect(dividesFast(most + 1)).toBe(false)
  // What the shader computes, rounded as the GPU rounds: around multiples, where it could go wrong.
  const quotient = (n: number, by: number) => floor(fround(fround(n + 0.5) * fround(1 / by)))
  for (let by = 1; by < 3000; by++)
    for (const share of [0, 0.1, 0.3, 0.5, 0.77, 1])
      for (const next of [-1, 0, 1]) {
        const n = floor(((most - 1) / by) * share) * by + next
        if (n >= 0 && n < most && quotient(n, by) !== floor(n / by))
          throw new Error(`${n} / ${by} is ${quotient(n, by)}`)
      }
})

test('texts of the division', () => {
  expect(divideText(true)).toMatchInlineSnapshot(
    `"fn divide(n: u32, by: i32, inverse: i32) -> u32 { return u32((f32(n) + 0.5) * bitcast<f32>(inverse)); }"`,
  )
  expect(divideText(false)).toMatchInlineSnapshot(
    `"fn divide(n: u32, by: i32, inverse: i32) -> u32 { return n / u32(by); }"`,
  )
})

test('margins', () => {
  expect(
    dedent(`
      a
        b

      c
    `),
  ).toBe('a\n  b\n\nc')
  expect(indent('a\n\nb')).toBe('  a\n\n  b')
})
