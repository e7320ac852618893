/**
 * The gradient of a convolution for its weight, as an implicit matrix product.
 *
 *     W[i, j] = sum over m of X[m, i] * D[m, j]
 *     i = (tap row, tap column, channel), m = (image, row, column) of the grid of outputs
 *
 * X[m, i] is the input under tap i of window m. For a fixed i it runs through the image with a fixed
 * step along each row of windows, so it is a *run* per output row for the micro-kernel, and six
 * values of i are six pointers: again nothing is laid out (see `tile.ts` and `source.ts`).
 *
 *     for m in blocks of output rows          about MC windows
 *       copy their input rows, padded         unless windows stay inside
 *       pack D                                MC x columns floats
 *       for j in blocks of NC columns
 *         for each tile of MR values of i
 *           for each panel of NR columns
 *             tile: W (+)= X * D
 *
 * Blocks are added in the order of the images, so the result is the same every time. The values of
 * i are independent, and a range of them gives the same bits as the whole.
 */
import { packPanels } from './pack'
import { max32, min32 } from './simd'
import { bufferBytes, MAX_ROWS, pixelPitch, rowPitch, Source, sourceRows } from './source'
import { MR, NR, ROWS_BYTES, tile } from './tile'

const MC: i32 = 512
const NC: i32 = 256

/** One product; JavaScript writes the fields in this order. All strides in bytes. */
@unmanaged
export class WeightGradient extends Source {
  /** Columns of D and W. */
  columns: i32
  /** The gradient of the output; its pixels lie dense in the order of the grid, `dPitch` apart. */
  d: usize
  dPitch: usize
  w: usize
  wPitch: usize
  /** {@link weightGradientScratch} bytes. */
  scratch: usize
}

// The scratch memory: the rows of a tile, where the windows of each output row begin, the packed D,
// the padded rows.
const BASES: usize = ROWS_BYTES
const PACKED: usize = (BASES + MAX_ROWS * 4 + 63) & ~63

// @ts-ignore: decorator
@inline
function bufferStart(g: WeightGradient): usize {
  return PACKED + <usize>MC * ((<usize>g.columns + NR - 1) & ~(NR - 1)) * 4
}

export function weightGradientScratch(g: WeightGradient): i32 {
  return <i32>bufferStart(g) + bufferBytes(g)
}

/** Computes the rows `first .. last` of W, each the gradient of one tap and channel. */
export function weightGradient(g: WeightGradient, first: i32, last: i32): void {
  const bases = g.scratch + BASES
  const packed = g.scratch + PACKED
  const total = g.count * g.gridH
  const rowsAtOnce = max32(MC / g.gridW, 1)
  let row = 0
  while (row < total) {
    const end = sourceRows(g, row, min32(row + rowsAtOnce, total), bases, g.scratch + bufferStart(g))
    // A row of windows longer than MC goes in pieces.
    for (let v = 0; v < g.gridW; v += MC) {
      const length = min32(MC, g.gridW - v)
      const depth = (end - row) * length
      const pitch = <usize>depth * NR * 4
      const d = g.d + <usize>(row * g.gridW + v) * g.dPitch
      packPanels(d, g.dPitch, 4, depth, g.columns, packed, pitch)
      for (let j = 0; j < g.columns; j += NC)
        sweep(
          g, first, last, v, end - row, length, packed + <usize>(j / NR) * pitch,
          j, min32(NC, g.columns - j), row + v > 0,
        )
    }
    row = end
  }
}

/** All tiles of W with one block of D, the windows from column `v` on of `rows` output rows. */
function sweep(
  g: WeightGradient,
  first: i32,
  last: i32,
  v: i32,
  rows: i32,
  length: i32,
  d: usize,
  column: i32,
  columns: i32,
  add: bool,
): void {
  const pixel = pixelPitch(g)
  const tapDown = <usize>g.dilationH * rowPitch(g)
  const tapAcross = <usize>g.dilationW * pixel
  const step = <usize>g.strideW * pixel
  const start = <usize>v * step
  const panelPitch = <usize>(rows * length) * NR * 4
  for (let i = first; i < last; i += MR) {
    const live = min32(MR, last - i)
    for (let r = 0; r < MR; r++) {
      const slot = g.scratch + (<usize>r << 2)
      const row = i + min32(r, live - 1)
      const tap = row / g.channels
      store<usize>(
        slot,
        start +
          <usize>(tap / g.tapsW) * tapDown +
          <usize>(tap % g.tapsW) * tapAcross +
          (<usize>(row % g.channels) << 2),
      )
      store<usize>(slot, g.w + <usize>row * g.wPitch, MR * 4)
    }
    let panel = d
    for (let j = 0; j < columns; j += NR) {
      tile(
        g.scratch, live, g.scratch + BASES, rows, length, step, panel,
        <usize>(column + j) << 2, min32(NR, columns - j), 4, add,
      )
      panel += panelPitch
    }
  }
}
