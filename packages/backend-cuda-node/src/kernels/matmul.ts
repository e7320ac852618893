/** Products of matrices: cuBLAS where it is there and takes the layout, own tiles otherwise. */
import { collapse, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import type { Device } from '../device.ts'
import type { Blas, BlasMatrix } from './blas.ts'
import { runProduct } from './product.ts'
import type { ProductForm } from './product-source.ts'

/** Elements from row to row and from column to column. */
interface Matrix {
  readonly down: number
  readonly across: number
}

const strided = [
  'a_down',
  'a_across',
  'a_step',
  'b_down',
  'b_across',
  'b_step',
  'c_down',
  'c_across',
  'c_step',
]

const form = (aAlongDepth: boolean, bAlongDepth: boolean): ProductForm => ({
  name: `matmul${aAlongDepth ? 'N' : 'T'}${bAlongDepth ? 'T' : 'N'}`,
  parameters: [
    'const float *a',
    'const float *b',
    'float *c',
    ...strided.map((name) => `long long ${name}`),
  ],
  a: ['return a[g * a_step + m * a_down + k * a_across];'],
  b: ['return b[g * b_step + k * b_down + n * b_across];'],
  c: 'c[g * c_step + m * c_down + n * c_across]',
  aAlongDepth,
  bAlongDepth,
})

const forms: readonly ProductForm[] = [
  form(false, false),
  form(false, true),
  form(true, false),
  form(true, true),
]

/** What cuBLAS counts in 32 bits. */
const most = 2 ** 31 - 1

/**
 * A row-major matrix of `rows` and `columns` as cuBLAS takes it, that is transposed: undefined where
 * neither rows nor columns are dense.
 */
function blasMatrix(
  address: number,
  rows: number,
  columns: number,
  { down, across }: Matrix,
  step: number,
): BlasMatrix | undefined {
  // The stride of an axis with one element says nothing.
  const rowPitch = rows === 1 ? Math.max(1, columns) : down
  const columnPitch = columns === 1 ? Math.max(1, rows) : across
  if ((columns === 1 || across === 1) && rowPitch >= Math.max(1, columns) && rowPitch <= most)
    return { address, transposed: false, leading: rowPitch, step }
  if ((rows === 1 || down === 1) && columnPitch >= Math.max(1, rows) && columnPitch <= most)
    return { address, transposed: true, leading: columnPitch, step }
  return undefined
}

/** {@link Kernels.matmul} for f32. */
export function matmulKernel(device: Device, blas: Blas | undefined): Kernels['matmul'] {
  /** `count` products of one shape, `step` elements apart. */
  function products(
    m: number,
    n: number,
    k: number,
    addresses: readonly number[],
    [a, b, c]: readonly [Matrix, Matrix, Matrix],
    steps: readonly number[],
    count: number,
  ): void {
    const [aAt, bAt, cAt] = addresses as [number, number, number]
    const [aStep, bStep, cStep] = steps as [number, number, number]
    const left = blasMatrix(aAt, m, k, a, aStep)
    const right = blasMatrix(bAt, k, n, b, bStep)
    const result = blasMatrix(cAt, m, n, c, cStep)
    if (
      blas &&
      k > 0 &&
      Math.max(m, n, k) <= most &&
      left &&
      right &&
      result &&
      !result.transposed
    ) {
      // Row-major c = a b is column-major c' = b' a'.
      blas.multiply(n, m, k, right, left, result, count)
      return
    }
    const size = { rows: m, columns: n, depth: k, groups: count }
    const along = 2 * Number(a.across === 1) + Number(b.down === 1)
    runProduct(device, forms[along]!, size, () => {
      const { context } = device
      for (const address of addresses) context.address(address)
      const all = [a.down, a.across, aStep, b.down, b.across, bStep, c.down, c.across, cStep]
      for (const stride of all) context.long(stride)
    })
  }

  return (a, b, out) => {
    const addresses = [a, b, out].map((view) => device.address(view, 'matmul'))
    if (sizeOf(out.shape) === 0) return
    const rank = out.shape.length
    const n = out.shape[rank - 1]!
    const k = a.shape[rank - 1]!
    // The rows count as one more batch axis along which b repeats: batches that meet the same b
    // become one larger product where memory allows.
    const loops = collapse(out.shape.slice(0, -1), [
      a.strides.slice(0, -1),
      [...b.strides.slice(0, -2), 0],
      out.strides.slice(0, -1),
    ])
    const strides = loops.strides.map((own) => [...own]) as [number[], number[], number[]]
    const extents = [...loops.shape]
    let m = 1
    let [aDown, outDown] = [0, 0]
    if (extents.length > 0 && strides[1].at(-1) === 0) {
      m = extents.pop()!
      aDown = strides[0].pop()!
      strides[1].pop()
      outDown = strides[2].pop()!
    }
    const matrices = [
      { down: aDown, across: a.strides[rank - 1]! },
      { down: b.strides[rank - 2]!, across: b.strides[rank - 1]! },
      { down: outDown, across: out.strides[rank - 1]! },
    ] as const
    const count = extents.pop() ?? 1
    const steps = strides.map((own) => own.pop() ?? 0)
    const walk = (axis: number, at: readonly number[]): void => {
      if (axis === extents.length) products(m, n, k, at, matrices, steps, count)
      else
        for (let i = 0; i < extents[axis]!; i++)
          walk(
            axis + 1,
            at.map((address, o) => address + 4 * i * strides[o]![axis]!),
          )
    }
    walk(0, addresses)
  }
}
