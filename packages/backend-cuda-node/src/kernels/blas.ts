/** A cuBLAS handle on a device's stream. */
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, cublasApi } from '../api/index.ts'
import { addressOf } from '../cells.ts'
import type { StoredFloat } from '../codegen/storage.ts'
import type { Context } from '../context.ts'
import type { Pool } from '../pool.ts'

const { constants } = cublasApi

/** A matrix in memory, as cuBLAS sees it: column-major, or that transposed. */
export interface BlasMatrix {
  readonly address: number
  readonly transposed: boolean
  /** Elements from column to column. */
  readonly leading: number
  /** Elements from matrix to matrix. */
  readonly step: number
}

const operation = ({ transposed }: BlasMatrix): number =>
  transposed ? constants.CUBLAS_OP_T : constants.CUBLAS_OP_N

/** What it answers where a GPU is too old for a dtype. */
const refusals: ReadonlySet<number> = new Set([
  constants.CUBLAS_STATUS_ARCH_MISMATCH,
  constants.CUBLAS_STATUS_NOT_SUPPORTED,
])

/** `count` products in column-major order: a is m x k, b is k x n. */
export interface BlasProduct {
  readonly dtype: StoredFloat
  readonly m: number
  readonly n: number
  readonly k: number
  readonly count: number
  readonly a: BlasMatrix
  readonly b: BlasMatrix
  readonly c: BlasMatrix
  /** Whether c keeps what it holds, and the products are added. */
  readonly adds: boolean
}

/** The library's name of each dtype. */
export const blasTypes: Readonly<Record<StoredFloat, number>> = {
  f32: constants.CUDA_R_32F,
  f16: constants.CUDA_R_16F,
  bf16: constants.CUDA_R_16BF,
}

export class Blas {
  readonly #api: Bound<typeof cublasApi>
  readonly #context: Context
  readonly #handle: number
  readonly #factors: Float32Array = Float32Array.of(1, 0)
  readonly #one: number = addressOf(this.#factors)
  readonly #zero: number = this.#one + 4
  readonly #pool: Pool
  #hasWorkspace = false

  constructor(api: Bound<typeof cublasApi>, context: Context, pool: Pool, allowTF32: boolean) {
    this.#api = api
    this.#pool = pool
    this.#context = context
    const { cells } = context
    const created = api.cublasCreate_v2(cells.at[0]!)
    if (created !== constants.CUBLAS_STATUS_SUCCESS)
      throw new DeviceError(
        `cuda: cuBLAS does not start on this GPU (status ${created}); ` +
          'its version may not fit the driver or the GPU: install another, or do without it by NABLA_CUDA_CUBLAS=off',
      )
    this.#handle = cells.word(0)
    this.#check(api.cublasSetStream_v2(this.#handle, context.stream), 'cuda')
    const mode = allowTF32 ? constants.CUBLAS_TF32_TENSOR_OP_MATH : constants.CUBLAS_DEFAULT_MATH
    // Sums of halves stay f32, also those of parts of the depth.
    const exact = constants.CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION
    this.#check(api.cublasSetMathMode(this.#handle, mode | exact), 'cuda')
  }

  /**
   * Computes `c = a b` or `c += a b`; false, with nothing done, where the library does not have it for halves.
   *
   * @param op Who asks, for errors.
   */
  multiply(product: BlasProduct, op: string): boolean {
    if (!this.#hasWorkspace) this.#setWorkspace()
    if (product.dtype !== 'f32') return this.#multiplyHalves(product, op)
    const { m, n, k, count, a, b, c, adds } = product
    const [opA, opB] = [operation(a), operation(b)]
    const beta = adds ? this.#one : this.#zero
    // biome-ignore format: one operand to a line
    const code =
      count === 1
        ? this.#api.cublasSgemm_v2(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, a.leading,
            b.address, b.leading,
            beta, c.address, c.leading,
          )
        : this.#api.cublasSgemmStridedBatched(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, a.leading, a.step,
            b.address, b.leading, b.step,
            beta, c.address, c.leading, c.step,
            count,
          )
    this.#check(code, op)
    return true
  }

  #multiplyHalves({ dtype, m, n, k, count, a, b, c, adds }: BlasProduct, op: string): boolean {
    const type = blasTypes[dtype]
    const [opA, opB] = [operation(a), operation(b)]
    const beta = adds ? this.#one : this.#zero
    // biome-ignore format: one operand to a line
    const code =
      count === 1
        ? this.#api.cublasGemmEx(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, type, a.leading,
            b.address, type, b.leading,
            beta, c.address, type, c.leading,
            constants.CUBLAS_COMPUTE_32F, constants.CUBLAS_GEMM_DEFAULT,
          )
        : this.#api.cublasGemmStridedBatchedEx(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, type, a.leading, a.step,
            b.address, type, b.leading, b.step,
            beta, c.address, type, c.leading, c.step,
            count, constants.CUBLAS_COMPUTE_32F, constants.CUBLAS_GEMM_DEFAULT,
          )
    if (refusals.has(code)) return false
    this.#check(code, op)
    return true
  }

  /**
   * With memory of ours for its intermediate results cuBLAS asks the driver for none, also in a graph.
   * Without room for it, it uses what it took when it was opened.
   */
  #setWorkspace(): void {
    if (this.#context.capturing) return
    this.#hasWorkspace = true
    const bytes = this.#context.architecture >= 90 ? 2 ** 25 : 2 ** 22
    const workspace = this.#pool.reserve(bytes)
    if (workspace === 0) return
    this.#check(this.#api.cublasSetWorkspace_v2(this.#handle, workspace, bytes), 'matmul')
  }

  dispose(): void {
    if (this.#context.usable) this.#api.cublasDestroy_v2(this.#handle)
  }

  #check(code: number, what: string): void {
    if (code !== constants.CUBLAS_STATUS_SUCCESS)
      throw new DeviceError(`${what}: cuBLAS answered status ${code}`)
  }
}
