/**
 * Runs the cases of a golden folder through the public packages.
 *
 *   npm run golden -- FOLDER [--backend reference|cpu|webgpu|cuda] [--only ops,optim,...]
 *
 * Ends with `golden: P passed, F failed, S skipped`. Exit code 1 when a case failed, 2 when the
 * arguments or the folder are no good.
 */
import { parseArgs } from 'node:util'
import { type Backend, reference, setDefaultDType, setDevice } from '@nablajs/tensor'
import { type Target, targets } from './compare.ts'
import { BadFolder, GoldenFolder } from './folder.ts'
import { runInit } from './init.ts'
import { runOps } from './ops.ts'
import { runOptim, runTapes } from './optim.ts'
import { Report } from './report.ts'
import { runRnn } from './rnn.ts'
import { runRates, runSchedulers } from './schedulers.ts'
import { runTrain } from './train.ts'

type Group = (folder: GoldenFolder, device: Backend, target: Target) => Promise<Report>

const backends: Readonly<Record<string, () => Promise<Backend>>> = {
  reference: async () => reference(),
  cpu: async () => (await import('@nablajs/backend-cpu')).cpu(),
  cuda: async () => (await import('@nablajs/backend-cuda-node')).cuda(),
  webgpu: async () => (await import('@nablajs/backend-webgpu')).webgpu(),
}

/** A group without a runner yet: its cases are counted and skipped. */
const later =
  (name: string): Group =>
  async (folder) => {
    const report = new Report(name)
    const content = folder.json(`${name}.json`) as Record<string, unknown>
    const cases = content['cases'] ?? content['models'] ?? content
    report.skip(name, 'not implemented yet', Object.keys(cases as object).length)
    return report
  }

const groups: Readonly<Record<string, Group>> = {
  ops: runOps,
  rnn: runRnn,
  optim: runOptim,
  schedulers: runSchedulers,
  init: runInit,
  train: runTrain,
  architectures: later('architectures'),
  models: later('models'),
  real: later('real'),
  det: later('det'),
  cocoeval: later('cocoeval'),
  voceval: later('voceval'),
  'torch-2.13/optim': runTapes,
  'torch-2.13/lr': runRates,
}

/** Bad arguments, told in one line. */
class Usage extends Error {}

function readArguments(): { folder: string; backend: string; only: string[] | undefined } {
  const options = {
    backend: { type: 'string', default: 'reference' },
    only: { type: 'string' },
  } as const
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>
  try {
    parsed = parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new Usage((error as Error).message.split('\n')[0])
  }
  const [folder, ...rest] = parsed.positionals
  if (!folder || rest.length > 0)
    throw new Usage('usage: npm run golden -- FOLDER [--backend NAME] [--only ops,optim,...]')
  const { backend, only } = parsed.values
  if (!Object.hasOwn(backends, backend))
    throw new Usage(`--backend ${backend}: known are ${Object.keys(backends).join(', ')}`)
  const names = only?.split(',').map((name) => name.trim())
  for (const name of names ?? [])
    if (!Object.hasOwn(groups, name))
      throw new Usage(`--only ${name}: known are ${Object.keys(groups).join(', ')}`)
  return { folder, backend, only: names }
}

async function main(): Promise<number> {
  const { folder: path, backend, only } = readArguments()
  const folder = new GoldenFolder(path)
  const present = Object.keys(groups).filter((name) => folder.has(`${name}.json`))
  if (present.length === 0) throw new BadFolder(`${path}: no golden files in this folder`)
  for (const name of only ?? [])
    if (!present.includes(name)) throw new BadFolder(`${path}: no ${name}.json in this folder`)
  let device: Backend
  try {
    device = await backends[backend]!()
  } catch (error) {
    throw new Usage(`--backend ${backend}: ${(error as Error).message}`)
  }
  const target = targets[device.dtypes.has('f64') && backend === 'reference' ? 'f64' : 'f32']
  setDevice(device)
  setDefaultDType(target.float)

  let [passed, failed, skipped] = [0, 0, 0]
  for (const name of only ?? present) {
    const report = await groups[name]!(folder, device, target)
    console.log(report.lines().join('\n'))
    passed += report.passed
    failed += report.failures.length
    skipped += report.skips.length
  }
  device.dispose()
  console.log(`golden: ${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof Usage || error instanceof BadFolder)) throw error
  console.error(`golden: ${error.message}`)
  process.exitCode = 2
}
