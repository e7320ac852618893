import { beforeEach, expect, it } from 'vitest'
import { Gpu, opened, suite } from './driver.ts'

suite('launches', () => {
  beforeEach(() => opened().controls().reset())
  it('adds', () => {
    const gpu = new Gpu()
    const k =
      gpu.kernel(`extern "C" __global__ void k(float* o, const float* a, const float* b, int n) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) o[i] = a[i] + b[i];
    }`)
    const n = 1000
    const a = Float32Array.from({ length: n }, (_, i) => i)
    const A = gpu.upload(a)
    const B = gpu.upload(a)
    const O = gpu.alloc(4 * n)
    gpu.launch(k, 8, 128, [O, A, B, { int: n }])
    expect(gpu.download(O, n)).toEqual(a.map((x) => 2 * x))
  })
  it('sums', () => {
    const gpu = new Gpu()
    const k = gpu.kernel(`extern "C" __global__ void k(float* o, const float* a) {
      __shared__ float part[32];
      float v = a[threadIdx.x];
      for (int d = 16; d; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
      if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
      __syncthreads();
      if (threadIdx.x < 32) {
        v = part[threadIdx.x];
        for (int d = 16; d; d >>= 1) v += __shfl_down_sync(0xffffffffu, v, d);
        if (threadIdx.x == 0) *o = v;
      }
    }`)
    const a = Float32Array.from({ length: 1024 }, (_, i) => i)
    const A = gpu.upload(a)
    const O = gpu.alloc(4)
    for (const order of ['forward', 'reverse', 'random'] as const) {
      gpu.controls.setOrder(order)
      gpu.launch(k, 1, 1024, [O, A])
      expect(gpu.download(O, 1)[0]).toBe(1023 * 512)
    }
  })
})
