/**
 * Matrix products in parts: blocks of rows and columns of one product, or of many with the same
 * sizes. Every element is computed as in the whole product, so the parts give the same bits.
 */
import { fewDots, fewRows, fewScratch } from './few'
import { matmul, matmulScratch } from './matmul'
import { max32, min32 } from './simd'

/** JavaScript writes the fields in this order. All strides in bytes. */
@unmanaged
export class Products {
  m: i32
  n: i32
  depth: i32
  aDown: usize
  aAcross: usize
  bDown: usize
  bAcross: usize
  cDown: usize
  cAcross: usize
  /** Sizes of a part. */
  rows: i32
  columns: i32
  /** One of the constants below. */
  kind: i32
  /** The addresses of A, B and C of each product. */
  table: usize
  /** {@link productsScratch} bytes. */
  scratch: usize
}

const PACKED: i32 = 0
const ROWS: i32 = 1
// 2: dot products.

/** Bytes of scratch memory for any kind. */
export function productsScratch(): i32 {
  return max32(matmulScratch(), fewScratch())
}

/** Computes the parts `first .. last`: the row blocks of each column block of each product. */
export function products(p: Products, first: i32, last: i32): void {
  const down = (p.m + p.rows - 1) / p.rows
  const across = (p.n + p.columns - 1) / p.columns
  for (let part = first; part < last; part++) {
    const product = part / (down * across)
    const m0 = part % down * p.rows
    const m1 = min32(m0 + p.rows, p.m)
    const j = part / down % across * p.columns
    const n = min32(p.columns, p.n - j)
    const entry = p.table + <usize>product * 12
    const a = load<usize>(entry)
    const b = load<usize>(entry, 4) + <usize>j * p.bAcross
    const c = load<usize>(entry, 8) + <usize>j * p.cAcross
    if (p.kind == PACKED)
      matmul(
        m0, m1, n, p.depth, a, p.aDown, p.aAcross, b, p.bDown, p.bAcross,
        c, p.cDown, p.cAcross, p.scratch,
      )
    else if (p.kind == ROWS)
      fewRows(
        m1 - m0, n, p.depth, a + <usize>m0 * p.aDown, p.aDown, p.aAcross,
        b, p.bDown, c + <usize>m0 * p.cDown, p.cDown,
      )
    else
      fewDots(
        m1 - m0, n, p.depth, a + <usize>m0 * p.aDown, p.aDown, p.aAcross,
        b, p.bAcross, c + <usize>m0 * p.cDown, p.cDown, p.cAcross, p.scratch,
      )
  }
}
