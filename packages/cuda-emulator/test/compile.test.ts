/** NVRTC: errors with the kernel's file and line, options, names, and the cache. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

suite('the compiler', () => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
  })

  it('reports errors by the name and line of the kernel', () => {
    const source = 'extern "C" __global__ void k(float* p) {\n  p[0] = 1;\n  p[1] = q;\n}'
    expect(() => gpu.compile(source, [], 'exp of "x".cu')).toThrow(
      /NVRTC_ERROR_COMPILATION: exp of "x"\.cu.*\nexp of "x"\.cu\(3\): error: .q. was not declared/s,
    )
  })

  it('knows no headers of the C library, as NVRTC', () => {
    expect(() => gpu.compile('#include <stdio.h>\n')).toThrow(
      /test\.cu\(1\): fatal error: stdio\.h/,
    )
    expect(() => gpu.compile('uint32_t x;')).toThrow(/uint32_t/)
    expect(() => gpu.compile('float x = INFINITY;')).toThrow(/INFINITY/)
  })

  it('refuses more static shared memory than a block has', () => {
    const source = (count: number) => `extern "C" __global__ void k(float* p) {
      __shared__ float s[${count}]; s[threadIdx.x] = 1; __syncthreads(); p[0] = s[1]; }`
    gpu.compile(source(12288))
    expect(() => gpu.compile(source(12289))).toThrow(
      /Entry function 'k' uses too much shared data \(0xc004 bytes, 0xc000 max\)/,
    )
  })

  it('takes the options of NVRTC, and says which it does not know', () => {
    const source = 'extern "C" __global__ void k(float* p) { p[0] = VALUE; }'
    for (const flags of [
      ['-DVALUE=3'],
      ['--define-macro=VALUE=3', '--use_fast_math', '--fmad=false'],
    ])
      expect(gpu.compile(source, flags).length).toBeGreaterThan(0)
    expect(() => gpu.compile(source, ['--fast'])).toThrow(
      /INVALID_OPTION: .*unknown option '--fast'/,
    )
    expect(() => gpu.compile(source, ['--gpu-architecture=sm_61'])).toThrow(
      /'--gpu-architecture=sm_61'/,
    )
  })

  it('the driver takes no code for a newer device, and nothing else', () => {
    const source = 'extern "C" __global__ void k() {}'
    const image = gpu.compile(source, ['--gpu-architecture=sm_100'])
    expect(() => gpu.handle((at) => gpu.driver.cuModuleLoadData(at, addressOf(image)))).toThrow(
      /^209 /,
    )
    const text = new Uint8Array(64)
    expect(() => gpu.handle((at) => gpu.driver.cuModuleLoadData(at, addressOf(text)))).toThrow(
      /^200 /,
    )
  })

  it('makes code for one generation, and PTX for all later ones', () => {
    const source = 'extern "C" __global__ void k(float* p) { *p = 3; }'
    const load = (image: Uint8Array): number =>
      gpu.handle((at) => gpu.driver.cuModuleLoadData(at, addressOf(image)))
    const code = gpu.compile(source, ['--gpu-architecture=sm_86'])
    const ptx = gpu.compile(source, ['--gpu-architecture=compute_86'])
    expect(() => load(code)).toThrow(/^209 .*the image is for sm_86, the device is sm_90/)
    load(ptx)
    gpu.controls.setCapability(89)
    try {
      load(code)
      load(ptx)
      gpu.controls.setCapability(80)
      expect(() => load(ptx)).toThrow(/^209 .*the image is for compute_86, the device is sm_80/)
    } finally {
      gpu.controls.setCapability(90)
    }
  })

  it('finds kernels with C linkage by their names, and no others', () => {
    const source = `
      // extern "C" __global__ void commented() {}
      __global__ void mangled(float* p) { *p = 1; }
      extern "C" {
      __global__ void __launch_bounds__(32) first(float* p) { p[threadIdx.x] = 2; }
      }
      extern "C" __global__ void second(float* p) { *p = 3; /* extern "C" __global__ void no() {} */ }`
    const p = gpu.alloc(128)
    gpu.launch(gpu.kernel(source, 'first'), 1, 32, [p])
    expect(gpu.download(p, 32)[31]).toBe(2)
    gpu.launch(gpu.kernel(source, 'second'), 1, 1, [p])
    expect(gpu.download(p, 1)[0]).toBe(3)
    expect(() => gpu.kernel(source, 'commented')).toThrow(/^500 .*no kernel 'commented'/)
    expect(() => gpu.kernel('__global__ void mangled() {}', 'mangled')).toThrow(/^500 /)
  })

  it('gives modules of one image variables of their own', () => {
    const source = `static __device__ int count = 0;
      extern "C" __global__ void k(float* p) { *p = ++count; }`
    const p = gpu.alloc(4)
    const [a, b] = [gpu.kernel(source), gpu.kernel(source)]
    const seen = [a, a, b].map((kernel) => {
      gpu.launch(kernel, 1, 1, [p])
      return gpu.download(p, 1)[0]
    })
    expect(seen).toEqual([1, 2, 1])
  })

  it('unloads a module with its kernels', () => {
    const image = gpu.compile('extern "C" __global__ void k(float* p) { *p = 1; }')
    const module = gpu.handle((at) => gpu.driver.cuModuleLoadData(at, addressOf(image)))
    const k = gpu.handle((at) => gpu.driver.cuModuleGetFunction(at, module, 'k'))
    gpu.check(gpu.driver.cuModuleUnload(module))
    expect(() => gpu.launch(k, 1, 1, [gpu.alloc(4)])).toThrow(
      /^400 .*no function of a loaded module/,
    )
  })

  it('keeps what it compiled on disk', () => {
    const cache = mkdtempSync(join(tmpdir(), 'nabla-emu-test-'))
    const before = process.env['NABLA_CUDA_EMU_CACHE']
    process.env['NABLA_CUDA_EMU_CACHE'] = cache
    try {
      const source = 'extern "C" __global__ void k(float* p) { *p = 42; }'
      const count = () => gpu.controls.compiledModules()
      const start = count()
      gpu.compile(source)
      expect(count()).toBe(start + 1)
      expect(readdirSync(cache)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.so$/)])
      gpu.compile(source)
      expect(count()).toBe(start + 1)
      gpu.compile(source, ['-DX'])
      expect(count()).toBe(start + 2)
    } finally {
      if (before === undefined) delete process.env['NABLA_CUDA_EMU_CACHE']
      else process.env['NABLA_CUDA_EMU_CACHE'] = before
      rmSync(cache, { recursive: true })
    }
  })
})
