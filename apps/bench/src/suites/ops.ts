/** Single operations. */

import type { Suite, Work } from '../suite.ts'
import type { Matrix, Pass, Task } from '../tasks.ts'

const f32 = 4

const matmul = (size: number): Work => ({
  name: `matmul ${size}`,
  note: `[${size}, ${size}] x [${size}, ${size}]`,
  task: { kind: 'matmul', size },
  flops: 2 * size ** 3,
})

const passName = { forward: 'forward', both: 'forward and backward' } satisfies Record<Pass, string>

/** A work in both passes; `bytes` are those of the forward pass. */
const bothPasses = (
  name: string,
  note: string,
  task: (pass: Pass) => Task,
  bytes: number,
): Work[] => [
  { name: `${name}, ${passName.forward}`, note, task: task('forward'), bytes },
  { name: `${name}, ${passName.both}`, note, task: task('both') },
]

/** What the works are done on. */
interface Sizes {
  /** Of square products. */
  readonly products: readonly number[]
  /** Of elementwise operations. */
  readonly length: number
  /** Of reductions. */
  readonly matrix: Matrix
  /** Images that batch norm takes together. */
  readonly batch: number
}

const reduction = (axis: 0 | 1, { rows, columns }: Matrix): Work => ({
  name: `sum over axis ${axis}`,
  note: `of [${rows}, ${columns}]`,
  task: { kind: 'reduction', rows, columns, axis },
  bytes: f32 * rows * columns,
})

function worksFor({ products, length, matrix, batch }: Sizes): Work[] {
  const { rows, columns } = matrix
  return [
    ...products.map(matmul),
    ...bothPasses(
      'gelu(1.5 x + 0.5)',
      `a chain of three elementwise operations on ${length} values`,
      (pass) => ({ kind: 'elementwise', length, pass }),
      2 * f32 * length,
    ),
    reduction(0, matrix),
    reduction(1, matrix),
    ...bothPasses(
      'softmax',
      `rows of [${rows}, ${columns}]`,
      (pass) => ({ kind: 'softmax', rows, columns, pass }),
      2 * f32 * rows * columns,
    ),
    ...bothPasses(
      'layer norm',
      `rows of [${rows}, ${columns}], with factor and offset`,
      (pass) => ({ kind: 'layerNorm', rows, columns, pass }),
      2 * f32 * rows * columns,
    ),
    ...bothPasses(
      'batch norm',
      `with the statistics of ${batch} images of 32x32, 32 channels`,
      (pass) => ({ kind: 'batchNorm', batch, size: 32, channels: 32, pass }),
      2 * f32 * batch * 32 * 32 * 32,
    ),
  ]
}

export const ops: Suite = {
  name: 'ops',
  about: 'single operations, f32',
  works: worksFor({
    products: [256, 512, 1024, 2048],
    length: 2 ** 20,
    matrix: { rows: 1024, columns: 1024 },
    batch: 32,
  }),
  small: worksFor({
    products: [128, 256, 512],
    length: 2 ** 17,
    matrix: { rows: 512, columns: 512 },
    batch: 4,
  }),
}
