/** Plane rotations, the step of Jacobi's methods. */

/** Jacobi's methods converge quadratically, in about ten sweeps over all pairs; this is the end of patience. */
export const SWEEPS = 60

/**
 * The rotation that makes the symmetric `[[p, r], [r, q]]` diagonal: cosine and sine of the smaller
 * one of the two angles (Golub & Van Loan, 4th ed., algorithm 8.5.1).
 */
export function rotation(p: number, q: number, r: number): [cosine: number, sine: number] {
  const theta = (q - p) / (2 * r)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
  const cosine = 1 / Math.hypot(t, 1)
  return [cosine, t * cosine]
}

/** Turns two rows, which start at `x` and `y`: `x' = c x - s y`, `y' = s x + c y`. */
export function turn(
  a: Float64Array,
  x: number,
  y: number,
  count: number,
  [c, s]: readonly [number, number],
): void {
  for (let k = 0; k < count; k++) {
    const [u, v] = [a[x + k]!, a[y + k]!]
    a[x + k] = c * u - s * v
    a[y + k] = s * u + c * v
  }
}
