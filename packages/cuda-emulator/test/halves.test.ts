/** The libraries on floats of 16 bits, against sums by hand. */
import { beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

const [N, T] = [0, 1]
const COMPUTE_32F = 68
const [INVALID_VALUE, NOT_SUPPORTED] = [7, 15]

/** Bits of the numbers whose eighths are whole, for each type: cuBLAS's name, cuDNN's, and how it is written. */
const halves = {
  f16: {
    blas: 2,
    dnn: 2,
    encode: (value: number) => new Uint16Array(Float16Array.of(value).buffer)[0]!,
    decode: (bits: number) => new Float16Array(Uint16Array.of(bits).buffer)[0]!,
  },
  bf16: {
    blas: 14,
    dnn: 9,
    // To the nearest, to even on a tie.
    encode: (value: number) => {
      const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!
      return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
    },
    decode: (bits: number) => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!,
  },
} as const

const eighths = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.round(Math.sin(7.3 * i + seed) * 40) / 8)

suite('floats of 16 bits', () => {
  let gpu: Gpu
  const scales = Float32Array.of(1, 0)
  // Asked for at each call: an address alone does not keep an array alive.
  const one = (): number => addressOf(scales)
  const zero = (): number => addressOf(scales) + 4
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
  })

  for (const [name, { blas, dnn, encode, decode }] of Object.entries(halves)) {
    const upload = (values: readonly number[]): number =>
      gpu.upload(Uint16Array.from(values, encode))
    const download = (address: number, count: number): number[] => {
      const data = gpu.download(address, Math.ceil(count / 2))
      gpu.sync()
      return [...new Uint16Array(data.buffer, 0, count)].map(decode)
    }
    const rounded = (value: number): number => decode(encode(value))

    const blasHandle = (): number => {
      const handle = gpu.handle((at) => gpu.blas.cublasCreate_v2(at))
      gpu.check(gpu.blas.cublasSetStream_v2(handle, gpu.stream))
      return handle
    }

    it(`${name}: cuBLAS adds products up in float32, and rounds once`, () => {
      const [m, n, k] = [5, 4, 9]
      const [a, b, c] = [eighths(m * k, 1), eighths(k * n, 2), eighths(m * n, 3)]
      for (const [opA, opB] of [
        [N, N],
        [T, N],
        [N, T],
      ] as const)
        for (const adds of [false, true]) {
          const C = upload(c)
          const [lda, ldb] = [opA ? k : m, opB ? n : k]
          // biome-ignore format: one operand to a line
          gpu.check(gpu.blas.cublasGemmEx(
            blasHandle(), opA, opB, m, n, k, one(),
            upload(a), blas, lda,
            upload(b), blas, ldb,
            adds ? one() : zero(), C, blas, m, COMPUTE_32F, -1,
          ))
          const wanted = c.map((before, at) => {
            const [i, j] = [at % m, Math.floor(at / m)]
            let sum = adds ? before : 0
            for (let p = 0; p < k; p++)
              sum += a[opA ? i * k + p : p * m + i]! * b[opB ? p * n + j : j * k + p]!
            return rounded(sum)
          })
          expect(download(C, m * n)).toEqual(wanted)
        }
    })

    it(`${name}: cuBLAS multiplies batches, and finds memory that is too small`, () => {
      const handle = blasHandle()
      const [A, B] = [upload([1, 2, 3, 4, 5, 6]), upload([1, 10, 100])]
      const run = (C: number): number =>
        // biome-ignore format: one operand to a line
        gpu.blas.cublasGemmStridedBatchedEx(
          handle, N, N, 2, 1, 1, one(),
          A, blas, 2, 2,
          B, blas, 1, 1,
          zero(), C, blas, 2, 2,
          3, COMPUTE_32F, -1,
        )
      const C = upload([0, 0, 0, 0, 0, 0])
      gpu.check(run(C))
      expect(download(C, 6)).toEqual([1, 2, 30, 40, 500, 600])
      expect(run(gpu.alloc(10))).toBe(0)
      expect(gpu.driver.cuStreamSynchronize(gpu.stream)).toBe(700)
      expect(gpu.controls.message()).toContain('cublasGemmStridedBatchedEx: the 12 bytes of')
    })

    it(`${name}: cuBLAS refuses what it does not have`, () => {
      const handle = blasHandle()
      const A = upload([1, 2, 3, 4])
      const run = (typeA: number, compute: number, lda = 2): number =>
        // biome-ignore format: one operand to a line
        gpu.blas.cublasGemmEx(
          handle, N, N, 2, 1, 2, one(),
          A, typeA, lda,
          A, blas, 2,
          zero(), A, blas, 2, compute, -1,
        )
      expect(run(0, COMPUTE_32F)).toBe(NOT_SUPPORTED)
      expect(run(blas, COMPUTE_32F + 1)).toBe(NOT_SUPPORTED)
      expect(run(blas, COMPUTE_32F, 1)).toBe(INVALID_VALUE)
      gpu.controls.setCapability(75)
      expect(run(blas, COMPUTE_32F)).toBe(name === 'bf16' ? NOT_SUPPORTED : 0)
      gpu.controls.setCapability(90)
    })

    it(`${name}: cuDNN convolves, and takes tensors of one type only`, () => {
      const api = gpu.dnn
      const handle = gpu.handle((at) => api.cudnnCreate(at))
      gpu.check(api.cudnnSetStream(handle, gpu.stream))
      const x = gpu.handle((at) => api.cudnnCreateTensorDescriptor(at))
      const y = gpu.handle((at) => api.cudnnCreateTensorDescriptor(at))
      const w = gpu.handle((at) => api.cudnnCreateFilterDescriptor(at))
      const convolution = gpu.handle((at) => api.cudnnCreateConvolutionDescriptor(at))
      // One row of 6 pixels of 2 channels, by 3 taps to 2 channels.
      gpu.check(api.cudnnSetTensor4dDescriptor(x, 1, dnn, 1, 2, 1, 6))
      gpu.check(api.cudnnSetTensor4dDescriptor(y, 1, dnn, 1, 2, 1, 4))
      gpu.check(api.cudnnSetFilter4dDescriptor(w, dnn, 1, 2, 2, 1, 3))
      gpu.check(api.cudnnSetConvolution2dDescriptor(convolution, 0, 0, 1, 1, 1, 1, 1, 0))
      const [image, filter] = [eighths(12, 1), eighths(12, 2)]
      const [X, W, Y] = [upload(image), upload(filter), upload(eighths(8, 3))]
      const forward = (): number =>
        // biome-ignore format: one operand to a line
        api.cudnnConvolutionForward(
          handle, one(), x, X, w, W, convolution, 0, 0, 0, zero(), y, Y,
        )
      gpu.check(forward())
      const wanted = Array.from({ length: 8 }, (_, at) => {
        const [k, place] = [at % 2, Math.floor(at / 2)]
        let sum = 0
        for (let tap = 0; tap < 6; tap++) sum += image[place * 2 + tap]! * filter[k * 6 + tap]!
        return rounded(sum)
      })
      expect(download(Y, 8)).toEqual(wanted)
      gpu.check(api.cudnnSetFilter4dDescriptor(w, 0, 1, 2, 2, 1, 3))
      expect(forward()).toBe(3000)
      expect(gpu.controls.message()).toContain('tensors of different types')
    })
  }
})
