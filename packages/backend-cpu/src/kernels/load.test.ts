import { expect, test } from 'vitest'
import { compileKernels, hasRelaxedSimd, loadKernels } from './load.ts'

const memories = {
  'shared memory': { initial: 2, maximum: 100, shared: true },
  'shared memory of any size': { initial: 2, maximum: 65536, shared: true },
  'unshared memory': { initial: 2, maximum: 100 },
  'unshared memory without a maximum': { initial: 2 },
}

for (const [name, descriptor] of Object.entries(memories))
  for (const relaxed of new Set([false, hasRelaxedSimd()]))
    test(`${relaxed ? 'relaxed' : 'plain'} kernels on ${name}`, async () => {
      const memory = new WebAssembly.Memory(descriptor)
      const module = await compileKernels('shared' in descriptor, relaxed)
      expect(WebAssembly.Module.imports(module)).toEqual([
        expect.objectContaining({ module: 'env', name: 'memory', kind: 'memory' }),
      ])
      const wasm = await loadKernels(module, memory)
      const floats = new Float32Array(memory.buffer, 65536, 3)
      floats.set([3, 5, 0])
      wasm.fewRows(1, 1, 1, 65536, 4, 4, 65540, 4, 65544, 4)
      expect(floats[2]).toBe(15)
    })
