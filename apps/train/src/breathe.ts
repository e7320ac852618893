/** Often enough for Ctrl-C and the progress line, rarely enough to cost nothing. */
const INTERVAL_MS = 40

let last = 0

/** Lets the process look at signals now and then: what computes without waiting would never end for them. */
export async function breathe(): Promise<void> {
  const now = performance.now()
  if (now - last < INTERVAL_MS) return
  await new Promise((resolve) => setImmediate(resolve))
  last = performance.now()
}
