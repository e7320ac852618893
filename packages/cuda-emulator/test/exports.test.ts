/** The library against the table that the backend's bindings are made from. */

import { dirname } from 'node:path'
import koffi from 'koffi'
import { describe, expect, it } from 'vitest'
import { emulator, prototypes } from '../src/index.ts'
import { libraries } from '../src/prototypes.ts'
import { missing, opened, suite } from './driver.ts'

suite('the library', () => {
  const names = libraries.flatMap(({ functions }) => Object.keys(functions))

  it('exports every function of the table', () => {
    const library = koffi.load(opened().library)
    const absent = names.filter((name) => {
      try {
        library.symbol(name)
        return false
      } catch {
        return true
      }
    })
    expect(absent).toEqual([])
    expect(names.length).toBeGreaterThan(50)
  })

  it('declares each with the parameters of the table', () => {
    const header = prototypes()
    for (const { functions } of libraries)
      for (const [name, { takes }] of Object.entries(functions))
        expect(header).toContain(` ${name}(${takes.join(', ')});`)
  })
})

describe('emulator', () => {
  it('names an option that is not there', () => {
    const wrong = { cach: '/tmp' } as object
    expect(() => emulator(wrong)).toThrow(
      'cuda-emulator: there is no option cach; there are cache and compiler',
    )
  })
  it.skipIf(missing !== undefined || process.getuid?.() === undefined)(
    'runs nothing from a folder of another user',
    () => {
      const own = process.getuid!
      const other = () => own() + 1
      process.getuid = other
      try {
        expect(() => emulator({ cache: dirname(opened().library) })).toThrow(
          /^cuda-emulator: .* belongs to another user; name a folder of yours \(cache\)$/,
        )
      } finally {
        process.getuid = own
      }
    },
  )
  it('says what is missing where there is no compiler', () => {
    expect(emulator({ compiler: 'no-such-g++' }).missing).toMatch(
      /^the CUDA emulator is built by no-such-g\+\+, which could not be run|runs on Linux/,
    )
  })
})

suite('controls', () => {
  it('refuse what makes no sense', () => {
    const controls = opened().controls()
    expect(() => controls.setOrder('sideways' as 'forward')).toThrow(
      'order is sideways; there are forward, reverse, random',
    )
    expect(() => controls.setDevices(17)).toThrow(
      'devices is 17; it must be a whole number, 0 to 16',
    )
    expect(() => controls.setMemory(-1)).toThrow('memory is -1')
  })
})
