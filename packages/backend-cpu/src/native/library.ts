/** Loading a native library by name: candidates in order, the user's choice, and errors that say what to do. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { DeviceError } from '@nablajs/tensor/backend'
import type koffiModule from 'koffi'
import type { LibraryHandle } from 'koffi'
import type { LibraryChoice } from './types.ts'

export type Koffi = typeof koffiModule

/** A library that was loaded, and what it was asked for by. */
export interface Loaded {
  readonly handle: LibraryHandle
  readonly name: string
}

/**
 * The choice that holds: an option other than `'auto'` comes before the environment variable, in which
 * `off` and `0` mean none.
 */
export function chosen(option: LibraryChoice, variable: string): LibraryChoice {
  if (option !== 'auto') return option
  const value = process.env[variable]?.trim()
  if (!value || value === 'auto') return 'auto'
  return value === 'off' || value === '0' ? false : value
}

/** Loads a file or a name that the system's loader knows; the reason as a string where it cannot. */
export function load(koffi: Koffi, name: string): Loaded | string {
  try {
    return { handle: koffi.load(name), name }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
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
export function unusable(option: string, variable: string, name: string, why: string): DeviceError {
  return new DeviceError(
    `cpu: the library ${JSON.stringify(name)} that ${option} or ${variable} asks for cannot be used: ${why}; ` +
      `give another name or path, or ${variable}=off for none`,
  )
}
