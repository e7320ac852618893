/**
 * The words in the shared memory through which a {@link Pool} and its workers speak, and what both
 * do with them. No messages: a worker that computes or sleeps in `Atomics.wait` reads none.
 *
 * A job is a kernel over the range `0 .. end` of its outermost loop, in parts of `piece` steps. Who
 * is free takes the next part, so a worker that is late or slow keeps nobody waiting for more than
 * one part. Nothing depends on who takes which.
 */

/** A kernel: the address of its parameter block, and the part of the outermost loop to run. */
export type Run = (descriptor: number, start: number, end: number) => void

/** Places of the words. Those that different threads write lie on cache lines of their own. */
export const at = {
  /** Jobs so far; idle workers sleep on it. */
  sequence: 0,
  /** Workers that sleep, or are about to. */
  sleeping: 16,
  /** The number of parts, and below it the next part that nobody has taken; equal when none is left. */
  ticket: 32,
  /** Parts that workers are done with. The caller sleeps on it when it has nothing left to do. */
  finished: 48,
  /** 1 while the caller sleeps. */
  waiting: 49,
  /** 1 once a kernel has failed in a worker. */
  failed: 50,
  /** What it said: a length in bytes, and UTF-8 text. */
  messageBytes: 51,
  message: 64,
  // The job. It is written before its ticket, and stays until all parts are done.
  /** An export of the kernel module, or a generated kernel. */
  kernel: 128,
  /** Where a generated kernel's binary is. */
  code: 129,
  codeBytes: 130,
  /** The parameter block of thread t is at `descriptor + t * pitch`; thread 0 is the caller. */
  descriptor: 131,
  pitch: 132,
  end: 133,
  piece: 134,
} as const

export const controlWords = 144
export const messageLimit: number = 4 * (at.kernel - at.message)

const partBits = 15
const partMask: number = (1 << partBits) - 1

/** The most parts of a job. */
export const mostParts: number = partMask

/** The ticket of a new job. */
export function ticketOf(parts: number): number {
  return parts << partBits
}

/** Takes a part of the job that is under way; -1 when there is none left. */
export function claim(words: Int32Array): number {
  for (;;) {
    // All that decides is in this one word. So if the exchange succeeds, the part is free at that
    // moment, even if the job is another one than a moment ago; and then the job stays.
    const ticket = Atomics.load(words, at.ticket)
    const part = ticket & partMask
    if (part >= ticket >>> partBits) return -1
    if (Atomics.compareExchange(words, at.ticket, ticket, ticket + 1) === ticket) return part
  }
}

/** Takes all parts that are left, and returns how many. */
export function claimRest(words: Int32Array): number {
  let count = 0
  while (claim(words) >= 0) count++
  return count
}

/** Runs a part that was claimed. */
export function runPart(words: Int32Array, run: Run, thread: number, part: number): void {
  const start = part * words[at.piece]!
  const end = Math.min(start + words[at.piece]!, words[at.end]!)
  run(words[at.descriptor]! + thread * words[at.pitch]!, start, end)
}

/** The functions of the module of hand-written kernels; their places in the list are their numbers. */
export function exportsOf(module: WebAssembly.Module, memory: WebAssembly.Memory): Run[] {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  return namesOf(module).map((name) => exports[name] as Run)
}

export function namesOf(module: WebAssembly.Module): string[] {
  return WebAssembly.Module.exports(module).flatMap(({ name, kind }) =>
    kind === 'function' ? [name] : [],
  )
}
