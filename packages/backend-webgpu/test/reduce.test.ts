/**
 * Reductions as all kinds of devices run them: with and without subgroups, and on a software GPU. Values
 * are small whole numbers, so that sums are exact in any order.
 */
import {
  type Combine,
  contiguousStrides,
  type DType,
  program,
  type Scalar,
  sizeOf,
  type View,
  viewAs,
} from '@nablajs/tensor/backend'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ReduceRunner } from '../src/codegen/reduce.ts'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import type { Features } from '../src/runtime/kernel.ts'
import { describeOnGpu } from './gpu.ts'
import { generator, whole } from './kernels.ts'

type Shape = readonly number[]

const cases: readonly (readonly [Shape, readonly number[]])[] = [
  [[1], [0]],
  [[7], [0]],
  [[40_000], [0]],
  [[300, 200], [0]],
  [[300, 200], [1]],
  [[3000, 3], [0]],
  [[3, 5000], [1]],
  [[40, 7, 33], [1]],
  [
    [40, 7, 33],
    [0, 2],
  ],
  [
    [2, 3, 4, 5],
    [1, 3],
  ],
  [[20_000, 2], [1]],
  [[2, 20_000], [0]],
  [[0, 3], [0]],
]

const joins: Readonly<Record<'sum' | 'prod' | 'max' | 'min', (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
}

/** The place of the first of the largest (or smallest) values; NaN is both. */
function search(values: readonly number[], sign: number): number {
  let best = 0
  for (const [i, value] of values.entries()) {
    const held = values[best]!
    if (!Number.isNaN(held) && (Number.isNaN(value) || sign * value > sign * held)) best = i
  }
  return best
}

function joined(values: readonly number[], combine: Combine): number {
  if (combine === 'argmax' || combine === 'argmin')
    return search(values, combine === 'argmax' ? 1 : -1)
  const neutral = { sum: 0, prod: 1, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY }
  return values.reduce(joins[combine], neutral[combine])
}

/** The reduction of row-major values, in row-major order. */
function expected(
  values: readonly number[],
  shape: Shape,
  axes: readonly number[],
  combine: Combine,
) {
  const strides = contiguousStrides(shape)
  const kept = shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
  const lines = new Map<number, number[]>()
  const steps = contiguousStrides(kept)
  for (let i = 0; i < sizeOf(kept); i++) lines.set(i, [])
  for (const [i, value] of values.entries()) {
    const place = shape.reduce(
      (sum, extent, axis) =>
        axes.includes(axis) ? sum : sum + (Math.floor(i / strides[axis]!) % extent) * steps[axis]!,
      0,
    )
    lines.get(place)!.push(value)
  }
  return [...lines.values()].map((line) => joined(line, combine))
}

const identity = (dtype: DType) => program({ name: 'same', inputs: [dtype] }, (x) => x!)

/** Longer than what is unrolled: adds and takes away what leaves whole numbers as they are. */
const long = program({ name: 'long', inputs: ['f32'] }, (x) => {
  let y: Scalar = x!
  for (let i = 1; i < 12; i++) y = y.add(i)
  return y.sub(66)
})

const kinds: Readonly<Record<string, (own: Features) => Features>> = {
  'a software GPU': (own) => ({ ...own, software: true }),
  'a GPU without subgroups': (own) => ({ ...own, software: false, subgroups: false }),
  'a GPU': (own) => ({ ...own, software: false }),
}

for (const [kind, featuresOf] of Object.entries(kinds))
  describeOnGpu(`reductions on ${kind}`, () => {
    let device: WebGpuBackend
    let runner: ReduceRunner
    beforeAll(async () => {
      device = await webgpu()
      runner = new ReduceRunner({
        limits: device.limits,
        features: featuresOf(device.features),
        dispatch: (call) => device.dispatch(call),
        scratch: (bytes) => device.scratch(bytes),
        release: (buffer) => device.release(buffer),
      })
    })
    afterAll(() => {
      expect(device.gpuErrors).toBe(0)
      device.dispose()
    })

    function place(values: readonly number[], dtype: DType, shape: Shape, strides: Shape): View {
      const words = new Uint32Array(Math.max(1, 2 * values.length))
      const typed = viewAs(dtype, words.buffer)
      const dense = contiguousStrides(shape)
      for (const [i, value] of values.entries())
        typed[
          shape.reduce((at, n, axis) => at + (Math.floor(i / dense[axis]!) % n) * strides[axis]!, 0)
        ] = value
      const buffer = device.alloc(words.byteLength)
      device.write(buffer, words)
      return { buffer, dtype, shape, strides, offset: 0 }
    }

    async function reduced(
      input: View,
      axes: readonly number[],
      combine: Combine,
      source = identity(input.dtype),
    ): Promise<number[]> {
      const shape = input.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
      const dtype = combine.startsWith('arg') ? 'i32' : input.dtype
      const output = place(new Array(sizeOf(shape)).fill(0), dtype, shape, contiguousStrides(shape))
      runner.run({ program: source, combine }, [input], output, [])
      const data = viewAs(dtype, await device.read(output.buffer))
      device.free(output.buffer)
      return Array.from(data.subarray(0, sizeOf(shape)), Number)
    }

    const combines: readonly (readonly [Combine, readonly DType[]])[] = [
      ['sum', ['f32', 'i32', 'u32']],
      ['prod', ['f32', 'i32']],
      ['max', ['f32', 'i32', 'u32', 'bool']],
      ['min', ['f32', 'i32', 'u32', 'bool']],
      ['argmax', ['f32', 'i32', 'u32']],
      ['argmin', ['f32', 'i32', 'u32']],
    ]
    it.each(combines)('%s', async (combine, dtypes) => {
      for (const [shape, axes] of cases)
        for (const dtype of dtypes) {
          const size = sizeOf(shape)
          // Types differ in how elements are joined, not in how they are shared.
          if (dtype !== 'f32' && size > 10_000) continue
          // There is no largest element of nothing.
          if (size === 0 && !(combine === 'sum' || combine === 'prod')) continue
          const signs = whole(size, 5).map((v) => (v < 0 ? -1 : 1))
          const values = combine === 'prod' ? signs : whole(size, 5)
          if (dtype === 'f32' && size > 100) values[Math.floor(size / 2)] = Number.NaN
          const own =
            dtype === 'u32'
              ? values.map((v) => v + 4)
              : dtype === 'bool'
                ? values.map((v) => Number(v > 3))
                : values
          // Row by row, and every second element column by column.
          let stride = 2
          const spread = shape.map((extent) => {
            const step = stride
            stride *= Math.max(1, extent)
            return step
          })
          const wanted = expected(own, shape, axes, combine)
          const layouts = [contiguousStrides(shape), ...(dtype === 'f32' ? [spread] : [])]
          for (const strides of layouts) {
            const input = place(own, dtype, shape, strides)
            const what = `${combine} of ${dtype} [${shape}] over ${axes}, strides ${strides}`
            expect(await reduced(input, axes, combine), what).toEqual(wanted)
            device.free(input.buffer)
          }
        }
    })

    it('long programs', async () => {
      const shape = [70, 90]
      const values = whole(6300, 8)
      const input = place(values, 'f32', shape, contiguousStrides(shape))
      for (const axes of [[0], [1], [0, 1]])
        expect(await reduced(input, axes, 'sum', long)).toEqual(
          expected(values, shape, axes, 'sum'),
        )
    })

    it('infinite sums are infinite, and of opposite ones NaN', async () => {
      const inf = Number.POSITIVE_INFINITY
      for (const [special, sum] of [
        [[inf], inf],
        [[-inf, -inf], -inf],
        [[inf, -inf], Number.NaN],
        [[3e38, 3e38], inf],
      ] as const)
        for (const shape of [
          [1, 3000],
          [3000, 1],
        ]) {
          const values = new Array<number>(3000).fill(1)
          for (const [i, value] of special.entries()) values[1000 + 512 * i] = value
          const input = place(values, 'f32', shape, [1, 1])
          expect(await reduced(input, [0, 1], 'sum')).toEqual([sum])
        }
    })

    it('refuses more elements than a shader counts', () => {
      const one = place([1], 'f32', [1], [1])
      const many = { ...one, shape: [2 ** 31], strides: [0] }
      expect(() =>
        runner.run({ program: identity('f32'), combine: 'sum' }, [many], one, []),
      ).toThrow(
        'same: 2147483648 elements for each result; a shader counts to 2^31, reduce one axis after the other',
      )
    })

    it('sums are accurate, and the same every time', async () => {
      const next = generator(3)
      const count = 2 ** 19
      const values = Array.from({ length: count }, () => Math.fround(next()))
      for (const [shape, axes] of [
        [[count], [0]],
        [[4, count / 4], [1]],
        [[count / 4, 4], [0]],
        [[512, 1024], [0]],
      ] as const) {
        const input = place(values, 'f32', shape, contiguousStrides(shape))
        const sums = await reduced(input, axes, 'sum')
        // Blocks of 128, which are joined in pairs of pairs, round less than this many times.
        for (const [i, wanted] of expected(values, shape, axes, 'sum').entries())
          expect(Math.abs(sums[i]! - wanted) / wanted).toBeLessThan(3 * 2 ** -24)
        expect(await reduced(input, axes, 'sum')).toEqual(sums)
        device.free(input.buffer)
      }
    })
  })
