/**
 * Random orders, from the counter-based generator Philox-4x32-10 (Salmon, Moraes, Dror, Shaw:
 * "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011) in plain integers: the same on every
 * machine, and the order of any epoch can be had without those before it.
 */

/** The upper 32 bits of the product of two unsigned words. */
function mulhi(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  // Each sum stays below 2^33, which a double holds exactly.
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const cross = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0
}

/** The four random words of a counter of four words under a key of two. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = [mulhi(c0, 0xd2511f53), Math.imul(c0, 0xd2511f53) >>> 0]
    const [high1, low1] = [mulhi(c2, 0xcd9e8d57), Math.imul(c2, 0xcd9e8d57) >>> 0]
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

/** The last counter word of shuffling, so that no tensor drawn with the same seed shares its words. */
const SHUFFLE = 0x73687566

/**
 * A random order of the numbers 0 .. length - 1, which depends on nothing but the arguments:
 * Fisher and Yates' exchange, with word i of the stream (seed, epoch) for the i-th exchange.
 */
export function permutation(length: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i)
  let words: readonly number[] = []
  for (let last = length - 1, drawn = 0; last > 0; last--, drawn++) {
    if (drawn % 4 === 0) words = philox([drawn / 4, 0, 0, SHUFFLE], [seed, epoch])
    // The upper half of word * (last + 1) is uniform in 0 .. last, up to (last + 1) / 2^32.
    const other = mulhi(words[drawn % 4]!, last + 1)
    ;[order[last], order[other]] = [order[other]!, order[last]!]
  }
  return order
}
