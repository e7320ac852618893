/** Tells what this machine offers to nabla: `npm run doctor`, with `--json` for programs. */
import { parseArgs } from 'node:util'
import { type Inspect, render } from './section.ts'
import { cpu } from './sections/cpu.ts'
import { cuda } from './sections/cuda.ts'
import { system } from './sections/system.ts'
import { webgpu } from './sections/webgpu.ts'

const sections = { system, cpu, webgpu, cuda } satisfies Record<string, Inspect>

const usage = `Usage: npm run doctor [-- --json]

Tells what this machine offers: processor, threads and SIMD, a BLAS and oneDNN, the GPUs that
WebGPU and CUDA see, and what could be installed. What is missing is no error.

  --json  one JSON object instead of text, with all places where libraries were looked for
  --help  this text
`

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  let values: { readonly json?: boolean; readonly help?: boolean }
  try {
    const options = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const
    values = parseArgs({ args: [...argv], options }).values
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}\n\n${usage}`)
    return 2
  }
  if (values.help) {
    process.stdout.write(usage)
    return 0
  }
  const found = []
  for (const [key, inspect] of Object.entries(sections)) found.push([key, await inspect()] as const)
  if (values.json) {
    const facts = Object.fromEntries(found.map(([key, section]) => [key, section.facts]))
    process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`)
  } else {
    const width = Math.min(100, process.stdout.columns ?? 100)
    process.stdout.write(
      `${render(
        found.map(([, section]) => section),
        width,
      )}`,
    )
  }
  return 0
}
