/** How much a page downloads: packages as Vite bundles them, minified and compressed by gzip. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Plugin, type Rolldown } from 'vite'
import type { Measure } from '../suite.ts'

const require = createRequire(import.meta.url)

/** What a page imports, and the `.wasm` files that it fetches besides. */
interface Bundle {
  readonly subject: string
  readonly code: string
  readonly files?: readonly string[]
  readonly note: string
}

const wasmOf = (file: string): string =>
  require.resolve(`@tensorflow/tfjs-backend-wasm/dist/${file}.wasm`)

const bundles: readonly Bundle[] = [
  {
    subject: 'nabla tensor',
    code: "export * from '@nablajs/tensor'",
    note: 'everything of tensor',
  },
  {
    subject: 'nabla tensor + backend-cpu',
    code: "export * from '@nablajs/tensor'; export * from '@nablajs/backend-cpu'",
    note: 'with its WebAssembly inside',
  },
  {
    subject: 'nabla, to train a CNN',
    code: `export { Adam } from '@nablajs/optim'
export { Conv2d, crossEntropy, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '@nablajs/nn'
export { cpu } from '@nablajs/backend-cpu'
export { setDevice, tensor } from '@nablajs/tensor'`,
    note: 'layers, loss, Adam and the cpu device alone',
  },
  {
    subject: 'tfjs core + cpu',
    code: "export * from '@tensorflow/tfjs-core'; export * from '@tensorflow/tfjs-backend-cpu'",
    note: 'everything of tfjs-core, plain JavaScript backend',
  },
  {
    subject: 'tfjs core + wasm',
    code: "export * from '@tensorflow/tfjs-core'; export * from '@tensorflow/tfjs-backend-wasm'",
    files: [wasmOf('tfjs-backend-wasm-simd')],
    note: 'with the one .wasm file (SIMD) that a page fetches; no CNN trains on it',
  },
  {
    subject: 'tfjs',
    code: "export * from '@tensorflow/tfjs'",
    note: 'the union package, which has the layers',
  },
  {
    subject: 'jax-js',
    code: "export * from '@jax-js/jax'",
    note: 'everything of jax-js, without layers and optimizers',
  },
]

const id = '\0page'
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Packages that only the union package depends on are found from there. */
const importers = [join(root, 'page.js'), require.resolve('@tensorflow/tfjs')]

const page = (code: string): Plugin => ({
  name: 'page',
  enforce: 'pre',
  async resolveId(source, importer) {
    if (source === id) return id
    if (importer !== id) return undefined
    for (const from of importers) {
      const found = await this.resolve(source, from)
      if (found) return found
    }
    return undefined
  },
  load: (source) => (source === id ? code : undefined),
})

/** The size after gzip of all that a page with this code downloads, in bytes. */
export async function bundleSize(code: string, files: readonly string[] = []): Promise<number> {
  const result = (await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [page(code)],
    build: {
      write: false,
      target: 'es2024',
      minify: true,
      modulePreload: false,
      rolldownOptions: { input: id, preserveEntrySignatures: 'strict' },
    },
  })) as Rolldown.RolldownOutput
  let size = 0
  for (const file of result.output)
    size += gzipSync(file.type === 'chunk' ? file.code : file.source, { level: 9 }).length
  for (const file of files) size += gzipSync(await readFile(file), { level: 9 }).length
  return size
}

/** The sizes of all bundles. */
export async function measureSizes(): Promise<Measure[]> {
  const measures: Measure[] = []
  for (const { subject, code, files, note } of bundles)
    measures.push({
      work: 'package size',
      subject,
      value: (await bundleSize(code, files)) / 1e3,
      unit: 'kB',
      note,
    })
  return measures
}
