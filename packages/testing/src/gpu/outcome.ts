/** What came of the parts of `test:gpu`, and the summary at its end. */

/** Tests, samples or cases. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface Outcome {
  readonly part: string
  /** Whether it is as it should be; undefined for what did not run. */
  readonly ok: boolean | undefined
  readonly counts: Counts
  /** What else there is to know, such as why it did not run. */
  readonly notes: readonly string[]
  readonly seconds: number
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 }

/** The parts of vitest's JSON report that are read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** Counts a report; the titles of what was skipped name the reasons. */
export function countVitest({ testResults }: VitestReport): {
  readonly counts: Counts
  readonly notes: readonly string[]
} {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const count = (test: (status: string) => boolean): number =>
    tests.filter(({ status }) => test(status)).length
  const passed = count((status) => status === 'passed')
  const failed = count((status) => status === 'failed')
  // A file that does not load has no tests that could fail.
  const broken = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  )
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
  return {
    counts: { passed, failed: failed + broken.length, skipped: skipped.length },
    notes: [
      ...broken.map(({ name, message }) => `failed: ${name}: ${message?.split('\n')[0] ?? ''}`),
      ...tests
        .filter(({ status }) => status === 'failed')
        .map(({ fullName }) => `failed: ${fullName}`),
      ...skipped.map(({ fullName }) => `skipped: ${fullName}`),
    ],
  }
}

/** The counts of the last line of `npm run golden`. */
export function countGolden(output: string): Counts | undefined {
  const found = /golden: (\d+) passed, (\d+) failed, (\d+) skipped\s*$/.exec(output)
  if (!found) return undefined
  const [passed, failed, skipped] = found.slice(1).map(Number)
  return { passed: passed!, failed: failed!, skipped: skipped! }
}

const verdict = ({ ok }: Outcome): string =>
  ok === undefined ? 'SKIPPED' : ok ? 'passed' : 'FAILED'

const showCounts = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

/** The longest list of notes that is printed for a part. */
const most = 12

/** All parts in lines, then all counts in one. */
export function summary(machine: readonly string[], outcomes: readonly Outcome[]): string {
  const width = Math.max(...outcomes.map(({ part }) => part.length))
  const lines = outcomes.flatMap((outcome) => {
    const { part, counts, notes, seconds } = outcome
    const left = notes.length > most ? [`... and ${notes.length - most} more`] : []
    const what = outcome.ok === undefined ? '' : `  ${showCounts(counts)}, ${seconds.toFixed(0)} s`
    return [
      `  ${part.padEnd(width)}  ${verdict(outcome)}${what}`,
      ...[...notes.slice(0, most), ...left].map((note) => `  ${''.padEnd(width)}    ${note}`),
    ]
  })
  const total = (key: keyof Counts): number =>
    outcomes.reduce((sum, { counts }) => sum + counts[key], 0)
  const all = { passed: total('passed'), failed: total('failed'), skipped: total('skipped') }
  const wrong = outcomes.filter(({ ok }) => ok === false).map(({ part }) => part)
  return [
    'test:gpu',
    ...machine.map((line) => `  ${line}`),
    ...lines,
    `test:gpu: ${showCounts(all)}${wrong.length > 0 ? `; FAILED: ${wrong.join(', ')}` : ''}`,
  ].join('\n')
}
