/** A missing barrier gives other results in another order of threads; a right kernel the same bits. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Gpu, opened, suite } from './driver.ts'

const orders = [
  ['forward', 1],
  ['reverse', 1],
  ['random', 1],
  ['random', 2],
] as const

const treeSum = (barrier: string) => `extern "C" __global__ void k(float* out, const float* x) {
  __shared__ float s[256];
  const int t = threadIdx.x;
  s[t] = x[blockIdx.x * 256 + t];
  ${barrier}
  for (int d = 128; d; d >>= 1) {
    if (t < d) s[t] += s[t + d];
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = s[0];
}`

const transpose = (barrier: string) => `extern "C" __global__ void k(float* out, const float* x) {
  __shared__ float s[16][17];
  s[threadIdx.y][threadIdx.x] = x[blockIdx.x * 256 + threadIdx.y * 16 + threadIdx.x];
  ${barrier}
  out[blockIdx.x * 256 + threadIdx.y * 16 + threadIdx.x] = s[threadIdx.x][threadIdx.y];
}`

const warpExchange = (
  barrier: string,
) => `extern "C" __global__ void k(float* out, const float* x) {
  __shared__ float s[256];
  const int t = threadIdx.y * 16 + threadIdx.x;
  s[t] = x[blockIdx.x * 256 + t];
  ${barrier}
  out[blockIdx.x * 256 + t] = s[t ^ 5];
}`

const kernels = [
  ['a sum by halves', treeSum, 256, 2, '__syncthreads();'],
  ['a transpose through shared memory', transpose, [16, 16, 1], 512, '__syncthreads();'],
  ['an exchange within warps', warpExchange, [16, 16, 1], 512, '__syncwarp();'],
] as const

suite('the order of threads', () => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
  })
  afterEach(() => gpu.controls.setOrder('forward'))

  const x = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i))

  function results(
    source: string,
    block: number | readonly [number, number, number],
    count: number,
  ) {
    const k = gpu.kernel(source)
    const input = gpu.upload(x)
    return orders.map(([order, seed]) => {
      const out = gpu.alloc(4 * count)
      gpu.controls.setOrder(order, seed)
      gpu.launch(k, 2, block, [out, input])
      return gpu.download(out, count).join()
    })
  }

  for (const [title, source, block, count, barrier] of kernels) {
    it(`does not show in ${title}`, () => {
      const [first, ...others] = results(source(barrier), block, count)
      expect(first).not.toContain('NaN')
      for (const other of others) expect(other).toBe(first)
    })
    it(`shows in ${title} without its barrier`, () => {
      expect(new Set(results(source(''), block, count)).size).toBeGreaterThan(1)
    })
  }

  it('of blocks shows in a kernel that counts on it', () => {
    const source = `extern "C" __global__ void k(float* out, const float* x) {
      if (threadIdx.x == 0) out[atomicAdd((int*)x, 1) & 1] = blockIdx.x;
    }`
    const k = gpu.kernel(source)
    const seen = orders.map(([order, seed]) => {
      const [out, counter] = [gpu.alloc(8), gpu.upload(new Int32Array(1))]
      gpu.controls.setOrder(order, seed)
      gpu.launch(k, 2, 32, [out, counter])
      return gpu.download(out, 2).join()
    })
    expect(seen.slice(0, 2)).toEqual(['0,1', '1,0'])
  })

  it('does not matter to lanes that wait for others of their warp which have left', () => {
    const source = `extern "C" __global__ void k(float* out, const float* x) {
      if (threadIdx.x % 3 == 0) return;
      out[threadIdx.x] = __popc(__ballot_sync(0xffffffffu, 1));
    }`
    for (const list of results(source, 64, 64)) expect(list.split(',')[1]).toBe('21')
  })
})
