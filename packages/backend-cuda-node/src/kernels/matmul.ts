/** Products of matrices: cuBLAS where it is there and takes the layout, own tiles otherwise. */
import { type Kernels, sizeOf } from '@nablajs/tensor/backend'
import { byStorage, type Storage, storage } from '../codegen/storage.ts'
import type { Device } from '../device.ts'
import type { Blas } from './blas.ts'
import type { BlasLt } from './blas-lt.ts'
import { runProduct } from './product.ts'
import type { ProductForm } from './product-source.ts'
import {
  blasMatrix,
  blasOperands,
  eachProducts,
  type Operand,
  type Operands,
  type Products,
} from './products.ts'

const strides = (name: string): string[] =>
  ['down', 'across', 'step'].map((way) => `long long ${name}_${way}`)

function form(
  element: Storage,
  aAlongDepth: boolean,
  bAlongDepth: boolean,
  adds: boolean,
): ProductForm {
  const { type, suffix, read } = element
  const place = (name: string, row: string, column: string): string =>
    `${name}[g * ${name}_step + ${row} * ${name}_down + ${column} * ${name}_across]`
  return {
    name: `${adds ? 'addmm' : 'matmul'}${aAlongDepth ? 'N' : 'T'}${bAlongDepth ? 'T' : 'N'}${suffix}`,
    parameters: [
      ...[`const ${type} *a`, `const ${type} *b`, `${type} *out`],
      ...(adds ? [`const ${type} *c`] : []),
      ...['a', 'b', 'out', ...(adds ? ['c'] : [])].flatMap(strides),
    ],
    element,
    a: [`return ${read(place('a', 'm', 'k'))};`],
    b: [`return ${read(place('b', 'k', 'n'))};`],
    c: place('out', 'm', 'n'),
    ...(adds ? { plus: read(place('c', 'm', 'n')) } : {}),
    aAlongDepth,
    bAlongDepth,
  }
}

/** By dtype, by whether something is added, then by what lies along the depth. */
const forms = byStorage((own): readonly (readonly ProductForm[])[] =>
  [false, true].map((adds) => [
    form(own, false, false, adds),
    form(own, false, true, adds),
    form(own, true, false, adds),
    form(own, true, true, adds),
  ]),
)

/** By the kernels of this package. */
function runOwn(device: Device, { dtype, m, n, k, count, a, b, out, c }: Products): void {
  const size = { rows: m, columns: n, depth: k, groups: count }
  const along = 2 * Number(a.across === 1) + Number(b.down === 1)
  const operands = c ? [a, b, out, c] : [a, b, out]
  runProduct(device, forms[dtype][Number(c !== undefined)]![along]!, size, () => {
    const { context } = device
    for (const { address } of operands) context.address(address)
    for (const { down, across, step } of operands)
      for (const stride of [down, across, step]) context.long(stride)
  })
}

/** By cuBLAS, where it takes the layout; else false, with nothing done. With `adds`, to what is there. */
function runBlas(
  blas: Blas | undefined,
  { dtype, m, n, k, count }: Products,
  operands: Operands | undefined,
  adds: boolean,
  op: string,
): boolean {
  if (!blas || !operands) return false
  const { left, right, result } = operands
  // Row-major out = a b is column-major out' = b' a'.
  return blas.multiply({ dtype, m: n, n: m, k, count, a: right, b: left, c: result, adds }, op)
}

/** A row that is added to all rows, as cuBLASLt's epilogue takes it. */
function biasOf({ m, n, count }: Products, { address, down, across, step }: Operand) {
  const row = (m === 1 || down === 0) && (n === 1 || across === 1)
  return row ? { address, step: count === 1 ? 0 : step } : undefined
}

/** By cuBLASLt, what is added with it; else false, with nothing done. */
function runLt(
  lt: BlasLt | undefined,
  products: Products,
  operands: Operands | undefined,
  c: Operand,
): boolean {
  if (!lt || !operands) return false
  const { left, right, result } = operands
  const { dtype, m, n, k, count } = products
  const bias = biasOf(products, c)
  const matrix = bias ? undefined : blasMatrix(m, n, c)
  if (!bias && (!matrix || matrix.transposed)) return false
  return lt.multiply(
    { dtype, m: n, n: m, k, count, a: right, b: left, d: result, c: matrix, bias },
    'addmm',
  )
}

/** A thread for each element. */
const blockThreads = 256

const copySource = (
  entry: string,
  { type }: Storage,
): string => `extern "C" __global__ void ${entry}(${type} *out, const ${type} *c, unsigned int rows, unsigned int columns, unsigned int groups, ${['out', 'c'].flatMap(strides).join(', ')}) {
  const unsigned long long number = (unsigned long long)blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= (unsigned long long)rows * groups * columns) return;
  const unsigned int n = (unsigned int)(number % columns);
  const unsigned int m = (unsigned int)(number / columns % rows);
  const unsigned int g = (unsigned int)(number / columns / rows);
  out[g * out_step + m * out_down + n * out_across] = c[g * c_step + m * c_down + n * c_across];
}
`

/** Puts what is to be added where the products are added to it: sums are rounded once. */
function copyBefore(device: Device, { dtype, m, n, count, out }: Products, c: Operand): void {
  const { context } = device
  const own = storage[dtype]
  const entry = `addmm_copy${own.suffix}`
  const kernel = device.cached(entry, 'addmm', () => copySource(entry, own))
  context.begin()
  for (const { address } of [out, c]) context.address(address)
  for (const extent of [m, n, count]) context.int(extent)
  for (const { down, across, step } of [out, c])
    for (const stride of [down, across, step]) context.long(stride)
  context.launch(kernel, Math.ceil((m * n * count) / blockThreads), 1, 1, blockThreads)
}

/** {@link Kernels.matmul} for f32 and halves. */
export function matmulKernel(device: Device, blas: Blas | undefined): Kernels['matmul'] {
  return (a, b, out) => {
    const addresses = [a, b, out].map((view) => device.address(view, 'matmul'))
    if (sizeOf(out.shape) === 0) return
    eachProducts(a, b, out, undefined, addresses, (products) => {
      const operands = blas && blasOperands(products)
      if (!runBlas(blas, products, operands, false, 'matmul')) runOwn(device, products)
    })
  }
}

/** {@link Kernels.addmm} for f32 and halves. */
export function addmmKernel(
  device: Device,
  blas: Blas | undefined,
  lt: BlasLt | undefined,
): Kernels['addmm'] {
  return (a, b, c, out) => {
    const addresses = [a, b, out, c].map((view) => device.address(view, 'addmm'))
    if (sizeOf(out.shape) === 0) return
    eachProducts(a, b, out, c, addresses, (products) => {
      const added = products.c!
      const operands = (blas ?? lt) && blasOperands(products)
      if (runLt(lt, products, operands, added)) return
      if (blas && operands) copyBefore(device, products, added)
      if (!runBlas(blas, products, operands, true, 'addmm')) runOwn(device, products)
    })
  }
}
