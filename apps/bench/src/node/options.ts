/** The command line. */
import { availableParallelism } from 'node:os'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import type { BackendName, Suite } from '../suite.ts'

const backends: readonly BackendName[] = ['cpu', 'webgpu', 'cuda']
export const peers = ['tfjs', 'tfjs-wasm', 'jax-js', 'onnxruntime', 'torch'] as const
export type PeerName = (typeof peers)[number]

export interface Options {
  readonly suites: readonly string[]
  readonly backends: readonly BackendName[]
  readonly peers: readonly PeerName[]
  /** Of the contenders that have threads; those with one thread run besides. */
  readonly threads: number
  readonly rounds: number
  /** In milliseconds. */
  readonly turn: number
  readonly fastest: boolean
  readonly json: string | undefined
  readonly html: string | undefined
  readonly small: boolean | undefined
  readonly profile: boolean
  readonly browser: boolean
}

const whole = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number >= 1.')
  return value
}

/** A parser of lists of known names by commas. */
const listOf =
  <Name extends string>(known: readonly Name[], none: boolean) =>
  (text: string): Name[] => {
    if (none && text === 'none') return []
    const names = text.split(',')
    for (const name of names)
      if (!known.includes(name as Name))
        throw new InvalidArgumentError(`There is no "${name}"; known are ${known.join(', ')}.`)
    return names as Name[]
  }

function suitesFor(
  devices: readonly BackendName[],
  known: readonly Pick<Suite, 'name' | 'on'>[],
): string[] {
  const everywhere: readonly BackendName[] = ['cpu', 'webgpu']
  const wanted = known.filter(({ on = everywhere }) => on.some((name) => devices.includes(name)))
  return wanted.map(({ name }) => name)
}

/**
 * Reads the arguments; `undefined` when they asked for the help, which is printed then.
 *
 * @throws CommanderError for a mistake, which is printed too.
 */
export function parseOptions(
  argv: readonly string[],
  known: readonly Pick<Suite, 'name' | 'about' | 'on'>[],
): Options | undefined {
  const program = new Command('npm run bench --')
    .description('Measures nabla beside other libraries, interleaved in one run.')
    .argument('[suites...]', 'which suites to run (all that are for the devices of --backend)')
    .option(
      '--backend <names>',
      `devices of ours: ${backends.join(', ')}`,
      listOf(backends, false),
      ['cpu'],
    )
    .option(
      '--peers <names>',
      `other libraries: ${peers.join(', ')}; none (all)`,
      listOf(peers, true),
      [...peers],
    )
    .option('--threads <n>', 'for those that have threads', whole, availableParallelism())
    .option('--rounds <n>', 'turns for each contender', whole, 5)
    .option('--turn <ms>', 'length of a turn', whole, 200)
    .option('--fastest', 'the fastest run counts, not the median: for busy machines', false)
    .option('--json <file>', 'also write one row for each comparison')
    .option('--html <file>', 'also write a report with plots, which opens without a network')
    .option('--small', 'sizes for a GPU that is none (where WebGPU has found such a one)')
    .option('--no-small', 'sizes for a GPU, whatever it is')
    .option('--profile', 'instead: time by kernel of each training step', false)
    .option('--browser', 'instead: run in a page of a browser', false)
    .addHelpText(
      'after',
      `\nSuites:\n${known.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}`,
    )
    .exitOverride()
    .allowExcessArguments(true)
  try {
    program.parse(argv, { from: 'user' })
    const suites = program.args
    for (const name of suites)
      if (!known.some((suite) => suite.name === name))
        program.error(
          `error: there is no suite "${name}"; known are ${known.map((suite) => suite.name).join(', ')}`,
        )
    const { backend, ...rest } = program.opts<
      Omit<Options, 'suites' | 'backends'> & { backend: BackendName[] }
    >()
    return {
      ...rest,
      json: rest.json,
      html: rest.html,
      small: rest.small,
      backends: backend,
      suites: suites.length > 0 ? suites : suitesFor(backend, known),
    }
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined
    throw error
  }
}
