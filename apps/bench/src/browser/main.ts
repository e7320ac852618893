/**
 * The suites in a page. `?suites=ops,train&backend=cpu&rounds=5&turn=200&start` starts at once; without `start` a
 * button does. When all is done the results are in `window.benchResults`.
 */
import { cpu } from '@nablajs/backend-cpu'
import { barsOf } from '../bars.ts'
import { type Floors, measureFloors } from '../floors.ts'
import { isSoftwareGpu } from '../gpu/adapter.ts'
import { showReport } from '../report/report.ts'
import { type Comparison, type Results, rowsOf } from '../results.ts'
import { run, smaller } from '../run.ts'
import type { Measure } from '../suite.ts'
import { suites } from '../suites/index.ts'
import { showComparison, showFloors, showMeasure } from '../text.ts'
import { openPeers, openSubjects, peerNames } from './players.ts'

declare global {
  interface Window {
    benchResults?: Results
  }
}

const main = document.querySelector('main')!
const query = new URLSearchParams(location.search)
const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise)
const timing = {
  rounds: number('rounds', 5),
  turn: number('turn', 200),
  fastest: query.has('fastest'),
}
const backends = query.get('backend')?.split(',') ?? ['cpu']
const peers = (query.get('peers')?.split(',').filter(Boolean) ?? peerNames).filter((name) =>
  peerNames.includes(name),
)
const asked = query.get('suites')?.split(',') ?? suites.map(({ name }) => name)

if (query.has('start')) await bench(asked)
else showForm()

function showForm(): void {
  const form = document.createElement('form')
  form.className = 'card'
  const boxes = suites.map(({ name, about }) => {
    const label = document.createElement('label')
    const box = Object.assign(document.createElement('input'), {
      type: 'checkbox',
      checked: asked.includes(name),
    })
    const what = Object.assign(document.createElement('span'), {
      className: 'muted',
      textContent: about,
    })
    label.append(box, ` ${name} `, what)
    label.className = 'suite'
    return { name, box, label }
  })
  const start = Object.assign(document.createElement('button'), { textContent: 'Run' })
  const title = Object.assign(document.createElement('h2'), {
    textContent: '∇ nabla beside other libraries',
  })
  form.append(title, ...boxes.map(({ label }) => label), start)
  form.onsubmit = (event) => {
    event.preventDefault()
    void bench(boxes.filter(({ box }) => box.checked).map(({ name }) => name))
  }
  main.replaceChildren(form)
}

/** Runs the suites and shows each work as it is done. */
async function bench(names: readonly string[]): Promise<void> {
  const log = document.createElement('pre')
  main.replaceChildren(log)
  const tell = (line: string): void => {
    log.append(`${line}\n`)
    console.log(line)
  }
  try {
    showDone(await measureAll(names, tell))
  } catch (error) {
    tell(`failed: ${(error as Error).stack}`)
    throw error
  }
}

async function measureAll(
  names: readonly string[],
  tell: (line: string) => void,
): Promise<Results> {
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1
  const isolated = crossOriginIsolated ? 'cross-origin isolated' : 'not cross-origin isolated'
  const machine = `${navigator.userAgent}, ${navigator.hardwareConcurrency} cores, ${isolated}`
  const floors: Floors = await measureFloors()
  tell(`${machine}\n${showFloors(floors)}\n`)
  const date = new Date().toISOString()
  const field = {
    subjects: await openSubjects(backends, threads),
    peers: await openPeers(peers, backends, threads),
  }
  const chosen = suites.filter(({ name }) => names.includes(name))
  const size = query.get('small')
  const small = size ? size === 'true' : backends.includes('webgpu') && (await isSoftwareGpu())
  const wanted = small ? chosen.map(smaller) : chosen
  const seen = async (comparison: Comparison): Promise<void> => {
    tell(showComparison(comparison, floors))
    // Lets the page show the line.
    await new Promise((done) => setTimeout(done))
  }
  const comparisons = await run(wanted, field, timing, seen)
  const measures: Measure[] = []
  for (const suite of wanted) {
    if (!suite.measures) continue
    const device = await cpu()
    measures.push(...(await suite.measures(device)))
    device.dispose()
  }
  for (const measure of measures) tell(showMeasure(measure))
  for (const player of [...field.subjects, ...field.peers]) await player.close?.()
  const bars = barsOf({ comparisons, measures, floors })
  return { date, machine, load: undefined, ...timing, floors, comparisons, measures, bars }
}

function showDone(results: Results): void {
  showReport(main, results)
  const json = new Blob([JSON.stringify(rowsOf(results), undefined, 2)], {
    type: 'application/json',
  })
  const link = Object.assign(document.createElement('a'), {
    href: URL.createObjectURL(json),
    download: 'bench.json',
    textContent: 'Download the rows as JSON',
  })
  main.append(link)
  window.benchResults = results
}
