import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { conformance } from '@nablajs/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { joined, Remembered, realCompiler } from './cuda-compilers.ts'
import { emulated } from './emulated.ts'

const compiler = realCompiler({ ...process.env })
const { missing } = emulated()

/** Of every kernel that the suite makes, the source. */
const sources = mkdtempSync(join(tmpdir(), 'nabla-cuda-sources-'))
process.env['NABLA_CUDA_SOURCES'] = sources
// Thousands of files: on a busy machine that takes longer than a hook is given.
afterAll(() => rmSync(sources, { recursive: true }), 120_000)

/** Own kernels do the work of the libraries that are off. */
async function withoutLibraries(): Promise<CudaBackend> {
  const before = { ...process.env }
  Object.assign(process.env, { NABLA_CUDA_CUBLAS: 'off', NABLA_CUDA_CUDNN: 'off' })
  try {
    return await cuda()
  } finally {
    process.env = before
  }
}

if (missing === undefined) {
  conformance('cuda', () => cuda())
  conformance('cuda without cuBLAS and cuDNN', withoutLibraries, { only: /conv2d|matmul/ })
} else describe('conformance of cuda', () => it.skip(`needs the emulator (${missing})`, () => {}))

/** Turing, Ampere, Hopper and Blackwell. */
const architectures = [75, 80, 90, 120]

describe('the sources of all kernels of the suite', () => {
  // Each goes to one of the architectures, or to all of them: that takes a few minutes more.
  const thorough = process.env['NABLA_TEST_ALL_ARCHITECTURES'] === '1'
  const reason = missing ?? (compiler ? undefined : 'there is neither NVRTC nor nvcc')
  const of = compiler ? ` by ${compiler.name}` : ''

  for (const [turn, architecture] of architectures.entries())
    it.skipIf(reason !== undefined)(
      `compile for compute capability ${architecture / 10}${of}${reason ? ` (${reason})` : ''}`,
      () => {
        const known = new Remembered(compiler!.name)
        const all = readdirSync(sources)
          .sort()
          .map((file) => readFileSync(join(sources, file), 'utf8'))
        expect(all.length).toBeGreaterThan(1000)
        const own = all.filter((_, i) => thorough || i % architectures.length === turn)
        const fresh = own.filter((source) => !known.has(source, architecture))
        for (let start = 0; start < fresh.length; start += 250) {
          const part = fresh.slice(start, start + 250)
          expect(compiler!.complaints(joined(part), architecture)).toBe('')
          known.add(part, architecture)
        }
        expect(compiler!.complaints('__global__ void k() { no }', architecture)).toContain('no')
      },
      1_800_000,
    )
})
