import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fixture } from '../../test/io-fixtures.ts'
import { mutants, survive } from '../../test/io-fuzz.ts'
import { FormatError } from '../errors.ts'
import { reference } from '../reference/reference.ts'
import { fromHost, type HostTensor, isHostTensor } from './host.ts'
import { decodeSafetensors } from './safetensors.ts'
import { decodeTorch, loadTorch, type TorchValue } from './torch.ts'
import { readZip, writeZip } from './zip.ts'

const device = reference()
const values = (host: TorchValue | undefined): number[] => {
  if (!isHostTensor(host)) throw new Error('no tensor')
  return [...fromHost(host, { device }).dataSync()]
}

// A pickle by hand: opcodes as text, and helpers for their arguments.
const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`
const int = (value: number): string =>
  `J${String.fromCharCode(...new Uint8Array(Int32Array.of(value).buffer))}`
const tuple = (...items: string[]): string => `(${items.join('')}t`
const global = (module: string, name: string): string => `c${module}\n${name}\n`
const storage = (type = global('torch', 'FloatStorage'), count = 6, key = '0'): string =>
  `${tuple(text('storage'), type, text(key), text('cpu'), int(count))}Q`
const rebuilt = (...args: string[]): string =>
  `${global('torch._utils', '_rebuild_tensor_v2')}${tuple(...args)}R`
const noHooks = `${global('collections', 'OrderedDict')})R`
const tensor = (size: number[], stride: number[], offset = 0, from = storage()): string =>
  rebuilt(from, int(offset), tuple(...size.map(int)), tuple(...stride.map(int)), '\x89', noHooks)

/** A checkpoint with this pickle and a storage of six floats, 0 .. 5. */
function archive(
  pickle: string,
  extra: readonly (readonly [string, Uint8Array])[] = [],
): Promise<Uint8Array> {
  const bytes = Uint8Array.from(`\x80\x02${pickle}.`, (char) => char.charCodeAt(0))
  const data = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer)
  return writeZip([['x/data.pkl', bytes], ['x/data/0', data], ...extra], false)
}

const read = async (pickle: string): Promise<TorchValue> => decodeTorch(await archive(pickle))

describe('files of PyTorch', () => {
  const expected = {
    epoch: 3,
    big: 2n ** 70n,
    low: -5,
    lr: 0.1,
    name: 'é',
    none: null,
    flag: true,
    size: [1, 2],
    device: 'cuda:1',
    dtype: 'torch.float32',
    set: [1, 2],
    bytes: Uint8Array.of(0, 255),
    counter: { 1: 2 },
    list: [1, [2, 3]],
  }
  test.each(['everything', 'everything5'] as const)('%s', async (name) => {
    const tree = (await decodeTorch(fixture(name))) as Record<string, TorchValue>
    expect(tree).toMatchObject(expected)
    const column = [0, 6, 12, 18]
    expect(values(tree['transposed'])).toEqual(
      [0, 1, 2, 3, 4, 5].flatMap((k) => column.map((c) => c + k)),
    )
    expect((tree['transposed'] as HostTensor).shape).toEqual([6, 4])
    expect(values(tree['expanded'])).toEqual([1, 1, 1, 1, 1, 1])
    expect(values(tree['window'])).toEqual([6, 8, 10, 12, 14, 16])
    expect(values(tree['shared'])).toEqual(Array.from({ length: 24 }, (_, i) => i))
    const dtypes = { u16: 65535, bf16: 1.5, f16: 1.5, i64: 7, f64: 1.5 }
    for (const [key, value] of Object.entries(dtypes)) {
      expect((tree[key] as HostTensor).dtype).toBe(key.toUpperCase())
      expect(values(tree[key])).toEqual([value])
    }
    expect(values(tree['bool'])).toEqual([1, 0])
    expect(values(tree['parameter'])).toEqual([1, 1])
    expect((tree['empty'] as HostTensor).shape).toEqual([0, 3])
    const { state, param_groups } = tree['optimizer'] as Record<string, Record<string, TorchValue>>
    expect(Object.keys(state!)).toEqual(['0', '1'])
    // The gradient of every weight is 1: exp_avg is 0.1 after a step.
    expect(values((state!['0'] as Record<string, TorchValue>)['exp_avg'])).toEqual([
      Math.fround(0.1),
      Math.fround(0.1),
    ])
    expect((param_groups as unknown as { lr: number }[])[0]!.lr).toBe(0.001)
  })

  test('a state dict by name; views share memory with the file', async () => {
    const bytes = fixture('weights')
    const { w, b } = await loadTorch(bytes)
    expect(values(w)).toEqual([0, 6, 1, 7])
    expect(values(b)).toEqual([1, 13])
    const { model } = (await decodeTorch(fixture('everything'))) as Record<string, TorchValue>
    expect(await loadTorch(fixture('everything'), { key: 'model' })).toEqual(model)
    expect(Object.keys(model!)).toEqual(['weight', 'bias'])
    const nested = loadTorch(fixture('everything'), { key: ['optimizer', 'state', '0'] })
    expect(Object.keys(await nested)).toEqual(['step', 'exp_avg', 'exp_avg_sq'])
  })

  test('a state dict that is not there', async () => {
    const load = (key?: string): Promise<unknown> =>
      loadTorch(fixture('everything'), key ? { key } : {})
    await expect(load()).rejects.toThrow(
      'torch: "model" is no tensor, so this is no state dict; the keys are ["model", "optimizer", "epoch"',
    )
    await expect(load('ema')).rejects.toThrow('torch: there is no "ema"; the keys are ["model"')
    await expect(load('toString')).rejects.toThrow('there is no "toString"')
    await expect(load('epoch')).rejects.toThrow('torch: no state dict: the value is no dict')
    await expect(load('shared')).rejects.toThrow('torch: no state dict')
  })

  test('checksums that were not computed', async () => {
    await expect(decodeTorch(fixture('unchecked'))).rejects.toThrow('{ checksums: false } reads it')
    const { w } = await loadTorch(fixture('unchecked'), { checksums: false })
    expect(values(w)).toEqual([1, 1])
  })

  test.each([
    ['old', 'this is the format from before PyTorch 1.6; write it anew'],
    ['script', 'this is a TorchScript archive, a program; save its state_dict() instead'],
    [
      'module',
      'the global torch.nn.modules.linear.Linear is not on the list of data (at byte 2 of the pickle)',
    ],
    ['complex', 'the global torch.ComplexFloatStorage is not on the list of data (at byte 64'],
    ['negated', 'a tensor with flags (a lazy negation or conjugation) is not supported'],
    ['npz', 'the archive is no checkpoint'],
    ['npy1', 'this is no zip archive, as torch.save writes it'],
  ] as const)('%s', async (name, message) => {
    await expect(decodeTorch(fixture(name))).rejects.toThrow(FormatError)
    await expect(decodeTorch(fixture(name))).rejects.toThrow(message)
  })
})

describe('tensors', () => {
  test('dense ones are views, also at an offset and with odd strides of axes of one', async () => {
    const bytes = await archive(tensor([1, 2], [99, 1], 2))
    const host = (await decodeTorch(bytes)) as HostTensor
    expect(values(host)).toEqual([2, 3])
    expect(host.data.buffer).toBe(bytes.buffer)
  })

  test.each<[string, number[], number[], number, number[]]>([
    ['transposed', [3, 2], [1, 3], 0, [0, 3, 1, 4, 2, 5]],
    ['expanded', [2, 3], [0, 2], 1, [1, 3, 5, 1, 3, 5]],
    ['windows', [3, 2], [1, 1], 1, [1, 2, 2, 3, 3, 4]],
    ['empty', [0, 5], [9999, 1], 0, []],
    ['empty beyond the storage', [0], [1], 6, []],
    ['a number', [], [], 5, [5]],
  ])('%s', async (_, size, stride, offset, expected) => {
    const host = await read(tensor(size, stride, offset))
    expect(values(host)).toEqual(expected)
    expect((host as HostTensor).shape).toEqual(size)
  })

  test('big-endian archives', async () => {
    const order = ['x/byteorder', new TextEncoder().encode('big')] as const
    const data = ['x/data/1', Uint8Array.of(0x3f, 0x80, 0, 0, 0x40, 0, 0, 0)] as const
    const from = storage(undefined, 2, '1')
    expect(
      values(await decodeTorch(await archive(tensor([2], [1], 0, from), [order, data]))),
    ).toEqual([1, 2])
  })

  test.each([
    [
      'beyond the end',
      tensor([7], [1]),
      'a tensor [7] with the strides [1] from 0 on reaches beyond its storage of 6',
    ],
    ['beyond by offset', tensor([2], [1], 5), 'reaches beyond its storage'],
    ['beyond by stride', tensor([2, 2], [5, 1]), 'reaches beyond its storage'],
    [
      'sizes that overflow',
      tensor([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], [2 ** 31 - 1, 2 ** 31 - 1, 1]),
      'reaches beyond its storage',
    ],
    ['a negative stride', tensor([2], [-1], 5), 'the stride of a tensor is [-1]'],
    ['a negative offset', tensor([2], [1], -1), 'offset -1'],
    ['a negative size', tensor([-2], [1]), 'the size of a tensor is [-2]'],
    ['strides of another rank', tensor([2], [1, 1]), 'a tensor [2] has the strides [1, 1]'],
    ['too many axes', tensor(Array(65).fill(1), Array(65).fill(1)), 'at most 64 sizes'],
    [
      'a petabyte of one element',
      tensor([2 ** 30, 2 ** 18], [0, 0]),
      'raise maxExpandedBytes if you trust it',
    ],
    [
      'a lying storage',
      tensor([1], [1], 0, storage(undefined, 7)),
      'the storage "0" has 24 bytes, not the 7 elements of F32',
    ],
    [
      'a missing storage',
      tensor([1], [1], 0, storage(undefined, 6, 'nope')),
      'the archive lacks the storage "nope"',
    ],
    [
      'a storage of no type',
      tensor([1], [1], 0, storage('N')),
      'a persistent id is not that of a storage',
    ],
    ['no storage', tensor([1], [1], 0, 'N'), 'a tensor is made of something that is no storage'],
    [
      'too few arguments',
      rebuilt(storage()),
      '_rebuild_tensor_v2 has 1 arguments; it takes 6 to 7',
    ],
  ])('%s', async (_, pickle, message) => {
    await expect(read(pickle)).rejects.toThrow(FormatError)
    await expect(read(pickle)).rejects.toThrow(message)
  })
})

describe('pickles', () => {
  test.each<[string, string, TorchValue]>([
    ['a key that is a trap', `}${text('__proto__')}K\x01s`, JSON.parse('{"__proto__": 1}')],
    ['numbers as keys', '}K\x01K\x02s', { 1: 2 }],
    ['attributes of a dict', `}}${text('_metadata')}Nsb`, {}],
    ['a shared list', ']q\x00K\x01ah\x00\x86', [[1], [1]]],
    ['long integers', '\x8a\x00', 0],
    ['longer ones', '\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f', 2n ** 71n - 1n],
    ['negative ones', '\x8a\x01\xff', -1],
  ])('%s', async (_, pickle, expected) => {
    expect(await read(pickle)).toEqual(expected)
  })

  const levels = (count: number): string => `${'('.repeat(count)}${'t'.repeat(count)}`
  // Each list holds the one inside of it ten times.
  const laughs = (level: number): string => {
    if (level === 0) return ']q\x00'
    const [inner, outer] = [level - 1, level].map((number) => String.fromCharCode(number))
    return `](${laughs(level - 1)}${`h${inner}`.repeat(9)}eq${outer}`
  }
  test.each([
    [
      'a call of the system',
      `${global('os', 'system')}(${text('true')}tR`,
      'the global os.system is not on the list of data (at byte 2 of the pickle)',
    ],
    ['eval', `${global('builtins', 'eval')}(${text('1')}tR`, 'the global builtins.eval is not'],
    [
      'getattr by another name',
      `${global('torch', '_utils.os.system')}`,
      'the global torch._utils.os.system is not',
    ],
    [
      'a stack global',
      `${text('posix')}${text('system')}\x93`,
      'the global posix.system is not on the list of data (at byte 23',
    ],
    ['a stack global of lists', `]q\x00h\x00a]\x93`, 'a global is not text'],
    ['an inherited global', global('constructor', 'name'), 'the global constructor.name is not'],
    [
      'INST',
      `(i__builtin__\neval\n`,
      'the opcode 0x69 (INST) is not one that data needs (at byte 3',
    ],
    ['OBJ', '(o', 'the opcode 0x6f (OBJ)'],
    ['NEWOBJ', `${global('collections', 'OrderedDict')})\x81`, 'the opcode 0x81 (NEWOBJ)'],
    ['EXT1', '\x82\x01', 'the opcode 0x82 (EXT1)'],
    ['an unknown opcode', '\xff', 'the opcode 0xff is not'],
    ['a protocol', '\x80\x09N', 'protocol 9 is unknown'],
    ['a call of data', `${text('x')})R`, 'the pickle calls something that is data'],
    [
      'a call of a storage type',
      `${global('torch', 'FloatStorage')})R`,
      'the pickle calls something that is data',
    ],
    ['arguments that are no tuple', `${noHooks.slice(0, -2)}]R`, 'the arguments are not a tuple'],
    [
      'attributes of a tensor',
      `${tensor([1], [1])}}b`,
      'attributes are set on something that is no dict',
    ],
    ['a function as a value', noHooks.slice(0, -2), 'a class or function is stored as a value'],
    ['an empty stack', '', 'the stack of the pickle is empty'],
    ['values left over', 'NN', 'something is left over behind the end'],
    ['a mark left over', 'N(', 'the stack of the pickle is empty'],
    ['a mark that is not there', 't', 'closes a mark that it has not set'],
    ['popping below a mark', 'N(\x85', 'the stack of the pickle is empty'],
    ['an unknown memo', 'h\x05', 'nothing was stored under number 5'],
    ['a text longer than the file', 'X\xff\xff\xff\xff', 'the pickle is truncated'],
    ['a text that is not UTF-8', 'X\x01\0\0\0\xff', 'a text is not UTF-8'],
    ['a line without end', 'cos', 'the pickle is truncated'],
    ['appending to a tuple', ')Na', 'appended to something that is no list'],
    ['setting items of a list', ']NNs', 'items are set on something that is no dict'],
    ['half a pair', '}(Nu', 'items are set on something that is no dict'],
    ['adding to a dict', '}(N\x90', 'items are added to something that is no set'],
    [
      'keys that become equal',
      `}K\x01Ns${text('1')}Ns`,
      'a dict has keys that are the same as text',
    ],
    ['a list as a key', '}]Ns', 'a key that is neither text nor a number'],
    [
      'bytes of another encoding',
      `${global('_codecs', 'encode')}(${text('a')}${text('rot13')}tR`,
      'only latin1 bytes are read',
    ],
    ['a cycle', ']q\x00h\x00a', 'nested more than 100 deep'],
    ['a deep nest', levels(50_000), 'nested more than 100 deep'],
    ['a billion laughs', laughs(9), 'some are repeated too often'],
    [
      'laughs in an error',
      tensor([1], [1]).replace(`Q${int(0)}`, `Q${laughs(9)}`),
      'has the strides [1] and offset [[[',
    ],
  ])('%s', async (_, pickle, message) => {
    await expect(read(pickle)).rejects.toThrow(FormatError)
    await expect(read(pickle)).rejects.toThrow(message)
  })

  test('archives with two pickles or none', async () => {
    const none = writeZip([['data.pkl', Uint8Array.of(0x4e, 0x2e)]], false)
    await expect(decodeTorch(await none)).rejects.toThrow('the archive is no checkpoint')
    const two = archive('N', [['y/data.pkl', Uint8Array.of(0x4e, 0x2e)]])
    await expect(decodeTorch(await two)).rejects.toThrow('the archive is no checkpoint')
    const order = archive('N', [['x/byteorder', Uint8Array.of(120)]])
    await expect(decodeTorch(await order)).rejects.toThrow('the byte order "x" is unknown')
  })
})

describe('mutated files', () => {
  const check = (value: TorchValue): void => {
    const tree = (node: TorchValue): number =>
      isHostTensor(node) || typeof node !== 'object' || node === null || node instanceof Uint8Array
        ? 1
        : Object.values(node).reduce<number>((count, item) => count + tree(item), 1)
    expect(tree(value)).toBeLessThan(200_000)
  }
  const options = { checksums: false, maxExpandedBytes: 1e6 }

  test('in the archive', async () => {
    await survive(mutants(fixture('weights'), 5_000), (bytes) => decodeTorch(bytes, options), check)
  })

  test.each([
    ['weights', 4_000],
    ['everything', 1_500],
    ['everything5', 1_500],
  ] as const)('in the pickle of %s', async (name, count) => {
    const files = [...(await readZip(fixture(name), {}))]
    const isPickle = (key: string): boolean => key.endsWith('/data.pkl')
    const [, pickle] = files.find(([key]) => isPickle(key))!
    await survive(
      mutants(pickle, count),
      async (mutant) => {
        const changed = files.map(([key, data]) => [key, isPickle(key) ? mutant : data] as const)
        return decodeTorch(await writeZip(changed, false), options)
      },
      check,
    )
  })
})

const folder = new URL('../../../../../shared/data/weights/', import.meta.url)

describe.skipIf(!existsSync(folder))('weights of others (needs ../shared/data/weights)', () => {
  test('a network for MNIST has the tensors of its safetensors twin', async () => {
    const torch = await loadTorch(readFileSync(new URL('burn_mnist.pt', folder)))
    const { tensors } = decodeSafetensors(readFileSync(new URL('burn_mnist.safetensors', folder)))
    const layout = (entries: Iterable<[string, HostTensor]>): string[] =>
      Array.from(entries, ([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`).sort()
    expect(layout(Object.entries(torch))).toEqual(layout(tensors))
    // As PyTorch 2.13 reads them. (The twin was saved at another moment of the training.)
    expect(values(torch['norm1.num_batches_tracked'])).toEqual([3752])
    expect(values(torch['conv1.weight']).slice(0, 2)).toEqual([
      0.16227687895298004, -0.23659370839595795,
    ])
    expect(values(torch['fc1.weight'])).toHaveLength(32 * 11616)
    expect(values(torch['norm2.running_var']).slice(0, 2)).toEqual([
      86.590087890625, 47.1004524230957,
    ])
  })
})
