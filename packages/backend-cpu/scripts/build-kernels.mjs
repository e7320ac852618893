/**
 * Compiles assembly/ and writes src/generated/kernels.ts: the kernels as two WebAssembly binaries
 * in base64, one for plain SIMD and one that also uses the relaxed SIMD instructions (fused
 * multiply-add). As strings they need no file access and no fetch, in Node and in any bundler.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
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

/** The kernels in plain SIMD (${simd.length} bytes), base64. */
export const simd: string =
  '${simd.toString('base64')}'

/** The same with relaxed SIMD (${relaxed.length} bytes), base64. */
export const relaxedSimd: string =
  '${relaxed.toString('base64')}'
`,
)
