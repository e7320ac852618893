/** The emulator in a process of its own: signals that are not of kernels, and the environment. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { suite } from './driver.ts'

/** Runs a script with a `gpu` that has launched a kernel once. */
function run(script: string, environment: Record<string, string> = {}) {
  const driver = JSON.stringify(join(import.meta.dirname, 'driver.ts'))
  const source = `const { Gpu, addressOf } = await import(${driver})
    const gpu = new Gpu()
    const k = gpu.kernel('extern "C" __global__ void k(float* p) { p[threadIdx.x] = threadIdx.x; __syncthreads(); }')
    const p = gpu.alloc(8)
    gpu.launch(k, 1, 2, [p])
    gpu.sync()
    ${script}`
  const env = { ...process.env, ...environment }
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    env,
  })
}

suite('a process with the emulator', () => {
  it('still turns accesses out of bounds in WebAssembly into errors', () => {
    // (module (memory (export "m") 1) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
    const { stdout, stderr } = run(`
      const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,6,1,96,1,127,1,127,3,2,1,0,5,3,1,0,1,
        7,5,1,1,102,0,0,10,9,1,7,0,32,0,40,2,0,11])
      const { f } = (await WebAssembly.instantiate(bytes)).instance.exports
      console.log(f(0))
      for (let i = 0; i < 3; i++) try { f(1 << 30) } catch (error) { console.log(error.message) }
      gpu.launch(k, 1, 4096 / 4, [p])
      console.log(gpu.driver.cuStreamSynchronize(gpu.stream))
      try { f(1 << 30) } catch (error) { console.log(error.message) }`)
    const lines = stdout.trim().split('\n')
    expect(stderr).toBe('')
    expect(lines).toEqual([
      '0',
      ...new Array(3).fill('memory access out of bounds'),
      '0',
      'memory access out of bounds',
    ])
  })

  it('still dies of a real crash', () => {
    const { signal } = run(`const { default: koffi } = await import('koffi')
      koffi.decode(16n, 'int')`)
    expect(signal).toBe('SIGSEGV')
  })

  it('takes its modes from the environment', () => {
    const script = `const count = new Int32Array(1)
      gpu.check(gpu.driver.cuDeviceGetCount(addressOf(count)))
      console.log(count[0])
      console.log(gpu.download(gpu.alloc(4), 1)[0])
      const r = gpu.kernel('extern "C" __global__ void k(float* p) { *p = threadIdx.x; }')
      gpu.launch(r, 1, 8, [p])
      const { address, data } = gpu.pinned(1)
      gpu.check(gpu.driver.cuMemcpyDtoHAsync_v2(address, p, 4, gpu.stream))
      console.log(data[0])
      gpu.sync()
      console.log(data[0])
      try { gpu.alloc(1000000) } catch (error) { console.log(error.message) }`
    const { stdout } = run(script, {
      NABLA_CUDA_EMU_DEVICES: '3',
      NABLA_CUDA_EMU_STRICT: '1',
      NABLA_CUDA_EMU_LAZY: '1',
      NABLA_CUDA_EMU_SCHED: 'reverse',
      NABLA_CUDA_EMU_MEMORY: '1000000',
    })
    expect(stdout.trim().split('\n')).toEqual([
      '3',
      'NaN',
      'NaN',
      '0',
      '2 cuMemAlloc: 1000000 bytes, with 12 of 1000000 in use',
    ])
  })

  it('ends over a mode that is not there', () => {
    const { status, stderr } = run('', { NABLA_CUDA_EMU_SCHED: 'sideways' })
    expect(status).toBe(2)
    expect(stderr).toContain('NABLA_CUDA_EMU_SCHED=sideways: expected forward, reverse or random')
  })
})
