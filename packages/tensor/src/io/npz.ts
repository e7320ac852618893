/**
 * Several arrays in one file, as `numpy.savez` writes them: a zip archive of `.npy` files.
 * Source: the documentation of `numpy.savez` and `numpy.lib.format`.
 */
import { FormatError } from '../errors.ts'
import type { HostTensor } from './host.ts'
import { decodeNpy, encodeNpy } from './npy.ts'
import { show } from './show.ts'
import { type ArchiveOptions, readZip, writeZip } from './zip.ts'

/**
 * Reads a `.npz` file held in memory: the arrays by name, without the `.npy` of the archive.
 *
 * @throws FormatError when the archive or one of its arrays is not valid, holds other files, or grows
 *   past `maxExpandedBytes`.
 * @example
 * ```ts
 * const { images, labels } = await decodeNpz(await readFile('digits.npz'))
 * ```
 */
export async function decodeNpz(
  bytes: Uint8Array,
  options: ArchiveOptions = {},
): Promise<Record<string, HostTensor>> {
  const arrays: [string, HostTensor][] = []
  for (const [name, content] of await readZip(bytes, options)) {
    if (!name.endsWith('.npy')) throw new FormatError(`npz: ${show(name)} is not an array (.npy)`)
    arrays.push([name.slice(0, -4), inside(name, () => decodeNpy(content))])
  }
  return Object.fromEntries(arrays)
}

function inside<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError(`npz: ${show(name)}: ${error.message}`)
  }
}

/**
 * Arrays as a `.npz` file, which `numpy.load` reads.
 *
 * @param options.compress Whether the arrays are deflated, as `numpy.savez_compressed` does.
 * @throws FormatError for what {@link encodeNpy} refuses, and from 4 GiB on.
 */
export async function encodeNpz(
  arrays: Readonly<Record<string, HostTensor>>,
  options: { compress?: boolean } = {},
): Promise<Uint8Array> {
  const entries = Object.entries(arrays).map(
    ([name, host]) => [`${name}.npy`, inside(name, () => encodeNpy(host))] as const,
  )
  return writeZip(entries, options.compress ?? false)
}
