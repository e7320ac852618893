import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { manifestOf } from './src/node/manifest.ts'

/** A page has shared memory, and with it threads, only where nobody else can look into it. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  define: { JAX_JS_VERSION: JSON.stringify(manifestOf('@jax-js/jax').version) },
  resolve: {
    alias: {
      '@mitata/counters': fileURLToPath(new URL('src/browser/no-counters.ts', import.meta.url)),
    },
  },
  // All at once in the beginning: a dependency that is found later reloads the page.
  optimizeDeps: {
    include: [
      '@jax-js/jax',
      '@observablehq/plot',
      '@tensorflow/tfjs',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-webgpu',
      'mitata',
    ],
  },
  server: { headers: isolation, hmr: false },
  preview: { headers: isolation },
  build: { target: 'es2024' },
})
