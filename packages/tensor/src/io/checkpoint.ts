/**
 * Whole trainings in one file: a tree of plain objects and arrays with tensors, numbers, text,
 * booleans and null as leaves.
 *
 * The file is a safetensors file. Tensors lie in its data under the names of their paths
 * (`model.conv1.weight`), so that other programs can read them. The rest is JSON in the metadata,
 * under `nabla.tree`, where an object with one key that starts with a single `$` is what JSON cannot say:
 * `{"$tensor": "model.conv1.weight"}`, `{"$number": "NaN"}` (also `Infinity`, `-Infinity` and `-0`).
 * Keys of the tree that start with `$` have one more in the file.
 */
import { ArgumentError, FormatError } from '../errors.ts'
import { Tensor } from '../tensor.ts'
import { fromHost, type HostTensor, isHostTensor, type LoadOptions, toHost } from './host.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { show } from './show.ts'

/** A tree with tensors of some kind among its leaves. */
export type Tree<Leaf> =
  | Leaf
  | null
  | boolean
  | number
  | string
  | Tree<Leaf>[]
  | { [key: string]: Tree<Leaf> }

const KEY = 'nabla.tree'
/** Deep enough for any training, shallow enough for the stack. */
const MAX_DEPTH = 200
const oddNumbers = {
  NaN: Number.NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  '-0': -0,
} as const

/**
 * A training as the bytes of one file: everything that is needed to go on later as if nothing had
 * been in between. All values are those of the moment of the call, whatever the training does while
 * this waits for the device.
 *
 * @param tree Plain objects and arrays, with tensors, numbers, text, booleans and null as leaves.
 * @throws ArgumentError naming the path of anything else: undefined, functions, bigints, typed arrays,
 *   objects of classes, cycles.
 * @example
 * ```ts
 * const bytes = await saveCheckpoint({
 *   model: model.stateDict(),
 *   optimizer: optimizer.stateDict(),
 *   generator: generator.state,
 *   epoch,
 * })
 * await writeFileAtomic('run.safetensors', bytes)   // from '@nablajs/tensor/node'
 * ```
 */
export async function saveCheckpoint(tree: unknown): Promise<Uint8Array> {
  const tensors = new Map<string, Tensor | HostTensor>()
  const json = JSON.stringify(pack(tree, [], tensors))
  // All reads are asked for before the first wait: nothing can run in between.
  const reads = Array.from(tensors, async ([name, leaf]) => {
    return [name, leaf instanceof Tensor ? await toHost(leaf) : leaf] as const
  })
  return encodeSafetensors(Object.fromEntries(await Promise.all(reads)), { [KEY]: json })
}

/** The tree as JSON; tensors are collected under names of their own. */
function pack(
  value: unknown,
  path: readonly string[],
  tensors: Map<string, Tensor | HostTensor>,
): unknown {
  const refuse = (what: string): never => {
    throw new ArgumentError(
      `saveCheckpoint: ${path.join('.') || 'the tree'} is ${what}; a checkpoint holds plain objects, ` +
        'arrays, tensors, numbers, text, booleans and null',
    )
  }
  if (path.length > MAX_DEPTH) return refuse(`more than ${MAX_DEPTH} levels deep, or in a cycle`)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? '-0' : `${value}` }
  if (typeof value !== 'object') return refuse(`${value === undefined ? '' : 'a '}${typeof value}`)
  if (value instanceof Tensor || isHostTensor(value)) {
    const name = freeName(path.join('.'), tensors)
    tensors.set(name, value)
    return { $tensor: name }
  }
  if (Array.isArray(value))
    return Array.from(value, (item, i) => pack(item, [...path, `${i}`], tensors))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    return refuse(`an object of the class ${value.constructor?.name}`)
  const entries = Object.entries(value).map(
    ([key, item]) => [escapeKey(key), pack(item, [...path, key], tensors)] as const,
  )
  return Object.fromEntries(entries)
}

const escapeKey = (key: string): string => (key.startsWith('$') ? `$${key}` : key)

/** Paths with dots in their keys can be equal as text; the file's own entry has its name, too. */
function freeName(path: string, taken: ReadonlyMap<string, unknown>): string {
  let name = path
  for (let n = 2; taken.has(name) || name === '__metadata__'; n++) name = `${path}#${n}`
  return name
}

/**
 * The tree that {@link saveCheckpoint} wrote, with its tensors on a device.
 *
 * @throws FormatError when the bytes are no valid safetensors file, hold no checkpoint, or refer to
 *   tensors that are missing, are used twice or are not used.
 * @example
 * ```ts
 * const saved = loadCheckpoint(await readFile('run.safetensors')) as ReturnType<typeof snapshot>
 * model.loadStateDict(saved.model)
 * ```
 */
export function loadCheckpoint(bytes: Uint8Array, options: LoadOptions = {}): Tree<Tensor> {
  const made: Tensor[] = []
  try {
    return unpackFile(bytes, (host) => {
      const t = fromHost(host, options)
      made.push(t)
      return t
    })
  } catch (error) {
    for (const t of made) t.dispose()
    throw error
  }
}

/**
 * As {@link loadCheckpoint}, with the tensors in host memory, as views on `bytes`: for reading a
 * checkpoint without a device.
 */
export function decodeCheckpoint(bytes: Uint8Array): Tree<HostTensor> {
  return unpackFile(bytes, (host) => host)
}

function fail(why: string): never {
  throw new FormatError(`loadCheckpoint: ${why}`)
}

function unpackFile<Leaf>(bytes: Uint8Array, make: (host: HostTensor) => Leaf): Tree<Leaf> {
  const { tensors, metadata } = decodeSafetensors(bytes)
  const text = Object.hasOwn(metadata, KEY) ? metadata[KEY]! : undefined
  if (text === undefined)
    return fail('the file has tensors but no training in it; loadTensors reads such files')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return fail('the tree is not JSON')
  }
  // A tensor that is used once and then gone cannot be multiplied by a small file.
  const tree = unpack(json, 0, (name) => {
    const host = tensors.get(name)
    tensors.delete(name)
    return host ? make(host) : fail(`the tensor ${show(name)} is missing or used twice`)
  })
  const [rest] = tensors.keys()
  return rest === undefined ? tree : fail(`the tensor ${show(rest)} is not in the tree`)
}

function unpack<Leaf>(json: unknown, depth: number, take: (name: string) => Leaf): Tree<Leaf> {
  if (depth > MAX_DEPTH) return fail(`the tree is more than ${MAX_DEPTH} levels deep`)
  // Whatever is no object or array in JSON is a leaf of the tree.
  if (typeof json !== 'object' || json === null) return json as Tree<Leaf>
  if (Array.isArray(json)) return json.map((item: unknown) => unpack(item, depth + 1, take))
  const entries: [string, unknown][] = Object.entries(json)
  const [key, value] = entries[0] ?? ['', undefined]
  if (entries.length === 1 && typeof value === 'string') {
    if (key === '$tensor') return take(value)
    if (key === '$number' && Object.hasOwn(oddNumbers, value))
      return oddNumbers[value as keyof typeof oddNumbers]
  }
  const pairs = entries.map(([name, item]) => {
    if (/^\$(?!\$)/.test(name)) return fail(`the tree has an unknown entry ${show(name)}`)
    return [name.replace(/^\$/, ''), unpack(item, depth + 1, take)] as const
  })
  return Object.fromEntries(pairs)
}
