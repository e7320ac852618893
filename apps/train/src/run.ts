/** A run from its arguments to its result. */
import { cpu } from '@nablajs/backend-cpu'
import { cuda } from '@nablajs/backend-cuda-node'
import { webgpu } from '@nablajs/backend-webgpu'
import { type Backend, DeviceError, reference, setDevice } from '@nablajs/tensor'
import { applyCheckpoint, checkWritable, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { RunError, UserError } from './errors.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import { buildModel } from './model.ts'
import { type Arguments, type BackendName, flagOf, type Recipe, withDefaults } from './options.ts'
import type { Reporter } from './report.ts'
import { train } from './train.ts'
import { prepare, type Snapshot, type Training } from './training.ts'

/** Ends a run between two steps; what is said of it. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

const devices: Readonly<Record<BackendName, () => Backend | Promise<Backend>>> = {
  cpu,
  webgpu,
  cuda: () => cuda(),
  reference,
}

async function open(name: BackendName): Promise<Backend> {
  try {
    return await devices[name]()
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error
    throw new UserError(`--backend ${name}: ${error.message}`)
  }
}

/**
 * Trains and tests. Everything that the user gave is checked before the first step.
 *
 * @param interrupted Asked after every step whether to stop.
 * @throws UserError, RunError or Interrupted.
 */
export async function run(
  args: Arguments,
  reporter: Reporter,
  interrupted: () => boolean,
): Promise<void> {
  const device = await open(args.backend)
  setDevice(device)
  const saved = args.resume === undefined ? undefined : await readCheckpoint(args.resume)
  const recipe = saved ? resumed(args, saved) : withDefaults(args.recipe)
  const { precision } = recipe
  if (!device.dtypes.has(precision))
    throw new UserError(
      `--precision ${precision}: the ${device.name} device has ${[...device.dtypes].join(', ')}; use another --precision or --backend`,
    )
  const training = await prepare(recipe, args.dataDir)
  if (saved) await applyCheckpoint(args.resume!, training, saved)
  const epochsDone = training.loader.state.epoch
  if (epochsDone >= recipe.epochs)
    throw new UserError(
      `${args.resume} has all of its ${recipe.epochs} epochs done; add --epochs with a larger number`,
    )
  const out = args.out ?? args.resume ?? `runs/${recipe.data}.safetensors`
  await checkWritable(out, args.out === undefined && args.resume === undefined)

  reporter.report({
    event: 'start',
    recipe,
    backend: args.backend,
    train: training.data.train.length,
    test: training.data.test.length,
    parameters: training.model.numParameters(),
    out,
    ...(args.resume !== undefined && { resume: args.resume }),
    epochsDone,
  })
  const begin = performance.now()
  let [test, epoch]: [Evaluation | undefined, number] = [undefined, epochsDone]
  for await (const event of train(training)) {
    if (event.event === 'epoch') {
      test = event.test
      epoch = event.epoch
      await writeCheckpoint(out, training)
    }
    reporter.report(event)
    if (interrupted() && epoch < recipe.epochs)
      throw new Interrupted(whereStopped(out, epoch, epochsDone))
  }
  const seconds = (performance.now() - begin) / 1000
  const reloaded = await reload(out, training)
  if (reloaded.accuracy !== test!.accuracy)
    throw new RunError(
      `${out} read back gives a test accuracy of ${reloaded.accuracy} instead of ${test!.accuracy}`,
    )
  reporter.report({
    event: 'result',
    test: test!,
    data: training.data.test,
    checkpoint: out,
    reloadedAccuracy: reloaded.accuracy,
    seconds,
  })
}

/** The recipe of a checkpoint; only the number of epochs may be another one now. */
function resumed({ recipe: given, resume }: Arguments, { recipe }: Snapshot): Recipe {
  for (const key of Object.keys(flagOf) as (keyof Recipe)[]) {
    const wanted = given[key]
    if (key !== 'epochs' && wanted !== undefined && wanted !== recipe[key])
      throw new UserError(
        `${flagOf[key]} ${wanted} came, but ${resume} was made with ${recipe[key]}; ` +
          'leave it out to go on, or leave --resume out to begin anew',
      )
  }
  return { ...recipe, epochs: given.epochs ?? recipe.epochs }
}

function whereStopped(out: string, epoch: number, epochsDone: number): string {
  return epoch > epochsDone
    ? `interrupted; go on with --resume ${out}, which holds epoch ${epoch}`
    : `interrupted before the first epoch was over; no checkpoint was written`
}

/** What a fresh model reads with the weights of the file. */
async function reload(path: string, { recipe, data }: Training): Promise<Evaluation> {
  const { model: weights } = await readCheckpoint(path)
  const model = buildModel(recipe.data, data.test)
  model.loadStateDict(weights)
  return evaluate(model, data.test)
}
