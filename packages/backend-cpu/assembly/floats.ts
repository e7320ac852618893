/**
 * Loops over dense rows. Rows are often short, and for those the calls into the engine that
 * `memory.copy` and `memory.fill` make would cost more than the work.
 */

/** Copies any 32-bit elements. */
export function copyFloats(to: usize, from: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  }
  for (; count > 0; count--) {
    i32.store(to, i32.load(from))
    to += 4
    from += 4
  }
}

export function zeroFloats(to: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, f32x4.splat(0))
    to += 16
  }
  for (; count > 0; count--) {
    f32.store(to, 0)
    to += 4
  }
}

/** `to[i] += from[i]`. */
export function addFloats(to: usize, from: usize, count: i32): void {
  for (; count >= 4; count -= 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)))
    to += 16
    from += 16
  }
  for (; count > 0; count--) {
    f32.store(to, f32.load(to) + f32.load(from))
    to += 4
    from += 4
  }
}
