/** Which library is used, by option, variable and what there is. */

import type { LibraryHandle } from 'koffi'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openNative } from './node.ts'
import { bindOneDnn } from './onednn-api.ts'
import type { NativeLibrary } from './types.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

const memory = new WebAssembly.Memory({ initial: 1 })
const here = await openNative({ memory, blas: 'auto', oneDnn: false })
const blas = typeof here.blas === 'string' ? here.blas : undefined

describe('which library is used', () => {
  const found = (options: { readonly blas?: string | false; readonly oneDnn?: string | false }) =>
    openNative({ memory, blas: 'auto', oneDnn: 'auto', ...options })

  test('the variables switch libraries off, and options come first', async () => {
    for (const value of ['off', '0']) {
      vi.stubEnv('NABLA_BLAS', value)
      vi.stubEnv('NABLA_ONEDNN', value)
      const { blas, oneDnn } = await found({})
      expect([blas, oneDnn]).toEqual(['switched off by NABLA_BLAS', 'switched off by NABLA_ONEDNN'])
    }
    const none = await found({ blas: false, oneDnn: false })
    expect(none.blas).toBe('switched off by the option blas')
    vi.stubEnv('NABLA_BLAS', 'no-such-blas')
    expect((await found({ blas: false })).blas).toBe('switched off by the option blas')
  })

  test('one that was asked for and cannot be used is an error that says why', async () => {
    await expect(found({ blas: '/no/such/file.so' })).rejects.toThrow(
      'cpu: the library "/no/such/file.so" that the option blas asks for cannot be used: /no/such/file.so: ',
    )
    vi.stubEnv('NABLA_BLAS', 'no-such-blas')
    await expect(found({})).rejects.toThrow('that NABLA_BLAS asks for cannot be used')
    vi.stubEnv('NABLA_BLAS', 'auto')
    vi.stubEnv('NABLA_ONEDNN', 'no-such-file')
    await expect(found({})).rejects.toThrow('or NABLA_ONEDNN=off')
  })

  test.skipIf(process.platform !== 'linux')(
    'a library of another kind is not taken for one',
    async () => {
      await expect(found({ blas: 'libm.so.6' })).rejects.toThrow(
        'libm.so.6 has no function cblas_sgemm',
      )
      await expect(found({ oneDnn: 'libm.so.6' })).rejects.toThrow(
        'libm.so.6 has no function dnnl_version',
      )
    },
  )

  test.skipIf(blas !== undefined)('by its kind and by its path', async () => {
    const { name, path } = here.blas as NativeLibrary
    vi.stubEnv('NABLA_BLAS', name.toLowerCase())
    expect((await found({})).blas).toMatchObject({ name })
    vi.stubEnv('NABLA_BLAS', path)
    expect((await found({})).blas).toMatchObject({ name, path })
    expect((await found({ blas: path })).blas).toMatchObject({ name, path })
  })
})

test('a oneDNN of another version is told, not called', async () => {
  const { default: koffi } = await import('koffi')
  const version = Int32Array.of(4, 1, 2)
  const func = () => () => Number(koffi.address(version))
  const handle = { func } as unknown as LibraryHandle
  expect(bindOneDnn(koffi, { handle, name: 'libdnnl.so.4' })).toBe(
    'libdnnl.so.4 is oneDNN 4.1.2; this version of nabla knows oneDNN 2 and 3',
  )
})

test('where no library can be loaded there are none, unless one is asked for', async () => {
  const { openNative: openNone } = await import('./none.ts')
  const { blas, oneDnn } = await openNone({ memory, blas: 'auto', oneDnn: false })
  expect([blas, oneDnn]).toEqual(Array(2).fill('native libraries can be loaded in Node only'))
  await expect(openNone({ memory, blas: 'openblas', oneDnn: 'auto' })).rejects.toThrow(
    'cpu: blas is "openblas", but native libraries can be loaded in Node only',
  )
})
