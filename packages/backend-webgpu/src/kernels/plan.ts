/**
 * How a sum of products is cut into work for threads: by tiles in workgroup memory (`tile.ts`), by blocks in
 * registers, or by strips, whose threads share the depth (both `block.ts`).
 */
import { type Side, type TileName, tiles } from './tile.ts'

/** What a thread makes by itself: so many rows, and columns in quads of four. */
export interface Block {
  readonly rows: number
  readonly quads: number
}

export interface Job {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly batch: number
  readonly a: Side
  readonly b: Side
}

/** What a plan depends on of the device; see `Features`. */
export interface Device {
  readonly software: boolean
  /** Lanes that are sure to be in one subgroup: the size of the smallest, 0 without the extension. */
  readonly subgroupMinSize: number
}

/** `splits` are the parts into which the depth is cut; more than one needs a second pass that adds them. */
export type Plan =
  /** A thread for each result. */
  | { readonly kind: 'dots' }
  | { readonly kind: 'tile'; readonly tile: TileName; readonly splits: number }
  | (Layout & { readonly splits: number })

/** Blocks, a thread to each; or strips, blocks with several. */
export type Layout =
  | {
      readonly kind: 'block'
      readonly block: Block
      /** Whether the four threads of a quad load a quarter of their rows each, and exchange them. */
      readonly shared: boolean
    }
  | {
      readonly kind: 'strip'
      readonly block: Block
      /** Threads that share the depth. */
      readonly deep: number
      /** How many of them add up by shuffles in a subgroup; 1 for none. */
      readonly lanes: number
    }

/** Workgroups that keep a GPU busy. */
const BUSY = 128

/** Threads that keep a software GPU busy: it has the processor's cores, and its vectors. */
const BUSY_SOFTWARE = 128

/** A part of the depth that repays its share of the second pass. */
const LEAST_DEPTH = 256

/** Rows of the highest strip. */
export const FEW = 8

/** Results so few have a thread each where their sums are short; and so has a single column. */
const DOTS = 64
const SHORT = 256

/** Threads of the workgroups of blocks and strips. */
export const BLOCK_THREADS = 32
export const STRIP_THREADS = 128

/**
 * Time to load a number on a software GPU, in multiply-adds: four threads are one vector of the processor,
 * and what they load is gathered one by one. A barrier takes longer than what it would save.
 */
const SOFTWARE_LOAD = 7

/** Loads in the text of a block, beyond which a software GPU takes minutes and gigabytes to compile it. */
const MOST_LOADS = 32

const blocks: readonly Block[] = [
  { rows: 1, quads: 1 },
  { rows: 4, quads: 1 },
  { rows: 8, quads: 1 },
  { rows: 8, quads: 2 },
  { rows: 16, quads: 1 },
  { rows: 16, quads: 2 },
]

/** Parts of the depth that keep `busy` workers at work where there are so many without. */
function splitsFor(workers: number, depth: number, busy: number): number {
  const most = Math.max(1, Math.floor(depth / LEAST_DEPTH))
  return Math.min(most, Math.max(1, Math.floor(busy / workers)))
}

/** The plan that takes the least time, counted in multiply-adds. */
export function plan(job: Job, device: Device): Plan {
  const { rows, columns, depth } = job
  if (depth <= SHORT && (rows * columns <= DOTS || columns === 1)) return { kind: 'dots' }
  if (device.software) return planBlock(job, device)
  return job.rows <= FEW ? planStrip(job, device) : planTile(job)
}

function planTile({ rows, columns, depth, batch }: Job): Plan {
  let best: Plan = { kind: 'tile', tile: 'medium', splits: 1 }
  let least = Number.POSITIVE_INFINITY
  for (const [name, tile] of Object.entries(tiles) as [TileName, (typeof tiles)[TileName]][]) {
    const [high, wide] = [tile.down * tile.rows, tile.across * 4]
    const groups = Math.ceil(rows / high) * Math.ceil(columns / wide) * batch
    const splits = splitsFor(groups, depth, BUSY)
    const rounds = Math.max(1, (groups * splits) / BUSY)
    const time = (rounds * high * wide * depth * tile.effort) / splits
    if (time < least) [best, least] = [{ kind: 'tile', tile: name, splits }, time]
  }
  return best
}

function planBlock({ rows, columns, depth, batch, a, b }: Job, { subgroupMinSize }: Device): Plan {
  let best: Plan | undefined
  let least = Number.POSITIVE_INFINITY
  for (const block of blocks)
    for (const shared of subgroupMinSize >= 4 && block.rows >= 4 ? [false, true] : [false]) {
      if (block.rows < 4 && rows > block.rows) continue
      const [down, wide] = [block.rows / (shared ? 4 : 1), block.quads * 4]
      const single = (side: Side) => (side.load === 'single' ? 4 : 1)
      if (down * single(a) + wide * single(b) > MOST_LOADS) continue
      const across = Math.ceil(columns / wide)
      const threads = Math.ceil(rows / block.rows) * (shared ? roundUp(across, 4) : across) * batch
      const splits = splitsFor(threads, depth, BUSY_SOFTWARE)
      const each = block.rows * wide + (down + wide) * SOFTWARE_LOAD
      const time = (Math.max(BUSY_SOFTWARE, threads * splits) * depth * each) / splits
      if (time < least) [best, least] = [{ kind: 'block', block, shared, splits }, time]
    }
  return best!
}

/**
 * With few rows every number of b is used a few times only, so what counts is to read it in long joined
 * pieces: along the depth where it is dense there, else along the columns.
 */
function planStrip({ rows, columns, depth, batch, b }: Job, { subgroupMinSize }: Device): Plan {
  const block: Block = { rows: 2 ** Math.ceil(Math.log2(rows)), quads: 1 }
  // Each thread has two quads of the depth at least.
  const deep = Math.min(runsDeep(b) ? 32 : 8, 2 ** Math.floor(Math.log2(depth / 8)))
  // Every row is finished by a thread of its own.
  if (deep < Math.max(2, block.rows)) return { kind: 'block', block, shared: false, splits: 1 }
  const groups = Math.ceil(columns / ((STRIP_THREADS / deep) * 4)) * batch
  // Few sums travel faster from lane to lane than through workgroup memory.
  const lanes = runsDeep(b) && rows <= 4 ? Math.min(deep, subgroupMinSize || 1) : 1
  return { kind: 'strip', block, deep, lanes, splits: splitsFor(groups, depth, BUSY) }
}

/** Whether neighbouring elements of an operand lie along the depth. */
export function runsDeep({ load, along }: Side): boolean {
  return load === 'deep' || (load === 'single' && along === 'depth')
}

/** The least multiple of `by` that is not below. */
export function roundUp(count: number, by: number): number {
  return Math.ceil(count / by) * by
}
