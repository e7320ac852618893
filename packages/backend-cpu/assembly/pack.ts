/**
 * Copies that put operands where the micro-kernel wants them.
 *
 * A panel of B holds NR = 8 columns: for each k the eight values side by side. Missing columns are
 * multiplied too and their results dropped; they are zeros because the leftovers of other numbers
 * could be denormal, and slow.
 */
import { min32 } from './simd'
import { NR } from './tile'

/**
 * Packs `depth` x `columns` of B.
 *
 * @param down bytes from one k to the next
 * @param across bytes from one column to the next
 * @param pitch bytes from one panel to the next
 */
export function packPanels(
  b: usize,
  down: usize,
  across: usize,
  depth: i32,
  columns: i32,
  target: usize,
  pitch: usize,
): void {
  let j = 0
  if (across == 4)
    for (; j + 2 * NR <= columns; j += 2 * NR) {
      copyPanels(b, down, depth, target, pitch)
      target += 2 * pitch
      b += 2 * NR * 4
    }
  for (; j < columns; j += NR) {
    const width = columns - j
    if (width >= NR && across == 4) copyPanel(b, down, depth, target)
    else packPanel(b, down, across, depth, min32(width, NR), target)
    target += pitch
    b += <usize>NR * across
  }
}

/** Two panels at a time: a whole cache line of each row, which may be gone when the next one is copied. */
function copyPanels(from: usize, down: usize, depth: i32, target: usize, pitch: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(target, v128.load(from))
    v128.store(target, v128.load(from, 16), 16)
    v128.store(target + pitch, v128.load(from, 32))
    v128.store(target + pitch, v128.load(from, 48), 16)
    from += down
    target += NR * 4
  }
}

function copyPanel(from: usize, down: usize, depth: i32, target: usize): void {
  for (let k = 0; k < depth; k++) {
    v128.store(target, v128.load(from))
    v128.store(target, v128.load(from, 16), 16)
    from += down
    target += NR * 4
  }
}

/** One panel, whatever its strides and width. */
function packPanel(
  b: usize,
  down: usize,
  across: usize,
  depth: i32,
  width: i32,
  target: usize,
): void {
  if (width < NR) memory.fill(target, 0, <usize>depth * NR * 4)
  if (down == 4) transpose(b, across, depth, width, target, NR * 4)
  else copyStrided(b, down, across, depth, width, target, NR * 4)
}

/**
 * `target[i * pitch + j * 4] = from[i * 4 + j * across]`: what lies dense along i comes to lie dense
 * along j. Squares of 4 x 4 turn in registers.
 */
export function transpose(
  from: usize,
  across: usize,
  rows: i32,
  columns: i32,
  target: usize,
  pitch: usize,
): void {
  const rows4 = rows & ~3
  const columns4 = columns & ~3
  for (let j = 0; j < columns4; j += 4) {
    let source = from + <usize>j * across
    let to = target + <usize>j * 4
    for (let i = 0; i < rows4; i += 4) {
      const r0 = v128.load(source)
      const r1 = v128.load(source + across)
      const r2 = v128.load(source + 2 * across)
      const r3 = v128.load(source + 3 * across)
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5)
      const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7)
      const low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5)
      const high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2))
      v128.store(to + pitch, v128.shuffle<i64>(low01, low23, 1, 3))
      v128.store(to + 2 * pitch, v128.shuffle<i64>(high01, high23, 0, 2))
      v128.store(to + 3 * pitch, v128.shuffle<i64>(high01, high23, 1, 3))
      source += 16
      to += 4 * pitch
    }
    copyStrided(source, 4, across, rows - rows4, 4, to, pitch)
  }
  copyStrided(
    from + <usize>columns4 * across,
    4,
    across,
    rows,
    columns - columns4,
    target + <usize>columns4 * 4,
    pitch,
  )
}

/** `target[i * pitch + j * 4] = from[i * down + j * across]`. */
export function copyStrided(
  from: usize,
  down: usize,
  across: usize,
  rows: i32,
  columns: i32,
  target: usize,
  pitch: usize,
): void {
  for (let i = 0; i < rows; i++) {
    let source = from + <usize>i * down
    let to = target + <usize>i * pitch
    for (let j = 0; j < columns; j++) {
      f32.store(to, f32.load(source))
      source += across
      to += 4
    }
  }
}
