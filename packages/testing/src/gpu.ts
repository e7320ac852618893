/**
 * Runs everything that tests the CUDA backend on a real GPU: kernels, the device with its graphs, a
 * training, the conformance suite, golden cases, and the kernels under compute-sanitizer.
 *
 *   npm run test:gpu [-- --only PART,... --goldens FOLDER --every N]
 *
 * Ends with a summary: which GPU, which libraries, what passed, failed and was skipped, and why. Exit code
 * 1 when something failed, 2 with the reason when there is no GPU to be used.
 */
import { parseArgs } from 'node:util'
import { describe } from '@nablajs/backend-cuda-node'
import { type Outcome, summary } from './gpu/outcome.ts'
import { partNames, parts } from './gpu/parts.ts'

const usage = `usage: npm run test:gpu [-- OPTIONS]

  --only PART,...    of ${partNames.join(', ')} (all)
  --goldens FOLDER   golden cases for the part of that name
  --every N          under compute-sanitizer only each N-th sample (1)
`

/** Told in words, without a stack. */
class Refused extends Error {}

function read(): { only: readonly string[]; goldens: string | undefined; every: number } {
  const options = {
    only: { type: 'string' },
    goldens: { type: 'string' },
    every: { type: 'string', default: '1' },
  } as const
  try {
    const { values } = parseArgs({ options })
    const only = values.only?.split(',') ?? partNames
    for (const name of only)
      if (!partNames.includes(name)) throw new Error(`there is no part "${name}"`)
    const every = Number(values.every)
    if (!(Number.isInteger(every) && every >= 1))
      throw new Error(`--every ${values.every}: it must be a whole number >= 1`)
    return { only, goldens: values.goldens, every }
  } catch (error) {
    throw new Refused(`${(error as Error).message}\n\n${usage}`)
  }
}

function main(): number {
  const { only, goldens, every } = read()
  const { libraries, gpus, problem } = describe()
  if (problem !== undefined) throw new Refused(problem)
  const machine = gpus.map(
    ({ index, name, computeCapability, memoryBytes }) =>
      `GPU ${index}: ${name}, compute capability ${computeCapability}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB`,
  )
  for (const [name, library] of Object.entries(libraries))
    machine.push(
      typeof library === 'string'
        ? `${name}: ${library.replace(/; tried .*$/s, '')}`
        : `${name}: ${library.version}, ${library.path}`,
    )
  console.log(machine.join('\n'))
  const outcomes: Outcome[] = []
  for (const [name, part] of Object.entries(parts))
    if (only.includes(name)) outcomes.push(...part({ goldens, every }))
  console.log(`\n${summary(machine, outcomes)}`)
  return outcomes.some(({ ok }) => ok === false) ? 1 : 0
}

try {
  process.exitCode = main()
} catch (error) {
  if (!(error instanceof Refused)) throw error
  console.error(`test:gpu: ${error.message}`)
  process.exitCode = 2
}
