/** Device memory: limits, wrong addresses, and what strict mode makes of values that were never written. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

suite('device memory', () => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
  })
  afterEach(() => {
    gpu.controls.setStrict(false)
    gpu.controls.setMemory(2 ** 34)
  })

  it('is counted', () => {
    const a = gpu.alloc(1000)
    gpu.alloc(24)
    expect(gpu.controls.liveBytes()).toBe(1024)
    expect(gpu.controls.liveAllocations()).toBe(2)
    gpu.check(gpu.driver.cuMemFree_v2(a))
    expect(gpu.controls.liveBytes()).toBe(24)
    const sizes = new BigUint64Array(2)
    gpu.check(gpu.driver.cuMemGetInfo_v2(addressOf(sizes), addressOf(sizes) + 8))
    expect([...sizes]).toEqual([2n ** 34n - 24n, 2n ** 34n])
  })

  it('ends at its limit, and goes on after a free', () => {
    gpu.controls.setMemory(1 << 20)
    const a = gpu.alloc(1 << 19)
    expect(() => gpu.alloc((1 << 19) + 1)).toThrow(
      /^2 cuMemAlloc: 524289 bytes, with 524288 of 1048576 in use/,
    )
    expect(() => gpu.alloc(2 ** 40)).toThrow(/^2 /)
    gpu.check(gpu.driver.cuMemFree_v2(a))
    gpu.alloc((1 << 19) + 1)
  })

  it('takes no allocation of nothing', () => {
    expect(() => gpu.alloc(0)).toThrow(/^1 cuMemAlloc: 0 bytes/)
  })

  it('is freed once, by the address that it was given by', () => {
    const a = gpu.alloc(64)
    expect(() => gpu.check(gpu.driver.cuMemFree_v2(a + 4))).toThrow(
      /^1 cuMemFree: .*not the start of a device allocation but byte offset 4/,
    )
    gpu.check(gpu.driver.cuMemFree_v2(a))
    expect(() => gpu.check(gpu.driver.cuMemFree_v2(a))).toThrow(
      /^1 cuMemFree: the device allocation of 64 bytes at 0x[0-9a-f]+ is freed already/,
    )
    const { address } = gpu.pinned(4)
    expect(() => gpu.check(gpu.driver.cuMemFree_v2(address))).toThrow(
      /^1 cuMemFree: .*not the start of a device allocation/,
    )
    gpu.check(gpu.driver.cuMemFreeHost(address))
  })

  it('is copied within its allocations', () => {
    const { driver, stream } = gpu
    const data = new Float32Array(16)
    const a = gpu.alloc(64)
    const b = gpu.alloc(32)
    const at = addressOf(data)
    expect(() => gpu.check(driver.cuMemcpyHtoDAsync_v2(b, at, 64, stream))).toThrow(
      /^1 cuMemcpyHtoDAsync: the destination: 64 bytes from byte offset 0 of a device allocation of 32 bytes/,
    )
    expect(() => gpu.check(driver.cuMemcpyDtoHAsync_v2(at, a + 32, 64, stream))).toThrow(
      /^1 .*the source: 64 bytes from byte offset 32/,
    )
    expect(() => gpu.check(driver.cuMemcpyDtoDAsync_v2(a, b, 64, stream))).toThrow(
      /^1 .*the source/,
    )
    expect(() => gpu.check(driver.cuMemcpyDtoDAsync_v2(a, a + 8, 16, stream))).toThrow(
      /^1 .*overlap/,
    )
    expect(() => gpu.check(driver.cuMemcpyHtoDAsync_v2(at, at, 16, stream))).toThrow(
      /^1 .*no device address/,
    )
    const pinned = gpu.pinned(2)
    expect(() => gpu.check(driver.cuMemcpyDtoHAsync_v2(pinned.address, a, 64, stream))).toThrow(
      /^1 .*the destination: 64 bytes from byte offset 0 of a pinned allocation of 8 bytes/,
    )
    gpu.check(driver.cuMemcpyDtoDAsync_v2(a + 32, b, 32, stream))
  })

  it('is NaN before it is written, in strict mode', () => {
    gpu.controls.setStrict(true)
    expect([...gpu.download(gpu.alloc(8), 2)]).toEqual([Number.NaN, Number.NaN])
    expect(gpu.pinned(1).data[0]).toBeNaN()
  })

  it('is aligned to 16 bytes and ends at the guard page, in strict mode', () => {
    gpu.controls.setStrict(true)
    const k = gpu.kernel('extern "C" __global__ void k(float* p) { p[20] = 1; }')
    const p = gpu.alloc(80)
    expect(p % 16).toBe(0)
    gpu.launch(k, 1, 1, [p])
    expect(() => gpu.sync()).toThrow(/byte offset 80 of a device allocation of 80 bytes/)
  })

  it('of one block is not what another block left in shared memory', () => {
    const k = gpu.kernel(`extern "C" __global__ void k(float* p) {
      __shared__ float s[4]; extern __shared__ float d[];
      p[2 * blockIdx.x] = s[1]; p[2 * blockIdx.x + 1] = d[1];
      s[1] = 3; d[1] = 4; __syncthreads();
    }`)
    const p = gpu.alloc(32)
    gpu.launch(k, 4, 1, [p], { shared: 16 })
    expect([...gpu.download(p, 8)]).toEqual(new Array(8).fill(Number.NaN))
  })
})
