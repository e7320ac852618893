/// <reference types="node" />
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type ByteSource,
  readSafetensors,
  type SafetensorsReader,
  type TensorReader,
} from '../reader.ts'
import { openShards } from '../shards.ts'

/**
 * Opens a safetensors file on disk: reads and checks its header, and then only the tensors that are
 * asked for. Models larger than memory can be read tensor by tensor.
 *
 * @throws FormatError as `decodeSafetensors`; errors of the file system pass through.
 * @example
 * ```ts
 * await using file = await openSafetensors('model.safetensors')
 * const embedding = fromHost(await file.read('embedding.weight'))
 * ```
 */
export async function openSafetensors(path: string | URL): Promise<SafetensorsReader> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const source: ByteSource = {
      size,
      read: async (start, end) => {
        const bytes = new Uint8Array(Math.min(end, size) - start)
        let at = 0
        // One call may bring less than was asked for, and never more than 2 GiB.
        while (at < bytes.length) {
          const length = Math.min(bytes.length - at, 2 ** 30)
          const { bytesRead } = await file.read(bytes, at, length, start + at)
          if (bytesRead === 0) break
          at += bytesRead
        }
        return bytes.subarray(0, at)
      },
      close: () => file.close(),
    }
    return await readSafetensors(source)
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Opens a sharded model by its index (`model.safetensors.index.json`); the shards lie beside it.
 *
 * @throws FormatError as `openShards`.
 */
export async function openSafetensorsIndex(path: string | URL): Promise<TensorReader> {
  const index = typeof path === 'string' ? path : fileURLToPath(path)
  return openShards(await readFile(index), (file) => openSafetensors(join(dirname(index), file)))
}
