/** Damaged files for readers, the same ones in every run. */
import { expect } from 'vitest'
import { FormatError } from '../src/index.ts'

/** Whole numbers below a limit, always the same sequence. */
export function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
}

const nasty = [0, 1, 0x7f, 0x80, 0xff]

/** Copies of `good` with bytes changed, runs repeated, removed or overwritten, or the end cut off. */
export function* mutants(good: Uint8Array, count: number, seed = 1): Generator<Uint8Array> {
  const random = dice(seed)
  for (let round = 0; round < count; round++) {
    let bytes = good.slice()
    for (let k = random(4); k >= 0 && bytes.length > 8; k--) {
      const at = random(bytes.length)
      const length = 1 + random(8)
      const way = random(10)
      if (way === 0) bytes = bytes.slice(0, at)
      else if (way === 1)
        bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + length)])
      else if (way === 2)
        bytes = Uint8Array.from([...bytes.slice(0, at + length), ...bytes.slice(at)])
      else if (way === 3) bytes.fill(nasty[random(nasty.length)]!, at, at + length)
      else if (way < 7) bytes[at] = random(256)
      else bytes[at]! ^= 1 << random(8)
    }
    yield bytes
  }
}

/** Reads every mutant: a FormatError or a value that `check` accepts, never anything else. */
export async function survive<T>(
  files: Iterable<Uint8Array>,
  read: (bytes: Uint8Array) => T | Promise<T>,
  check: (value: T) => void,
): Promise<void> {
  let [accepted, refused] = [0, 0]
  for (const bytes of files) {
    let value: T
    try {
      value = await read(bytes)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      refused++
      continue
    }
    check(value)
    accepted++
  }
  expect(accepted, 'some mutants are valid').toBeGreaterThan(0)
  expect(refused, 'most mutants are not').toBeGreaterThan(accepted / 100)
}
