/** Files of a dataset's folder, gzipped or not. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ArgumentError, FormatError } from '@nablajs/tensor'

export interface FoundFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** What a gzip file may unfold to: far above any of these datasets, below what would exhaust memory. */
const LARGEST = 2 ** 30

/** Reads `name` or `name.gz`, whichever is there, from a folder. Errors start with `dataset`. */
export function readFrom(dataset: string, folder: string, name: string): FoundFile {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new ArgumentError(
      `${dataset}: there is no folder ${folder}; it should hold ${name}.gz and the files beside it`,
    )
  const path = [`${name}.gz`, name]
    .map((file) => join(folder, file))
    .find((file) => existsSync(file))
  if (!path)
    throw new ArgumentError(`${dataset}: the folder ${folder} has neither ${name}.gz nor ${name}`)
  const bytes = readBytes(dataset, path)
  return { path, bytes: path.endsWith('.gz') ? unzip(dataset, path, bytes) : bytes }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

function readBytes(dataset: string, path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new ArgumentError(`${dataset}: ${path} cannot be read (${codeOf(error)})`, {
      cause: error,
    })
  }
}

const complaints: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'the gzip data ends too early; the file is truncated, fetch it again',
  ERR_BUFFER_TOO_LARGE: `the gzip data unfolds to more than ${LARGEST} bytes`,
}

function unzip(dataset: string, path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST })
  } catch (error) {
    const why = complaints[codeOf(error)] ?? 'the content is not valid gzip; fetch the file again'
    throw new FormatError(`${dataset}: ${path}: ${why}`, { cause: error })
  }
}
