/** Trains a small network from the command line: `npm start -- --help`. */
import { messageOf, RunError, UserError } from './errors.ts'
import { parseArguments } from './options.ts'
import { JsonReporter, TextReporter } from './report.ts'
import { Interrupted, run } from './run.ts'

// Whoever reads the output may have seen enough: `npm start | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
let signal: keyof typeof exitCodes | undefined
for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[])
  process.on(name, () => {
    // The second one does not wait for the step at hand.
    if (signal) process.exit(exitCodes[name])
    signal = name
  })

process.exitCode = await main(process.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  let end = (): void => {}
  try {
    const args = parseArguments(argv)
    if (!args) return 0
    const reporter = args.json ? new JsonReporter() : new TextReporter(process.stdout)
    end = () => reporter.end()
    await run(args, reporter, () => signal !== undefined)
    return 0
  } catch (error) {
    end()
    if (error instanceof Interrupted) {
      console.error(error.message)
      return exitCodes[signal!]
    }
    if (error instanceof UserError || error instanceof RunError) {
      console.error(`error: ${messageOf(error)}`)
      return error instanceof UserError ? 2 : 1
    }
    throw error
  }
}
