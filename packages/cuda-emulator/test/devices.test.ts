/** Several devices in one process. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

suite('several devices', () => {
  beforeEach(() => {
    opened().controls().reset()
    opened().controls().setDevices(2)
  })
  afterEach(() => opened().controls().setDevices(1))

  const source = 'extern "C" __global__ void k(float* p) { p[threadIdx.x] += 1; }'

  it('compute side by side, each with its memory', () => {
    const gpus = [new Gpu(0), new Gpu(1)]
    const results = gpus.map((gpu, i) => {
      gpu.use()
      const p = gpu.upload(Float32Array.of(10 * i))
      gpu.launch(gpu.kernel(source), 1, 1, [p])
      expect(gpu.controls.liveBytes(i)).toBe(4)
      return gpu.download(p, 1)[0]
    })
    expect(results).toEqual([1, 11])
  })

  it('do not reach into each other by mistake', () => {
    const [first, second] = [new Gpu(0), new Gpu(1)]
    first.use()
    const k = first.kernel(source)
    second.use()
    const p = second.upload(Float32Array.of(1))
    expect(() => second.launch(k, 1, 1, [p])).toThrow(
      /^400 .*kernel 'k' is of device 0, the stream of device 1/,
    )
    first.use()
    expect(() => first.launch(k, 1, 1, [p], { stream: second.stream })).toThrow(
      /^400 .*the stream is of device 1/,
    )
    first.launch(k, 1, 1, [p])
    expect(() => first.sync()).toThrow(
      /^700 .*kernel 'k' on device 0: parameter 0 is memory of device 1/,
    )
    // The fault is of the first device alone.
    second.use()
    expect(second.download(p, 1)[0]).toBe(1)
  })

  it('copy from one to the other', () => {
    const [first, second] = [new Gpu(0), new Gpu(1)]
    first.use()
    const from = first.upload(Float32Array.of(5))
    second.use()
    const to = second.alloc(4)
    second.check(second.driver.cuMemcpyDtoDAsync_v2(to, from, 4, second.stream))
    expect(second.download(to, 1)[0]).toBe(5)
  })

  it('are counted, and there may be none', () => {
    const gpu = new Gpu()
    expect(() => new Gpu(2)).toThrow(/^101 .*device 2 of 2/)
    const count = new Int32Array(1)
    gpu.check(gpu.driver.cuDeviceGetCount(addressOf(count)))
    expect(count[0]).toBe(2)
    const name = new Uint8Array(40)
    gpu.check(gpu.driver.cuDeviceGetName(addressOf(name), 40, 1))
    expect(Buffer.from(name).toString()).toMatch(/^CUDA emulator 1\0/)
    gpu.controls.setDevices(0)
    expect(gpu.driver.cuInit(0)).toBe(100)
  })

  it('answer with the attributes of compute capability 9.0', () => {
    const gpu = new Gpu()
    const value = new Int32Array(1)
    const attribute = (which: number) => {
      gpu.check(gpu.driver.cuDeviceGetAttribute(addressOf(value), which, 0))
      return value[0]
    }
    expect([75, 76, 1, 8, 97, 10].map(attribute)).toEqual([9, 0, 1024, 49152, 232448, 32])
    expect(() => attribute(9999)).toThrow(/^1 .*attribute 9999 is not emulated/)
  })

  it('a released context takes its memory along', () => {
    const gpu = new Gpu(1)
    gpu.alloc(64)
    gpu.check(gpu.driver.cuDevicePrimaryCtxRelease_v2(1))
    expect(gpu.controls.liveBytes(1)).toBe(0)
    expect(() => gpu.alloc(4)).toThrow(/^201 /)
  })
})
