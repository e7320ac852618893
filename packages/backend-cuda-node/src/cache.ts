/** Compiled kernels on disk, for the next process. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from './libraries.ts'

/** What an entry starts with; another number when its form changes. */
const mark = new TextEncoder().encode('nablacu1')
const digestBytes = 32

const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/**
 * Where compiled kernels are kept: the folder in `NABLA_CUDA_CACHE`, nowhere when that is `off`, and
 * the user's cache folder otherwise.
 */
export function cacheFolder(env: Environment): string | undefined {
  const own = env['NABLA_CUDA_CACHE']
  if (own === 'off') return undefined
  if (own) return own
  if (process.platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'nabla', 'cuda')
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nabla', 'cuda')
}

/** Removes a file where that can be done: what stays is not read as an entry. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // Not ours to remove, or in a place that is no folder.
  }
}

/** A folder of entries, each a mark, the digest of its content, and the content. */
export class DiskCache {
  readonly #folder: string | undefined

  constructor(folder: string | undefined) {
    this.#folder = folder
  }

  /** The entry of a key, or undefined where there is none that is whole. */
  get(key: string): Uint8Array | undefined {
    if (this.#folder === undefined) return undefined
    let bytes: Buffer
    try {
      bytes = readFileSync(this.#path(key))
    } catch {
      return undefined // nothing stored yet, or nothing that may be read
    }
    const content = bytes.subarray(mark.length + digestBytes)
    const head = Buffer.concat([mark, sha256(content)])
    return bytes.subarray(0, head.length).equals(head) ? new Uint8Array(content) : undefined
  }

  /** Stores an entry as a whole or not at all; a folder that cannot be written only costs time. */
  set(key: string, content: Uint8Array): void {
    if (this.#folder === undefined) return
    const path = this.#path(key)
    const draft = `${path}.${randomUUID()}`
    try {
      mkdirSync(this.#folder, { recursive: true })
      writeFileSync(draft, Buffer.concat([mark, sha256(content), content]))
      renameSync(draft, path)
    } catch {
      remove(draft)
    }
  }

  /** Forgets an entry that the driver would not load. */
  delete(key: string): void {
    if (this.#folder !== undefined) remove(this.#path(key))
  }

  #path(key: string): string {
    return join(this.#folder!, `${sha256(key).toString('hex')}.cubin`)
  }
}
