/** Checkpoints: read with suspicion, written whole. */
import { access, constants, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Tensor } from '@nablajs/tensor'
import { loadCheckpoint, saveCheckpoint } from '@nablajs/tensor/io'
import { writeFileAtomic } from '@nablajs/tensor/node'
import { onInput, UserError } from './errors.ts'
import { faultOf, flagOf, type Recipe } from './options.ts'
import { restore, type Snapshot, snapshot, type Training } from './training.ts'

const FORMAT = 'nabla-train-2'
/** Far above any checkpoint of these models. */
const LARGEST = 2 ** 28

/** Stores where a training stands, in place of what the file held before. */
export async function writeCheckpoint(path: string, training: Training): Promise<void> {
  const bytes = await saveCheckpoint({ format: FORMAT, ...snapshot(training) })
  await writeFileAtomic(path, bytes)
}

/** Reads a checkpoint of this program and checks all of it that does not depend on the model. */
export async function readCheckpoint(path: string): Promise<Snapshot> {
  const bytes = await onInput('', () => readLimited(path))
  return onInput(`${path}: `, () => checked(loadCheckpoint(bytes)))
}

/** Puts a training where a checkpoint was written. */
export async function applyCheckpoint(
  path: string,
  training: Training,
  saved: Snapshot,
): Promise<void> {
  await onInput(`${path} does not fit: `, () => restore(training, saved))
}

async function readLimited(path: string): Promise<Uint8Array> {
  const stats = await stat(path).catch((error: unknown) => {
    throw new UserError(`${path} cannot be read (${codeOf(error)}); it should be a checkpoint`)
  })
  if (!stats.isFile()) throw new UserError(`${path} is no file; it should be a checkpoint`)
  if (stats.size > LARGEST)
    throw new UserError(`${path} has ${stats.size} bytes; a checkpoint has at most ${LARGEST}`)
  return readFile(path).catch((error: unknown) => {
    throw new UserError(`${path} cannot be read (${codeOf(error)})`)
  })
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Tensor)
  )
}

/** The tree of a file as a snapshot, or a reason why it is none. */
function checked(tree: unknown): Snapshot {
  if (!isFields(tree) || tree['format'] !== FORMAT)
    throw new UserError(`the file is no checkpoint of this program (format ${FORMAT})`)
  const part = (name: string): Fields => {
    const value = tree[name]
    if (!isFields(value)) throw new UserError(`the part "${name}" is missing or damaged`)
    return value
  }
  const recipe = part('recipe')
  for (const key of Object.keys(flagOf) as (keyof Recipe)[]) {
    const fault = faultOf(key, recipe[key])
    if (fault)
      throw new UserError(`the recipe's ${key} is ${JSON.stringify(recipe[key])}; it ${fault}`)
  }
  const damaged = (name: string): UserError => new UserError(`the part "${name}" is damaged`)
  const model = part('model')
  if (!Object.values(model).every((value) => value instanceof Tensor)) throw damaged('model')
  const optimizer = part('optimizer')
  const { state, param_groups: groups } = optimizer
  if (
    !isFields(state) ||
    !Object.values(state).every((own) => isFields(own) && isCount(own['step'])) ||
    !Array.isArray(groups) ||
    !groups.every((group) => isFields(group) && Array.isArray(group['params']))
  )
    throw damaged('optimizer')
  const schedule = part('schedule')
  if (!isCount(schedule['last_epoch'])) throw damaged('schedule')
  const generator = part('generator')
  if (!isCount(generator['seed']) || !isCount(generator['draws'])) throw damaged('generator')
  // What is left are numbers and shapes, which the parts check when they are restored.
  return {
    recipe,
    model,
    optimizer,
    schedule,
    loader: part('loader'),
    scaler: part('scaler'),
    generator,
  } as unknown as Snapshot
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/**
 * Makes sure that a checkpoint can be written, before anything is trained. `mayCreate` is for the
 * folder of the default, which need not be there.
 */
export async function checkWritable(path: string, mayCreate: boolean): Promise<void> {
  const folder = dirname(path)
  const refuse = (why: string): never => {
    throw new UserError(`--out ${path}: ${why}; choose another file`)
  }
  if (mayCreate)
    await mkdir(folder, { recursive: true }).catch((error: unknown) =>
      refuse(`the folder ${folder} cannot be made (${codeOf(error)})`),
    )
  const stats = await stat(folder).catch(() => undefined)
  if (!stats?.isDirectory()) refuse(`there is no folder ${folder}`)
  await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) =>
    refuse(`the folder ${folder} cannot be written to (${codeOf(error)})`),
  )
  const old = await stat(path).catch(() => undefined)
  if (old && !old.isFile()) refuse('it is no file')
}
