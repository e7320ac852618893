import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

// Threads need shared memory, and a page has that only when it is cross-origin isolated.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  server: { headers },
  test: {
    // Shared machines are slow at times; nothing here waits for a clock.
    testTimeout: 60_000,
    include: ['browser/**/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/browser.json' },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
          // Without the second there is no WebGPU on a machine without a GPU.
          args: ['--no-sandbox', '--enable-unsafe-webgpu'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
