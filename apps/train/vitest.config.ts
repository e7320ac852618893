import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Shared machines are slow at times; nothing here waits for a clock.
    testTimeout: 60_000,
    // Tests of many packages share the machine: threads of native libraries must not spin.
    env: { OMP_WAIT_POLICY: 'passive' },
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
  },
})
