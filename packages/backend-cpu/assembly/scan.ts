/**
 * Running sums, products, extrema and log-sum-exps along lines. Floats are summed and multiplied in
 * double precision, each result rounded once, in the order of the line: the bits do not depend on the
 * layout.
 *
 * A step must wait for the one before it. So lines that lie side by side in memory are run together,
 * with their results so far in scratch memory.
 */
import { enter, leave, Lines, nextSheet } from './lines'
import { min32 } from './simd'

const SUM: i32 = 0
const PROD: i32 = 1
const MAX: i32 = 2
const MIN: i32 = 3
const LOGSUMEXP: i32 = 4

const LN2: f64 = 0.6931471805599453

/** Lines that are run together: a cache line of them. */
const TOGETHER: i32 = 16

/** Bytes that a scan needs. */
export function scanScratch(): usize {
  return TOGETHER * 8
}

/** The kind is one of the constants above. */
export function scanFloats(p: Lines, first: i32, last: i32): void {
  enter(p, first, last)
  do sheet<f32, f64>(p)
  while (nextSheet(p))
  leave(p, first)
}

/** There is no log-sum-exp of integers; sums and products wrap. */
export function scanSigned(p: Lines, first: i32, last: i32): void {
  enter(p, first, last)
  do sheet<i32, i32>(p)
  while (nextSheet(p))
  leave(p, first)
}

export function scanUnsigned(p: Lines, first: i32, last: i32): void {
  enter(p, first, last)
  do sheet<u32, u32>(p)
  while (nextSheet(p))
  leave(p, first)
}

/** Elements of type T, joined as numbers of type A. */
function sheet<T, A>(p: Lines): void {
  const kind = p.kind
  const xStep = p.xStep
  const outStep = p.outStep
  const count = p.count
  // Lines that are dense themselves need no company.
  const together = abs<i32>(p.xAcross) < abs<i32>(xStep) ? TOGETHER : 1
  for (let line = 0; line < p.width; line += together) {
    let x = p.x + <usize>line * p.xAcross
    let out = p.out + <usize>line * p.outAcross
    const lines = min32(together, p.width - line)
    if (lines == 1) {
      let sofar = <A>load<T>(x)
      store<T>(out, <T>sofar)
      for (let i = 1; i < count; i++) {
        x += xStep
        out += outStep
        sofar = join<A>(kind, sofar, <A>load<T>(x))
        store<T>(out, <T>sofar)
      }
      continue
    }
    for (let j = 0; j < lines; j++) {
      const value = load<T>(x + <usize>j * p.xAcross)
      store<A>(p.scratch + <usize>j * sizeof<A>(), <A>value)
      store<T>(out + <usize>j * p.outAcross, value)
    }
    const xAcross = p.xAcross
    const outAcross = p.outAcross
    for (let i = 1; i < count; i++) {
      x += xStep
      out += outStep
      let from = x
      let to = out
      let own = p.scratch
      for (let j = 0; j < lines; j++) {
        const sofar = join<A>(kind, load<A>(own), <A>load<T>(from))
        store<A>(own, sofar)
        store<T>(to, <T>sofar)
        from += xAcross
        to += outAcross
        own += sizeof<A>()
      }
    }
  }
}

/** The kind is the same for all elements: asking each time costs less than the wait for the step before. */
// @ts-ignore: decorator
@inline
function join<A>(kind: i32, a: A, b: A): A {
  if (kind == SUM) return <A>(a + b)
  if (kind == PROD) return <A>(a * b)
  if (isInteger<A>()) return a > b == (kind == MAX) ? a : b
  // The instructions for floats hand NaN on.
  if (kind == MAX) return max<A>(a, b)
  if (kind == MIN) return min<A>(a, b)
  return <A>logaddexp(<f64>a, <f64>b)
}

/** `log(exp(a) + exp(b))` to about ten digits, which leaves a float as it is. */
function logaddexp(a: f64, b: f64): f64 {
  const larger = max<f64>(a, b)
  // Also the one case where the difference of infinities would be NaN.
  if (a == b) return larger + LN2
  const distance = abs<f64>(a - b)
  // Far apart, or NaN.
  if (!(distance <= 700)) return larger
  // e^-distance = 2^k e^r with |r| at most half of log 2, and a Taylor series.
  const k = nearest<f64>(distance * (-1 / LN2))
  const r = -distance - k * LN2
  let series: f64 = 1
  for (let n = 9; n > 0; n--) series = 1 + series * (r / <f64>n)
  const t = series * reinterpret<f64>((<i64>k + 1023) << 52)
  // log(1 + t) = 2 atanh s with s = t / (2 + t), at most 1/3.
  const s = t / (2 + t)
  const square = s * s
  let sum: f64 = 0
  for (let n = 19; n > 0; n -= 2) sum = sum * square + 1 / <f64>n
  return larger + 2 * s * sum
}
