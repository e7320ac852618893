/**
 * Picking and adding by index along one axis, for elements of 32 bits.
 *
 *     gather:      out[i] = x[i with i_axis = index[i]]
 *     scatterAdd:  out[i with i_axis = index[i]] += src[i]
 *
 * Three operands are walked together: the indices, the *line* that the index chooses from (its stride
 * along the axis is 0 in the walk; `pitch` times the index is added instead) and the *value* that
 * sits at the index's own place. The last axis is the inner loop, the others count like an odometer.
 * Where one index serves a dense row (rows of an embedding), the row is moved as a whole.
 */
import { addFloats, copyFloats } from './floats'

/** JavaScript writes the fields in this order. All strides in bytes. */
@unmanaged
export class Picking {
  indices: usize
  line: usize
  value: usize
  /** Bytes that an index of 1 moves along the line. */
  pitch: usize
  /** Which axis a range counts; the others are walked whole. */
  split: i32
  /** Whether scatterAdd adds floats, not integers. */
  float: i32
  /** Number of axes, at least one. Their records follow: extent, counter (0), and the strides of indices, line and value. */
  rank: i32
}

const AXES: usize = 28
const RECORD: usize = 20

/** What happens at each place: a move, or an addition of floats or of integers. */
const MOVE: i32 = 0
const ADD_FLOATS: i32 = 1

/** The places `first .. last` along the axis `split`. */
export function gather(p: Picking, first: i32, last: i32): void {
  walk(p, first, last, MOVE)
}

/** Equal indices add in the order of the source; threads may not split the axis of the indices. */
export function scatterAdd(p: Picking, first: i32, last: i32): void {
  walk(p, first, last, p.float ? ADD_FLOATS : 2)
}

function walk(p: Picking, first: i32, last: i32, kind: i32): void {
  const axes = changetype<usize>(p) + AXES
  const split = axes + <usize>p.split * RECORD
  store<i32>(split, last - first)
  const inner = axes + <usize>(p.rank - 1) * RECORD
  const extent = load<i32>(inner)
  let indices = p.indices + <usize>first * load<usize>(split, 8)
  let line = p.line + <usize>first * load<usize>(split, 12)
  let value = p.value + <usize>first * load<usize>(split, 16)
  for (;;) {
    row(p.pitch, kind, extent, inner, indices, line, value)
    // Advance the outer axes; an axis that is through goes back to its start.
    let axis = inner
    for (;;) {
      if (axis == axes) return
      axis -= RECORD
      const count = load<i32>(axis, 4) + 1
      indices += load<usize>(axis, 8)
      line += load<usize>(axis, 12)
      value += load<usize>(axis, 16)
      if (count < load<i32>(axis)) {
        store<i32>(axis, count, 4)
        break
      }
      indices -= <usize>count * load<usize>(axis, 8)
      line -= <usize>count * load<usize>(axis, 12)
      value -= <usize>count * load<usize>(axis, 16)
      store<i32>(axis, 0, 4)
    }
  }
}

function row(
  pitch: usize, kind: i32, extent: i32, axis: usize, indices: usize, line: usize, value: usize,
): void {
  const indexStep = load<usize>(axis, 8)
  const lineStep = load<usize>(axis, 12)
  const valueStep = load<usize>(axis, 16)
  if (indexStep == 0 && lineStep == 4 && valueStep == 4) {
    const at = line + <usize>load<i32>(indices) * pitch
    if (kind == MOVE) {
      copyFloats(value, at, extent)
      return
    }
    if (kind == ADD_FLOATS) {
      addFloats(at, value, extent)
      return
    }
  }
  for (let i = 0; i < extent; i++) {
    const at = line + <usize>load<i32>(indices) * pitch
    if (kind == MOVE) store<i32>(value, load<i32>(at))
    else if (kind == ADD_FLOATS) f32.store(at, f32.load(at) + f32.load(value))
    else i32.store(at, i32.load(at) + i32.load(value))
    indices += indexStep
    line += lineStep
    value += valueStep
  }
}
