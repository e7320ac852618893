/**
 * Models whose tensors are spread over several safetensors files, with an index beside them
 * (`model.safetensors.index.json`): `{"metadata": {...}, "weight_map": {"name": "file", ...}}`.
 * Source: the documentation of sharded checkpoints of Hugging Face's transformers.
 */
import { FormatError } from '../errors.ts'
import type { TensorReader } from './reader.ts'
import { show } from './show.ts'

function fail(why: string): never {
  throw new FormatError(`safetensors index: ${why}`)
}

/**
 * The file of each tensor, from the text of an index.
 *
 * @throws FormatError for what is no index, and for file names with folders in them: an index from
 *   somewhere must not choose which files of a machine are opened.
 */
export function decodeShardIndex(json: string | Uint8Array): Map<string, string> {
  let index: unknown
  try {
    index = JSON.parse(typeof json === 'string' ? json : new TextDecoder().decode(json))
  } catch {
    return fail('it is not JSON')
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    return fail('it has no object "weight_map"')
  for (const [name, file] of Object.entries(map))
    if (typeof file !== 'string' || !/^[^/\\:\0.][^/\\:\0]*$/.test(file))
      return fail(`${show(name)} lies in ${show(file)}; that must be the name of a file beside it`)
  return new Map(Object.entries(map))
}

/**
 * The tensors of a sharded model as if they were in one file. A shard is opened when the first tensor
 * in it is asked for.
 *
 * @param open Opens a shard by its file name, for example with `fetchSafetensors`.
 * @throws FormatError as {@link decodeShardIndex}; when reading, for a shard that lacks the tensor.
 * @example
 * ```ts
 * const base = 'https://example.org/model/'
 * const index = await (await fetch(`${base}model.safetensors.index.json`)).text()
 * await using model = openShards(index, (file) => fetchSafetensors(base + file))
 * ```
 */
export function openShards(
  index: string | Uint8Array,
  open: (file: string) => Promise<TensorReader>,
): TensorReader {
  const files = decodeShardIndex(index)
  const shards = new Map<string, Promise<TensorReader>>()
  const shardOf = (file: string): Promise<TensorReader> => {
    const known = shards.get(file)
    if (known) return known
    const opened = open(file)
    shards.set(file, opened)
    // A shard that could not be opened (a network that was down) may be tried again.
    opened.catch(() => shards.delete(file))
    return opened
  }
  const close = async (): Promise<void> => {
    const opened = [...shards.values()]
    shards.clear()
    await Promise.all(opened.map(async (shard) => (await shard).close()))
  }
  return {
    names: [...files.keys()],
    read: async (name) => {
      const file = files.get(name) ?? fail(`there is no tensor ${show(name)}`)
      return (await shardOf(file)).read(name)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
