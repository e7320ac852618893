/** Reading single tensors of a safetensors file that is not in memory. */
import { FormatError } from '../errors.ts'
import type { HostTensor } from './host.ts'
import { fail, headerLength, readHeader, type TensorEntry } from './safetensors-header.ts'
import { show } from './show.ts'

/** Tensors that are read when they are asked for. */
export interface TensorReader extends AsyncDisposable {
  readonly names: readonly string[]
  /**
   * Reads one tensor.
   *
   * @throws FormatError for a name that is not there, and when the file is shorter than it was.
   */
  read(name: string): Promise<HostTensor>
  /** Lets go of the file. Reading ends with it. */
  close(): Promise<void>
}

/** A {@link TensorReader} on one safetensors file, whose header has been read and checked. */
export interface SafetensorsReader extends TensorReader {
  /** What there is, in the order of the data. */
  readonly entries: ReadonlyMap<string, TensorEntry>
  readonly metadata: Readonly<Record<string, string>>
}

/** Something that can be read in ranges: a file, an object in a store, a response of ranges. */
export interface ByteSource {
  /** The length in bytes, where it is known; the header must then account for all of them. */
  readonly size?: number
  /** The bytes from `start` up to `end`; fewer only where the source ends. */
  read(start: number, end: number): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens a safetensors file over any source: reads and checks the header, and then only the tensors
 * that are asked for. When that fails the source is closed.
 *
 * @throws FormatError as `decodeSafetensors`.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsReader> {
  try {
    const prefix = await source.read(0, 8)
    const start = 8 + headerLength(prefix, source.size)
    const json = await exactly(source, 8, start, 'the header')
    const dataSize = source.size === undefined ? undefined : source.size - start
    const { entries, metadata } = readHeader(json, dataSize)
    const read = async (name: string): Promise<HostTensor> => {
      const entry = entries.get(name) ?? fail(`there is no tensor ${show(name)}`)
      const { dtype, shape } = entry
      const data =
        entry.start === entry.end
          ? new Uint8Array()
          : await exactly(source, start + entry.start, start + entry.end, show(name))
      return { dtype, shape, data }
    }
    const close = (): Promise<void> => source.close()
    return {
      names: [...entries.keys()],
      entries,
      metadata,
      read,
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await source.close()
    throw error
  }
}

async function exactly(
  source: ByteSource,
  start: number,
  end: number,
  what: string,
): Promise<Uint8Array> {
  const bytes = await source.read(start, end)
  if (bytes.length !== end - start)
    throw new FormatError(
      `safetensors: ${what} takes ${end - start} bytes, ${bytes.length} came; the file is truncated`,
    )
  return bytes
}
