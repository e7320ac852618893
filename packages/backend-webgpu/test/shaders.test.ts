/**
 * The shaders of some representative programs, as files to read: a change of the code generator shows
 * in them. `npx vitest run test/shaders.test.ts --update` writes them anew.
 */
import {
  constant,
  contiguousStrides,
  type DType,
  index,
  program,
  type Scalar,
  select,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { randomWords, unit } from '@nablajs/tensor/program'
import { expect, it } from 'vitest'
import { MapRunner } from '../src/codegen/map.ts'
import { ReduceRunner } from '../src/codegen/reduce.ts'
import type { Features } from '../src/runtime/kernel.ts'
import { recording } from './recording.ts'

function view(shape: readonly number[], dtype: DType = 'f32', layout: Partial<View> = {}): View {
  const buffer = { bytes: 4 * sizeOf(shape) }
  return { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0, ...layout }
}

/** The modules of a call, one after the other. */
function shadersOf(
  run: (map: MapRunner, reduce: ReduceRunner) => void,
  features: Partial<Features> = {},
): string {
  const runtime = recording(features)
  run(new MapRunner(runtime), new ReduceRunner(runtime))
  return runtime.calls
    .map(({ kernel, params, groups }) =>
      [
        `// ${kernel.name}: ${groups.join(' x ')} workgroups, parameters ${params.join(' ')}`,
        kernel.code,
      ].join('\n'),
    )
    .join('\n')
}

const f32 = (name: string, body: (...x: Scalar[]) => Scalar | Scalar[], inputs = 1, scalars = 0) =>
  program(
    { name, inputs: new Array(inputs).fill('f32'), scalars: new Array(scalars).fill('f32') },
    body,
  )
const same = f32('same', (x) => x!)

const cases: Readonly<Record<string, (map: MapRunner, reduce: ReduceRunner) => void>> = {
  relu: (map) => {
    const relu = f32('relu', (x) => select(x!.gt(0), x!, x!.mul(0)))
    map.run(relu, [view([1000])], [view([1000])], [])
  },
  'add-bias': (map) => {
    const add = f32('add', (x, b) => x!.add(b!), 2)
    const bias = view([64], 'f32', { shape: [32, 64], strides: [0, 1] })
    map.run(add, [view([32, 64]), bias], [view([32, 64])], [])
  },
  'gelu-of-a-transposed-view': (map) => {
    const gelu = f32('gelu', (x) => x!.mul(x!.mul(Math.SQRT1_2).erf().add(1)).mul(0.5))
    map.run(gelu, [view([7, 5], 'f32', { shape: [5, 7], strides: [1, 5] })], [view([5, 7])], [])
  },
  'momentum-in-place': (map) => {
    const momentum = f32(
      'momentum',
      (p, g, v, lr) => {
        const next = v!.mul(0.9).add(g!)
        return [p!.sub(next.mul(lr!)), next]
      },
      3,
      1,
    )
    const [p, g, v] = [view([100]), view([100]), view([100])]
    map.run(momentum, [p, g, v], [p, v], [0.1])
  },
  dropout: (map) => {
    const dropout = program(
      { name: 'dropout', inputs: ['f32'], scalars: ['u32', 'u32'] },
      (x, seed, stream) => {
        const [word] = randomWords(seed!, stream!)
        return select(unit(word, 'f32').lt(0.5), x!.mul(2), 0)
      },
    )
    map.run(dropout, [view([4096])], [view([4096])], [1, 2])
  },
  'one-hot': (map) => {
    const oneHot = program({ name: 'oneHot', inputs: ['i32'] }, (label) =>
      label!.eq(index(1)).cast('f32'),
    )
    const labels = view([8], 'i32', { shape: [8, 10], strides: [1, 0] })
    map.run(oneHot, [labels], [view([8, 10])], [])
  },
  'nan-and-infinity': (map) => {
    const clean = f32('clean', (x) =>
      select(x!.eq(constant(Number.POSITIVE_INFINITY, 'f32')), Number.NaN, x!.max(0)),
    )
    map.run(clean, [view([10])], [view([10])], [])
  },
  'integers-and-bools': (map) => {
    const source = program(
      { name: 'mixed', inputs: ['i32', 'bool'], scalars: ['u32'] },
      (i, b, u) => [i!.div(3).shl(2), b!.and(i!.lt(5)), u!.mulhi(i!.bitcast('u32'))],
    )
    const out = [view([9], 'i32'), view([9], 'bool'), view([9], 'u32')]
    map.run(source, [view([9], 'i32'), view([9], 'bool')], out, [7])
  },
  'sum-of-rows': (_, reduce) => {
    reduce.run({ program: same, combine: 'sum' }, [view([300, 2000])], view([300, 1]), [])
  },
  'sum-of-columns': (_, reduce) => {
    reduce.run({ program: same, combine: 'sum' }, [view([300, 200])], view([1, 200]), [])
  },
  'mean-square-in-two-passes': (_, reduce) => {
    const square = f32('square', (x) => x!.mul(x!), 1)
    const mean = f32('mean', (s) => s!.div(1e6), 1)
    reduce.run(
      { program: square, combine: 'sum', finish: mean },
      [view([1000, 1000])],
      view([1, 1]),
      [],
    )
  },
  argmax: (_, reduce) => {
    reduce.run({ program: same, combine: 'argmax' }, [view([128, 10])], view([128, 1], 'i32'), [])
  },
  'softmax-sum-of-a-strided-view': (_, reduce) => {
    const shifted = f32('shifted', (x, m) => x!.sub(m!).exp(), 2)
    const x = view([4, 6, 8], 'f32', { shape: [4, 8, 6], strides: [48, 1, 8] })
    const largest = view([4, 8, 1], 'f32', { shape: [4, 8, 6], strides: [8, 1, 0] })
    reduce.run({ program: shifted, combine: 'sum' }, [x, largest], view([4, 8, 1]), [])
  },
}

it.each(Object.keys(cases))('%s', async (name) => {
  await expect(shadersOf(cases[name]!)).toMatchFileSnapshot(`snapshots/${name}.wgsl`)
})

const halves: typeof cases = {
  'scale-of-halves': (map) => {
    const scale = program({ name: 'scale', inputs: ['f16'], scalars: ['f32'] }, (x, by) =>
      x!.cast('f32').mul(by!).cast('f16'),
    )
    map.run(scale, [view([4096], 'f16')], [view([4096], 'f16')], [2])
    map.run(scale, [view([99], 'f16')], [view([99], 'f16')], [2])
  },
  'mean-of-halves': (_, reduce) => {
    const wide = program({ name: 'mean', inputs: ['f16'] }, (x) => x!.cast('f32'))
    const mean = program({ name: 'mean', inputs: ['f32'] }, (sum) => sum!.div(300).cast('f16'))
    const [x, y] = [view([300, 200], 'f16'), view([1, 200], 'f16')]
    reduce.run({ program: wide, combine: 'sum', finish: mean }, [x], y, [])
  },
}

it.each(Object.keys(halves))('%s', async (name) => {
  const shaders = shadersOf(halves[name]!, { f16: true })
  await expect(shaders).toMatchFileSnapshot(`snapshots/${name}.wgsl`)
})

it('refuses halves without the extension, computing with halves, and memory of both kinds', () => {
  const copy = program({ name: 'copy', inputs: ['f16'] }, (x) => x!)
  const [x, y] = [view([8], 'f16'), view([8], 'f16')]
  expect(() => new MapRunner(recording()).run(copy, [x], [y], [])).toThrow(
    'copy: the webgpu device holds f32, i32, u32, bool, not f16; f16 needs a GPU with the feature shader-f16',
  )
  const runtime = recording({ f16: true })
  const sum = () =>
    new ReduceRunner(runtime).run({ program: copy, combine: 'max' }, [x], view([1], 'f16'), [])
  expect(sum).toThrow('copy: halves are combined in f32; cast before, and in finish')
  const widen = program({ name: 'widen', inputs: ['f16'] }, (v) => v!.cast('f32'))
  const over = { ...view([8]), buffer: x.buffer }
  expect(() => new MapRunner(runtime).run(widen, [x], [over], [])).toThrow(
    'a buffer is written and seen as f16 and as words; copy one of the views',
  )
  const bits = program({ name: 'both', inputs: ['f16', 'u32'] }, (a, b) => b!.add(a!.cast('u32')))
  const words = view([4], 'u32')
  const half = view([4], 'f16', { buffer: words.buffer })
  new MapRunner(runtime).run(bits, [half, words], [view([4], 'u32')], [])
  expect(runtime.calls.at(-1)!.buffers).toHaveLength(3)
})

it.each([
  ['with-subgroups', { subgroups: true, subgroupMinSize: 32, subgroupMaxSize: 32 }],
  ['on-a-software-gpu', { software: true }],
])('sum-of-rows-%s', async (name, features) => {
  const shaders = shadersOf(cases['sum-of-rows']!, features)
  await expect(shaders).toMatchFileSnapshot(`snapshots/sum-of-rows-${name}.wgsl`)
})
