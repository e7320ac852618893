import { describe, expect, test } from 'vitest'
import { generator, pick } from '../test/device.ts'
import { Allocator, alignment } from './allocator.ts'

const page = 65536

describe('allocator', () => {
  test('random traffic: aligned, inside, never overlapping, everything reusable', () => {
    const random = generator(1)
    let end = 4 * page
    const limit = 4096 * page
    const allocator = new Allocator(page, end, (bytes) => {
      const gained = Math.ceil(bytes / page) * page
      if (end + gained > limit) return 0
      end += gained
      return gained
    })
    const held: { address: number; bytes: number }[] = []
    const check = (address: number, bytes: number): void => {
      expect(address % alignment).toBe(0)
      expect(address).toBeGreaterThanOrEqual(page)
      expect(address + bytes).toBeLessThanOrEqual(end)
    }
    for (let round = 0; round < 20_000; round++) {
      if (held.length > 0 && random() < 0.5) {
        const at = Math.floor(random() * held.length)
        const [block] = held.splice(at, 1)
        allocator.free(block!.address, block!.bytes)
      } else {
        const bytes = Math.floor(random() * pick(random, [65, 1000, 20_000, 500_000]))
        const address = allocator.allocate(bytes)
        if (address === 0) continue
        check(address, bytes)
        held.push({ address, bytes })
      }
      if (round % 1000 === 0) {
        const sorted = [...held].sort((a, b) => a.address - b.address)
        for (const [i, block] of sorted.entries())
          if (i > 0) {
            const before = sorted[i - 1]!
            expect(before.address + Math.max(1, before.bytes)).toBeLessThanOrEqual(block.address)
          }
      }
    }
    // With large blocks only: all neighbours join again, and one block takes all but the slabs.
    for (const { address, bytes } of held) allocator.free(address, bytes)
    const before = end
    const large = allocator.allocate(Math.floor((end - page) * 0.5))
    expect(large).not.toBe(0)
    expect(end).toBe(before)
  })

  test('large blocks are reused best fit first and joined with their neighbours', () => {
    const allocator = new Allocator(0x10000, 0x10000 + 64 * page, () => 0)
    const [a, b, c, d] = [10, 3, 5, 1].map((pages) => allocator.allocate(pages * page))
    allocator.free(a!, 10 * page)
    allocator.free(c!, 5 * page)
    expect(allocator.allocate(4 * page)).toBe(c)
    allocator.free(c!, 4 * page)
    allocator.free(b!, 3 * page)
    expect(allocator.allocate(18 * page)).toBe(a)
    allocator.free(a!, 18 * page)
    allocator.free(d!, page)
    expect(allocator.allocate(64 * page)).toBe(a)
    expect(allocator.allocate(page)).toBe(0)
  })

  test('grows by what the free block at the end lacks', () => {
    const asked: number[] = []
    const allocator = new Allocator(page, 3 * page, (bytes) => {
      asked.push(bytes)
      return bytes
    })
    expect(allocator.allocate(10 * page)).toBe(page)
    expect(asked).toEqual([8 * page])
  })

  test('small buffers come back most recent first', () => {
    const allocator = new Allocator(page, 16 * page, () => 0)
    const [a, b] = [allocator.allocate(100), allocator.allocate(70)]
    expect(b! - a!).toBe(128)
    allocator.free(a!, 100)
    expect(allocator.allocate(128)).toBe(a)
    expect(allocator.allocate(0)).not.toBe(0)
  })
})
