/** The command line, and what follows from it. */
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { UserError } from './errors.ts'

export const dataNames = ['digits', 'mnist'] as const
export const optimizerNames = ['sgd', 'adam', 'adamw'] as const
export const precisionNames = ['f32', 'bf16', 'f16'] as const
const backendNames = ['cpu', 'webgpu', 'cuda', 'reference'] as const

export type DataName = (typeof dataNames)[number]
export type OptimizerName = (typeof optimizerNames)[number]
export type Precision = (typeof precisionNames)[number]
export type BackendName = (typeof backendNames)[number]

/** What the losses of a run follow from; stored in its checkpoint. */
export interface Recipe {
  readonly data: DataName
  readonly epochs: number
  readonly batchSize: number
  readonly lr: number
  readonly optimizer: OptimizerName
  readonly seed: number
  /** Distorted copies of each training image. */
  readonly copies: number
  /** What products and convolutions compute in while training; weights are f32. */
  readonly precision: Precision
}

/** What the user asked for. */
export interface Arguments {
  /** What was named; the rest comes from the checkpoint or from the defaults. */
  readonly recipe: Partial<Recipe>
  readonly backend: BackendName
  readonly dataDir?: string
  readonly out?: string
  readonly resume?: string
  readonly json: boolean
}

type Tuned = Pick<Recipe, 'epochs' | 'batchSize' | 'copies'> & {
  readonly lr: Readonly<Record<OptimizerName, number>>
}

const tuned: Readonly<Record<DataName, Tuned>> = {
  digits: { epochs: 8, batchSize: 64, copies: 15, lr: { sgd: 0.05, adam: 4e-3, adamw: 4e-3 } },
  mnist: { epochs: 3, batchSize: 64, copies: 0, lr: { sgd: 0.05, adam: 2e-3, adamw: 2e-3 } },
}

/** The recipe of a new run. */
export function withDefaults(given: Partial<Recipe>): Recipe {
  const { data = 'digits', optimizer = 'adamw' } = given
  const { epochs, batchSize, copies, lr } = tuned[data]
  const rest = { lr: lr[optimizer], seed: 1, precision: 'f32' } as const
  return { data, optimizer, epochs, batchSize, copies, ...rest, ...given }
}

/** How each part of a recipe is named on the command line. */
export const flagOf: Readonly<Record<keyof Recipe, string>> = {
  data: '--data',
  epochs: '--epochs',
  batchSize: '--batch-size',
  lr: '--lr',
  optimizer: '--optimizer',
  seed: '--seed',
  copies: '--copies',
  precision: '--precision',
}

const wholeRanges = {
  epochs: [1, 100_000],
  batchSize: [1, 1_000_000],
  seed: [0, 2 ** 32 - 1],
  copies: [0, 100],
} as const

/** Why a value of a recipe cannot be, or nothing. */
export function faultOf(key: keyof Recipe, value: unknown): string | undefined {
  if (key === 'data') return listFault(value, dataNames)
  if (key === 'optimizer') return listFault(value, optimizerNames)
  if (key === 'precision') return listFault(value, precisionNames)
  if (key === 'lr')
    return typeof value === 'number' && value > 0 && Number.isFinite(value)
      ? undefined
      : 'must be a number above 0'
  const [least, most] = wholeRanges[key]
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most
  return fits ? undefined : `must be a whole number in ${least} .. ${most}`
}

function listFault(value: unknown, names: readonly string[]): string | undefined {
  return names.includes(value as string) ? undefined : `must be ${names.join(' or ')}`
}

function check<Key extends keyof Recipe>(key: Key, value: unknown): Recipe[Key] {
  const fault = faultOf(key, value)
  if (fault) throw new InvalidArgumentError(`It ${fault}.`)
  return value as Recipe[Key]
}

/** A number as typed; `Number` would take '' and '0x10'. */
function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
}

function toBackend(text: string): BackendName {
  const fault = listFault(text, backendNames)
  if (fault) throw new InvalidArgumentError(`It ${fault}.`)
  return text as BackendName
}

function toPath(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must be a path.')
  return text
}

function command(): Command {
  const number =
    <Key extends keyof Recipe>(key: Key) =>
    (text: string) =>
      check(key, toNumber(text))
  return new Command('npm start --')
    .description('Trains a small convolutional network to read handwritten digits, and tests it.')
    .option('--data <name>', 'digits (8x8, built in) or mnist (28x28, from --data-dir)', (text) =>
      check('data', text),
    )
    .option('--data-dir <folder>', 'folder with the four files of MNIST', toPath)
    .option(
      '--backend <name>',
      'cpu, webgpu: a GPU, cuda: an NVIDIA one, or reference: slow, float64, for comparison',
      toBackend,
      'cpu',
    )
    .option(
      '--precision <name>',
      'f32, or bf16 or f16: mixed, where the device can (f32)',
      (text) => check('precision', text),
    )
    .option('--epochs <n>', 'times through the training images (8, mnist 3)', number('epochs'))
    .option('--batch-size <n>', 'images in a step (64)', number('batchSize'))
    .option('--lr <x>', 'learning rate at the start (0.004, mnist 0.002, sgd 0.05)', number('lr'))
    .option('--optimizer <name>', 'sgd, adam or adamw (adamw)', (text) => check('optimizer', text))
    .option(
      '--copies <n>',
      'distorted copies of each training image (15, mnist 0)',
      number('copies'),
    )
    .option('--seed <n>', 'of weights, order, dropout and distortions (1)', number('seed'))
    .option('--out <file>', 'checkpoint to write (runs/digits.safetensors, runs/mnist...)', toPath)
    .option('--resume <file>', 'checkpoint to go on from, as if never stopped', toPath)
    .option('--json', 'print one JSON object a line, and nothing else')
    .helpOption('-h, --help', 'print this')
    .addHelpText(
      'after',
      `
The learning rate falls to 0 along half a cosine. The checkpoint is written after every epoch, whole
or not at all; with --resume, give only what differs: --epochs, --out, --backend, --data-dir.

  npm start
  npm start -- --data mnist --data-dir ../shared/data/mnist --epochs 1
  npm start -- --resume runs/digits.safetensors --epochs 12
  npm start --silent -- --json      (without the two lines that npm prints itself)

Exit codes: 0 done, 1 the training failed, 2 a bad option or file, 130 interrupted.`,
    )
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
}

type Parsed = Partial<Recipe> & Omit<Arguments, 'recipe'>

/**
 * Reads the command line; nothing when it asked for help, which has been printed then.
 *
 * @throws UserError saying which option is wrong and what would do.
 */
export function parseArguments(args: readonly string[]): Arguments | undefined {
  const program = command()
  try {
    program.parse(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
    throw new UserError(`${message} (--help lists the options)`)
  }
  const { backend, dataDir, out, resume, json = false, ...recipe } = program.opts<Parsed>()
  return {
    recipe,
    backend,
    json,
    ...(dataDir !== undefined && { dataDir }),
    ...(out !== undefined && { out }),
    ...(resume !== undefined && { resume }),
  }
}
