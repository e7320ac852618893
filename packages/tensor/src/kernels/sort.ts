/** Stable sorting. */
import type { Backend, Kernels } from '../backend.ts'
import { fillInto } from '../ops/fill.ts'
import { program } from '../program/program.ts'
import { index } from '../program/scalar.ts'
import { restride, withTemporary } from './compose.ts'
import { composedScatterAdd } from './gather.ts'

/** Counts for every element those that come before it, and puts its number at that place. */
export const composedSort =
  (device: Backend): Kernels['sort'] =>
  (x, indices, axis, descending) => {
    const { shape, dtype } = x
    const last = shape.length
    const space = [...shape, shape[axis]!]
    const before = program({ name: 'sort', inputs: [dtype, dtype] }, (other, own) => {
      const [a, b] = descending ? [own!, other!] : [other!, own!]
      const less = a.lt(b).or(b.ne(b).and(a.eq(a)))
      const equal = a.eq(b).or(a.ne(a).and(b.ne(b)))
      return less.or(equal.and(index(last).lt(index(axis)))).cast('i32')
    })
    const number = program({ name: 'sort', inputs: [] }, () => index(axis))
    withTemporary(device, 'i32', shape, (places) =>
      withTemporary(device, 'i32', shape, (numbers) => {
        device.reduce(
          { program: before, combine: 'sum' },
          [
            restride(x, space, [...x.strides.with(axis, 0), x.strides[axis]!]),
            restride(x, space, [...x.strides, 0]),
          ],
          restride(places, [...shape, 1], [...places.strides, 0]),
        )
        device.map(number, [], [numbers])
        fillInto(device, indices, 0)
        composedScatterAdd(device)(indices, places, numbers, axis)
      }),
    )
  }
