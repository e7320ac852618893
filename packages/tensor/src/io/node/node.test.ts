import {
  chmod,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSafetensors, openSafetensorsIndex, writeFileAtomic } from '../../node-index.ts'
import type { HostTensor } from '../host.ts'
import { encodeSafetensors } from '../safetensors.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-io-'))
})
afterAll(() => rm(folder, { recursive: true }))

const a: HostTensor = { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) }
const b: HostTensor = { dtype: 'F32', shape: [1], data: Uint8Array.of(4, 5, 6, 7) }

test('tensors are read from disk one by one', async () => {
  const path = join(folder, 'one.safetensors')
  await writeFileAtomic(pathToFileURL(path), encodeSafetensors({ a, b }, { note: 'x' }))
  await using file = await openSafetensors(path)
  expect([file.names, file.metadata]).toEqual([['b', 'a'], { note: 'x' }])
  expect(await Promise.all([file.read('a'), file.read('b')])).toEqual([a, b])
  await truncate(path, (await stat(path)).size - 1)
  await expect(file.read('a')).rejects.toThrow('"a" takes 3 bytes, 2 came; the file is truncated')
})

test('what is no file', async () => {
  const path = join(folder, 'bad')
  await writeFile(path, 'bad')
  await expect(openSafetensors(path)).rejects.toThrow('safetensors: 3 bytes are too few for a file')
  await expect(openSafetensors(join(folder, 'nothing'))).rejects.toThrow('ENOENT')
  await expect(openSafetensors(folder)).rejects.toThrow('EISDIR')
})

test('a sharded model', async () => {
  await writeFile(join(folder, 'm-1.safetensors'), encodeSafetensors({ a }))
  await writeFile(join(folder, 'm-2.safetensors'), encodeSafetensors({ b }))
  const index = join(folder, 'm.safetensors.index.json')
  await writeFile(index, '{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}')
  for (const path of [index, pathToFileURL(index)]) {
    await using model = await openSafetensorsIndex(path)
    expect([await model.read('a'), await model.read('b')]).toEqual([a, b])
  }
})

test('a file is replaced as a whole; links and permissions stay', async () => {
  const path = join(folder, 'target')
  const link = join(folder, 'link')
  await writeFileAtomic(path, Uint8Array.of(1))
  await chmod(path, 0o640)
  await symlink('target', link)
  await writeFileAtomic(link, Uint8Array.of(2, 3))
  expect([...(await readFile(path))]).toEqual([2, 3])
  expect(await readlink(link)).toBe('target')
  if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o640)
})

test('a failure leaves the old file and nothing beside it', async () => {
  const path = join(folder, 'kept')
  await writeFile(path, 'old')
  const before = await readdir(folder)
  await expect(writeFileAtomic(path, 5 as unknown as Uint8Array)).rejects.toThrow()
  await expect(writeFileAtomic(join(folder, 'none', 'x'), new Uint8Array())).rejects.toThrow(
    'ENOENT',
  )
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(before)
})
