/** Maps of sizes and layouts for which the CUDA device has kernels of their own. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { type Tensor, tensor } from '@nablajs/tensor'
import { position, program } from '@nablajs/tensor/program'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing, controls } = emulated()

describe.skipIf(missing !== undefined)(`maps on cuda${because(missing)}`, () => {
  let device: CudaBackend
  beforeAll(async () => {
    device = await cuda()
  })
  afterAll(() => device.dispose())

  const numbers = (count: number, seed: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i))
  const filled = (shape: number[], seed: number): Tensor =>
    tensor(
      numbers(
        shape.reduce((n, e) => n * e, 1),
        seed,
      ),
      { device },
    ).reshape(shape)

  // More elements than the largest GPU runs at once, and a rest that fills no vector.
  const many = 4 * 4096 * 200

  test.each([0, 3, 4096 - 1])('of many elements, and %i more', async (more) => {
    const [x, y] = [numbers(many + more, 1), numbers(many + more, 2)]
    const sum = tensor(x, { device }).add(tensor(y, { device }))
    const values = (await sum.data()) as Float32Array
    const places = tensor(x, { device })
    const count = program({ name: 'count', inputs: ['f32'] }, (v) =>
      v!.mul(0).add(position().cast('f32')),
    )
    device.map(count, [places], [places])
    const place = (await places.data()) as Float32Array
    let wrong = 0
    for (let i = 0; i < x.length; i++)
      if (values[i] !== Math.fround(x[i]! + y[i]!) || place[i] !== i) wrong++
    expect(wrong).toBe(0)
    expect(values).toHaveLength(x.length)
  })

  const orders = controls ? (['forward', 'reverse', 'random'] as const) : (['forward'] as const)

  /** The element of a tensor at an index, from its memory. */
  const turn = (values: ArrayLike<number>, shape: readonly number[], order: readonly number[]) => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, e) => n * e, 1))
    const result: number[] = []
    const visit = (axis: number, at: number): void => {
      if (axis === order.length) result.push(values[at]!)
      else
        for (let i = 0; i < shape[order[axis]!]!; i++)
          visit(axis + 1, at + i * strides[order[axis]!]!)
    }
    visit(0, 0)
    return Float32Array.from(result)
  }

  test.each([
    [
      [40, 50],
      [1, 0],
    ],
    [
      [32, 64],
      [1, 0],
    ],
    [
      [16, 97],
      [1, 0],
    ],
    [
      [3, 33, 47],
      [0, 2, 1],
    ],
    [
      [20, 3, 35],
      [2, 1, 0],
    ],
    [
      [2, 18, 5, 40],
      [0, 3, 2, 1],
    ],
    [
      [17, 4, 19, 2],
      [2, 3, 0, 1],
    ],
    [
      [2, 6, 3],
      [2, 1, 0],
    ],
  ] as [number[], number[]][])('of %j turned to %j', async (shape, order) => {
    const x = filled(shape, 1)
    const turned = x.permute(order)
    const wanted = turn((await x.data()) as Float32Array, shape, order)
    const other = filled([...turned.shape], 2)
    const added = (await other.data()) as Float32Array
    const bias = filled([turned.shape.at(-1)!], 3)
    const biases = (await bias.data()) as Float32Array
    for (const each of orders) {
      controls?.setOrder(each)
      try {
        expect(await turned.contiguous().data()).toEqual(wanted)
        const sum = (await turned.add(other).mul(bias).data()) as Float32Array
        expect(sum).toEqual(
          wanted.map((value, i) =>
            Math.fround(Math.fround(value + added[i]!) * biases[i % biases.length]!),
          ),
        )
      } finally {
        controls?.setOrder('forward')
      }
    }
  })

  test('of two turned inputs, in two outputs, by place', async () => {
    const shape = [37, 41]
    const [x, y] = [filled(shape, 1), filled(shape, 2)]
    const both = program({ name: 'both', inputs: ['f32', 'f32'] }, (a, b) => [
      a!.sub(b!),
      a!.mul(b!),
    ])
    const make = () => filled([41, 37], 0)
    const [difference, product] = [make(), make()]
    device.map(both, [x.permute([1, 0]), y.permute([1, 0])], [difference, product])
    const [a, b] = [x, y].map((each) => each.permute([1, 0]))
    const [p, q] = [await a!.contiguous().data(), await b!.contiguous().data()]
    expect(await difference.data()).toEqual(
      Float32Array.from(p, (v, i) => Math.fround(Number(v) - Number(q[i]))),
    )
    expect(await product.data()).toEqual(
      Float32Array.from(p, (v, i) => Math.fround(Number(v) * Number(q[i]))),
    )
  })
})
