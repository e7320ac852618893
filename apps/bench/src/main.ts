/**
 * `npm run bench [-- SUITE... OPTIONS]`, `--help` lists the options.
 *
 * Measures our packages beside other libraries, in one run and interleaved, and prints ratios.
 */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { cpu } from '@nablajs/backend-cpu'
import { CommanderError } from 'commander'
import { barsOf } from './bars.ts'
import { measureFloors } from './floors.ts'
import { type Options, parseOptions } from './node/options.ts'
import { openPeers, openSubjects } from './node/players.ts'
import { profileTraining } from './node/profile-training.ts'
import { sizes } from './node/sizes.ts'
import type { Skip } from './player.ts'
import { type Comparison, type Results, rowsOf } from './results.ts'
import { run, smaller } from './run.ts'
import type { Measure } from './suite.ts'
import { suites as everywhere } from './suites/index.ts'
import { showBars, showComparison, showFloors, showMeasure, showMethod } from './text.ts'

const suites = [...everywhere, sizes]

// Whoever reads the output may have seen enough: `npm run bench | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

// Threads of OpenMP that spin while they wait would take the processor from whoever's turn it is: those
// of a native library in this process, and PyTorch's in its own.
process.env['OMP_WAIT_POLICY'] ??= 'passive'

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2), suites)
    if (!options) return 0
    if (options.profile) await profileTraining(options)
    else if (options.browser) await (await import('./node/browser.ts')).runInBrowser(options)
    else {
      const { comparisons } = await bench(options)
      const failed = comparisons.flatMap(({ skips }) => skips).filter(isOurFailure)
      return failed.length > 0 ? 1 : 0
    }
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return 2
    throw error
  }
}

/** What we could not do although we have it; a work that we have not is none. */
function isOurFailure({ name, reason }: Skip): boolean {
  return name.startsWith('nabla') && reason.startsWith('failed: ')
}

/** The load of the last 1, 5 and 15 minutes. */
function busy(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(', ')
}

async function bench(options: Options): Promise<Results> {
  const { backends, peers, threads, suites: names } = options
  const { rounds, turn, fastest } = options
  const timing = { rounds, turn, fastest }
  const cuda = backends.includes('cuda') ? await import('./cuda/state.ts') : undefined
  const machine = [
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`,
    ...(cuda ? [cuda.describeGpu()] : []),
  ].join('; ')
  const before = busy()
  const floors = await measureFloors()
  console.log(
    `${machine}, load ${before}\n${showFloors(floors)}\n` +
      `${showMethod(timing)}; ratio = a contender's time over ours\n`,
  )
  // Before anybody is loaded who looks for it.
  const gpu = backends.includes('webgpu')
    ? await (await import('./node/gpu.ts')).installGpu()
    : undefined
  const small = options.small ?? gpu?.software
  const chosen = suites.filter(({ name }) => names.includes(name))
  const wanted = small ? chosen.map(smaller) : chosen
  const field = {
    subjects: await openSubjects(backends, threads),
    peers: await openPeers(peers, backends, threads),
  }
  const date = new Date().toISOString()
  const watch = cuda && new cuda.GpuWatch()
  const comparisons: Comparison[] = []
  await run(wanted, field, timing, (found) => {
    const state = watch?.since()
    const comparison = state === undefined ? found : { ...found, state }
    comparisons.push(comparison)
    console.log(showComparison(comparison, floors))
    // A run may be cut short: what is there stays.
    if (options.json) writeRows({ comparisons, machine }, options.json)
  })
  watch?.close()
  const measures: Measure[] = []
  for (const suite of wanted) {
    if (!suite.measures) continue
    const device = await cpu()
    for (const measure of await suite.measures(device)) {
      measures.push(measure)
      console.log(showMeasure(measure))
    }
    device.dispose()
  }
  for (const player of [...field.subjects, ...field.peers]) await player.close?.()
  gpu?.close()
  const bars = barsOf({ comparisons, measures, floors })
  if (bars.length > 0) console.log(`\n${showBars(bars)}`)
  const load = `${before} before, ${busy()} after`
  const results = { date, machine, load, ...timing, floors, comparisons, measures, bars }
  if (options.json) writeRows(results, options.json)
  if (options.html)
    writeFileSync(options.html, await (await import('./node/html.ts')).htmlReport(results))
  return results
}

function writeRows(results: Parameters<typeof rowsOf>[0], file: string): void {
  writeFileSync(file, `${JSON.stringify(rowsOf(results), undefined, 2)}\n`)
}
