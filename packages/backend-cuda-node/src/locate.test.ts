import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeviceError } from '@nablajs/tensor'
import { expect, test } from 'vitest'
import { chooseArchitecture } from './compile.ts'
import { openLibrary } from './libraries.ts'
import { describe, locateLibraries } from './locate.ts'

const linux = process.platform === 'linux'
const named = linux ? '' : ' (libraries of Linux)'

test('a driver that is not there: what was tried and what would do', () => {
  const env = { NABLA_CUDA_DRIVER: '/nowhere/libcuda.so.1', NABLA_CUDA_NVRTC: 'off' }
  expect(() => locateLibraries(env)).toThrow(DeviceError)
  expect(() => locateLibraries(env)).toThrow(
    /^cuda: needs the NVIDIA driver \(libcuda\.so\.1\), which could not be loaded\. Tried: NABLA_CUDA_DRIVER=\/nowhere\/libcuda\.so\.1: .*\. Install an NVIDIA driver >= 525, or use @nablajs\/backend-cpu\.$/,
  )
  const { problem, gpus, libraries } = describe(env)
  expect(problem).toContain('Install an NVIDIA driver >= 525')
  expect(gpus).toEqual([])
  expect(libraries.nvrtc).toBe('not found; tried NABLA_CUDA_NVRTC is off')
})

test.skipIf(!linux)(`a file that is no library, in a folder of the path${named}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-libraries-'))
  try {
    writeFileSync(join(folder, 'libcuda.so.1'), 'text')
    const env = { NABLA_CUDA_LIBRARY_PATH: `/nowhere:${folder}`, NABLA_CUDA_NVRTC: 'off' }
    expect(describe(env).libraries.driver).toContain(`${join(folder, 'libcuda.so.1')}: `)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const compiler = spawnSync('g++', ['--version']).status === 0

test.skipIf(!linux || !compiler)(
  `a cuDNN whose parts do not load is passed over: it would end the process${compiler ? '' : ' (there is no g++)'}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-libraries-'))
    const library = (name: string, source: string): void => {
      writeFileSync(join(folder, 'x.cpp'), source)
      const flags = ['-shared', '-fPIC', `-Wl,-soname,${name}`, '-o', join(folder, name)]
      expect(spawnSync('g++', [...flags, join(folder, 'x.cpp'), '-ldl']).status).toBe(0)
    }
    try {
      // As the real one: at its first call it opens a part by its bare name.
      library(
        'libcudnn.so.9',
        `#include <dlfcn.h>
         #include <stdlib.h>
         extern "C" int present() { return dlopen("libcudnn_cnn.so.9", RTLD_NOW) != nullptr; }`,
      )
      const env = { NABLA_CUDA_CUDNN: join(folder, 'libcudnn.so.9') }
      writeFileSync(join(folder, 'libcudnn_graph.so.9'), 'text')
      const { found, tried } = openLibrary('cudnn', env)
      expect(found).toBeUndefined()
      expect(tried.join()).toContain(join(folder, 'libcudnn_graph.so.9'))
      for (const part of ['graph', 'ops', 'cnn']) library(`libcudnn_${part}.so.9`, 'int part;')
      const whole = openLibrary('cudnn', env).found!
      expect(whole.handle.func('present', 'int', [])()).toBe(1)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

test.skipIf(!linux)(`a library without the functions${named}`, () => {
  const env = { NABLA_CUDA_DRIVER: 'libc.so.6' }
  expect(() => locateLibraries(env)).toThrow('cuda: libc.so.6 has no cuInit, cuDriverGetVersion,')
  expect(describe(env).problem).toContain('CUDA 12 and 13 have them')
})

test('code for the newest architecture that the GPU runs', () => {
  const known = [75, 80, 86, 89, 90, 100, 120]
  expect(chooseArchitecture(90, known, '13.0')).toBe('sm_90')
  expect(chooseArchitecture(87, known, '13.0')).toBe('sm_86')
  // No code of another generation: PTX for the driver to translate.
  expect(chooseArchitecture(110, known, '13.0')).toBe('compute_100')
  expect(chooseArchitecture(130, known, '13.0')).toBe('compute_120')
  expect(() => chooseArchitecture(61, known, '13.0')).toThrow(
    'cuda: NVRTC 13.0 compiles for compute capabilities 7.5, 8.0, 8.6, 8.9, 9.0, 10.0, 12.0, and the GPU has 6.1: CUDA 12 still knows GPUs from 5.0 on',
  )
})
