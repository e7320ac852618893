/** cuBLASLt against products by hand. */
import { cublasLtApi } from '@nablajs/backend-cuda-node/api'
import { beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

const lt = cublasLtApi.constants
const [N, T] = [lt.CUBLAS_OP_N, lt.CUBLAS_OP_T]
const [f32, f16, bf16] = [lt.CUDA_R_32F, 2, 14]

suite('cuBLASLt', () => {
  let gpu: Gpu
  let handle: number
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
    handle = gpu.handle((at) => gpu.lt.cublasLtCreate(at))
  })

  const value = new BigInt64Array(1)
  const set = (
    setter: (object: number, attribute: number, at: number, bytes: number) => number,
    object: number,
    attribute: number,
    to: number,
    bytes: number,
  ): void => {
    value[0] = BigInt(to)
    gpu.check(setter(object, attribute, addressOf(value), bytes))
  }

  const description = (opA: number = N, opB: number = N): number => {
    const made = gpu.handle((at) => gpu.lt.cublasLtMatmulDescCreate(at, lt.CUBLAS_COMPUTE_32F, f32))
    set(gpu.lt.cublasLtMatmulDescSetAttribute, made, lt.CUBLASLT_MATMUL_DESC_TRANSA, opA, 4)
    set(gpu.lt.cublasLtMatmulDescSetAttribute, made, lt.CUBLASLT_MATMUL_DESC_TRANSB, opB, 4)
    return made
  }

  const withBias = (made: number, bias: number, step = 0): number => {
    const { cublasLtMatmulDescSetAttribute: setter } = gpu.lt
    set(setter, made, lt.CUBLASLT_MATMUL_DESC_EPILOGUE, lt.CUBLASLT_EPILOGUE_BIAS, 4)
    set(setter, made, lt.CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias, 8)
    set(setter, made, lt.CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, step, 8)
    return made
  }

  const layout = (
    rows: number,
    columns: number,
    { leading = rows, count = 1, step = 0, type = f32 as number } = {},
  ): number => {
    const made = gpu.handle((at) =>
      gpu.lt.cublasLtMatrixLayoutCreate(at, type, rows, columns, leading),
    )
    const { cublasLtMatrixLayoutSetAttribute: setter } = gpu.lt
    set(setter, made, lt.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, 4)
    set(setter, made, lt.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, step, 8)
    return made
  }

  const preference = (workspace: number, alignment = 256): number => {
    const made = gpu.handle((at) => gpu.lt.cublasLtMatmulPreferenceCreate(at))
    const { cublasLtMatmulPreferenceSetAttribute: setter } = gpu.lt
    set(setter, made, lt.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace, 8)
    for (let each = 0; each < 4; each++)
      set(setter, made, lt.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + each, alignment, 4)
    return made
  }

  /** The answer of the heuristic and what it found. */
  const choose = (made: number, layouts: number[], wish: number) => {
    const result = new Uint8Array(lt['sizeof(cublasLtMatmulHeuristicResult_t)'])
    const found = new Int32Array(1)
    const [a, b, c, d] = layouts as [number, number, number, number]
    const code = gpu.lt.cublasLtMatmulAlgoGetHeuristic(
      handle,
      made,
      a,
      b,
      c,
      d,
      wish,
      1,
      addressOf(result),
      addressOf(found),
    )
    const workspace = Number(new BigUint64Array(result.buffer)[8])
    return { code, found: found[0], result, workspace }
  }

  const multiply = (
    made: number,
    layouts: number[],
    [a, b, c, d]: number[],
    {
      algorithm,
      workspace = 0,
      bytes = 0,
      alpha = 1,
      beta = 0,
    }: Record<string, number> & {
      algorithm?: number
    },
  ): number => {
    const [la, lb, lc, ld] = layouts as [number, number, number, number]
    const factors = Float32Array.of(alpha, beta)
    const at = addressOf(factors)
    return gpu.lt.cublasLtMatmul(
      handle,
      made,
      at,
      a!,
      la,
      b!,
      lb,
      at + 4,
      c!,
      lc,
      d!,
      ld,
      algorithm ?? 0,
      workspace,
      bytes,
      gpu.stream,
    )
  }

  const random = (count: number, seed = 7.3) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i * seed))

  for (const [opA, opB] of [
    [N, N],
    [T, N],
    [N, T],
    [T, T],
  ] as const)
    it(`adds a matrix and a bias to ${opA ? 'transposed' : 'plain'} by ${opB ? 'transposed' : 'plain'}, in batches`, () => {
      const [m, n, k, count] = [5, 3, 4, 2]
      const [lda, ldb, ldc, ldd] = [(opA ? k : m) + 1, (opB ? n : k) + 2, m + 3, m + 1]
      const sizes = [lda * (opA ? m : k), ldb * (opB ? k : n), ldc * n, ldd * n]
      const data = sizes.map((size, i) => random(size * count, 7.3 + i))
      const bias = random(20, 3.1)
      const layouts = [
        layout(opA ? k : m, opA ? m : k, { leading: lda, count, step: sizes[0]! }),
        layout(opB ? n : k, opB ? k : n, { leading: ldb, count, step: sizes[1]! }),
        layout(m, n, { leading: ldc, count, step: sizes[2]! }),
        layout(m, n, { leading: ldd, count, step: sizes[3]! }),
      ]
      const made = withBias(description(opA, opB), gpu.upload(bias), 7)
      const memory = data.map((each) => gpu.upload(each))
      const { code, found, result, workspace } = choose(made, layouts, preference(4096))
      expect([code, found]).toEqual([0, 1])
      const before = gpu.controls.ltProducts()
      gpu.check(
        multiply(made, layouts, memory, {
          algorithm: addressOf(result),
          workspace: gpu.alloc(workspace),
          bytes: workspace,
          alpha: 1.5,
          beta: 0.5,
        }),
      )
      const written = gpu.download(memory[3]!, data[3]!.length)
      expect(gpu.controls.ltProducts()).toBe(before + 1)
      const [a, b, c, d] = data as [Float32Array, Float32Array, Float32Array, Float32Array]
      for (let q = 0; q < count; q++)
        for (let j = 0; j < n; j++)
          for (let i = 0; i < ldd; i++) {
            const at = q * sizes[3]! + j * ldd + i
            let sum = 0
            for (let p = 0; p < k && i < m; p++)
              sum +=
                a[q * sizes[0]! + (opA ? i * lda + p : p * lda + i)]! *
                b[q * sizes[1]! + (opB ? p * ldb + j : j * ldb + p)]!
            const plus = 0.5 * c[q * sizes[2]! + j * ldc + i]! + bias[7 * q + i]!
            expect(written[at]).toBeCloseTo(i < m ? 1.5 * sum + plus : d[at]!, 5)
          }
    })

  const bits = (values: readonly number[]) => {
    const half = Uint16Array.from(values)
    return new Float32Array(half.buffer)
  }

  // [[1, -3], [2, 0.5]] by [1, 2], and a bias of which the first result is half way between two halves.
  it.each([
    ['f16', f16, [0x3c00, 0x4000, 0xc200, 0x3800], [0x6c00, 0x3400], [0x6bfe, 0x4280]],
    ['bf16', bf16, [0x3f80, 0x4000, 0xc040, 0x3f00], [0x4400, 0x3e80], [0x43fe, 0x4050]],
  ] as const)('multiplies %s, and rounds once', (_, type, a, bias, wanted) => {
    const column = layout(2, 1, { type })
    const layouts = [layout(2, 2, { type }), column, column, column]
    const [A, B, D] = [gpu.upload(bits(a)), gpu.upload(bits(a.slice(0, 2))), gpu.alloc(4)]
    const made = withBias(description(), gpu.upload(bits(bias)))
    const { result, workspace } = choose(made, layouts, preference(4096))
    gpu.check(
      multiply(made, layouts, [A, B, D, D], {
        algorithm: addressOf(result),
        workspace: gpu.alloc(workspace),
        bytes: workspace,
      }),
    )
    expect([...new Uint16Array(gpu.download(D, 1).buffer)]).toEqual(wanted)
  })

  it('tells what does not fit', () => {
    const layouts = [layout(2, 3), layout(3, 4), layout(2, 4), layout(2, 4)]
    const p = gpu.alloc(64)
    const made = description()
    const wish = preference(4096)
    const { result, workspace } = choose(made, layouts, wish)
    const algorithm = addressOf(result)
    const room = gpu.alloc(workspace)
    const run = (over: number[], from = layouts, rest = {}) =>
      multiply(made, from, over, { algorithm, workspace: room, bytes: workspace, ...rest })
    expect(choose(made, [layouts[1]!, ...layouts.slice(1)], wish).code).toBe(7)
    expect(gpu.controls.message()).toMatch(/3 x 4 by 3 x 4 into 2 x 4/)
    expect(choose(made, layouts, preference(4)).found).toBe(0)
    expect(run([p, p, p, p], [layout(2, 3, { leading: 4 }), ...layouts.slice(1)])).toBe(7)
    expect(gpu.controls.message()).toMatch(/chosen for another product/)
    expect(run([p + 4, p, p, p])).toBe(7)
    expect(gpu.controls.message()).toMatch(/matrix A is at no multiple of 256 bytes/)
    expect(run([p, p, p, p], layouts, { bytes: 4 })).toBe(7)
    expect(gpu.controls.message()).toMatch(/a workspace of 4 bytes at .*; it must have \d+/)
    value[0] = 4n
    const epilogue = lt.CUBLASLT_MATMUL_DESC_EPILOGUE
    const { cublasLtMatmulDescSetAttribute: setter } = gpu.lt
    expect(setter(made, epilogue, addressOf(value), 8)).toBe(7)
    expect(gpu.controls.message()).toMatch(/an attribute of 4 bytes is set from 8/)
    expect(setter(4096, epilogue, addressOf(value), 4)).toBe(7)
    expect(setter(made, epilogue, addressOf(value), 4)).toBe(0)
    expect(choose(made, layouts, wish).code).toBe(7)
    expect(gpu.controls.message()).toMatch(/the bias has no address/)
    gpu.check(gpu.lt.cublasLtMatmulDescDestroy(made))
    expect(gpu.lt.cublasLtMatmulDescDestroy(made)).toBe(7)
  })

  it('tells memory that is too small', () => {
    const layouts = [layout(4, 4), layout(4, 4), layout(4, 4), layout(4, 4)]
    const p = gpu.alloc(60)
    gpu.check(multiply(description(), layouts, [p, p, p, p], {}))
    expect(() => gpu.sync()).toThrow(
      /^700 cuStreamSynchronize: cublasLtMatmul: the 64 bytes of A begin at byte offset 0 of a device allocation of 60 bytes/,
    )
  })
})
