import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  cTypes,
  cublasApi,
  cublasLtApi,
  cudnnApi,
  driverApi,
  headerCheck,
  type LibraryDeclaration,
  nvrtcApi,
  symbolsOf,
} from './index.ts'

const folders = [process.env['CUDA_HOME'], process.env['CUDA_PATH'], '/usr/local/cuda']
  .filter((root) => root !== undefined)
  .map((root) => join(root, 'include'))
const python = process.env['VIRTUAL_ENV']
// Python wheels bring the headers of libraries that are no part of a toolkit.
if (python)
  folders.push(
    ...globSync(join(python, 'lib', 'python3*', 'site-packages', 'nvidia', '*', 'include')),
  )
folders.push('/usr/include')
const hasCompiler = spawnSync('g++', ['--version']).status === 0

/** What the compiler says about a C++ file. */
function complaints(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-api-'))
  try {
    const file = join(folder, 'check.cpp')
    writeFileSync(file, source)
    const includes = folders.filter((path) => existsSync(path)).map((path) => `-idirafter${path}`)
    return spawnSync('g++', ['-std=c++17', '-fsyntax-only', ...includes, file], {
      encoding: 'utf8',
    }).stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the declarations', () => {
  for (const [name, library] of Object.entries({
    driverApi,
    nvrtcApi,
    cublasApi,
    cublasLtApi,
    cudnnApi,
  })) {
    const { header }: LibraryDeclaration = library
    const present = folders.some((folder) => existsSync(join(folder, header)))
    const missing = !hasCompiler ? 'there is no g++' : present ? '' : `there is no ${header}`
    it.skipIf(missing !== '')(`${name} agrees with ${header}${missing && ` (${missing})`}`, () => {
      expect(complaints(headerCheck(library))).toBe('')
      const [first] = Object.keys(library.constants)
      const wrong = { ...library, constants: { [first!]: 12345 } }
      expect(complaints(headerCheck(wrong))).toContain(`${first} is 12345`)
    })

    it(`${name} names types of the table, and each symbol once`, () => {
      const { functions }: LibraryDeclaration = library
      const symbols = symbolsOf(library)
      expect(new Set(symbols).size).toBe(symbols.length)
      for (const { takes } of Object.values(functions))
        for (const type of takes) expect(cTypes[type]).toBeDefined()
    })
  }
})
