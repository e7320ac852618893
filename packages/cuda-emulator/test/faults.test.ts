/** Kernels with one mistake each: the error names the kernel, the thread and what it did. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Gpu, opened, type Parameter, suite } from './driver.ts'

interface Seeded {
  readonly title: string
  readonly body: string
  readonly block?: number
  readonly shared?: number
  readonly message: RegExp
}

const seeded: readonly Seeded[] = [
  {
    title: 'a write past the end',
    body: 'p[blockIdx.x * blockDim.x + threadIdx.x] = 1;',
    block: 32,
    message:
      /^700 .*kernel 'k' of test\.cu block \(0,0,0\) thread \(16,0,0\): a write to byte offset 64 of a device allocation of 64 bytes/,
  },
  {
    title: 'a read past the end',
    body: 'if (threadIdx.x == 1) p[0] = p[threadIdx.x * 16];',
    message: /^700 .*thread \(1,0,0\): a read of byte offset 64 of a device allocation of 64 bytes/,
  },
  {
    title: 'a read before the start',
    body: 'p[0] = p[-1024];',
    message: /^700 .*a read of byte offset -4096 of a device allocation of 64 bytes/,
  },
  {
    title: 'no address',
    body: 'float* q = nullptr; *q = p[0];',
    message: /^700 .*address 0x0, which is no memory of the device/,
  },
  {
    title: 'an array on the stack that is too large for it',
    body: 'volatile float a[1 << 16]; for (int i = 0; i < 1 << 16; i++) a[i] = i; p[0] = a[5];',
    message: /^700 .*stack overflowed/,
  },
  {
    title: 'a barrier that half of the threads reach',
    body: 'if (threadIdx.x < 32)\n __syncthreads();',
    block: 64,
    message:
      /^719 .*divergent barrier: 32 threads wait at line 2, but 32 of 64 have left the kernel/,
  },
  {
    title: 'two barriers in the branches of an if',
    body: 'if (threadIdx.x < 8)\n __syncthreads();\n else\n __syncthreads();',
    block: 64,
    message:
      /^719 .*divergent barrier: 8 threads wait at line 2, 56 elsewhere, one of them at line 4/,
  },
  {
    title: 'a shuffle that a lane of the mask does not reach',
    body: 'if (threadIdx.x == 3)\n __syncthreads();\n else p[0] = __shfl_xor_sync(~0u, p[0], 1);',
    block: 32,
    message:
      /^719 .*__shfl_xor_sync at line 3 with mask 0xffffffff waits for lanes that do not come: 31 threads wait in warps, 1 at a barrier/,
  },
  {
    title: 'a lane outside of its own mask',
    body: '__syncwarp(0x3u);',
    block: 4,
    message: /^719 .*__syncwarp at line 1: lane 2 is not in its mask 0x00000003/,
  },
  {
    title: 'a division of integers by zero',
    body: 'p[0] = 7 / (int)p[1];',
    message: /^719 .*an integer division by zero/,
  },
  {
    title: 'dynamic shared memory past its end',
    body: 'extern __shared__ float s[]; s[threadIdx.x] = 1;\n p[0] = s[0];',
    block: 64,
    shared: 128,
    message: /^700 .*thread \(32,0,0\): a write to address/,
  },
  {
    title: 'a failed assertion',
    body: 'assert(threadIdx.x < 4);',
    block: 8,
    message: /^710 .*thread \(4,0,0\): assert\(threadIdx\.x < 4\) at test\.cu\(1\)/,
  },
]

suite('a kernel with', () => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
    gpu.controls.setStrict(true)
    gpu.controls.setOrder('forward')
  })
  afterEach(() => gpu.controls.setStrict(false))

  const kernel = (body: string): number =>
    gpu.kernel(`extern "C" __global__ void k(float* p) { ${body}\n}`)

  for (const { title, body, block = 2, shared = 0, message } of seeded)
    it(`${title} ends with its error`, () => {
      const k = kernel(body)
      const p = gpu.upload(new Float32Array(16))
      gpu.launch(k, 1, block, [p], { shared })
      expect(() => gpu.sync()).toThrow(message)
      // The context is lost: whatever comes next says the same.
      expect(() => gpu.alloc(4)).toThrow(message)
    })

  it('an index outside of a shared array ends with the line', () => {
    const k = kernel(
      '__shared__ float s[4][8];\n int i = threadIdx.x;\n s[i][i] = 1; __syncthreads();\n p[0] = s[1][2];',
    )
    const p = gpu.upload(new Float32Array(16))
    gpu.launch(k, 1, 16, [p])
    expect(() => gpu.sync()).toThrow(
      /^700 .*thread \(4,0,0\): an index outside of its array at test\.cu\(3\)/,
    )
  })

  it('a vector load that is not aligned ends with the line', () => {
    const k = kernel('\n float4 v = *reinterpret_cast<float4*>(p + 1);\n p[0] = v.x;')
    const p = gpu.upload(new Float32Array(16))
    gpu.launch(k, 1, 1, [p])
    expect(() => gpu.sync()).toThrow(/^716 .*not aligned to its type at test\.cu\(2\)/)
  })

  it('freed memory ends with the freed allocation', () => {
    const k = kernel('p[3] = 1;')
    const p = gpu.alloc(64)
    gpu.check(gpu.driver.cuMemFree_v2(p))
    gpu.launch(k, 1, 1, [p])
    expect(() => gpu.sync()).toThrow(
      /^700 .*a write to byte offset 12 of a FREED device allocation of 64 bytes/,
    )
  })

  it('a fault in a later block names that block', () => {
    const k = kernel('__syncthreads(); if (blockIdx.y == 2 && threadIdx.y == 5) p[1 << 20] = 0;')
    gpu.launch(k, [1, 4, 1], [2, 8, 1], [gpu.alloc(64)])
    expect(() => gpu.sync()).toThrow(/block \(0,2,0\) thread \([01],5,0\)/)
  })

  it('a mistake leaves the emulator usable after a reset', () => {
    gpu.launch(kernel('__syncthreads(); p[threadIdx.x * 4096] = 1;'), 1, 64, [gpu.alloc(64)])
    expect(() => gpu.sync()).toThrow(/^700/)
    gpu.controls.reset()
    const again = new Gpu()
    const k = again.kernel(`extern "C" __global__ void k(float* p) {
      const float v = p[threadIdx.x]; __syncthreads(); p[63 - threadIdx.x] = v;
    }`)
    const p = again.upload(Float32Array.from({ length: 64 }, (_, i) => i))
    again.launch(k, 1, 64, [p])
    expect([...again.download(p, 3)]).toEqual([63, 62, 61])
  })

  describe('a launch that no device takes', () => {
    const tooMuch: readonly [
      string,
      readonly [number, number, number],
      readonly [number, number, number],
      number,
      RegExp,
    ][] = [
      ['no blocks', [0, 1, 1], [1, 1, 1], 0, /^1 .*a size is 0/],
      ['no threads', [1, 1, 1], [1, 0, 1], 0, /^1 .*a size is 0/],
      ['2048 threads', [1, 1, 1], [2048, 1, 1], 0, /^1 .*more than 1024 threads/],
      ['33 x 32 threads', [1, 1, 1], [33, 32, 1], 0, /^1 .*more than 1024 threads/],
      ['65 threads along z', [1, 1, 1], [1, 1, 65], 0, /^1 .*more than 64 threads along z/],
      ['65536 blocks along y', [1, 65536, 1], [1, 1, 1], 0, /^1 .*more than 65535 blocks/],
      [
        '48 KiB and a byte of shared memory',
        [1, 1, 1],
        [1, 1, 1],
        49153,
        /^1 .*49153 bytes of dynamic shared memory/,
      ],
    ]
    for (const [title, grid, block, shared, message] of tooMuch)
      it(`${title}: refused at once`, () => {
        const k = kernel('p[0] = 1;')
        const p: Parameter = gpu.alloc(64)
        expect(() => gpu.launch(k, grid, block, [p], { shared })).toThrow(message)
        gpu.launch(k, 1, 1, [p])
        expect(gpu.download(p, 1)[0]).toBe(1)
      })

    it('more threads than __launch_bounds__ says: refused', () => {
      const k = gpu.kernel(
        'extern "C" __global__ void __launch_bounds__(64, 2) k(float* p) { *p = 1; }',
      )
      const p = gpu.alloc(4)
      gpu.launch(k, 1, 64, [p])
      expect(() => gpu.launch(k, 1, 65, [p])).toThrow(/^1 .*__launch_bounds__\(64\)/)
    })

    it('static and dynamic shared memory count together', () => {
      const k = kernel(
        '__shared__ float s[8192]; s[threadIdx.x] = 1; __syncthreads(); p[0] = s[1];',
      )
      const p = gpu.alloc(4)
      gpu.launch(k, 1, 2, [p], { shared: 16384 })
      expect(() => gpu.launch(k, 1, 2, [p], { shared: 16385 })).toThrow(
        /32768 static ones; 16384 may be dynamic/,
      )
    })

    it('missing parameters are told from the kernel', () => {
      const k = kernel('p[0] = 1;')
      expect(gpu.driver.cuLaunchKernel(k, 1, 1, 1, 1, 1, 1, 0, gpu.stream, 0, 0)).toBe(1)
      expect(gpu.controls.message()).toMatch(/has 1 parameters, none came/)
    })

    it('a handle that is none is an error', () => {
      expect(gpu.driver.cuLaunchKernel(4096, 1, 1, 1, 1, 1, 1, 0, gpu.stream, 0, 0)).toBe(400)
      expect(gpu.driver.cuStreamSynchronize(4096)).toBe(400)
      expect(gpu.driver.cuModuleUnload(4096)).toBe(400)
    })
  })
})
