import { collapse, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import type { Context } from './runtime.ts'

/** A matrix in memory: an address and strides in bytes. */
interface Matrix {
  readonly at: number
  readonly down: number
  readonly across: number
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
  if (m === 0 || n === 0) return
  if (depth === 0) {
    zeroMatrix(context, m, n, c)
    return
  }
  // The transposed product where it has the few rows, or where c is dense downwards.
  if ((n <= FEW && m > n) || (m > FEW && c.across !== 4 && c.down === 4))
    oriented(context, n, m, depth, transposed(b), transposed(a), transposed(c))
  else oriented(context, m, n, depth, a, b, c)
}

function oriented(
  context: Context,
  m: number,
  n: number,
  depth: number,
  a: Matrix,
  b: Matrix,
  c: Matrix,
): void {
  const { wasm } = context
  // The stride of an axis with one element says nothing.
  const bDense = b.across === 4 || n === 1
  const bDenseDown = b.down === 4 || depth === 1
  const cDense = c.across === 4 || n === 1
  const aAcross = depth === 1 ? 4 : a.across
  if (m <= FEW && bDenseDown && !(bDense && cDense && n >= SHORT_ROW)) {
    const scratch = context.scratch(wasm.fewScratch())
    // biome-ignore format: one operand to a line
    wasm.fewDots(
      m, n, depth,
      a.at, a.down, aAcross,
      b.at, b.across,
      c.at, c.down, c.across,
      scratch,
    )
    context.release(scratch)
  } else if (m <= FEW && bDense && cDense) {
    wasm.fewRows(m, n, depth, a.at, a.down, aAcross, b.at, b.down, c.at, c.down)
  } else {
    const scratch = context.scratch(wasm.matmulScratch())
    // biome-ignore format: one operand to a line
    wasm.matmul(
      0, m, n, depth,
      a.at, a.down, aAcross,
      b.at, b.down, b.across,
      c.at, c.down, c.across,
      scratch,
    )
    context.release(scratch)
  }
}

function transposed(matrix: Matrix): Matrix {
  return { at: matrix.at, down: matrix.across, across: matrix.down }
}

function zeroMatrix(context: Context, m: number, n: number, c: Matrix): void {
  const memory = new Uint32Array(context.memory.buffer)
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) memory[(c.at + i * c.down + j * c.across) / 4] = 0
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
    const each = (axis: number, aAt: number, bAt: number, outAt: number) => {
      if (axis < loops.shape.length)
        for (let i = 0; i < loops.shape[axis]!; i++)
          each(
            axis + 1,
            aAt + i * aSteps[axis]! * 4,
            bAt + i * bSteps[axis]! * 4,
            outAt + i * outSteps[axis]! * 4,
          )
      else
        product(
          context,
          rows,
          n,
          depth,
          { at: aAt, down: aDown, across: aAcross },
          { at: bAt, down: bDown, across: bAcross },
          { at: outAt, down: outDown, across: outAcross },
        )
    }
    each(0, context.pointer(a), context.pointer(b), context.pointer(out))
  }
}
