import { beforeAll, expect, it } from 'vitest'
import { reference, setDevice, tensor } from '../index.ts'
import { digamma, erfc, erfinv, lgamma } from './special.ts'

beforeAll(() => setDevice(reference()))

const f64 = (...values: number[]) => tensor(values, { dtype: 'f64' })
const near = (t: { dataSync(): ArrayLike<number> }, expected: number[], digits = 12): void =>
  expected.forEach((value, i) => {
    expect(t.dataSync()[i]! / value).toBeCloseTo(1, digits)
  })

it('erfc keeps its relative accuracy far out', () => {
  near(
    erfc(f64(0.5, 2, 5, 20, -1)),
    [
      0.4795001221869535, 0.004677734981047266, 1.5374597944280349e-12, 5.395865611607901e-176,
      1.8427007929497148,
    ],
  )
})

it('erfinv inverts erf up to the last number before 1', () => {
  near(
    erfinv(f64(0.1, -0.5, 0.9999, 1 - 2 ** -52)),
    [0.08885599049425769, -0.4769362762044699, 2.75106390571206, 5.805018683193453],
  )
  expect(Array.from(erfinv(f64(1, -1, 0)).dataSync())).toEqual([Infinity, -Infinity, 0])
})

it('lgamma and digamma agree with tables on both sides of 0', () => {
  near(
    lgamma(f64(0.5, 1.2, 1.5, 5.5, 100, -2.5)),
    [
      0.5723649429247001, -0.08537409000331585, -0.12078223763524522, 3.9578139676187165,
      359.1342053695754, -0.056243716497674054,
    ],
  )
  near(
    digamma(f64(1, 0.5, 10, -0.3)),
    [-0.5772156649015329, -1.9635100260214235, 2.251752589066721, 2.113309779635399],
  )
  expect(Array.from(lgamma(f64(0, 1, 2, -3)).dataSync())).toEqual([Infinity, 0, 0, Infinity])
})

it('the gradient of digamma is the trigamma function', () => {
  const x = f64(1, 0.5)
  x.requiresGrad = true
  digamma(x).sum().backward()
  near(x.grad!, [Math.PI ** 2 / 6, Math.PI ** 2 / 2])
})
