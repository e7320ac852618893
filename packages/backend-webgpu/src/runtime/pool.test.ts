import { expect, it, vi } from 'vitest'
import { type Block, Pool } from './pool.ts'

function poolOf(budget: number) {
  const destroyed: number[] = []
  const onTrim = vi.fn()
  let made = 0
  const create = (): GPUBuffer => {
    const id = made++
    return { destroy: () => destroyed.push(id) } as unknown as GPUBuffer
  }
  const pool = new Pool({ create, largest: 2 ** 30, budget, onTrim })
  return { pool, destroyed, onTrim }
}

it('hands out the oldest free buffer of a size', () => {
  const { pool } = poolOf(2 ** 30)
  let used: Block[] = []
  const free = new Set<number>()
  // Whatever the order: numbers from 0 to 1 by the golden ratio.
  let number = 0
  const random = (): number => {
    number = (number + 0.618033988749895) % 1
    return number
  }
  for (let turn = 0; turn < 2000; turn++)
    if (random() < 0.5) {
      const block = pool.take(1000)
      if (free.size > 0) expect(block.id).toBe(Math.min(...free))
      free.delete(block.id)
      used.push(block)
    } else if (used.length > 0) {
      const block = used[Math.floor(random() * used.length)]!
      used = used.filter((other) => other !== block)
      pool.give(block)
      free.add(block.id)
    }
  expect(pool.made).toBe(used.length + free.size)
})

it('destroys what has been free for longest, and goes on in order', () => {
  const { pool, destroyed, onTrim } = poolOf(3 * 1024)
  const blocks = [0, 1, 2, 3, 4, 5].map(() => pool.take(1024))
  for (const i of [3, 0, 5, 1, 4, 2]) pool.give(blocks[i]!)
  expect(pool.isOverBudget).toBe(true)
  pool.trim()
  expect(destroyed).toEqual([3, 0, 5])
  expect(onTrim).toHaveBeenCalledTimes(1)
  expect(pool.freeBytes).toBe(3 * 1024)
  expect([0, 1, 2].map(() => pool.take(1024).id)).toEqual([1, 2, 4])
  expect(pool.has(1024)).toBe(false)
  expect(pool.take(1024).id).toBe(6)
})
