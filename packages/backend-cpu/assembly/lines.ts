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
  scratch: usize
  /** What a range counts: one of the other axes, or with `rank` the lines of a sheet. */
  split: i32
  /** One of the constants of the kernel. */
  kind: i32
  descending: i32
  /** Number of the other axes. Their records follow: extent, counter (0), and the strides of x and out. */
  rank: i32
}

const AXES: usize = 52
const RECORD: usize = 16

/** Restricts p to the places `first .. last` of what is split, from where {@link leave} brings it back. */
export function enter(p: Lines, first: i32, last: i32): void {
  if (p.split == p.rank) p.width = last - first
  else store<i32>(changetype<usize>(p) + AXES + <usize>p.split * RECORD, last - first)
  shift(p, first)
}

export function leave(p: Lines, first: i32): void {
  shift(p, -first)
}

function shift(p: Lines, count: i32): void {
  const axis = changetype<usize>(p) + AXES + <usize>p.split * RECORD
  const all = p.split == p.rank
  p.x += <usize>count * (all ? p.xAcross : load<usize>(axis, 8))
  p.out += <usize>count * (all ? p.outAcross : load<usize>(axis, 12))
}

/** Moves on to the next sheet; false after the last, with everything back at the start. */
export function nextSheet(p: Lines): bool {
  const axes = changetype<usize>(p) + AXES
  for (let axis = axes + <usize>p.rank * RECORD; axis > axes; ) {
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
