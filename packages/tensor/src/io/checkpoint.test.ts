import { beforeAll, describe, expect, test } from 'vitest'
import { mutants, survive } from '../../test/io-fuzz.ts'
import {
  ArgumentError,
  FormatError,
  Generator,
  randn,
  reference,
  setDevice,
  Tensor,
  tensor,
  zeros,
} from '../index.ts'
import { decodeCheckpoint, loadCheckpoint, saveCheckpoint, type Tree } from './checkpoint.ts'
import type { HostTensor } from './host.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'

const device = reference()
beforeAll(() => setDevice(device))

/** The tree with tensors as [dtype, shape, bits]. */
function plain(tree: unknown): unknown {
  if (tree instanceof Tensor)
    return [tree.dtype, tree.shape, [...new Uint8Array(tree.dataSync().buffer)]]
  if (Array.isArray(tree)) return tree.map(plain)
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, plain(value)]))
}

const roundTrip = async (tree: unknown): Promise<unknown> =>
  loadCheckpoint(await saveCheckpoint(tree))

describe('round trip', () => {
  const odd = [
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    5e-324,
    1.7976931348623157e308,
    0.1,
    2 ** 53 + 2,
  ]
  test.each<[string, unknown]>([
    ['numbers', odd],
    ['texts', ['', 'ü', '\ud800 alone', '"\\', '$tensor']],
    ['the rest', [true, false, null, [], {}, [[]], { a: {} }]],
    ['a number alone', -0],
    ['null alone', null],
    ['keys that look like the format', { $tensor: 'x', $number: 'NaN', $$: 1, $: { $tensor: 2 } }],
    [
      'keys that are traps',
      JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "__metadata__": 3}'),
    ],
    ['numbers as keys', { 10: 'a', 2: 'b' }],
  ])('%s', async (_, tree) => {
    const back = await roundTrip(tree)
    expect(back).toStrictEqual(tree)
    expect(Object.is(back, -0)).toBe(Object.is(tree, -0))
  })

  test('tensors of all dtypes, bit for bit', async () => {
    const words = Uint32Array.of(0x7fa00001, 0x80000000, 1)
    const tree = {
      f32: tensor(new Float32Array(words.buffer)),
      f64: tensor([Math.PI, -0, Number.NaN], { dtype: 'f64' }),
      i32: tensor([-7, 2 ** 31 - 1], { dtype: 'i32' }),
      u32: tensor(words),
      bool: tensor([1, 0], { dtype: 'bool' }),
      view: tensor([
        [1, 2],
        [3, 4],
      ]).transpose(),
      none: zeros([0, 3]),
      one: [tensor(5)],
    }
    expect(plain(await roundTrip(tree))).toEqual(plain(tree))
    expect(plain(await roundTrip(tensor(1)))).toEqual(plain(tensor(1)))
  })

  test('a training, and random numbers that go on', async () => {
    const generator = new Generator(7)
    generator.next()
    const training = {
      model: { 'conv1.weight': tensor([1, 2]) },
      optimizer: {
        state: { 0: { step: 3, exp_avg: tensor([0.5]) } },
        param_groups: [{ lr: 1e-3, params: [0] }],
      },
      generator: generator.state,
      loader: { epoch: 2, position: 17 },
    }
    const back = (await roundTrip(training)) as typeof training
    expect(plain(back)).toEqual(plain(training))
    const resumed = new Generator(0)
    resumed.state = back.generator
    const draw = (from: Generator): number[] => [...randn([4], { generator: from }).dataSync()]
    expect(draw(resumed)).toEqual(draw(generator))
  })

  test('names are paths, and stay apart where paths are the same', async () => {
    const tree = {
      a: { 'b.c': tensor(1) },
      'a.b': { c: tensor(2) },
      __metadata__: tensor(3),
      '': tensor(4),
    }
    const bytes = await saveCheckpoint(tree)
    const names = [...decodeSafetensors(bytes).tensors.keys()].sort()
    expect(names).toEqual(['', '__metadata__#2', 'a.b.c', 'a.b.c#2'])
    expect(plain(loadCheckpoint(bytes))).toEqual(plain(tree))
  })

  test('equal trees give equal bytes', async () => {
    const make = (): unknown => ({ b: tensor([1]), a: [1, { c: tensor([2], { dtype: 'f64' }) }] })
    expect(await saveCheckpoint(make())).toEqual(await saveCheckpoint(make()))
  })

  test('without a device', async () => {
    const host: HostTensor = { dtype: 'BF16', shape: [1], data: Uint8Array.of(1, 2) }
    expect(decodeCheckpoint(await saveCheckpoint({ x: host, n: 1 }))).toEqual({ x: host, n: 1 })
  })

  test('the values are those of the call', async () => {
    const step = { count: 1, weight: tensor([1]) }
    const saving = saveCheckpoint(step)
    step.count = 2
    step.weight.dispose()
    expect(plain(loadCheckpoint(await saving))).toEqual(plain({ count: 1, weight: tensor([1]) }))
  })
})

describe('what cannot be saved', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  test.each<[unknown, string]>([
    [undefined, 'saveCheckpoint: the tree is undefined; a checkpoint holds plain objects'],
    [{ a: [{ b: undefined }] }, 'a.0.b is undefined'],
    [{ a: 1n }, 'a is a bigint'],
    [{ a: () => 1 }, 'a is a function'],
    [{ a: Symbol('x') }, 'a is a symbol'],
    [{ a: new Map() }, 'a is an object of the class Map'],
    [{ a: new Float32Array(1) }, 'a is an object of the class Float32Array'],
    [{ a: new Date(0) }, 'a is an object of the class Date'],
    [[new Array(1)], '0.0 is undefined'],
    [cycle, 'is more than 200 levels deep, or in a cycle'],
  ])('%#', async (tree, message) => {
    await expect(saveCheckpoint(tree)).rejects.toThrow(ArgumentError)
    await expect(saveCheckpoint(tree)).rejects.toThrow(message)
  })
})

describe('what is not a checkpoint', () => {
  const one: HostTensor = { dtype: 'F32', shape: [1], data: new Uint8Array(4) }
  const file = (json: string, tensors: Record<string, HostTensor> = { a: one }): Uint8Array =>
    encodeSafetensors(tensors, { 'nabla.tree': json })
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [new Uint8Array(3), 'safetensors: 3 bytes are too few'],
    [encodeSafetensors({ a: one }), 'the file has tensors but no training in it'],
    [encodeSafetensors({}, { toString: 'x' }), 'no training in it'],
    [file('{'), 'the tree is not JSON'],
    [file('{"x":{"$tensor":"b"}}'), 'the tensor "b" is missing or used twice'],
    [file('[{"$tensor":"a"},{"$tensor":"a"}]'), 'the tensor "a" is missing or used twice'],
    [file('[]'), 'the tensor "a" is not in the tree'],
    [file('{"$tensor":"a","x":1}'), 'the tree has an unknown entry "$tensor"'],
    [file('{"$tensor":5}'), 'the tree has an unknown entry "$tensor"'],
    [file('{"$number":"12"}'), 'the tree has an unknown entry "$number"'],
    [file('{"$number":["NaN"]}'), 'the tree has an unknown entry "$number"'],
    [file('{"$code":"x"}'), 'the tree has an unknown entry "$code"'],
    [file('['.repeat(1e5) + ']'.repeat(1e5), {}), 'the tree is more than 200 levels deep'],
  ]
  test.each(cases)('%#', (bytes, message) => {
    expect(() => loadCheckpoint(bytes)).toThrow(FormatError)
    expect(() => loadCheckpoint(bytes)).toThrow(message)
  })

  test('nothing stays behind when loading fails', () => {
    const bytes = file('[{"$tensor":"a"},{"$tensor":"b"}]')
    const before = device.memory().buffers
    expect(() => loadCheckpoint(bytes)).toThrow('"b" is missing')
    expect(device.memory().buffers).toBe(before)
  })

  test('mutated files', async () => {
    const good = file('{"x":{"$tensor":"a"},"y":[1,{"$number":"-0"},"text"],"$$z":null}')
    const count = (tree: Tree<HostTensor>): number =>
      typeof tree === 'object' && tree !== null
        ? Object.values(tree).reduce<number>((sum, item) => sum + count(item), 1)
        : 1
    await survive(mutants(good, 30_000), decodeCheckpoint, (tree) =>
      expect(count(tree)).toBeLessThan(50),
    )
  })
})
