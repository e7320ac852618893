/**
 * Runs the conformance suite of the CUDA device on the emulator in the modes that `npm test` leaves out,
 * and the golden cases of a folder where one is given.
 *
 *   npm run test:emulator [-- GOLDENS]
 *
 * Says so and ends well where the emulator cannot be built.
 */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { emulator } from '@nablajs/cuda-emulator'

/** `npm test` runs in `forward` order. */
const modes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'reverse order': { NABLA_CUDA_EMU_SCHED: 'reverse' },
  'random order': { NABLA_CUDA_EMU_SCHED: 'random' },
  'strict memory': { NABLA_CUDA_EMU_STRICT: '1' },
  'lazy streams': { NABLA_CUDA_EMU_LAZY: '1' },
}

const root = dirname(import.meta.dirname)

/** Whether a program of Node ends well; its time goes to the output. */
function step(name: string, args: readonly string[], variables: NodeJS.ProcessEnv): boolean {
  console.log(`test:emulator: ${name}`)
  const begin = performance.now()
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...variables },
  })
  const seconds = ((performance.now() - begin) / 1000).toFixed(0)
  console.log(`test:emulator: ${name}: ${status === 0 ? 'passed' : 'FAILED'}, ${seconds} s`)
  return status === 0
}

const found = emulator()
if (found.missing !== undefined) {
  console.log(`test:emulator: SKIPPED, ${found.missing}`)
} else {
  const vitest = createRequire(import.meta.url).resolve('vitest/package.json')
  // The reporter of results for the count of tests is left out: these are the same tests again.
  const suite = [join(dirname(vitest), 'vitest.mjs'), 'run', '--reporter=dot', 'test/cuda.test.ts']
  const passed = Object.entries(modes).map(([name, variables]) =>
    step(`conformance in ${name}`, [...suite, '-t', 'conformance of cuda'], variables),
  )
  const [goldens] = process.argv.slice(2)
  if (goldens === undefined) console.log('test:emulator: golden cases SKIPPED, no folder is given')
  else {
    const cases = [resolve(goldens), '--backend', 'cuda', '--only', 'ops,rnn,optim']
    const main = join(import.meta.dirname, 'golden', 'main.ts')
    passed.push(step('golden cases', [main, ...cases], found.environment))
  }
  process.exitCode = passed.every(Boolean) ? 0 : 1
}
