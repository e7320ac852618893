/**
 * Stable sorting of lines, by index. An element becomes one 64-bit number: above, its value as an
 * unsigned number of the same order, below, its index. No two are equal, so every order of them is
 * stable. Short lines are sorted by insertion; others by the bytes of the value, the lowest first,
 * where a byte that all elements share costs nothing.
 */
import { enter, leave, Lines, nextSheet } from './lines'

/** How the bits of a value become an unsigned number of the same order. */
const FLOAT: i32 = 0
const SIGNED: i32 = 1
// 2: unsigned numbers are what is wanted.

/** Up to so many elements insertion is quicker. */
const SHORT: i32 = 64

/** 4 bytes of a value with 256 counters each. */
const COUNTERS: usize = 4 * 256 * 4

/** Bytes that sorting needs: the counters, the numbers, and room to move them to. */
export function sortScratch(p: Lines): usize {
  return COUNTERS + 16 * <usize>p.count
}

/** NaN is the largest float, and equal to itself; so are the zeros to each other. */
export function sort(p: Lines, first: i32, last: i32): void {
  const kind = p.kind
  const count = p.count
  enter(p, first, last)
  const numbers = p.scratch + COUNTERS
  const flip: u32 = p.descending ? 0xffffffff : 0
  do {
    for (let line = 0; line < p.width; line++) {
      let x = p.x + <usize>line * p.xAcross
      for (let i = 0; i < count; i++) {
        const key = ordered(load<u32>(x), kind) ^ flip
        store<u64>(numbers + (<usize>i << 3), (<u64>key << 32) | i)
        x += p.xStep
      }
      let sorted = numbers
      if (count <= SHORT) insert(numbers, count)
      else sorted = distribute(p.scratch, numbers, count)
      let out = p.out + <usize>line * p.outAcross
      for (let i = 0; i < count; i++) {
        store<u32>(out, load<u32>(sorted + (<usize>i << 3)))
        out += p.outStep
      }
    }
  } while (nextSheet(p))
  leave(p, first)
}

// @ts-ignore: decorator
@inline
function ordered(bits: u32, kind: i32): u32 {
  if (kind == SIGNED) return bits ^ 0x80000000
  if (kind != FLOAT) return bits
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return 0xffffffff
  if (size == 0) return 0x80000000
  // Larger negative numbers have larger bits.
  return bits >> 31 ? ~bits : bits | 0x80000000
}

function insert(numbers: usize, count: i32): void {
  const end = numbers + (<usize>count << 3)
  for (let next = numbers + 8; next < end; next += 8) {
    const value = load<u64>(next)
    let at = next
    while (at > numbers) {
      const before = load<u64>(at - 8)
      if (before < value) break
      store<u64>(at, before)
      at -= 8
    }
    store<u64>(at, value)
  }
}

/** Sorts by one byte after the other, back and forth between two halves; returns where the numbers end up. */
function distribute(counters: usize, numbers: usize, count: i32): usize {
  memory.fill(counters, 0, COUNTERS)
  const bytes = <usize>count << 3
  for (let at = numbers; at < numbers + bytes; at += 8)
    for (let byte = 0; byte < 4; byte++) {
      const counter = counterOf(counters, byte, load<u8>(at + byte, 4))
      store<u32>(counter, load<u32>(counter) + 1)
    }
  let from = numbers
  let to = numbers + bytes
  for (let byte = 0; byte < 4; byte++) {
    const shared = load<u32>(counterOf(counters, byte, load<u8>(from + byte, 4)))
    if (shared == count) continue
    // From how many have a value to where the first of them goes.
    let place = to
    for (let value: u32 = 0; value < 256; value++) {
      const counter = counterOf(counters, byte, value)
      const many = load<u32>(counter)
      store<usize>(counter, place)
      place += many << 3
    }
    for (let at = from; at < from + bytes; at += 8) {
      const number = load<u64>(at)
      const counter = counterOf(counters, byte, <u32>(number >> (32 + 8 * byte)) & 255)
      const own = load<usize>(counter)
      store<u64>(own, number)
      store<usize>(counter, own + 8)
    }
    const other = from
    from = to
    to = other
  }
  return from
}

// @ts-ignore: decorator
@inline
function counterOf(counters: usize, byte: i32, value: u32): usize {
  return counters + (((<usize>byte << 8) + value) << 2)
}
