/**
 * Checkpoints of PyTorch (`torch.save`, since 1.6): a zip archive with a pickle, `data.pkl`, and one
 * file of raw bytes for each storage.
 * Source: `torch/serialization.py` and `torch/_utils.py` of PyTorch, and its notes on serialization.
 *
 * Nothing in a file is executed. See `pickle.ts` for how the pickle is read and `torch-values.ts` for
 * the closed list of what it may name.
 */
import { FormatError } from '../errors.ts'
import type { HostTensor } from './host.ts'
import { isHostTensor } from './host.ts'
import { PyDict, PySet, PyTuple, type PyValue, readPickle } from './pickle.ts'
import { show } from './show.ts'
import { TorchDType, TorchTensor, torchGlobals, torchStorage } from './torch-values.ts'
import { type ArchiveOptions, Budget, readZip } from './zip.ts'

/**
 * What a checkpoint holds, as plain data. Tuples, lists and sets are arrays; dicts are objects with
 * their keys as text; devices and dtypes are text (`'cuda:0'`, `'torch.float32'`); bytes are a
 * `Uint8Array`; integers beyond 2^53 are bigints.
 */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | HostTensor
  | readonly TorchValue[]
  | { readonly [key: string]: TorchValue }

/** Deep enough for any checkpoint, shallow enough for any code that walks one. */
const MAX_DEPTH = 100

function fail(why: string): never {
  throw new FormatError(`torch: ${why}`)
}

/**
 * Reads a `.pt` or `.pth` file held in memory, without executing it. Dense tensors are views on
 * `bytes` and share memory where they did in PyTorch; others are copied densely.
 *
 * @throws FormatError for files that `torch.save` did not write, for the format from before PyTorch
 *   1.6 and TorchScript archives, and for pickles with anything but plain data and dense tensors:
 *   the message names the opcode or global and its position.
 * @example
 * ```ts
 * const { model, epoch } = await decodeTorch(await readFile('checkpoint.pt'))
 * ```
 */
export async function decodeTorch(
  bytes: Uint8Array,
  options: ArchiveOptions = {},
): Promise<TorchValue> {
  refuseOthers(bytes)
  const budget = new Budget('torch', bytes.length, options)
  const files = await readZip(bytes, options, budget)
  const pickles = [...files.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name))
  const [main] = pickles
  if (main === undefined || pickles.length > 1)
    return fail('the archive is no checkpoint: it must hold one folder with a file data.pkl')
  const folder = main.slice(0, -'data.pkl'.length)
  for (const name of files.keys())
    if (name === `${folder}constants.pkl` || name.startsWith(`${folder}code/`))
      return fail('this is a TorchScript archive, a program; save its state_dict() instead')
  const order = new TextDecoder().decode(files.get(`${folder}byteorder`)) || 'little'
  if (order !== 'little' && order !== 'big') return fail(`the byte order ${show(order)} is unknown`)
  const source = {
    record: (key: string) => files.get(`${folder}data/${key}`),
    bigEndian: order === 'big',
    allow: (what: string, size: number) => budget.take('torch', what, size),
  }
  const pickle = files.get(main)!
  const value = readPickle(pickle, {
    format: 'torch',
    globals: torchGlobals(source),
    persistent: (id) => torchStorage(source, id),
  })
  return toPlain(value, pickle.length)
}

/** What else goes by these file names, with what to do about it. */
function refuseOthers(bytes: Uint8Array): void {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return
  const magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
  if (magic.every((byte, i) => bytes[i] === byte))
    fail(
      'this is the format from before PyTorch 1.6; write it anew with ' +
        'torch.save(torch.load(path, weights_only=True), path)',
    )
  fail('this is no zip archive, as torch.save writes it')
}

/**
 * Plain data from the values of a pickle. Containers that occur several times are copied each time,
 * so that what comes out is a tree; depth and number of nodes are bounded, which also ends cycles
 * and pickles whose few shared lists stand for billions.
 */
function toPlain(value: PyValue, pickleBytes: number): TorchValue {
  let nodes = 100_000 + 4 * pickleBytes
  const convert = (value: PyValue, depth: number): TorchValue => {
    if (--nodes < 0)
      return fail('the values are too many for the pickle; some are repeated too often')
    if (depth > MAX_DEPTH) return fail(`the values are nested more than ${MAX_DEPTH} deep`)
    if (value === null || typeof value !== 'object') return value
    const inner = (item: PyValue): TorchValue => convert(item, depth + 1)
    if (value instanceof Uint8Array) return value
    if (value instanceof TorchTensor) return value.host
    if (value instanceof TorchDType) return value.text
    if (value instanceof PyTuple) return value.items.map(inner)
    if (value instanceof PySet) return Array.from(value.items, inner)
    if (Array.isArray(value)) return (value as PyValue[]).map(inner)
    if (value instanceof PyDict) {
      const entries = Array.from(value.entries, ([key, item]) => [keyOf(key), inner(item)] as const)
      const record = Object.fromEntries(entries)
      if (Object.keys(record).length !== entries.length)
        return fail('a dict has keys that are the same as text')
      return record
    }
    return fail('a class or function is stored as a value')
  }
  return convert(value, 0)
}

function keyOf(key: PyValue): string {
  if (typeof key === 'string') return key
  if (typeof key === 'number' || typeof key === 'boolean' || typeof key === 'bigint')
    return `${key}`
  return fail(`a dict has a key that is neither text nor a number`)
}

/** How {@link loadTorch} finds the tensors. */
export interface LoadTorchOptions extends ArchiveOptions {
  /** Where in the file the state dict lies: `'model'`, or `['ema', 'model']`. Default: it is all of the file. */
  key?: string | readonly string[]
}

/**
 * The tensors of a state dict in a `.pt` or `.pth` file, by name.
 *
 * @throws FormatError as {@link decodeTorch}, and when there is no dict of tensors under `key`; the
 *   message lists the keys that there are.
 * @example
 * ```ts
 * const weights = await loadTorch(await readFile('resnet18.pth'))
 * const ema = await loadTorch(await readFile('run.pt'), { key: 'ema' })
 * ```
 */
export async function loadTorch(
  bytes: Uint8Array,
  options: LoadTorchOptions = {},
): Promise<Record<string, HostTensor>> {
  const path = typeof options.key === 'string' ? [options.key] : (options.key ?? [])
  let value = await decodeTorch(bytes, options)
  for (const [depth, key] of path.entries()) {
    const dict = dictOf(value)
    if (!dict || !Object.hasOwn(dict, key))
      return fail(`there is no ${show(path.slice(0, depth + 1).join('.'))}; ${describe(value)}`)
    value = dict[key]!
  }
  const dict = dictOf(value)
  if (!dict) return fail(`no state dict: ${describe(value)}`)
  for (const [name, item] of Object.entries(dict))
    if (!isHostTensor(item))
      return fail(
        `${show(name)} is no tensor, so this is no state dict; ${describe(value)}: pass the one that ` +
          'holds the state dict as { key }',
      )
  return dict as Record<string, HostTensor>
}

function dictOf(value: TorchValue): Record<string, TorchValue> | undefined {
  const isDict =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isHostTensor(value)
  return isDict ? (value as Record<string, TorchValue>) : undefined
}

function describe(value: TorchValue): string {
  const dict = dictOf(value)
  return dict ? `the keys are ${show(Object.keys(dict))}` : 'the value is no dict'
}
