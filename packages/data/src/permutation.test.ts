import { expect, test } from 'vitest'
import { permutation, philox } from './permutation.ts'

// The known-answer vectors that come with the authors' library, Random123.
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)('philox of %j under %j', (counter, key, words) => {
  expect(philox(counter, key)).toEqual(words)
})

test('an order holds every number once and depends on seed and epoch', () => {
  const order = permutation(1000, 7, 3)
  expect(Uint32Array.from(order).sort()).toEqual(Uint32Array.from({ length: 1000 }, (_, i) => i))
  expect(permutation(1000, 7, 3)).toEqual(order)
  expect(permutation(1000, 7, 4)).not.toEqual(order)
  expect(permutation(1000, 8, 3)).not.toEqual(order)
})

test('every number comes first equally often', () => {
  const counts = new Array<number>(5).fill(0)
  for (let epoch = 0; epoch < 5000; epoch++) counts[permutation(5, 1, epoch)[0]!]!++
  // 1000 expected, standard deviation 28.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(140)
})

test.each([0, 1])('%i numbers have one order', (length) => {
  expect([...permutation(length, 1, 1)]).toEqual(Array.from({ length }, (_, i) => i))
})
