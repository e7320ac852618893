/** What a run of the benchmarks found out. Plain data: it goes to JSON and into the report. */
import type { Bar } from './bar.ts'
import type { Floors } from './floors.ts'
import type { GpuCounts } from './gpu/counts.ts'
import { ratioOf, type Timing } from './measure.ts'
import type { Skip } from './player.ts'
import type { Measure, Work } from './suite.ts'

/** A work, and everybody who did it. */
export interface Comparison extends Omit<Work, 'task'> {
  readonly suite: string
  /** Ours. */
  readonly subjects: readonly Timing[]
  readonly peers: readonly Timing[]
  readonly skips: readonly Skip[]
  /** Bytes a second that the fastest copy of this run moved on the same device, where it is the floor. */
  readonly floor?: number
  /** Clocks, temperature and power of the GPU meanwhile, and what slowed it down. */
  readonly state?: string
}

export interface Results {
  /** When the run began, as ISO 8601. */
  readonly date: string
  readonly machine: string
  /** How busy the machine was besides, as far as the system tells. */
  readonly load: string | undefined
  readonly rounds: number
  readonly turn: number
  /** Whether the fastest run counts in place of medians. */
  readonly fastest: boolean
  readonly floors: Floors
  readonly comparisons: readonly Comparison[]
  readonly measures: readonly Measure[]
  readonly bars: readonly Bar[]
}

/** One comparison, as `--json` writes it. */
export interface Row {
  readonly work: string
  readonly subject: string
  readonly peer: string
  readonly ms: number
  readonly peerMs: number
  /** The peer's time over ours, the median over rounds. */
  readonly ratio: number
  readonly versions: Readonly<Record<string, string>>
  /** The most memory of the device that each took, of those of the two who can tell. */
  readonly peakBytes?: Readonly<Record<string, number>>
  /** What a run asks of the GPU, of those of the two who use one. */
  readonly gpu?: Readonly<Record<string, GpuCounts>>
  readonly machine: string
  /** As in {@link Comparison}. */
  readonly state?: string
}

/** The counts of those who have some, by their names. */
function countsOf(timings: readonly Timing[]): Pick<Row, 'gpu'> {
  const counted = timings.flatMap(({ name, gpu }) => (gpu ? [[name, gpu] as const] : []))
  return counted.length > 0 ? { gpu: Object.fromEntries(counted) } : {}
}

/** The same for the peaks of memory. */
function peaksOf(timings: readonly Timing[]): Pick<Row, 'peakBytes'> {
  const told = timings.flatMap(({ name, peakBytes }) =>
    peakBytes === undefined ? [] : [[name, peakBytes] as const],
  )
  return told.length > 0 ? { peakBytes: Object.fromEntries(told) } : {}
}

/** One row for each of our subjects and each peer. */
export function rowsOf({ comparisons, machine }: Pick<Results, 'comparisons' | 'machine'>): Row[] {
  return comparisons.flatMap(({ name, subjects, peers, state }) =>
    subjects.flatMap((subject) =>
      peers.map((peer) => ({
        work: name,
        subject: subject.name,
        peer: peer.name,
        ms: subject.ms,
        peerMs: peer.ms,
        ratio: ratioOf(subject, peer),
        versions: { [subject.name]: subject.version, [peer.name]: peer.version },
        ...countsOf([subject, peer]),
        ...peaksOf([subject, peer]),
        machine,
        ...(state !== undefined && { state }),
      })),
    ),
  )
}
