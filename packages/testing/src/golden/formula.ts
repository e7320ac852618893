/** The formula weights of the golden files: a hash of position and seed, no generator to agree on. */

function mix(x: number): number {
  x ^= x >>> 16
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  x ^= x >>> 16
  return x >>> 0
}

/** `count` numbers in (-1, 1) for a seed and a position in the state dict. */
export function hashUniform(count: number, seed: number, position: number): Float64Array {
  const start = (Math.imul(seed, 0x9e3779b1) + Math.imul(position, 0x27d4eb2f)) >>> 0
  return Float64Array.from(
    { length: count },
    (_, i) => (mix((i + start) >>> 0) + 0.5) / 2147483648 - 1,
  )
}

/** What a state entry is to the formula; batch norm has its own scale. */
export interface Entry {
  readonly name: string
  readonly shape: readonly number[]
  /** Whether it belongs to a batch norm layer. */
  readonly norm: boolean
}

/** The values of entry number `position` of a state dict, rounded to float32. */
export function formulaWeights(
  { name, shape, norm }: Entry,
  position: number,
  seed: number,
  gain: number,
): Float64Array {
  const count = shape.reduce((n, extent) => n * extent, 1)
  const last = name.slice(name.lastIndexOf('.') + 1)
  if (last === 'num_batches_tracked') return new Float64Array(count)
  const u = hashUniform(count, seed, position)
  const scale =
    norm && last === 'running_var'
      ? 0.2
      : shape.length >= 2
        ? gain * Math.sqrt(3 / (count / shape[0]!))
        : 0.1
  const offset = norm && (last === 'weight' || last === 'running_var') ? 1 : 0
  return u.map((value) => Math.fround(offset + value * scale))
}
