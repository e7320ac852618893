import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cacheFolder, DiskCache } from './cache.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-cache-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const content = Uint8Array.of(1, 2, 3)

test('gives back what was stored, under its key alone', () => {
  const cache = new DiskCache(join(folder, 'new'))
  cache.set('a', content)
  expect(new DiskCache(join(folder, 'new')).get('a')).toEqual(content)
  expect(cache.get('b')).toBeUndefined()
  cache.delete('a')
  expect(cache.get('a')).toBeUndefined()
})

test('an entry that was cut or changed is none', () => {
  const cache = new DiskCache(folder)
  cache.set('a', content)
  const file = join(folder, readdirSync(folder)[0]!)
  const whole = readFileSync(file)
  for (const broken of [
    whole.subarray(0, 20),
    whole.subarray(0, -1),
    whole.map((b, i) => (i === 42 ? b ^ 1 : b)),
    Buffer.alloc(0),
  ]) {
    writeFileSync(file, broken)
    expect(cache.get('a')).toBeUndefined()
  }
  writeFileSync(file, whole)
  expect(cache.get('a')).toEqual(content)
})

test('a folder that cannot be made is no error, and leaves no drafts', () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const cache = new DiskCache(file)
  cache.set('a', content)
  expect(cache.get('a')).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['file'])
})

test('lies where the variables say', () => {
  expect(cacheFolder({ NABLA_CUDA_CACHE: 'off' })).toBeUndefined()
  expect(cacheFolder({ NABLA_CUDA_CACHE: '/somewhere' })).toBe('/somewhere')
  if (process.platform !== 'win32')
    expect(cacheFolder({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/nabla/cuda')
})
