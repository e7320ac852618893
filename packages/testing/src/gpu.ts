/**
 * Runs the tests of the CUDA backend on a real GPU.
 *
 *   npm run test:gpu [-- vitest's arguments]
 *
 * Exit code 2 with the reason when there is no GPU to be used.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe } from '@nablajs/backend-cuda-node'

const { libraries, gpus, problem } = describe()
if (problem !== undefined) {
  console.error(`test:gpu: ${problem}`)
  process.exitCode = 2
} else {
  for (const { index, name, computeCapability } of gpus)
    console.log(`GPU ${index}: ${name}, compute capability ${computeCapability}`)
  for (const [name, library] of Object.entries(libraries))
    console.log(
      typeof library === 'string'
        ? `${name}: not found`
        : `${name}: ${library.version}, ${library.path}`,
    )
  const root = dirname(import.meta.dirname)
  const vitest = createRequire(import.meta.url).resolve('vitest/package.json')
  const { status } = spawnSync(
    process.execPath,
    [join(dirname(vitest), 'vitest.mjs'), 'run', 'test/cuda', ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit', env: { ...process.env, NABLA_TEST_GPU: '1' } },
  )
  process.exitCode = status ?? 1
}
