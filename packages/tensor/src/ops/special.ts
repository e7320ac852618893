/**
 * Special functions as scalar programs. The number of terms follows the dtype: f32 needs about half
 * of them. Published as `@nablajs/tensor/special`.
 *
 * @packageDocumentation
 */
import { constant, type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type Elementwise, elementwise, type Operand, type Unary, unary } from './elementwise.ts'

const { PI, LN2, sqrt } = Math
const infinity = Number.POSITIVE_INFINITY

/** `c[0] + c[1] x + c[2] x² ...` */
function polynomial(x: Scalar, coefficients: readonly number[]): Scalar {
  return coefficients.reduceRight<Scalar>((sum, c) => sum.mul(x).add(c), constant(0, x.dtype))
}

/**
 * erfc(z) e^(z²) (3 + z) for z ≥ 1 in powers of `8 / (3 + z) - 1`: interpolated at 18 Chebyshev
 * points in 40 digits; the relative error is below 1e-13.
 */
const tail = [
  0.885637101864551, 0.4796614430843361, 0.22387273334224114, 0.08762571665272564,
  0.027317987201203497, 0.005992101450083061, 0.0005111597856176644, -0.00020565988908346583,
  -8.285318655048773e-5, -2.2198416085554326e-6, 6.225906344355509e-6, 1.1146830591603062e-6,
  -4.421017929985896e-7, -1.5128864779890606e-7, 3.343526115746693e-8, 1.701913427775583e-8,
  -2.161384917892653e-9, -1.3322636722213475e-9,
]

const complement = (x: Scalar): Scalar => {
  const bottom = x.add(3)
  const series = polynomial(constant(8, x.dtype).div(bottom).sub(1), tail)
  return select(x.lt(1), x.erf().neg().add(1), x.mul(x).neg().exp().div(bottom).mul(series))
}

/** `1 - erf(x)`, accurate where erf is near 1. */
export const erfc: Unary = unary('erfc', {
  accepts: 'float',
  forward: complement,
  gradient: (g, _, [x]) => [g.mul(bell(x!).neg())],
  points: [[0], [1], [4], [-4]],
})

/** The derivative of erf. */
const bell = (x: Scalar): Scalar =>
  x
    .mul(x)
    .neg()
    .exp()
    .mul(2 / sqrt(PI))

/** M. Giles, "Approximating the erfinv function" (2010): accurate to f32, by two polynomials in `-log(1 - x²)`. */
const center = [
  1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6,
  -3.5233877e-6, 3.43273939e-7, 2.81022636e-8,
]
const outer = [
  2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844,
  0.00134934322, 0.000100950558, -0.000200214257,
]

/** For 0 ≤ x < 1. */
const inverse = (x: Scalar): Scalar => {
  const rest = x.neg().add(1)
  const w = rest.mul(x.add(1)).log().neg()
  const start = x.mul(
    select(w.lt(5), polynomial(w.sub(2.5), center), polynomial(w.sqrt().sub(3), outer)),
  )
  if (x.dtype !== 'f64') return start
  // Nearer to 1 than any f32: x = 1 - e^(-y²) / (y √π), solved for the y of the exponent.
  const l = rest.log().neg()
  const far = l.sub(l.sub(l.mul(PI).log().mul(0.5)).mul(PI).log().mul(0.5)).sqrt()
  let y = select(w.lt(15), start, far)
  for (let step = 0; step < 2; step++) {
    // Halley: with u the step of Newton, y - u / (1 + y u).
    const error = select(x.lt(0.5), y.erf().sub(x), rest.sub(complement(y)))
    const u = error.div(bell(y))
    y = y.sub(u.div(y.mul(u).add(1)))
  }
  return y
}

/** The number whose erf is x; infinite at ±1, NaN beyond. */
export const erfinv: Unary = unary('erfinv', {
  precise: true,
  accepts: 'float',
  forward: (x) => {
    const a = x.abs()
    return select(a.eq(1), x.mul(infinity), inverse(a).mul(x.sign()))
  },
  gradient: (g, y) => [
    g.mul(
      y
        .mul(y)
        .exp()
        .mul(sqrt(PI) / 2),
    ),
  ],
  domain: [[-0.9, 0.9]],
  points: [[0], [0.99], [1], [-1], [2]],
})

/** `log(x / (1 - x))`, of x held in `eps .. 1 - eps` when eps is given. */
export const logit: Elementwise<[x: Tensor, eps?: Operand]> = elementwise('logit', {
  accepts: 'float',
  defaults: [undefined, -infinity],
  forward: (x, eps) => {
    const high = eps!.neg().add(1)
    const held = select(x.lt(eps!), eps!, select(x.gt(high), high, x))
    return held.div(held.neg().add(1)).log()
  },
  domain: [
    [0.15, 0.85],
    [0.05, 0.1],
  ],
  points: [
    [0, 0.1],
    [1, 0.1],
    [0.5, 0.1],
  ],
})

/** ζ(n) - 1, summed until the tail is an integral. */
function zetaMinusOne(n: number): number {
  const last = 1000
  let sum = last ** (1 - n) / (n - 1) - last ** -n / 2 + (n * last ** (-n - 1)) / 12
  for (let k = last; k >= 2; k--) sum += k ** -n
  return sum
}

const EULER = 0.5772156649015329

/** log Γ(2 + s) for |s| ≤ 1/2: `(1 - γ) s + Σ (ζ(n) - 1) (-s)ⁿ / n`. */
const logGammaAtTwo = (s: Scalar): Scalar => {
  const terms = s.dtype === 'f64' ? 25 : 12
  const coefficients = Array.from({ length: terms }, (_, k) => {
    const n = k + 2
    return ((n % 2 === 0 ? 1 : -1) * zetaMinusOne(n)) / n
  })
  return polynomial(s, [1 - EULER, ...coefficients]).mul(s)
}

/** The Bernoulli numbers B₂, B₄, ... */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510]

/** For z ≥ 0. */
const logGammaOf = (z: Scalar): Scalar => {
  // Near its zeros at 1 and 2, from the series; below, one step of Γ(z + 1) = z Γ(z) more.
  const one = z.sub(1)
  const twice = select(z.gt(1.5), z.sub(2), select(z.lt(0.5), z, one))
  const near = logGammaAtTwo(twice).sub(
    select(z.gt(1.5), 0, select(z.lt(0.5), z.log1p().add(z.log()), one.log1p())),
  )
  // Stirling's series, six steps further up when z is small.
  const small = z.lt(8)
  const y = select(small, z.add(6), z)
  const steps = [1, 2, 3, 4, 5].reduce((product, k) => product.mul(z.add(k)), z)
  const inverse = constant(1, z.dtype).div(y)
  const series = polynomial(
    inverse.mul(inverse),
    bernoulli.map((b, k) => b / ((2 * k + 2) * (2 * k + 1))),
  ).mul(inverse)
  const stirling = y
    .sub(0.5)
    .mul(y.log().sub(1))
    .add((Math.log(PI) + LN2 - 1) / 2)
    .add(series)
  return select(z.lt(2.5), near, stirling.sub(select(small, steps.log(), 0)))
}

/** x less the nearest whole number: sin(πx) = ± sin(π r). */
const fromWhole = (x: Scalar): Scalar => select(x.abs().eq(infinity), 0, x.sub(x.round())).mul(PI)

/** `log |Γ(x)|`; infinite at 0, -1, -2 ... and at both infinities. */
export const lgamma: Unary = unary('lgamma', {
  accepts: 'float',
  forward: (x) => {
    const left = x.lt(0)
    const value = logGammaOf(select(left, x.neg().add(1), x))
    // Γ(x) Γ(1 - x) = π / sin(πx)
    const mirror = fromWhole(x).sin().abs().div(PI).log().neg()
    const reflected = select(mirror.eq(infinity), mirror, mirror.sub(value))
    return select(left, reflected, value)
  },
  gradient: (g, _, [x]) => [g.mul(psi(x!))],
  domain: [[0.3, 4]],
  points: [[0], [-1], [1], [2], [30], [-2.3], [0.01], [infinity]],
})

/** The derivative of `log Γ` for z ≥ 0. */
const psiOf = (z: Scalar): Scalar => {
  const small = z.lt(10)
  const y = select(small, z.add(10), z)
  const inverse = constant(1, z.dtype).div(y)
  const square = inverse.mul(inverse)
  const series = polynomial(
    square,
    bernoulli.slice(0, 7).map((b, k) => b / (2 * k + 2)),
  )
  const far = y.log().sub(inverse.mul(0.5)).sub(series.mul(square))
  const one = constant(1, z.dtype)
  const steps = Array.from({ length: 10 }, (_, k) => one.div(z.add(k)))
  return select(small, far.sub(steps.reduceRight((sum, step) => sum.add(step))), far)
}

const psi = (x: Scalar): Scalar => {
  const left = x.lt(0)
  const value = psiOf(select(left, x.neg().add(1), x))
  const r = fromWhole(x)
  const reflected = value.sub(r.cos().div(r.sin()).mul(PI))
  return select(left, select(r.eq(0), Number.NaN, reflected), value)
}

/** ψ, the derivative of {@link lgamma}; -Infinity at 0, NaN at -1, -2 ... */
export const digamma: Unary = unary('digamma', {
  accepts: 'float',
  forward: psi,
  domain: [[0.3, 4]],
  points: [[0], [-1], [1], [30], [-2.3]],
})
