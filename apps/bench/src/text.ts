/** The report for terminals: ratios first. */
import type { Bar } from './bar.ts'
import type { Floors } from './floors.ts'
import type { GpuCounts } from './gpu/counts.ts'
import { ratioOf, type Timing } from './measure.ts'
import type { KernelTime } from './profile.ts'
import type { Comparison, Results } from './results.ts'
import type { Measure } from './suite.ts'

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.floor(Math.log10(Math.abs(value) || 1))
  return value.toFixed(Math.min(6, Math.max(0, 2 - size)))
}

const prefixes = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
] as const

/** `1.5 GB/s` */
export function quantity(value: number, unit: string): string {
  const [factor, prefix] = prefixes.find(([one]) => value >= one) ?? [1, '']
  return `${digits(value / factor)} ${prefix}${unit}`
}

/** Whoever touches fewer bytes may find them in a cache. */
const beyondCaches = 2 ** 26

/** What a time means: operations, bytes or samples a second, and how much of the floor that is. */
export function rateOf(
  { name, ms }: Timing,
  work: Pick<Comparison, 'flops' | 'bytes' | 'items' | 'gpu' | 'floor'>,
  floors: Floors,
): string {
  const { flops, bytes, items, gpu = false, floor } = work
  const parts: string[] = []
  if (flops) {
    const rate = (flops / ms) * 1e3
    const share =
      floors.flops && !gpu ? `, ${Math.round((100 * rate) / floors.flops)}% of the FMA peak` : ''
    parts.push(quantity(rate, 'FLOP/s') + share)
  }
  if (bytes) {
    const rate = (bytes / ms) * 1e3
    const share = (of: number): string => Math.round((100 * rate) / of).toString()
    // Who has no GPU stands in on the processor.
    const beside =
      floor && name.includes('cuda')
        ? `, ${share(floor)}% of the copy`
        : bytes > beyondCaches && !gpu
          ? `, ${share(floors.bandwidth)}% of the memory bandwidth`
          : ''
    parts.push(quantity(rate, 'B/s') + beside)
  }
  if (items) {
    const each = (ms * 1e3) / items.count
    parts.push(
      items.unit === 'additions'
        ? `${digits(each)} µs each`
        : quantity((items.count / ms) * 1e3, `${items.unit}/s`),
    )
  }
  return parts.join(', ')
}

const bytes = (count: number): string => (count === 0 ? '0 B' : quantity(count, 'B'))

/** What a run asks of the GPU; nothing for those who use none. */
export const countsOf = (counts: GpuCounts | undefined): string =>
  counts
    ? [
        `${counts.dispatches} ${counts.dispatches === 1 ? 'dispatch' : 'dispatches'}`,
        `${counts.submissions} ${counts.submissions === 1 ? 'submission' : 'submissions'}`,
        `${bytes(counts.uploadedBytes)} uploaded`,
        `${bytes(counts.allocatedBytes)} allocated`,
      ].join(', ')
    : ''

/** How times were taken. */
export const showMethod = ({
  rounds,
  turn,
  fastest,
}: Pick<Results, 'rounds' | 'turn' | 'fastest'>): string =>
  `${fastest ? 'fastest runs' : 'medians'} over ${rounds} interleaved rounds of ${turn} ms`

export function showFloors({ flops, bandwidth }: Floors): string {
  const peak = flops ? quantity(flops, 'FLOP/s') : 'none, this engine has no relaxed SIMD'
  return `floors, one thread: FMA peak of WebAssembly's relaxed SIMD ${peak}; memory ${quantity(bandwidth, 'B/s')} (triad)`
}

/** `nabla cpu, 2 threads` is `2 threads` where all are of one device, as in most runs. */
const short = (name: string): string => name.replace(/^nabla (cpu, )?/, '')

/** Columns as wide as their widest cell; those in `left` begin at the left. */
function columns(rows: readonly (readonly string[])[], left: number): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** What it took of a GPU: the peak of its memory, or what a run asks of it; nothing for those who have none. */
export const usageOf = ({ gpu, peakBytes }: Timing): string =>
  peakBytes === undefined ? countsOf(gpu) : `peak ${bytes(peakBytes)}`

/** One work: each line a contender, with its ratio to each of our subjects first. */
export function showComparison(comparison: Comparison, floors: Floors): string {
  const { name, note, subjects, peers, skips, state } = comparison
  const ratios = (timing: Timing): string[] =>
    subjects.map((subject) => (subject === timing ? '1' : `${digits(ratioOf(subject, timing))}x`))
  const rows = [...subjects, ...peers].map((timing) => [
    ...ratios(timing),
    `${digits(timing.ms)} ms`,
    timing.name,
    rateOf(timing, comparison, floors),
    timing.version,
    usageOf(timing),
  ])
  const title = [...subjects.map((subject) => `/ ${short(subject.name)}`), 'time', '', '', '', '']
  const lines = columns([title, ...rows], subjects.length + 1)
  const skipped = skips.map(({ name: who, reason }) => `skipped: ${who}: ${reason}`)
  const seen = state === undefined ? [] : [`GPU meanwhile: ${state}`]
  const body = [...lines, ...skipped, ...seen].map((line) => `  ${line}`)
  return [`${name} (${note})`, ...body, ''].join('\n')
}

export const showMeasure = ({ work, subject, value, unit, note }: Measure): string =>
  `${work}: ${subject} ${unit === 'B' ? quantity(value, 'B') : `${digits(value)} ${unit}`} (${note})`

const verdict = ({ met }: Bar): string =>
  met === undefined ? 'not measured' : met ? 'met' : 'NOT MET'

export function showBars(bars: readonly Bar[]): string {
  const lines = bars.map((bar) => {
    const value = bar.value === undefined ? bar.why : `${digits(bar.value)} ${bar.unit}`
    return `  ${verdict(bar).padEnd(12)} ${bar.work}: ${bar.wanted}: ${value}`
  })
  return `bars\n${lines.join('\n')}\n`
}

/** Time by kernel, for `steps` runs. */
export function showProfile(times: readonly KernelTime[], steps: number): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0)
  const calls = times.reduce((sum, one) => sum + one.calls, 0)
  const lines = times.map(({ kernel, ms, calls: count }) => {
    const share = `${((100 * ms) / total).toFixed(1)}%`
    return `  ${`${(ms / steps).toFixed(3)} ms`.padStart(12)} ${share.padStart(7)} ${(count / steps).toFixed(0).padStart(5)} calls  ${kernel}`
  })
  return `  ${`${(total / steps).toFixed(3)} ms`.padStart(12)} in ${(calls / steps).toFixed(0)} kernels a step\n${lines.join('\n')}\n`
}
