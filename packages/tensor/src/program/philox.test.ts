import { expect, it } from 'vitest'
import { reference } from '../reference/reference.ts'
import { philox } from './philox.ts'
import { program } from './program.ts'

type Four = readonly [number, number, number, number]

function words(counter: Four, key: readonly [number, number]): string[] {
  const device = reference()
  const outputs = counter.map(() => ({
    buffer: device.alloc(4),
    dtype: 'u32' as const,
    shape: [],
    strides: [],
    offset: 0,
  }))
  const source = program(
    { name: 'philox', inputs: [], scalars: ['u32', 'u32', 'u32', 'u32', 'u32', 'u32'] },
    (a, b, c, d, k0, k1) => philox([a!, b!, c!, d!], [k0!, k1!]),
  )
  device.map(source, [], outputs, [...counter, ...key])
  return outputs.map(({ buffer }) =>
    new Uint32Array(device.readSync!(buffer))[0]!.toString(16).padStart(8, '0'),
  )
}

// Known answers of Philox4x32-10: the file kat_vectors of the Random123 library.
const ones = 0xffffffff

it('gives the known answers', () => {
  expect(words([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'])
  expect(words([ones, ones, ones, ones], [ones, ones])).toEqual([
    '408f276d',
    '41c83b0e',
    'a20bc7c6',
    '6d5451fd',
  ])
  const pi: Four = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]
  expect(words(pi, [0xa4093822, 0x299f31d0])).toEqual([
    'd16cfe09',
    '94fdcceb',
    '5001e420',
    '24126ea1',
  ])
})
