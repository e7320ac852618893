import type { Contender } from './measure.ts'

/** One piece of work, which several libraries do side by side. */
export interface Work {
  readonly name: string
  /** What a run does, for the reader of the report. */
  readonly note: string
  /** Ours first. Made when the work's turn comes, and disposed after it. */
  contenders(peers: ReadonlySet<Peer>): Promise<readonly Contender[]>
}

export const peers = ['tfjs'] as const
export type Peer = (typeof peers)[number]
