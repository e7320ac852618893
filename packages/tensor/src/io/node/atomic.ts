/// <reference types="node" />
import { randomUUID } from 'node:crypto'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Writes a file so that there is always a whole one: the bytes go to a new file beside it, which then
 * takes its name. Whoever reads meanwhile, and a machine that stops meanwhile, finds the old file or
 * the new one. A link at `path` stays one, and an existing file's permissions stay.
 *
 * @throws Errors of the file system; the old file is then as it was.
 * @example
 * ```ts
 * await writeFileAtomic('run.safetensors', await saveCheckpoint(training))
 * ```
 */
export async function writeFileAtomic(path: string | URL, bytes: Uint8Array): Promise<void> {
  const named = typeof path === 'string' ? path : fileURLToPath(path)
  const target = await realpath(named).catch(() => named)
  const mode = await stat(target).then(
    (stats) => stats.mode & 0o7777,
    () => undefined,
  )
  // In the same folder, so that renaming does not copy; with a name that nobody else takes.
  const beside = `${target}.${randomUUID()}.tmp`
  try {
    const file = await open(beside, 'wx')
    try {
      if (mode !== undefined) await file.chmod(mode)
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, target)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
  await syncFolder(dirname(target))
}

/** Makes the new name last, where the system lets folders be synced (Windows does not). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path).catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}
