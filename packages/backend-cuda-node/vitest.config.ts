import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Shared machines are slow at times; nothing here waits for a clock.
    testTimeout: 60_000,
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
  },
})
