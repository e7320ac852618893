/** Loading a native library by name: candidates in order, the user's choice, and errors that say what to do. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { DeviceError } from '@nablajs/tensor/backend'
import type koffiModule from 'koffi'
import type { LibraryHandle } from 'koffi'
import type { Addresses } from './address.ts'
import type { LibraryChoice } from './types.ts'

export type Koffi = typeof koffiModule

/** A library that was loaded, and what it was asked for by. */
export interface Loaded {
  readonly handle: LibraryHandle
  readonly name: string
}

/** What the libraries of one device share. */
export interface Settings {
  readonly addresses: Addresses
  readonly threads: number
  readonly always: boolean
}

/**
 * How many threads a call is for: one below `parallel` multiply-adds, where waking and joining threads
 * costs more than it saves. It follows from the size alone, and so do the bits of the result.
 */
export function threadsFor({ threads }: Settings, work: number, parallel: number): number {
  return work < parallel ? 1 : threads
}

/** Which library to use, and who says so. */
export interface Choice {
  readonly option: keyof typeof variables
  readonly name: LibraryChoice
  /** `option blas`, `NABLA_BLAS`. */
  readonly by: string
}

const variables = { blas: 'NABLA_BLAS', oneDnn: 'NABLA_ONEDNN' } as const

/**
 * The choice that holds: an option other than `'auto'` comes before the environment variable, in which
 * `off` and `0` mean none.
 */
export function chosen(option: keyof typeof variables, given: LibraryChoice): Choice {
  if (given !== 'auto') return { option, name: given, by: `the option ${option}` }
  const by = variables[option]
  const value = process.env[by]?.trim() || 'auto'
  return { option, name: value === 'off' || value === '0' ? false : value, by }
}

/** Loads a file or a name that the system's loader knows; the reason as a string where it cannot. */
export function load(koffi: Koffi, name: string): Loaded | string {
  try {
    // MKL loads its parts at the first call, and they look for symbols of each other.
    return { handle: koffi.load(name, { global: name.includes('mkl_rt') }), name }
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : error}`
  }
}

/** Whether a library has a function. */
export function has({ handle }: Loaded, symbol: string): boolean {
  try {
    handle.symbol(symbol)
    return true
  } catch {
    return false
  }
}

/** The file behind a loaded library: Linux lists what is mapped; elsewhere the name has to do. */
export function pathOf({ name }: Loaded, pattern: RegExp): string {
  if (process.platform !== 'linux') return name
  try {
    for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
      const path = line.slice(line.indexOf('/'))
      if (path.startsWith('/') && pattern.test(basename(path))) return path
    }
  } catch {
    // Without /proc there is nothing more to say.
  }
  return name
}

/** An error for a library that was asked for by name. */
export function unusable({ option, name, by }: Choice, why: string): DeviceError {
  return new DeviceError(
    `cpu: the library ${JSON.stringify(name)} that ${by} asks for cannot be used: ${why}. ` +
      `Give another name or path, or switch it off: ${option} = false, or ${variables[option]}=off`,
  )
}
