// Runs the program as a user does, on whatever machine this is.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { reference } from '@nablajs/tensor'
import { describe, expect, test } from 'vitest'
import { check } from '../src/check.ts'
import { render } from '../src/section.ts'
import { describe as cpuLines } from '../src/sections/cpu.ts'
import { driverText, missing } from '../src/sections/cuda.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}

describe('npm run doctor', () => {
  test('tells about all parts of the machine, in aligned lines', () => {
    const { status, stdout } = doctor([])
    expect(status).toBe(0)
    const titles = stdout.split('\n').filter((line) => /^\S/.test(line))
    expect(titles).toEqual([
      'System',
      'CPU (@nablajs/backend-cpu)',
      'WebGPU (@nablajs/backend-webgpu)',
      'CUDA (@nablajs/backend-cuda-node)',
    ])
    expect(stdout).toContain(`${process.versions.node} (${process.platform} ${process.arch})`)
    for (const name of ['SIMD', 'threads', 'BLAS', 'oneDNN', 'adapter', 'driver', 'cuDNN'])
      expect(stdout).toMatch(new RegExp(`^ {2}${name} {2,}\\S`, 'm'))
    const columns = stdout
      .split('\n')
      .filter((line) => line.startsWith('  '))
      .map((line) => /^ {2}(\S+( \S+)*)? +(?=\S)/.exec(line)![0].length)
    expect(new Set(columns).size).toBe(1)
  })

  test('--json is one object with the same facts', () => {
    const { status, stdout } = doctor(['--json'])
    expect(status).toBe(0)
    const facts = JSON.parse(stdout)
    expect(facts.system.node).toBe(process.versions.node)
    expect(facts.cpu.threads).toBeGreaterThanOrEqual(1)
    expect(['relaxed', 'plain']).toContain(facts.cpu.simd)
    expect(facts.cpu).toHaveProperty('blas')
    expect(facts.cpu.check).toBe('computes a layer and its gradient rightly')
    expect(facts.webgpu.adapter ?? facts.webgpu.problem).toBeTruthy()
    expect(Object.keys(facts.cuda.libraries)).toEqual(['driver', 'nvrtc', 'cublas', 'cudnn'])
  })

  test('what is switched off, and what cannot be used, is told and is no failure', () => {
    const off = doctor([], { NABLA_BLAS: 'off', NABLA_ONEDNN: '0' })
    expect(off.status).toBe(0)
    expect(off.stdout).toMatch(
      /BLAS +switched off by NABLA_BLAS\n +oneDNN +switched off by NABLA_ONEDNN/,
    )
    const wrong = doctor([], { NABLA_BLAS: 'no-such-blas' })
    expect(wrong.status).toBe(0)
    expect(wrong.stdout.replace(/\s+/g, ' ')).toContain(
      'the library "no-such-blas" that NABLA_BLAS asks for cannot be used',
    )
  })

  test('refuses options that it does not know', () => {
    const { status, stderr } = doctor(['--verbose'])
    expect(status).toBe(2)
    expect(stderr).toContain("'--verbose'")
    expect(stderr).toContain('npm run doctor')
  })
})

test('the check notices a device that computes wrongly or fails', async () => {
  const device = reference()
  const { map } = device
  expect((await check(device)).text).toBe('computes a layer and its gradient rightly')
  device.map = (program, inputs, outputs, scalars) => {
    map.call(device, program, inputs, outputs, scalars)
    const { buffer } = outputs[0]!
    device.write(buffer, Float32Array.of(7))
  }
  expect((await check(device)).text).toMatch(/WRONGLY: off by \d/)
  device.map = () => {
    throw new Error('reference: broken')
  }
  expect((await check(device)).text).toBe('FAILS: broken')
})

test('where there is no library, a line says how to get one', () => {
  const none = 'none is installed'
  const lines = cpuLines({
    simd: 'plain',
    sharedMemory: true,
    threads: 4,
    blas: none,
    oneDnn: none,
  })
  expect(lines.map(({ name, text }) => `${name}: ${text}`)).toEqual([
    'SIMD: plain, without fused multiply-add',
    'threads: 4, with shared memory',
    `BLAS: ${none}`,
    `oneDNN: ${none}`,
  ])
  const { more } = lines[2]!
  expect(more).toHaveLength(1)
  if (process.platform === 'linux') expect(more![0]).toContain('apt install libopenblas0-pthread')
})

test('long lines are broken at spaces', () => {
  const text = `${'word '.repeat(12)}/a/path/that/is/longer/than/all/of/the/line/and/stays/whole`
  const lines = render([{ title: 'Title', lines: [{ name: 'name', text }], facts: {} }], 40)
  expect(lines.split('\n')).toEqual([
    'Title',
    '  name  word word word word word word',
    '        word word word word word word',
    '        /a/path/that/is/longer/than/all/of/the/line/and/stays/whole',
    '',
  ])
})

test('of a CUDA library that is missing it is told where it was looked for, and why others would not do', () => {
  const found =
    'not found (own kernels multiply matrices); tried libcublas.so.13: cannot open shared object file: No such file or directory; ' +
    '/usr/lib/cuda/libcublas.so.13: is of CUDA 13.0, which needs a driver >= 580; /usr/lib/wsl/lib: not there'
  expect(missing(found)).toEqual({
    text: 'not found (own kernels multiply matrices)',
    more: [
      '/usr/lib/cuda/libcublas.so.13: is of CUDA 13.0, which needs a driver >= 580',
      'looked for as libcublas.so.13 and in /usr/lib/wsl/lib',
    ],
  })
  const named = 'NABLA_CUDA_NVRTC=/no/file: cannot open shared object file: No such file'
  expect(missing(`not found; tried ${named}`).more).toEqual([named])
  expect(missing('not found; tried NABLA_CUDA_CUDNN is off').more).toEqual([
    'NABLA_CUDA_CUDNN is off',
  ])
})

test('the driver has a version of its own, and one of CUDA', () => {
  expect(driverText('13.0', '580.159.04')).toBe('580.159.04, runs CUDA 13.0')
  expect(driverText('12.4', undefined)).toBe('runs CUDA 12.4')
})
