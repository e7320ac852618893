/**
 * How the digits are packed: adaptive binary arithmetic coding, which halves what plain bits would
 * take and decodes in a few lines, at once. Each value is coded bit by bit from the top; the model
 * of a bit is how often it has been 1 so far at this place of the image after the bits above it.
 */

/** An 8x8 image and its label. */
export const VALUES_PER_DIGIT = 65
/** Pixels go up to 16. */
const BITS = 5

/**
 * Walks through the bits of `values` in coding order, writing back what `code` returns for each.
 *
 * @param code Gets the chance of a 1, in 1/65536, and the present bit; returns the bit that holds.
 */
export function eachBit(values: Uint8Array, code: (chance: number, bit: number) => number): void {
  const chances = new Uint16Array(VALUES_PER_DIGIT << BITS).fill(32768)
  for (let i = 0; i < values.length; i++) {
    const place = (i % VALUES_PER_DIGIT) << BITS
    let prefix = 1
    for (let shift = BITS - 1; shift >= 0; shift--) {
      const chance = chances[place + prefix]!
      const bit = code(chance, (values[i]! >> shift) & 1)
      chances[place + prefix] = bit ? chance + ((65536 - chance) >> 4) : chance - (chance >> 4)
      prefix = prefix * 2 + bit
    }
    values[i] = prefix - (1 << BITS)
  }
}

/** Where the interval `low .. high` is cut: at or below it lies a 1. */
export function cut(low: number, high: number, chance: number): number {
  return low + Math.floor((high - low) / 65536) * chance
}

/** Whether the first bytes of two words are equal, so that they are settled. */
export function settled(low: number, high: number): boolean {
  return low >>> 24 === high >>> 24
}

/** Unpacks `count` values. */
export function unpack(packed: Uint8Array, count: number): Uint8Array {
  const values = new Uint8Array(count)
  let at = 0
  const next = (): number => packed[at++] ?? 0
  let [low, high, word] = [0, 0xffffffff, 0]
  for (let i = 0; i < 4; i++) word = word * 256 + next()
  eachBit(values, (chance) => {
    const middle = cut(low, high, chance)
    const bit = word <= middle ? 1 : 0
    if (bit) high = middle
    else low = middle + 1
    while (settled(low, high)) {
      low = (low << 8) >>> 0
      high = ((high << 8) | 255) >>> 0
      word = ((word << 8) | next()) >>> 0
    }
    return bit
  })
  return values
}
