/** cuBLAS against products by hand. */
import { beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

const [N, T] = [0, 1]

suite('cuBLAS', () => {
  let gpu: Gpu
  let handle: number
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
    handle = gpu.handle((at) => gpu.blas.cublasCreate_v2(at))
    gpu.check(gpu.blas.cublasSetStream_v2(handle, gpu.stream))
  })

  const random = (count: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7.3))

  for (const [opA, opB] of [
    [N, N],
    [T, N],
    [N, T],
    [T, T],
  ] as const)
    for (const [m, n, k] of [
      [3, 2, 4],
      [300, 5, 17],
      [1, 9, 1],
      [33, 7, 300],
    ] as const)
      it(`multiplies ${m} x ${k} x ${n}, ${opA ? 'transposed' : 'plain'} by ${opB ? 'transposed' : 'plain'}`, () => {
        const lda = (opA ? k : m) + 1
        const ldb = (opB ? n : k) + 2
        const ldc = m + 3
        const a = random(lda * (opA ? m : k))
        const b = random(ldb * (opB ? k : n))
        const c = random(ldc * n)
        const C = gpu.upload(c)
        const [alpha, beta] = [Float32Array.of(1.5), Float32Array.of(0.5)]
        gpu.check(
          gpu.blas.cublasSgemm_v2(
            handle,
            opA,
            opB,
            m,
            n,
            k,
            addressOf(alpha),
            gpu.upload(a),
            lda,
            gpu.upload(b),
            ldb,
            addressOf(beta),
            C,
            ldc,
          ),
        )
        const result = gpu.download(C, ldc * n)
        for (let j = 0; j < n; j++)
          for (let i = 0; i < ldc; i++) {
            let sum = 0
            for (let p = 0; p < k && i < m; p++)
              sum += a[opA ? i * lda + p : p * lda + i]! * b[opB ? p * ldb + j : j * ldb + p]!
            const before = c[j * ldc + i]!
            expect(result[j * ldc + i]).toBeCloseTo(i < m ? 1.5 * sum + 0.5 * before : before, 3)
          }
      })

  it('multiplies batches, and reads no C for a beta of 0', () => {
    const a = Float32Array.of(1, 2, 3, 4, 5, 6)
    const C = gpu.upload(new Float32Array(6).fill(Number.NaN))
    const one = Float32Array.of(1)
    const zero = Float32Array.of(0)
    gpu.check(
      gpu.blas.cublasSgemmStridedBatched(
        handle,
        N,
        N,
        2,
        1,
        1,
        addressOf(one),
        gpu.upload(a),
        2,
        2,
        gpu.upload(Float32Array.of(1, 10, 100)),
        1,
        1,
        addressOf(zero),
        C,
        2,
        2,
        3,
      ),
    )
    expect([...gpu.download(C, 6)]).toEqual([1, 2, 30, 40, 500, 600])
  })

  it('multiplies doubles', () => {
    const values = new Float32Array(Float64Array.of(0.1, 0.2, 0.3, 0.4).buffer)
    const C = gpu.alloc(8)
    const scale = Float64Array.of(1, 0)
    const A = gpu.upload(values)
    gpu.check(
      gpu.blas.cublasDgemmStridedBatched(
        handle,
        N,
        N,
        1,
        1,
        2,
        addressOf(scale),
        A,
        1,
        0,
        A + 16,
        2,
        0,
        addressOf(scale) + 8,
        C,
        1,
        0,
        1,
      ),
    )
    expect(new Float64Array(gpu.download(C, 2).buffer)[0]).toBe(0.1 * 0.3 + 0.2 * 0.4)
  })

  it('tells matrices that are too small and sizes that do not fit', () => {
    const one = Float32Array.of(1)
    const p = gpu.alloc(60)
    const gemm = (m: number, lda: number) =>
      gpu.blas.cublasSgemm_v2(
        handle,
        N,
        N,
        m,
        4,
        4,
        addressOf(one),
        p,
        lda,
        p,
        4,
        addressOf(one),
        p,
        m,
      )
    expect(gemm(4, 3)).toBe(7)
    expect(gpu.controls.message()).toMatch(/leading dimensions 3, 4, 4/)
    expect(gemm(4, 4)).toBe(0)
    expect(() => gpu.sync()).toThrow(
      /^700 cuStreamSynchronize: cublasSgemm: the 64 bytes of A begin at byte offset 0 of a device allocation of 60 bytes/,
    )
    expect(gpu.blas.cublasSetStream_v2(4096, 0)).toBe(1)
  })
})
