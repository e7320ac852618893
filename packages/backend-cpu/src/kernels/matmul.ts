import { collapse, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import { type Context, deal, isShared } from './runtime.ts'

/** Bytes from row to row and from column to column. */
interface Steps {
  readonly down: number
  readonly across: number
}

/** A matrix in memory: an address and strides in bytes. */
interface Matrix extends Steps {
  readonly at: number
}

/** Up to so many rows (or columns) the packed product does not repay its packing. */
const FEW = 4

/** Below so many outputs per row, dot products beat the walk along the row when both can run. */
const SHORT_ROW = 16

/** `c[m, n] = sum over k of a[m, k] * b[k, n]` for f32 matrices with any strides; c does not overlap a or b. */
export function product(
  context: Context,
  m: number,
  n: number,
  depth: number,
  a: Matrix,
  b: Matrix,
  c: Matrix,
): void {
  products(context, m, n, depth, a, b, c, [a.at, b.at, c.at])
}

/** The same for many products of one shape; `table` has the addresses of the a, b and c of each. */
function products(
  context: Context,
  m: number,
  n: number,
  depth: number,
  a: Steps,
  b: Steps,
  c: Steps,
  table: readonly number[],
): void {
  if (m === 0 || n === 0) return
  if (depth === 0) {
    for (let i = 2; i < table.length; i += 3) zeroMatrix(context, m, n, c, table[i]!)
    return
  }
  // The transposed product where it has the few rows, or where c is dense downwards.
  if ((n <= FEW && m > n) || (m > FEW && c.across !== 4 && c.down === 4)) {
    const swapped = table.map((_, i) => table[i % 3 === 0 ? i + 1 : i % 3 === 1 ? i - 1 : i]!)
    oriented(context, n, m, depth, transposed(b), transposed(a), transposed(c), swapped)
  } else oriented(context, m, n, depth, a, b, c, table)
}

function oriented(
  context: Context,
  m: number,
  n: number,
  depth: number,
  a: Steps,
  b: Steps,
  c: Steps,
  table: readonly number[],
): void {
  const { wasm } = context
  // The stride of an axis with one element says nothing.
  const bDense = b.across === 4 || n === 1
  const bDenseDown = b.down === 4 || depth === 1
  const cDense = c.across === 4 || n === 1
  const aAcross = depth === 1 ? 4 : a.across
  const few = m <= FEW
  const dots = few && bDenseDown && !(bDense && cDense && n >= SHORT_ROW)
  const along = few && !dots && bDense && cDense
  const work = (table.length / 3) * m * n * depth * (few ? 4 : 1)
  if (isShared(context, work)) {
    const kind = dots ? 2 : along ? 1 : 0
    const [rows, columns] = partOf(context.pool!.threads, m, n, table.length / 3, few)
    const strides = [a.down, aAcross, b.down, b.across, c.down, c.across]
    const fields = [m, n, depth, ...strides, rows, columns, kind, 0, 0]
    let entries = 0
    deal(context, 'products', {
      fields,
      scratch: { field: fields.length - 1, bytes: wasm.productsScratch },
      end: (table.length / 3) * Math.ceil(m / rows) * Math.ceil(n / columns),
      parts: 64,
      work,
      prepare(records, pitch, threads) {
        entries = context.scratch(4 * table.length)
        const words = new Uint32Array(context.memory.buffer)
        words.set(table, entries / 4)
        for (let t = 0; t < threads; t++)
          words[(records + t * pitch) / 4 + fields.length - 2] = entries
      },
      finish: () => context.release(entries),
    })
    return
  }
  for (let i = 0; i < table.length; i += 3) {
    const [aAt, bAt, cAt] = [table[i]!, table[i + 1]!, table[i + 2]!]
    if (along) {
      wasm.fewRows(m, n, depth, aAt, a.down, aAcross, bAt, b.down, cAt, c.down)
      continue
    }
    const scratch = context.scratch(dots ? wasm.fewScratch() : wasm.matmulScratch())
    // biome-ignore format: one operand to a line
    if (dots)
      wasm.fewDots(
        m, n, depth,
        aAt, a.down, aAcross,
        bAt, b.across,
        cAt, c.down, c.across,
        scratch,
      )
    else
      wasm.matmul(
        0, m, n, depth,
        aAt, a.down, aAcross,
        bAt, b.down, b.across,
        cAt, c.down, c.across,
        scratch,
      )
    context.release(scratch)
  }
}
/** Rows of a tile. */
const MR = 6

/** Columns whose packed b stays in the cache. */
const PART_COLUMNS = 256

/** The fewest rows that repay packing b, and rows at which packing it costs next to nothing. */
const FEWEST_ROWS = 96
const MANY_ROWS = 256

/** Rows and columns of the parts in which threads take products; whole vectors and tiles. */
function partOf(
  threads: number,
  m: number,
  n: number,
  count: number,
  few: boolean,
): readonly [rows: number, columns: number] {
  // Parts of one product, at least and at best.
  const [least, best] = [Math.ceil((2 * threads) / count), Math.ceil((4 * threads) / count)]
  if (best === 1) return [m, n]
  if (few) return [m, evenly(n, best, 32)]
  const across = Math.ceil(n / PART_COLUMNS)
  const down = Math.max(
    1,
    Math.min(Math.ceil(least / across), Math.floor(m / FEWEST_ROWS)),
    Math.min(Math.ceil(best / across), Math.floor(m / MANY_ROWS)),
  )
  // As many parts for each thread, or smaller ones where there are too few.
  let even = down
  while (even > 1 && (even * across * count) % threads !== 0) even--
  const rows = evenly(m, even > 1 ? even : down, MR)
  if (across * down * count >= threads) return [rows, evenly(n, across, 8)]
  return [rows, evenly(n, 2 * threads, 8)]
}

/** The size of one of `parts` parts, a multiple of `unit`. */
function evenly(size: number, parts: number, unit: number): number {
  return Math.ceil(size / parts / unit) * unit
}

function transposed({ down, across }: Steps): Steps {
  return { down: across, across: down }
}

function zeroMatrix(context: Context, m: number, n: number, c: Steps, at: number): void {
  const memory = new Uint32Array(context.memory.buffer)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) memory[(at + i * c.down + j * c.across) / 4] = 0
}

/** {@link Kernels.matmul} for f32. */
export function matmulKernel(context: Context): Kernels['matmul'] {
  return (a, b, out) => {
    if (sizeOf(out.shape) === 0) return
    const rank = out.shape.length
    const n = out.shape[rank - 1]!
    const depth = a.shape[rank - 1]!
    // The rows count as one more batch axis along which b repeats. So batches that meet the same b
    // merge with the rows where memory allows, and become one larger product.
    const loops = collapse(out.shape.slice(0, -1), [
      a.strides.slice(0, -1),
      [...b.strides.slice(0, -2), 0],
      out.strides.slice(0, -1),
    ])
    const [aSteps, bSteps, outSteps] = loops.strides as [number[], number[], number[]]
    let rows = 1
    let aDown = 0
    let outDown = 0
    if (bSteps.at(-1) === 0) {
      rows = loops.shape.pop()!
      bSteps.pop()
      aDown = aSteps.pop()! * 4
      outDown = outSteps.pop()! * 4
    }
    const aAcross = a.strides[rank - 1]! * 4
    const bDown = b.strides[rank - 2]! * 4
    const bAcross = b.strides[rank - 1]! * 4
    const outAcross = out.strides[rank - 1]! * 4
    const table: number[] = []
    const list = (axis: number, aAt: number, bAt: number, outAt: number): void => {
      if (axis === loops.shape.length) table.push(aAt, bAt, outAt)
      else
        for (let i = 0; i < loops.shape[axis]!; i++)
          list(
            axis + 1,
            aAt + i * aSteps[axis]! * 4,
            bAt + i * bSteps[axis]! * 4,
            outAt + i * outSteps[axis]! * 4,
          )
    }
    list(0, context.pointer(a), context.pointer(b), context.pointer(out))
    products(
      context,
      rows,
      n,
      depth,
      { down: aDown, across: aAcross },
      { down: bDown, across: bAcross },
      { down: outDown, across: outAcross },
      table,
    )
  }
}
