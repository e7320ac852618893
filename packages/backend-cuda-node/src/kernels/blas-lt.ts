/** Matrix products by cuBLASLt, with something added before the results are written; plans by shape. */
import { DeviceError } from '@nablajs/tensor/backend'
import { type Bound, cublasLtApi } from '../api/index.ts'
import { addressOf } from '../cells.ts'
import type { StoredFloat } from '../codegen/storage.ts'
import type { Context } from '../context.ts'
import type { Pool } from '../pool.ts'
import { type BlasMatrix, blasTypes } from './blas.ts'
import { Plans } from './plans.ts'

const { constants } = cublasLtApi

/** `count` products `d = a b` in column-major order, plus what is given: a is m x k, b is k x n. */
export interface LtProduct {
  readonly dtype: StoredFloat
  readonly m: number
  readonly n: number
  readonly k: number
  readonly count: number
  readonly a: BlasMatrix
  readonly b: BlasMatrix
  readonly d: BlasMatrix
  /** A matrix to add, of d's shape and not transposed. */
  readonly c?: BlasMatrix | undefined
  /** A column to add to each column: its m elements lie side by side, `step` elements from product to product. */
  readonly bias?: { readonly address: number; readonly step: number } | undefined
}

interface Plan {
  readonly description: number
  /** Of a, b, c and d. */
  readonly layouts: readonly number[]
  /** What the heuristic wrote down, which begins with the algorithm; and where that is. */
  readonly result: Uint8Array
  readonly algorithm: number
  /** Bytes. */
  readonly workspace: number
}

/** Beyond it no algorithm asks for more, in bytes. */
const mostAlignment = 256

/** The bytes that an address is a multiple of. */
function alignmentOf(address: number): number {
  let alignment = 1
  while (alignment < mostAlignment && address % (2 * alignment) === 0) alignment *= 2
  return alignment
}

const resultBytes = constants['sizeof(cublasLtMatmulHeuristicResult_t)']
const workspaceAt = constants['offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize)']
const stateAt = constants['offsetof(cublasLtMatmulHeuristicResult_t, state)']

export class BlasLt {
  readonly #api: Bound<typeof cublasLtApi>
  readonly #context: Context
  readonly #pool: Pool
  readonly #compute: number
  readonly #factors: Float32Array = Float32Array.of(1, 0)
  readonly #one: number = addressOf(this.#factors)
  readonly #zero: number = this.#one + 4
  /** The value of an attribute on its way. */
  readonly #value: BigInt64Array = new BigInt64Array(1)
  readonly #valueAt: number = addressOf(this.#value)
  readonly #plans: Plans<Plan> = new Plans((plan) => this.#destroy(plan))
  #handle = 0

  constructor(api: Bound<typeof cublasLtApi>, context: Context, pool: Pool, allowTF32: boolean) {
    this.#api = api
    this.#context = context
    this.#pool = pool
    this.#compute = allowTF32
      ? constants.CUBLAS_COMPUTE_32F_FAST_TF32
      : constants.CUBLAS_COMPUTE_32F
  }

  /** Computes it; false, with nothing done, where the library has no algorithm. */
  multiply(product: LtProduct, op: string): boolean {
    const { m, n, k, count, a, b, c, d, bias } = product
    const aligned = [a, b, c ?? d, d].map(({ address }) => alignmentOf(address))
    const key = [
      product.dtype,
      [m, n, k, count],
      ...[a, b, c ?? d, d].map(({ transposed, leading, step }) => [transposed, leading, step]),
      [bias ? [bias.step, alignmentOf(bias.address)] : [], c !== undefined],
      aligned,
    ].join(' ')
    const plan = this.#plans.get(key, () => this.#makePlan(product, aligned, op))
    if (!plan) return false
    if (bias) this.#setBias(plan.description, bias.address, op)
    const run = (workspace: number): void =>
      // biome-ignore format: one operand to a line
      this.#check(
        this.#api.cublasLtMatmul(
          this.#handle, plan.description,
          this.#one, a.address, plan.layouts[0]!,
          b.address, plan.layouts[1]!,
          c ? this.#one : this.#zero, (c ?? d).address, plan.layouts[2]!,
          d.address, plan.layouts[3]!,
          plan.algorithm, workspace, plan.workspace, this.#context.stream,
        ),
        op,
      )
    if (plan.workspace === 0) run(0)
    else this.#pool.scratch(plan.workspace, run)
    return true
  }

  #makePlan(product: LtProduct, aligned: readonly number[], op: string): Plan | undefined {
    const { dtype, m, n, k, count, a, b, c, d, bias } = product
    const api = this.#api
    if (this.#handle === 0) this.#handle = this.#create((at) => api.cublasLtCreate(at), op)
    const made: { description: number; layouts: number[] } = { description: 0, layouts: [] }
    // TF32 is for operands of f32.
    const compute = dtype === 'f32' ? this.#compute : constants.CUBLAS_COMPUTE_32F
    let preference = 0
    let plan: Plan | undefined
    try {
      made.description = this.#create(
        (at) => api.cublasLtMatmulDescCreate(at, compute, constants.CUDA_R_32F),
        op,
      )
      const describe = (attribute: number, value: number, bytes: number): void =>
        this.#set(api.cublasLtMatmulDescSetAttribute, made.description, attribute, value, bytes, op)
      const operation = ({ transposed }: BlasMatrix): number =>
        transposed ? constants.CUBLAS_OP_T : constants.CUBLAS_OP_N
      describe(constants.CUBLASLT_MATMUL_DESC_TRANSA, operation(a), 4)
      describe(constants.CUBLASLT_MATMUL_DESC_TRANSB, operation(b), 4)
      if (bias) {
        describe(constants.CUBLASLT_MATMUL_DESC_EPILOGUE, constants.CUBLASLT_EPILOGUE_BIAS, 4)
        if (count > 1) describe(constants.CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, bias.step, 8)
        // The choice depends on how it is aligned.
        this.#setBias(made.description, bias.address, op)
      }
      const layout = (matrix: BlasMatrix, rows: number, columns: number): void => {
        const [down, across] = matrix.transposed ? [columns, rows] : [rows, columns]
        const own = this.#create(
          (at) =>
            api.cublasLtMatrixLayoutCreate(at, blasTypes[dtype], down, across, matrix.leading),
          op,
        )
        made.layouts.push(own)
        if (count === 1) return
        const attribute = (which: number, value: number, bytes: number): void =>
          this.#set(api.cublasLtMatrixLayoutSetAttribute, own, which, value, bytes, op)
        attribute(constants.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, 4)
        attribute(constants.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, matrix.step, 8)
      }
      layout(a, m, k)
      layout(b, k, n)
      layout(c ?? d, m, n)
      layout(d, m, n)
      preference = this.#create((at) => api.cublasLtMatmulPreferenceCreate(at), op)
      plan = this.#choose(made, this.#prefer(preference, dtype, aligned, op), op)
      return plan
    } finally {
      if (preference !== 0) api.cublasLtMatmulPreferenceDestroy(preference)
      if (!plan) this.#destroy(made)
    }
  }

  /** Sets what an algorithm may count on, and may take. */
  #prefer(preference: number, dtype: StoredFloat, aligned: readonly number[], op: string): number {
    const prefer = (attribute: number, value: number, bytes: number): void =>
      this.#set(
        this.#api.cublasLtMatmulPreferenceSetAttribute,
        preference,
        attribute,
        value,
        bytes,
        op,
      )
    // What NVIDIA recommends for these GPUs.
    const workspace = this.#context.architecture >= 90 ? 2 ** 25 : 2 ** 22
    prefer(constants.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace, 8)
    // Sums of parts of the depth stay f32.
    if (dtype !== 'f32')
      prefer(
        constants.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        constants.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
        4,
      )
    const attributes = [
      constants.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
      constants.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
      constants.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
      constants.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
    ]
    attributes.forEach((attribute, i) => {
      prefer(attribute, aligned[i]!, 4)
    })
    return preference
  }

  /** What the library takes for the fastest. */
  #choose(
    made: { readonly description: number; readonly layouts: readonly number[] },
    preference: number,
    op: string,
  ): Plan | undefined {
    const { cells } = this.#context
    const [a, b, c, d] = made.layouts as [number, number, number, number]
    const result = new Uint8Array(resultBytes)
    const algorithm = addressOf(result)
    cells.put(0, 0)
    const code = this.#api.cublasLtMatmulAlgoGetHeuristic(
      this.#handle,
      made.description,
      a,
      b,
      c,
      d,
      preference,
      1,
      algorithm,
      cells.at[0]!,
    )
    if (code === constants.CUBLAS_STATUS_NOT_SUPPORTED) return undefined
    this.#check(code, op)
    const words = new DataView(result.buffer)
    if (cells.int(0) === 0 || words.getInt32(stateAt, true) !== constants.CUBLAS_STATUS_SUCCESS)
      return undefined
    const workspace = Number(words.getBigUint64(workspaceAt, true))
    return { ...made, result, algorithm, workspace }
  }

  #setBias(description: number, address: number, op: string): void {
    const { CUBLASLT_MATMUL_DESC_BIAS_POINTER } = constants
    const { cublasLtMatmulDescSetAttribute } = this.#api
    this.#set(
      cublasLtMatmulDescSetAttribute,
      description,
      CUBLASLT_MATMUL_DESC_BIAS_POINTER,
      address,
      8,
      op,
    )
  }

  #set(
    setter: (object: number, attribute: number, value: number, bytes: number) => number,
    object: number,
    attribute: number,
    value: number,
    bytes: number,
    op: string,
  ): void {
    this.#value[0] = BigInt(value)
    this.#check(setter(object, attribute, this.#valueAt, bytes), op)
  }

  #create(make: (at: number) => number, op: string): number {
    const { cells } = this.#context
    this.#check(make(cells.at[0]!), op)
    return cells.word(0)
  }

  #destroy({ description, layouts }: Pick<Plan, 'description' | 'layouts'>): void {
    if (description !== 0) this.#api.cublasLtMatmulDescDestroy(description)
    for (const layout of layouts) this.#api.cublasLtMatrixLayoutDestroy(layout)
  }

  dispose(): void {
    this.#plans.clear()
    if (this.#handle !== 0 && this.#context.usable) this.#api.cublasLtDestroy(this.#handle)
    this.#handle = 0
  }

  #check(code: number, what: string): void {
    if (code !== constants.CUBLAS_STATUS_SUCCESS)
      throw new DeviceError(`${what}: cuBLASLt answered status ${code}`)
  }
}
