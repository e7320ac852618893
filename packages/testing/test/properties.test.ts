import {
  concat,
  pad,
  reference,
  type Shape,
  scope,
  type Tensor,
  tensor,
  withDevice,
} from '@nablajs/tensor'
import { Random } from '@nablajs/testing'
import { expect, it } from 'vitest'

/** An array as the simplest thing it can be: a shape, and what is where. */
interface Model {
  readonly shape: Shape
  readonly at: (index: readonly number[]) => number
}

function valuesOf({ shape, at }: Model): number[] {
  const values: number[] = []
  const visit = (index: number[]): void => {
    if (index.length === shape.length) values.push(at(index))
    else for (let i = 0; i < shape[index.length]!; i++) visit([...index, i])
  }
  visit([])
  return values
}

/** The same elements in row-major order. */
function modelOf(values: readonly number[], shape: Shape): Model {
  return {
    shape,
    at: (index) => values[index.reduce((at, i, axis) => at * shape[axis]! + i, 0)]!,
  }
}

type Move = (random: Random, x: Tensor, m: Model) => readonly [Tensor, Model]

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

const moves: Readonly<Record<string, Move>> = {
  permute(random, x, m) {
    const axes = range(x.rank)
    for (let i = axes.length - 1; i > 0; i--) {
      const j = random.integer(0, i)
      ;[axes[i], axes[j]] = [axes[j]!, axes[i]!]
    }
    const back = axes.map((_, axis) => axes.indexOf(axis))
    return [
      x.permute(axes),
      {
        shape: axes.map((axis) => m.shape[axis]!),
        at: (index) => m.at(back.map((axis) => index[axis]!)),
      },
    ]
  },
  slice(random, x, m) {
    const picks = m.shape.map((extent) => {
      const step = random.pick([1, 1, 2, 3, -1, -2])
      const from = extent > 0 ? random.integer(0, extent - 1) : 0
      const all = range(extent)
      // What Array.prototype.slice would take, walked in steps.
      const kept = step > 0 ? all.slice(from) : all.slice(0, from + 1).reverse()
      return { start: from, step, kept: kept.filter((_, i) => i % Math.abs(step) === 0) }
    })
    return [
      x.slice(...picks.map(({ start, step }) => ({ start, step }))),
      {
        shape: picks.map(({ kept }) => kept.length),
        at: (index) => m.at(index.map((i, axis) => picks[axis]!.kept[i]!)),
      },
    ]
  },
  index(random, x, m) {
    const axis = random.integer(0, m.shape.length - 1)
    if (m.shape.length === 0 || m.shape[axis] === 0) return [x, m]
    const at = random.integer(0, m.shape[axis]! - 1)
    const counted = random.next() < 0.5 ? at : at - m.shape[axis]!
    return [
      x.slice(...m.shape.map((_, a) => (a === axis ? counted : null))),
      {
        shape: m.shape.filter((_, a) => a !== axis),
        at: (index) => m.at(index.toSpliced(axis, 0, at)),
      },
    ]
  },
  unsqueeze(random, x, m) {
    const axis = random.integer(0, m.shape.length)
    return [
      x.unsqueeze(axis),
      { shape: m.shape.toSpliced(axis, 0, 1), at: (index) => m.at(index.toSpliced(axis, 1)) },
    ]
  },
  expand(random, x, m) {
    const shape = m.shape.map((extent) => (extent === 1 ? random.integer(1, 3) : extent))
    return [
      x.expand([2, ...shape]),
      {
        shape: [2, ...shape],
        at: (index) => m.at(index.slice(1).map((i, axis) => (m.shape[axis] === 1 ? 0 : i))),
      },
    ]
  },
  reshape(random, x, m) {
    const values = valuesOf(m)
    const divisors = range(values.length + 1).filter((n) => n > 0 && values.length % n === 0)
    const first = divisors.length > 0 ? random.pick(divisors) : 0
    const shape = first > 0 ? [first, values.length / first] : [0]
    return [x.reshape(shape), modelOf(values, shape)]
  },
  pad(random, x, m) {
    const pads = m.shape.map(() => [random.integer(0, 1), random.integer(0, 2)] as const)
    return [
      pad(x, pads),
      {
        shape: m.shape.map((extent, axis) => extent + pads[axis]![0] + pads[axis]![1]),
        at: (index) => {
          const inside = index.map((i, axis) => i - pads[axis]![0])
          return inside.every((i, axis) => i >= 0 && i < m.shape[axis]!) ? m.at(inside) : 0
        },
      },
    ]
  },
  concat(random, x, m) {
    if (m.shape.length === 0) return [x, m]
    const axis = random.integer(0, m.shape.length - 1)
    const extent = m.shape[axis]!
    return [
      concat([x, x.neg()], axis),
      {
        shape: m.shape.with(axis, 2 * extent),
        at: (index) =>
          index[axis]! < extent ? m.at(index) : -m.at(index.with(axis, index[axis]! - extent)),
      },
    ]
  },
}

const device = reference()

it('movement agrees with plain arrays, whatever the order', () => {
  withDevice(device, () => {
    for (let round = 0; round < 300; round++) {
      const random = new Random(`movement ${round}`)
      const shape = range(random.integer(0, 3)).map(() => random.integer(1, 4))
      const size = shape.reduce((n, extent) => n * extent, 1)
      const values = range(size).map((i) => i + 1)
      scope(() => {
        let x = tensor(values, { shape })
        let m = modelOf(values, shape)
        const path: string[] = []
        for (let step = 0; step < 5; step++) {
          const name = random.pick(Object.keys(moves))
          const next = moves[name]!(random, x, m)
          // Too large to go on with.
          if (next[0].size > 2000) continue
          ;[x, m] = next
          path.push(name)
        }
        expect(x.shape, path.join(' ')).toEqual(m.shape)
        expect(
          Array.from(x.dataSync(), (v) => v + 0),
          path.join(' '),
        ).toEqual(valuesOf(m).map((v) => v + 0))
      })
    }
  })
})

it('the gradient of any movement gives every element its count', () => {
  withDevice(device, () => {
    for (let round = 0; round < 100; round++) {
      const random = new Random(`gradients ${round}`)
      const shape = range(random.integer(1, 3)).map(() => random.integer(1, 4))
      const size = shape.reduce((n, extent) => n * extent, 1)
      scope(() => {
        const leaf = tensor(range(size), { shape, requiresGrad: true })
        let x: Tensor = leaf
        // The numbers of the elements move along with them.
        let m = modelOf(
          range(size).map((i) => i + 1),
          shape,
        )
        const names = Object.keys(moves).filter((name) => name !== 'concat')
        for (let step = 0; step < 4; step++) {
          const next = moves[random.pick(names)]!(random, x, m)
          if (next[0].size <= 2000) [x, m] = next
        }
        if (!x.requiresGrad || x.size === 0) return
        x.sum().backward()
        const counts = new Array<number>(size).fill(0)
        for (const number of valuesOf(m)) if (number !== 0) counts[number - 1]!++
        expect(Array.from(leaf.grad!.dataSync())).toEqual(counts)
      })
    }
  })
})

it('broadcasting agrees with plain arrays', () => {
  withDevice(device, () => {
    for (let round = 0; round < 200; round++) {
      const random = new Random(`broadcast ${round}`)
      const target = range(random.integer(0, 4)).map(() => random.integer(0, 4))
      const operand = (): [Tensor, Model] => {
        const shape = target
          .slice(random.integer(0, target.length))
          .map((extent) => (random.next() < 0.3 ? 1 : extent))
        const size = shape.reduce((n, extent) => n * extent, 1)
        const values = range(size).map(() => random.integer(-9, 9))
        return [tensor(values, { shape }), modelOf(values, shape)]
      }
      scope(() => {
        const [[a, ma], [b, mb]] = [operand(), operand()]
        const rank = Math.max(a.rank, b.rank)
        const extent = (m: Model, axis: number) => m.shape[axis - rank + m.shape.length] ?? 1
        const shape = range(rank).map((axis) => {
          const [x, y] = [extent(ma, axis), extent(mb, axis)]
          return x === 1 ? y : x
        })
        const pick = (m: Model, index: readonly number[]): number =>
          m.at(index.slice(rank - m.shape.length).map((i, axis) => (m.shape[axis] === 1 ? 0 : i)))
        const expected: Model = { shape, at: (index) => pick(ma, index) * 10 + pick(mb, index) }
        const result = a.mul(10).add(b)
        expect(result.shape).toEqual(shape)
        expect(Array.from(result.dataSync(), (v) => v + 0)).toEqual(
          valuesOf(expected).map((v) => v + 0),
        )
      })
    }
  })
})
