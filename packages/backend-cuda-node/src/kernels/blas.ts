/** A cuBLAS handle on a device's stream. */
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, cublasApi } from '../api/index.ts'
import { addressOf } from '../cells.ts'
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
    this.#check(api.cublasCreate_v2(cells.at[0]!), 'cuda')
    this.#handle = cells.word(0)
    this.#check(api.cublasSetStream_v2(this.#handle, context.stream), 'cuda')
    const mode = allowTF32 ? constants.CUBLAS_TF32_TENSOR_OP_MATH : constants.CUBLAS_DEFAULT_MATH
    this.#check(api.cublasSetMathMode(this.#handle, mode), 'cuda')
  }

  /**
   * `c = a b` for each of `count` products in column-major order: a is m x k, b is k x n.
   *
   * @param op Who asks, for errors.
   */
  multiply(
    m: number,
    n: number,
    k: number,
    a: BlasMatrix,
    b: BlasMatrix,
    c: BlasMatrix,
    count: number,
    op: string,
  ): void {
    if (!this.#hasWorkspace) this.#setWorkspace()
    const operation = ({ transposed }: BlasMatrix): number =>
      transposed ? constants.CUBLAS_OP_T : constants.CUBLAS_OP_N
    const [opA, opB] = [operation(a), operation(b)]
    // biome-ignore format: one operand to a line
    const code =
      count === 1
        ? this.#api.cublasSgemm_v2(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, a.leading,
            b.address, b.leading,
            this.#zero, c.address, c.leading,
          )
        : this.#api.cublasSgemmStridedBatched(
            this.#handle, opA, opB, m, n, k,
            this.#one, a.address, a.leading, a.step,
            b.address, b.leading, b.step,
            this.#zero, c.address, c.leading, c.step,
            count,
          )
    this.#check(code, op)
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
