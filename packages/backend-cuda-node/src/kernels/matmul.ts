/** Products of matrices: cuBLAS where it is there and takes the layout, own tiles otherwise. */
import { type Kernels, sizeOf } from '@nablajs/tensor/backend'
import type { Device } from '../device.ts'
import type { Blas } from './blas.ts'
import type { BlasLt } from './blas-lt.ts'
import { runProduct } from './product.ts'
import type { ProductForm } from './product-source.ts'
import { blasMatrix, blasOperands, eachProducts, type Operand, type Products } from './products.ts'

const strides = (name: string): string[] =>
  ['down', 'across', 'step'].map((way) => `long long ${name}_${way}`)

function form(aAlongDepth: boolean, bAlongDepth: boolean, adds: boolean): ProductForm {
  const place = (name: string, row: string, column: string): string =>
    `${name}[g * ${name}_step + ${row} * ${name}_down + ${column} * ${name}_across]`
  return {
    name: `${adds ? 'addmm' : 'matmul'}${aAlongDepth ? 'N' : 'T'}${bAlongDepth ? 'T' : 'N'}`,
    parameters: [
      ...['const float *a', 'const float *b', 'float *out', ...(adds ? ['const float *c'] : [])],
      ...['a', 'b', 'out', ...(adds ? ['c'] : [])].flatMap(strides),
    ],
    a: [`return ${place('a', 'm', 'k')};`],
    b: [`return ${place('b', 'k', 'n')};`],
    c: place('out', 'm', 'n'),
    ...(adds ? { plus: place('c', 'm', 'n') } : {}),
    aAlongDepth,
    bAlongDepth,
  }
}

/** By whether something is added, then by what lies along the depth. */
const forms: readonly (readonly ProductForm[])[] = [false, true].map((adds) => [
  form(false, false, adds),
  form(false, true, adds),
  form(true, false, adds),
  form(true, true, adds),
])

/** By the kernels of this package. */
function runOwn(device: Device, { m, n, k, count, a, b, out, c }: Products): void {
  const size = { rows: m, columns: n, depth: k, groups: count }
  const along = 2 * Number(a.across === 1) + Number(b.down === 1)
  const operands = c ? [a, b, out, c] : [a, b, out]
  runProduct(device, forms[Number(c !== undefined)]![along]!, size, () => {
    const { context } = device
    for (const { address } of operands) context.address(address)
    for (const { down, across, step } of operands)
      for (const stride of [down, across, step]) context.long(stride)
  })
}

/** By cuBLAS, where it takes the layout; else false, with nothing done. */
function runBlas(blas: Blas | undefined, products: Products, op: string): boolean {
  const operands = blas && blasOperands(products)
  if (!operands) return false
  const { left, right, result } = operands
  // Row-major out = a b is column-major out' = b' a'.
  blas.multiply(products.n, products.m, products.k, right, left, result, products.count, op)
  return true
}

/** A row that is added to all rows, as cuBLASLt's epilogue takes it. */
function biasOf({ m, n, count }: Products, { address, down, across, step }: Operand) {
  const row = (m === 1 || down === 0) && (n === 1 || across === 1)
  return row ? { address, step: count === 1 ? 0 : step } : undefined
}

/** By cuBLASLt, what is added with it; else false, with nothing done. */
function runLt(lt: BlasLt | undefined, products: Products, c: Operand): boolean {
  const operands = lt && blasOperands(products)
  if (!operands) return false
  const { left, right, result } = operands
  const { m, n, k, count } = products
  const bias = biasOf(products, c)
  const matrix = bias ? undefined : blasMatrix(m, n, c)
  if (!bias && (!matrix || matrix.transposed)) return false
  return lt.multiply(
    { dtype: 'f32', m: n, n: m, k, count, a: right, b: left, d: result, c: matrix, bias },
    'addmm',
  )
}

/** A thread for each element. */
const blockThreads = 256

const addSource =
  (): string => `extern "C" __global__ void addmm_add(float *out, const float *c, unsigned int rows, unsigned int columns, unsigned int groups, ${['out', 'c'].flatMap(strides).join(', ')}) {
  const unsigned long long number = (unsigned long long)blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= (unsigned long long)rows * groups * columns) return;
  const unsigned int n = (unsigned int)(number % columns);
  const unsigned int m = (unsigned int)(number / columns % rows);
  const unsigned int g = (unsigned int)(number / columns / rows);
  out[g * out_step + m * out_down + n * out_across] += c[g * c_step + m * c_down + n * c_across];
}
`

/** Adds to the products what is to be added. */
function addAfter(device: Device, { m, n, count, out }: Products, c: Operand): void {
  const { context } = device
  const kernel = device.cached('addmm_add', 'addmm', addSource)
  context.begin()
  for (const { address } of [out, c]) context.address(address)
  for (const extent of [m, n, count]) context.int(extent)
  for (const { down, across, step } of [out, c])
    for (const stride of [down, across, step]) context.long(stride)
  context.launch(kernel, Math.ceil((m * n * count) / blockThreads), 1, 1, blockThreads)
}

/** {@link Kernels.matmul} for f32. */
export function matmulKernel(device: Device, blas: Blas | undefined): Kernels['matmul'] {
  return (a, b, out) => {
    const addresses = [a, b, out].map((view) => device.address(view, 'matmul'))
    if (sizeOf(out.shape) === 0) return
    eachProducts(a, b, out, undefined, addresses, 4, (products) => {
      if (!runBlas(blas, products, 'matmul')) runOwn(device, products)
    })
  }
}

/** {@link Kernels.addmm} for f32. */
export function addmmKernel(
  device: Device,
  blas: Blas | undefined,
  lt: BlasLt | undefined,
): Kernels['addmm'] {
  return (a, b, c, out) => {
    const addresses = [a, b, out, c].map((view) => device.address(view, 'addmm'))
    if (sizeOf(out.shape) === 0) return
    eachProducts(a, b, out, c, addresses, 4, (products) => {
      if (runLt(lt, products, products.c!)) return
      if (runBlas(blas, products, 'addmm')) addAfter(device, products, products.c!)
      else runOwn(device, products)
    })
  }
}
