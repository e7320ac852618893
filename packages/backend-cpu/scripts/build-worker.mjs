/**
 * Bundles src/threads/worker.ts and writes src/generated/worker.ts: the script of a worker thread as
 * a string. So no bundler has to find a file for it, and no page has to serve one.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = new URL('..', import.meta.url)

const [{ output }] = await build({
  root: fileURLToPath(root),
  configFile: false,
  logLevel: 'error',
  build: {
    write: false,
    target: 'es2022',
    minify: true,
    lib: { entry: 'src/threads/worker.ts', formats: ['iife'], name: 'worker' },
  },
})
const script = output[0].code.trim()

await mkdir(new URL('src/generated/', root), { recursive: true })
await writeFile(
  new URL('src/generated/worker.ts', root),
  `// Written by scripts/build-worker.mjs from src/threads/worker.ts; not to be edited.

/** The script of a worker thread (${script.length} bytes). */
export const workerScript: string =
  ${JSON.stringify(script)}
`,
)
