/**
 * Matrix products with few rows of A, down to one vector.
 *
 * Each value of B serves only those few rows, so packing B would cost more than the product. B is
 * read where it lies, in the direction in which it is dense:
 *
 * - along n (`bAcross == 4`): 32 outputs in eight registers, C[n..] += A[k] * B[k, n..];
 * - along k (`bDown == 4`): four dot products at once, two vectors of partial sums each.
 *
 * Both cut the depth into blocks and add block sums, as the packed product does.
 */
import { copyStrided } from './pack'
import { fma, min32, splat, sumLanes } from './simd'

/** Depth of a block that is summed value by value. */
const KC: i32 = 256
/** Depth of a block of dot products; each of its eight sums takes every eighth value. */
const DOT_KC: i32 = 1024

/** Bytes of scratch memory that {@link fewDots} wants: a block of a row of A, made dense. */
export function fewScratch(): i32 {
  return DOT_KC * 4
}

/** B and C dense along n. All strides in bytes. */
export function fewRows(
  m: i32,
  n: i32,
  depth: i32,
  a: usize,
  aDown: usize,
  aAcross: usize,
  b: usize,
  bDown: usize,
  c: usize,
  cDown: usize,
): void {
  for (let j = 0; j < n; ) {
    const left = n - j
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < depth; p += KC) {
        const kc = min32(KC, depth - p)
        const ap = a + <usize>i * aDown + <usize>p * aAcross
        const bp = b + <usize>p * bDown + (<usize>j << 2)
        const cp = c + <usize>i * cDown + (<usize>j << 2)
        if (left >= 32) wide(kc, ap, aAcross, bp, bDown, cp, p > 0)
        else if (left >= 4) narrow(kc, ap, aAcross, bp, bDown, cp, p > 0)
        else single(kc, ap, aAcross, bp, bDown, cp, p > 0)
      }
    }
    j += left >= 32 ? 32 : left >= 4 ? 4 : 1
  }
}

function wide(
  k: i32, a: usize, aAcross: usize, b: usize, bDown: usize, c: usize, add: bool,
): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
  let c4 = f32x4.splat(0), c5 = f32x4.splat(0), c6 = f32x4.splat(0), c7 = f32x4.splat(0)
  do {
    const x = splat(a)
    c0 = fma(x, v128.load(b), c0)
    c1 = fma(x, v128.load(b, 16), c1)
    c2 = fma(x, v128.load(b, 32), c2)
    c3 = fma(x, v128.load(b, 48), c3)
    c4 = fma(x, v128.load(b, 64), c4)
    c5 = fma(x, v128.load(b, 80), c5)
    c6 = fma(x, v128.load(b, 96), c6)
    c7 = fma(x, v128.load(b, 112), c7)
    a += aAcross
    b += bDown
  } while (--k)
  put(c, c0, add)
  put(c + 16, c1, add)
  put(c + 32, c2, add)
  put(c + 48, c3, add)
  put(c + 64, c4, add)
  put(c + 80, c5, add)
  put(c + 96, c6, add)
  put(c + 112, c7, add)
}

function narrow(
  k: i32, a: usize, aAcross: usize, b: usize, bDown: usize, c: usize, add: bool,
): void {
  let sum = f32x4.splat(0)
  do {
    sum = fma(splat(a), v128.load(b), sum)
    a += aAcross
    b += bDown
  } while (--k)
  put(c, sum, add)
}

function single(
  k: i32, a: usize, aAcross: usize, b: usize, bDown: usize, c: usize, add: bool,
): void {
  let sum: f32 = 0
  do {
    sum += f32.load(a) * f32.load(b)
    a += aAcross
    b += bDown
  } while (--k)
  f32.store(c, add ? f32.load(c) + sum : sum)
}

// @ts-ignore: decorator
@inline
function put(c: usize, value: v128, add: bool): void {
  v128.store(c, add ? f32x4.add(v128.load(c), value) : value)
}

/** B dense along k; C and A as they are. All strides in bytes. */
export function fewDots(
  m: i32,
  n: i32,
  depth: i32,
  a: usize,
  aDown: usize,
  aAcross: usize,
  b: usize,
  bAcross: usize,
  c: usize,
  cDown: usize,
  cAcross: usize,
  scratch: usize,
): void {
  for (let i = 0; i < m; i++) {
    for (let p = 0; p < depth; p += DOT_KC) {
      const kc = min32(DOT_KC, depth - p)
      let ap = a + <usize>i * aDown + <usize>p * aAcross
      if (aAcross != 4) {
        copyStrided(ap, aDown, aAcross, 1, kc, scratch, 0)
        ap = scratch
      }
      let bp = b + (<usize>p << 2)
      let cp = c + <usize>i * cDown
      let j = 0
      for (; j + 4 <= n; j += 4) {
        dots4(kc, ap, bp, bAcross, cp, cAcross, p > 0)
        bp += bAcross << 2
        cp += cAcross << 2
      }
      for (; j < n; j++) {
        dot(kc, ap, bp, cp, p > 0)
        bp += bAcross
        cp += cAcross
      }
    }
  }
}

function dots4(
  k: i32, a: usize, b0: usize, bAcross: usize, c: usize, cAcross: usize, add: bool,
): void {
  let b1 = b0 + bAcross
  let b2 = b1 + bAcross
  let b3 = b2 + bAcross
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0)
  let t0 = f32x4.splat(0), t1 = f32x4.splat(0), t2 = f32x4.splat(0), t3 = f32x4.splat(0)
  for (; k >= 8; k -= 8) {
    const x = v128.load(a)
    const y = v128.load(a, 16)
    s0 = fma(x, v128.load(b0), s0)
    t0 = fma(y, v128.load(b0, 16), t0)
    s1 = fma(x, v128.load(b1), s1)
    t1 = fma(y, v128.load(b1, 16), t1)
    s2 = fma(x, v128.load(b2), s2)
    t2 = fma(y, v128.load(b2, 16), t2)
    s3 = fma(x, v128.load(b3), s3)
    t3 = fma(y, v128.load(b3, 16), t3)
    a += 32
    b0 += 32
    b1 += 32
    b2 += 32
    b3 += 32
  }
  let r0 = sumLanes(f32x4.add(s0, t0))
  let r1 = sumLanes(f32x4.add(s1, t1))
  let r2 = sumLanes(f32x4.add(s2, t2))
  let r3 = sumLanes(f32x4.add(s3, t3))
  for (; k > 0; k--) {
    const x = f32.load(a)
    r0 += x * f32.load(b0)
    r1 += x * f32.load(b1)
    r2 += x * f32.load(b2)
    r3 += x * f32.load(b3)
    a += 4
    b0 += 4
    b1 += 4
    b2 += 4
    b3 += 4
  }
  putOne(c, r0, add)
  putOne(c + cAcross, r1, add)
  putOne(c + (cAcross << 1), r2, add)
  putOne(c + (cAcross << 1) + cAcross, r3, add)
}

function dot(k: i32, a: usize, b: usize, c: usize, add: bool): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0)
  for (; k >= 8; k -= 8) {
    s0 = fma(v128.load(a), v128.load(b), s0)
    s1 = fma(v128.load(a, 16), v128.load(b, 16), s1)
    a += 32
    b += 32
  }
  let sum = sumLanes(f32x4.add(s0, s1))
  for (; k > 0; k--) {
    sum += f32.load(a) * f32.load(b)
    a += 4
    b += 4
  }
  putOne(c, sum, add)
}

// @ts-ignore: decorator
@inline
function putOne(c: usize, value: f32, add: bool): void {
  f32.store(c, add ? f32.load(c) + value : value)
}
