/**
 * Compiles assembly/ and writes src/generated/kernels.ts: the kernels as two WebAssembly binaries,
 * one for plain SIMD and one that also uses the relaxed SIMD instructions (fused multiply-add),
 * deflated together. As a string they need no file access and no fetch, in Node and in any bundler.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { deflateRawSync } from 'node:zlib'
import asc from 'assemblyscript/asc'

const root = new URL('..', import.meta.url)

const options = [
  ['--runtime', 'stub'],
  ['--optimizeLevel', '3'],
  ['--shrinkLevel', '0'],
  ['--noAssert'],
  // The memory is the caller's. It is declared shared; src/kernels/load.ts rewrites the declaration
  // where shared memory is not to be had.
  ['--importMemory'],
  ['--sharedMemory'],
  ['--initialMemory', '1'],
  ['--maximumMemory', '65536'],
  ['--memoryBase', '1024'],
  ['--enable', 'simd'],
  ['--enable', 'threads'],
].flat()

async function compile(extra) {
  let binary
  const { error, stderr } = await asc.main(
    ['assembly/index.ts', '--outFile', 'kernels.wasm', ...options, ...extra],
    {
      readFile: (name) => readFile(new URL(name, root), 'utf8').catch(() => null),
      writeFile: (_name, contents) => {
        binary = contents
      },
      listFiles: () => [],
    },
  )
  if (error) throw new Error(`assembly/ does not compile\n${stderr}`, { cause: error })
  return Buffer.from(binary)
}

const simd = await compile([])
const relaxed = await compile(['--enable', 'relaxed-simd'])

await mkdir(new URL('src/generated/', root), { recursive: true })
await writeFile(
  new URL('src/generated/kernels.ts', root),
  `// Written by scripts/build-kernels.mjs from assembly/; not to be edited.

/** The length of the kernels in plain SIMD, in bytes; after them come those with relaxed SIMD. */
export const simdBytes = ${simd.length}

/** Both binaries, ${simd.length + relaxed.length} bytes, deflated and in base64. */
export const kernels: string =
  '${deflateRawSync(Buffer.concat([simd, relaxed]), { level: 9 }).toString('base64')}'
`,
)
