/** Gaussian elimination on plain numbers. */

/** `P A = L U`: U on and above the diagonal, L (with ones on its diagonal) below. */
export interface Lu {
  readonly lu: Float64Array
  /** Row `i` of `P A` is this row of A. */
  readonly rows: Int32Array
  /** Whether P swaps an odd number of times. */
  readonly odd: boolean
  /** The first column without a pivot, or -1 for a regular matrix. */
  readonly singular: number
}

/**
 * The LU factorization with partial pivoting: in every column the largest element left comes to the
 * diagonal. Overwrites `a`, `n` by `n`.
 *
 * Source: Golub & Van Loan, Matrix Computations, 4th ed., algorithm 3.4.1.
 */
export function factor(a: Float64Array, n: number): Lu {
  const rows = Int32Array.from({ length: n }, (_, i) => i)
  let odd = false
  let singular = -1
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++)
      if (Math.abs(a[i * n + k]!) > Math.abs(a[pivot * n + k]!)) pivot = i
    if (a[pivot * n + k] === 0) {
      if (singular < 0) singular = k
      continue
    }
    if (pivot !== k) {
      const row = a.slice(pivot * n, (pivot + 1) * n)
      a.copyWithin(pivot * n, k * n, (k + 1) * n)
      a.set(row, k * n)
      const number = rows[pivot]!
      rows[pivot] = rows[k]!
      rows[k] = number
      odd = !odd
    }
    for (let i = k + 1; i < n; i++) {
      const factor = a[i * n + k]! / a[k * n + k]!
      a[i * n + k] = factor
      if (factor === 0) continue
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= factor * a[k * n + j]!
    }
  }
  return { lu: a, rows, odd, singular }
}

/** Which triangle of a matrix counts, and whether its diagonal is taken to be ones. */
export interface Triangle {
  readonly upper: boolean
  readonly unit: boolean
}

/** Solves `T X = B` for a triangle of `t`, `n` by `n`; `x` holds B, `n` by `columns`, and then X. */
export function substitute(
  t: Float64Array,
  x: Float64Array,
  n: number,
  columns: number,
  { upper, unit }: Triangle,
): void {
  for (let step = 0; step < n; step++) {
    const i = upper ? n - 1 - step : step
    const [start, end] = upper ? [i + 1, n] : [0, i]
    for (let k = start; k < end; k++) {
      const factor = t[i * n + k]!
      if (factor === 0) continue
      for (let j = 0; j < columns; j++) x[i * columns + j]! -= factor * x[k * columns + j]!
    }
    if (unit) continue
    for (let j = 0; j < columns; j++) x[i * columns + j]! /= t[i * n + i]!
  }
}

/** Writes the solution of `A X = B` to `x`; B and X are `n` by `columns`. */
export function solveWith(
  { lu, rows }: Lu,
  b: Float64Array,
  x: Float64Array,
  columns: number,
): void {
  const n = rows.length
  for (let i = 0; i < n; i++)
    x.set(b.subarray(rows[i]! * columns, (rows[i]! + 1) * columns), i * columns)
  substitute(lu, x, n, columns, { upper: false, unit: true })
  substitute(lu, x, n, columns, { upper: true, unit: false })
}
