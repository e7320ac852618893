/** The report as a page: drawn in a browser from the results alone. */
import { ratioOf, type Timing } from '../measure.ts'
import type { Comparison, Results } from '../results.ts'
import { digits, quantity, rateOf, showMethod, usageOf } from '../text.ts'
import { libraries, libraryOf, manyThreads, measurePlot, ratioPlot } from './plots.ts'

type Child = Node | string | undefined

/** An element with a class and children. */
function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...children.filter((child) => child !== undefined))
  return made
}

const tile = (label: string, value: string, note: string): HTMLElement =>
  element(
    'div',
    'tile',
    element('div', 'tile-label', label),
    element('div', 'tile-value', value),
    element('div', 'tile-note', note),
  )

function header(results: Results): HTMLElement {
  const { date, machine, load, comparisons } = results
  const versions = new Map<string, string>()
  for (const { subjects, peers } of comparisons) {
    for (const { version } of subjects) versions.set('nabla', version)
    for (const { name, version } of peers) versions.set(libraryOf(name), version)
  }
  const chips = [...versions].map(([name, version]) =>
    element('span', 'chip', element('b', '', name), ` ${version}`),
  )
  const facts = [
    machine,
    load ? `load ${load}` : undefined,
    showMethod(results),
    new Date(date).toUTCString(),
  ]
  return element(
    'header',
    '',
    element('h1', '', element('span', 'nabla', '∇'), ' nabla beside other libraries'),
    element('p', 'muted', facts.filter((fact) => fact !== undefined).join(' · ')),
    element('div', 'chips', ...chips),
  )
}

function tiles({ bars, floors }: Results): HTMLElement {
  const decided = bars.filter(({ met }) => met !== undefined)
  const met = decided.filter((bar) => bar.met).length
  const shown = [
    tile(
      'FMA peak',
      floors.flops ? quantity(floors.flops, 'FLOP/s') : 'none',
      'WebAssembly relaxed SIMD, one thread',
    ),
    tile(
      'Memory bandwidth',
      quantity(floors.bandwidth, 'B/s'),
      'a triad beyond all caches, one thread',
    ),
  ]
  if (decided.length > 0)
    shown.unshift(
      tile(
        'Bars met',
        `${met} of ${decided.length}`,
        `${bars.length - decided.length} not measured`,
      ),
    )
  return element('div', 'tiles', ...shown)
}

function legend(comparisons: readonly Comparison[]): HTMLElement {
  const names = new Set(comparisons.flatMap(({ peers }) => peers.map(({ name }) => name)))
  const present = new Set([...names].map(libraryOf))
  const items = libraries.flatMap((library, i) => {
    if (!present.has(library)) return []
    const swatch = element('span', 'swatch')
    swatch.style.background = `var(--library-${i})`
    return [element('span', 'legend-item', swatch, library)]
  })
  if ([...names].some(manyThreads))
    items.push(
      element('span', 'legend-item muted', '● one thread'),
      element('span', 'legend-item muted', '◆ several threads'),
    )
  return element('div', 'legend', ...items)
}

/** Plots of all suites for one of our subjects, which a row of buttons chooses. */
function ratios(comparisons: readonly Comparison[]): HTMLElement {
  const subjects = [...new Set(comparisons.flatMap((one) => one.subjects.map(({ name }) => name)))]
  const suites = [...new Set(comparisons.map(({ suite }) => suite))]
  const plots = element('div', '')
  const buttons = subjects.map((name) => element('button', 'choice', name))
  const choose = (subject: string): void => {
    for (const button of buttons) button.ariaPressed = String(button.textContent === subject)
    plots.replaceChildren(
      ...suites.flatMap((suite) => {
        const own = comparisons.filter((one) => one.suite === suite && one.peers.length > 0)
        return own.length > 0
          ? [element('h3', '', suite), element('div', 'plot', ratioPlot(own, subject))]
          : []
      }),
    )
  }
  for (const button of buttons) button.onclick = () => choose(button.textContent)
  if (subjects[0]) choose(subjects[0])
  return element(
    'section',
    'card',
    element('h2', '', 'Ratios'),
    element(
      'p',
      'muted',
      "A mark is another library's time over ours: to the right of 1× nabla is faster. The axis is logarithmic.",
    ),
    subjects.length > 1 ? element('div', 'choices', ...buttons) : undefined,
    legend(comparisons),
    plots,
  )
}

const verdicts = new Map([
  [true, ['✓ met', 'good']],
  [false, ['✗ not met', 'bad']],
  [undefined, ['– not measured', 'muted']],
] as const)

function barTable({ bars }: Results): HTMLElement | undefined {
  if (bars.length === 0) return undefined
  const rows = bars.map(({ work, wanted, value, unit, met, why }) => {
    const [text, className] = verdicts.get(met)!
    return element(
      'tr',
      '',
      element('td', className, text),
      element('td', '', work),
      element('td', '', wanted),
      element('td', 'number', value === undefined ? (why ?? '') : `${digits(value)} ${unit}`),
    )
  })
  return element(
    'section',
    'card',
    element('h2', '', 'Bars'),
    element('p', 'muted', 'What we want to reach, and where this run stands.'),
    element(
      'div',
      'scroll',
      element('table', '', head(['', 'work', 'wanted', 'measured']), element('tbody', '', ...rows)),
    ),
  )
}

function head(titles: readonly string[]): HTMLElement {
  return element('thead', '', element('tr', '', ...titles.map((title) => element('th', '', title))))
}

function comparisonTable(comparison: Comparison, results: Results): HTMLElement {
  const { name, note, subjects, peers, skips, state } = comparison
  const counted = [...subjects, ...peers].some((timing) => usageOf(timing) !== '')
  const cells = (timing: Timing): HTMLElement[] => {
    const ratios = subjects.map((subject) =>
      element('td', 'number', subject === timing ? '1' : `${digits(ratioOf(subject, timing))}×`),
    )
    return [
      ...ratios,
      element('td', 'number', `${digits(timing.ms)} ms`),
      element('td', '', timing.name),
      element('td', 'muted', rateOf(timing, comparison, results.floors)),
      ...(counted ? [element('td', 'muted', usageOf(timing))] : []),
    ]
  }
  const short = subjects.map((subject) => `÷ ${subject.name.replace(/^nabla /, '')}`)
  const rows = [
    ...subjects.map((timing) => element('tr', 'ours', ...cells(timing))),
    ...peers.map((timing) => element('tr', '', ...cells(timing))),
  ]
  const skipped = skips.map(({ name: who, reason }) =>
    element('li', '', element('b', '', who), `: ${reason}`),
  )
  return element(
    'details',
    '',
    element('summary', '', element('b', '', name), ' ', element('span', 'muted', note)),
    element(
      'div',
      'scroll',
      element(
        'table',
        '',
        head([...short, 'time', 'contender', '', ...(counted ? ['of the GPU'] : [])]),
        element('tbody', '', ...rows),
      ),
    ),
    skipped.length > 0
      ? element('div', 'muted small', 'skipped', element('ul', '', ...skipped))
      : undefined,
    state === undefined ? undefined : element('p', 'muted small', `GPU meanwhile: ${state}`),
  )
}

function details(results: Results): HTMLElement | undefined {
  const { comparisons } = results
  if (comparisons.length === 0) return undefined
  const suites = [...new Set(comparisons.map(({ suite }) => suite))]
  return element(
    'section',
    'card',
    element('h2', '', 'Times'),
    element('p', 'muted', 'Ratios first; then the time, and what it means beside the floors.'),
    ...suites.flatMap((suite) => [
      element('h3', '', suite),
      ...comparisons
        .filter((one) => one.suite === suite)
        .map((one) => comparisonTable(one, results)),
    ]),
  )
}

function measured({ measures }: Results): HTMLElement | undefined {
  const works = [...new Set(measures.map(({ work }) => work))]
  if (works.length === 0) return undefined
  return element(
    'section',
    'card',
    element('h2', '', 'Sizes, memory, counts'),
    ...works.flatMap((work) => {
      const own = measures.filter((one) => one.work === work)
      const notes = own.map(({ subject, note }) =>
        element('li', '', element('b', '', subject), `: ${note}`),
      )
      return [
        element('h3', '', work),
        element('div', 'plot', measurePlot(own)),
        element('ul', 'muted small', ...notes),
      ]
    }),
  )
}

/** Draws the report into `root`. */
export function showReport(root: Element, results: Results): void {
  const sections = [
    header(results),
    tiles(results),
    results.comparisons.some(({ peers }) => peers.length > 0)
      ? ratios(results.comparisons)
      : undefined,
    barTable(results),
    details(results),
    measured(results),
  ]
  root.replaceChildren(...sections.filter((section) => section !== undefined))
}
