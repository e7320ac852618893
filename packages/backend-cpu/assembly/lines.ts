/**
 * The lines of two arrays along one axis, for elements of 32 bits: what a kernel needs that reads a
 * line here and writes one there, whatever the strides. Lines come in sheets: next to each other
 * along one of the other axes, while the rest of the axes count like an odometer.
 */

/** JavaScript writes the fields in this order. All steps in bytes. */
@unmanaged
export class Lines {
  /** The first elements of the sheet's first line. */
  x: usize
  out: usize
  /** Elements of a line. */
  count: i32
  /** From element to element of a line. */
  xStep: usize
  outStep: usize
  /** Lines of a sheet. */
  width: i32
  /** From line to line of a sheet. */
  xAcross: usize
  outAcross: usize
  /** Number of the other axes. */
  rank: i32
  /** `rank` records of extent, counter (0), and the strides of x and out. */
  axes: usize
  scratch: usize
}

const RECORD: usize = 16

/** Moves on to the next sheet; false after the last, with everything back at the start. */
export function nextSheet(p: Lines): bool {
  for (let axis = p.axes + <usize>p.rank * RECORD; axis > p.axes; ) {
    axis -= RECORD
    const count = load<i32>(axis, 4) + 1
    p.x += load<usize>(axis, 8)
    p.out += load<usize>(axis, 12)
    if (count < load<i32>(axis)) {
      store<i32>(axis, count, 4)
      return true
    }
    p.x -= <usize>count * load<usize>(axis, 8)
    p.out -= <usize>count * load<usize>(axis, 12)
    store<i32>(axis, 0, 4)
  }
  return false
}
