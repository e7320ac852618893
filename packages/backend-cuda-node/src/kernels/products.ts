/** The products that a call of matmul or addmm is made of. */
import { bytesOf, collapse, type View } from '@nablajs/tensor/backend'
import type { StoredFloat } from '../codegen/storage.ts'
import type { BlasMatrix } from './blas.ts'

/** Elements from row to row and from column to column. */
export interface Matrix {
  readonly down: number
  readonly across: number
}

/** An operand of several products: where its first matrix begins, and how many elements later the next. */
export interface Operand extends Matrix {
  readonly address: number
  readonly step: number
}

/** `count` products of one shape. */
export interface Products {
  readonly dtype: StoredFloat
  readonly m: number
  readonly n: number
  readonly k: number
  readonly count: number
  readonly a: Operand
  readonly b: Operand
  readonly out: Operand
  /** What is added. */
  readonly c: Operand | undefined
}

/** Calls `run` for the products of a call, whose operands begin at `addresses`: as few times as can be. */
export function eachProducts(
  a: View,
  b: View,
  out: View,
  c: View | undefined,
  addresses: readonly number[],
  run: (products: Products) => void,
): void {
  const dtype = out.dtype as StoredFloat
  const bytes = bytesOf(dtype)
  const rank = out.shape.length
  const n = out.shape[rank - 1]!
  const k = a.shape[rank - 1]!
  const results = c ? [out, c] : [out]
  // The rows count as one more batch axis along which b repeats: batches that meet the same b
  // become one larger product where memory allows.
  const loops = collapse(out.shape.slice(0, -1), [
    a.strides.slice(0, -1),
    [...b.strides.slice(0, -2), 0],
    ...results.map(({ strides }) => strides.slice(0, -1)),
  ])
  const strides = loops.strides.map((own) => [...own])
  const extents = [...loops.shape]
  let m = 1
  let downs = strides.map(() => 0)
  if (extents.length > 0 && strides[1]!.at(-1) === 0) {
    m = extents.pop()!
    downs = strides.map((own) => own.pop()!)
  }
  const matrices = [
    { down: downs[0]!, across: a.strides[rank - 1]! },
    { down: b.strides[rank - 2]!, across: b.strides[rank - 1]! },
    ...results.map((view, i) => ({ down: downs[2 + i]!, across: view.strides[rank - 1]! })),
  ]
  const count = extents.pop() ?? 1
  const steps = strides.map((own) => own.pop() ?? 0)
  const walk = (axis: number, at: readonly number[]): void => {
    if (axis < extents.length) {
      for (let i = 0; i < extents[axis]!; i++)
        walk(
          axis + 1,
          at.map((address, o) => address + bytes * i * strides[o]![axis]!),
        )
      return
    }
    const [left, right, result, added] = matrices.map((matrix, o) => ({
      ...matrix,
      address: at[o]!,
      step: steps[o]!,
    })) as [Operand, Operand, Operand, Operand | undefined]
    run({ dtype, m, n, k, count, a: left, b: right, out: result, c: added })
  }
  walk(0, addresses)
}

/** What cuBLAS counts in 32 bits. */
export const mostBlas: number = 2 ** 31 - 1

/**
 * A row-major matrix of `rows` and `columns` as cuBLAS takes it, that is transposed: undefined where
 * neither rows nor columns are dense.
 */
export function blasMatrix(
  rows: number,
  columns: number,
  { address, down, across, step }: Operand,
): BlasMatrix | undefined {
  // The stride of an axis with one element says nothing.
  const rowPitch = rows === 1 ? Math.max(1, columns) : down
  const columnPitch = columns === 1 ? Math.max(1, rows) : across
  if ((columns === 1 || across === 1) && rowPitch >= Math.max(1, columns) && rowPitch <= mostBlas)
    return { address, transposed: false, leading: rowPitch, step }
  if ((rows === 1 || down === 1) && columnPitch >= Math.max(1, rows) && columnPitch <= mostBlas)
    return { address, transposed: true, leading: columnPitch, step }
  return undefined
}

/** The operands of some products, row-major. */
export interface Operands {
  readonly left: BlasMatrix
  readonly right: BlasMatrix
  readonly result: BlasMatrix
}

/** The operands of some products as cuBLAS takes them; undefined where it does not. */
export function blasOperands({ m, n, k, a, b, out }: Products): Operands | undefined {
  if (k === 0 || Math.max(m, n, k) > mostBlas) return undefined
  const left = blasMatrix(m, k, a)
  const right = blasMatrix(k, n, b)
  const result = blasMatrix(m, n, out)
  if (!left || !right || !result || result.transposed) return undefined
  return { left, right, result }
}
