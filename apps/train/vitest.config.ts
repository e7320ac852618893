import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

// Vulkan finds its drivers by this variable. Without a GPU there is the software driver of Debian's chromium.
const software = '/usr/lib/chromium/vk_swiftshader_icd.json'
const driver = process.env['VK_ICD_FILENAMES'] ?? (existsSync(software) ? software : undefined)

export default defineConfig({
  test: {
    // Shared machines are slow at times; nothing here waits for a clock.
    testTimeout: 180_000,
    env: driver === undefined ? {} : { VK_ICD_FILENAMES: driver },
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
  },
})
