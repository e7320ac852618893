/** Streams, events and graphs, and what shows only when work runs late. */
import koffi from 'koffi'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, Gpu, missing, opened } from './driver.ts'

const addOne = 'extern "C" __global__ void k(float* p) { p[threadIdx.x] += 1; }'
const notReady = 600

describe.skipIf(missing !== undefined).each([false, true])('streams, lazy %s', (lazy) => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
    gpu.controls.setLazy(lazy)
  })
  afterEach(() => gpu.controls.setLazy(false))

  const event = (flags = 0): number => gpu.handle((at) => gpu.driver.cuEventCreate(at, flags))

  it('run in order of submission', () => {
    const k = gpu.kernel(addOne)
    const p = gpu.upload(Float32Array.of(1, 2))
    gpu.launch(k, 1, 2, [p])
    gpu.launch(k, 1, 2, [p])
    expect([...gpu.download(p, 2)]).toEqual([3, 4])
  })

  it('copy pageable memory before the call returns', () => {
    const data = Float32Array.of(5, 6)
    const p = gpu.upload(data)
    data.fill(0)
    expect([...gpu.download(p, 2)]).toEqual([5, 6])
  })

  it('read pinned memory when the copy runs', () => {
    const { address, data } = gpu.pinned(1)
    const p = gpu.alloc(4)
    data[0] = 1
    gpu.check(gpu.driver.cuMemcpyHtoDAsync_v2(p, address, 4, gpu.stream))
    data[0] = 2 // too early: nothing waited for the copy
    expect(gpu.download(p, 1)[0]).toBe(lazy ? 2 : 1)
  })

  it('write pinned memory when the copy runs', () => {
    const { address, data } = gpu.pinned(1)
    const p = gpu.upload(Float32Array.of(7))
    gpu.check(gpu.driver.cuMemcpyDtoHAsync_v2(address, p, 4, gpu.stream))
    expect(data[0]).toBe(lazy ? Number.NaN : 7)
    gpu.sync()
    expect(data[0]).toBe(7)
  })

  it('are looked at through events', () => {
    const k = gpu.kernel(addOne)
    const p = gpu.upload(Float32Array.of(1))
    const [first, second] = [event(), event()]
    expect(gpu.driver.cuEventQuery(first)).toBe(0) // never recorded
    gpu.check(gpu.driver.cuEventRecord(first, gpu.stream))
    gpu.launch(k, 1, 1, [p])
    gpu.check(gpu.driver.cuEventRecord(second, gpu.stream))
    expect(gpu.driver.cuEventQuery(second)).toBe(lazy ? notReady : 0)
    let looks = 0
    while (gpu.driver.cuEventQuery(second) === notReady && looks < 100) looks++
    expect(looks).toBeLessThan(10)
    const time = new Float32Array(1)
    gpu.check(gpu.driver.cuEventElapsedTime_v2(addressOf(time), first, second))
    expect(time[0]).toBeGreaterThanOrEqual(0)
    gpu.check(gpu.driver.cuEventSynchronize(second))
    expect(gpu.driver.cuEventElapsedTime_v2(addressOf(time), event(2), second)).toBe(400)
    gpu.check(gpu.driver.cuEventDestroy_v2(first))
    expect(gpu.driver.cuEventDestroy_v2(first)).toBe(400)
  })

  it('of the default kind wait for the default stream, the others do not', () => {
    const k = gpu.kernel(addOne)
    const slow = gpu.kernel('extern "C" __global__ void k(float* p) { p[0] *= 10; }')
    for (const [flags, expected] of [
      [0, 11],
      [1, lazy ? 2 : 11],
    ] as const) {
      const stream = gpu.handle((at) => gpu.driver.cuStreamCreate(at, flags))
      const p = gpu.upload(Float32Array.of(1))
      gpu.sync()
      gpu.launch(slow, 1, 1, [p], { stream: 0 })
      gpu.launch(k, 1, 1, [p], { stream })
      gpu.check(gpu.driver.cuStreamSynchronize(stream))
      const pinned = gpu.pinned(1)
      gpu.check(gpu.driver.cuMemcpyDtoHAsync_v2(pinned.address, p, 4, stream))
      gpu.check(gpu.driver.cuStreamSynchronize(stream))
      expect(pinned.data[0]).toBe(expected)
      gpu.check(gpu.driver.cuStreamDestroy_v2(stream))
    }
  })

  it('free memory after the work that uses it', () => {
    const k = gpu.kernel(addOne)
    const p = gpu.upload(Float32Array.of(1))
    gpu.launch(k, 1, 1, [p])
    gpu.check(gpu.driver.cuMemFree_v2(p))
    gpu.sync()
  })

  it('tell of a fault at the next wait', () => {
    const k = gpu.kernel('extern "C" __global__ void k(float* p) { p[4096] = 1; }')
    gpu.launch(k, 1, 1, [gpu.alloc(4)])
    expect(() => gpu.sync()).toThrow(/^700 /)
  })

  describe('captured into a graph', () => {
    const begin = (mode: number) => gpu.check(gpu.driver.cuStreamBeginCapture_v2(gpu.stream, mode))
    const end = (): number => gpu.handle((at) => gpu.driver.cuStreamEndCapture(gpu.stream, at))

    it('run when the graph is launched, with the parameters of the capture', () => {
      const k = gpu.kernel(addOne)
      const p = gpu.upload(Float32Array.of(1))
      begin(1)
      gpu.launch(k, 1, 1, [p])
      gpu.launch(k, 1, 1, [p])
      const graph = end()
      const exec = gpu.handle((at) => gpu.driver.cuGraphInstantiateWithFlags(at, graph, 0))
      gpu.check(gpu.driver.cuGraphDestroy(graph))
      expect(gpu.download(p, 1)[0]).toBe(1)
      for (let i = 0; i < 3; i++) gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
      expect(gpu.download(p, 1)[0]).toBe(7)
      gpu.check(gpu.driver.cuGraphExecDestroy(exec))
      expect(gpu.driver.cuGraphLaunch(exec, gpu.stream)).toBe(400)
    })

    it('read pinned memory at each launch', () => {
      const { address, data } = gpu.pinned(1)
      const p = gpu.alloc(4)
      begin(1)
      gpu.check(gpu.driver.cuMemcpyHtoDAsync_v2(p, address, 4, gpu.stream))
      const exec = gpu.handle((at) => gpu.driver.cuGraphInstantiateWithFlags(at, end(), 0))
      for (const value of [3, 8]) {
        data[0] = value
        gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
        expect(gpu.download(p, 1)[0]).toBe(value)
      }
    })

    it('use freed memory as any other work: an error that says so', () => {
      const k = gpu.kernel(addOne)
      const p = gpu.upload(Float32Array.of(1))
      begin(1)
      gpu.launch(k, 1, 1, [p])
      const exec = gpu.handle((at) => gpu.driver.cuGraphInstantiateWithFlags(at, end(), 0))
      gpu.check(gpu.driver.cuMemFree_v2(p))
      gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
      expect(() => gpu.sync()).toThrow(/^700 .*FREED device allocation/)
    })

    const violations: readonly [string, (p: number, e: number) => number][] = [
      ['a wait', () => gpu.driver.cuStreamSynchronize(gpu.stream)],
      ['an allocation', () => gpu.driver.cuMemAlloc_v2(addressOf(new BigUint64Array(1)), 4)],
      ['a free', (p) => gpu.driver.cuMemFree_v2(p)],
      [
        'a copy to pageable memory',
        (p) => gpu.driver.cuMemcpyDtoHAsync_v2(addressOf(new Float32Array(1)), p, 4, gpu.stream),
      ],
      [
        'a copy from pageable memory',
        (p) => gpu.driver.cuMemcpyHtoDAsync_v2(p, addressOf(new Float32Array(1)), 4, gpu.stream),
      ],
      ['a look at an event', (_, e) => gpu.driver.cuEventQuery(e)],
    ]
    for (const [title, call] of violations)
      it(`${title} is an error, and ends the capture`, () => {
        const p = gpu.alloc(4)
        const e = event()
        gpu.check(gpu.driver.cuEventRecord(e, gpu.stream))
        gpu.sync()
        begin(1)
        expect(call(p, e)).toBe(900)
        expect(gpu.controls.message()).toMatch(/not permitted while the stream is capturing/)
        expect(() => end()).toThrow(/^901 /)
        gpu.sync()
      })

    it('code is not loaded in any mode', () => {
      const image = gpu.compile(addOne)
      const load = (): number =>
        gpu.driver.cuModuleLoadData(addressOf(new BigUint64Array(1)), addressOf(image))
      begin(2)
      expect(load()).toBe(900)
      expect(gpu.controls.message()).toContain('loading a module is not permitted')
      expect(() => end()).toThrow(/^901 /)
      // A function whose code was not loaded yet is as bad.
      const module = gpu.handle((at) => gpu.driver.cuModuleLoadData(at, addressOf(image)))
      const k = gpu.handle((at) => gpu.driver.cuModuleGetFunction(at, module, 'k'))
      const p = gpu.alloc(4)
      begin(2)
      expect(() => gpu.launch(k, 1, 1, [p])).toThrow(/^900 .*the first launch of a kernel/)
      expect(() => end()).toThrow(/^901 /)
      gpu.launch(k, 1, 1, [p])
      begin(2)
      gpu.launch(k, 1, 1, [p])
      end()
    })

    it('an event of the capture is no event to wait for', () => {
      const e = event()
      begin(2)
      gpu.check(gpu.driver.cuEventRecord(e, gpu.stream))
      expect(gpu.driver.cuEventQuery(e)).toBe(907)
      end()
    })

    describe('with kernels whose parameters are changed', () => {
      /** A struct of new parameters for a kernel of one thread, and what it points to. */
      const parametersOf = (kernel: number, values: readonly number[]) => {
        const data = BigUint64Array.from(values, BigInt)
        const table = BigUint64Array.from(values, (_, i) => BigInt(addressOf(data) + 8 * i))
        const words = new BigUint64Array(9)
        words[0] = BigInt(kernel)
        new Uint32Array(words.buffer).set([1, 1, 1, 1, 1, 1], 2)
        words[5] = BigInt(addressOf(table))
        return { data, table, words, at: addressOf(words) }
      }
      const set = (exec: number, node: number, at: number): number =>
        gpu.driver.cuGraphExecKernelNodeSetParams_v2(exec, node, at)
      /** The node that the next call would wait for, by both forms of the question. */
      const lastNode = (): number => {
        const out = new BigUint64Array(4)
        const [status, nodes, edges, count] = [0, 8, 16, 24].map((byte) => addressOf(out) + byte)
        const ask = (code: number): number => {
          gpu.check(code)
          expect([Number(out[0]) & 0xff, Number(out[3])]).toEqual([1, 1])
          return Number(koffi.decode(out[1]!, 'uint64_t'))
        }
        const { stream, driver } = gpu
        const node = ask(driver.cuStreamGetCaptureInfo_v2!(stream, status!, 0, 0, nodes!, count!))
        const call = driver.cuStreamGetCaptureInfo_v3!
        expect(ask(call(stream, status!, 0, 0, nodes!, edges!, count!))).toBe(node)
        return node
      }
      const captured = (launch: () => void) => {
        begin(2)
        launch()
        const node = lastNode()
        const graph = end()
        const exec = gpu.handle((at) => gpu.driver.cuGraphInstantiateWithFlags(at, graph, 0))
        return { node, graph, exec }
      }

      it('run with them from the next launch on', () => {
        const k = gpu.kernel(addOne)
        const [p, q] = [gpu.upload(Float32Array.of(1)), gpu.upload(Float32Array.of(10))]
        const { node, exec } = captured(() => gpu.launch(k, 1, 1, [p!]))
        // Submitted before: it keeps what it had.
        gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
        const other = parametersOf(k, [q!])
        gpu.check(set(exec, node, other.at))
        other.data[0] = 0n
        gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
        gpu.sync()
        expect([gpu.download(p!, 1)[0], gpu.download(q!, 1)[0]]).toEqual([2, 11])
      })

      it('are named by nodes of the graph, as long as it is there', () => {
        const k = gpu.kernel(addOne)
        const p = gpu.upload(Float32Array.of(1))
        const one = captured(() => gpu.launch(k, 1, 1, [p]))
        const two = captured(() => gpu.launch(k, 1, 1, [p]))
        const { at } = parametersOf(k, [p])
        expect(set(one.exec, two.node, at)).toBe(1)
        expect(gpu.controls.message()).toContain('the node is of another graph')
        gpu.check(gpu.driver.cuGraphDestroy(one.graph))
        expect(set(one.exec, one.node, at)).toBe(1)
        expect(gpu.controls.message()).toContain('no node of a graph that is still there')
        const { address } = gpu.pinned(1)
        const copy = captured(() =>
          gpu.check(gpu.driver.cuMemcpyHtoDAsync_v2(p, address, 4, gpu.stream)),
        )
        expect(set(copy.exec, copy.node, at)).toBe(1)
        expect(gpu.controls.message()).toContain('node 0 is no kernel')
      })
    })

    it('may ask for memory in the relaxed mode', () => {
      const k = gpu.kernel('extern "C" __global__ void k(float* p) { *p = 5; }')
      begin(2)
      const p = gpu.alloc(4)
      gpu.launch(k, 1, 1, [p])
      const exec = gpu.handle((at) => gpu.driver.cuGraphInstantiateWithFlags(at, end(), 0))
      gpu.check(gpu.driver.cuGraphLaunch(exec, gpu.stream))
      expect(gpu.download(p, 1)[0]).toBe(5)
    })

    it('the default stream cannot be captured, and a capture is not begun twice', () => {
      expect(gpu.driver.cuStreamBeginCapture_v2(0, 1)).toBe(900)
      begin(0)
      expect(gpu.driver.cuStreamBeginCapture_v2(gpu.stream, 0)).toBe(1)
      end()
      expect(() => end()).toThrow(/^1 .*not capturing/)
    })
  })
})
