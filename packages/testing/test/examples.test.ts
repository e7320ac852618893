/** The examples in doc blocks run: each `ts` block after an `@example`, with what it takes for granted. */
import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import * as cpuBackend from '@nablajs/backend-cpu'
import * as data from '@nablajs/data'
import * as nn from '@nablajs/nn'
import * as optim from '@nablajs/optim'
import * as tensor from '@nablajs/tensor'
import * as fft from '@nablajs/tensor/fft'
import * as gradcheck from '@nablajs/tensor/gradcheck'
import * as io from '@nablajs/tensor/io'
import * as linalg from '@nablajs/tensor/linalg'
import * as scalars from '@nablajs/tensor/program'
import { afterAll, beforeEach, describe, test } from 'vitest'
import { fixtures, notRun, own } from './example-fixtures.ts'

const packages = join(import.meta.dirname, '..', '..')
const library = {
  ...gradcheck,
  ...scalars,
  ...io,
  ...linalg,
  ...fft,
  ...cpuBackend,
  ...data,
  ...optim,
  ...nn,
  ...tensor,
}

interface Example {
  readonly place: string
  readonly code: string
}

function examplesIn(file: string): Example[] {
  const text = readFileSync(join(packages, file), 'utf8')
  return [
    ...text.matchAll(/@example[^\n]*\n([ \t]*\*[^\n]*\n)*?[ \t]*\* ```ts\n([\s\S]*?)\* ```/g),
  ].map((match) => ({
    place: `${file}:${text.slice(0, match.index).split('\n').length}`,
    code: match[2]!.replace(/^[ \t]*\* ?/gm, ''),
  }))
}

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<void>

/** Runs an example: imports are the library's names, and names nobody declares are fixtures. */
async function run(file: string, code: string): Promise<void> {
  const script = stripTypeScriptTypes(code.replace(/^import [\s\S]*? from '[^']+'$/gm, ''))
  const common = fixtures()
  const given: Record<string, unknown> = { ...library, ...common, ...(await own[file]?.(common)) }
  const names = Object.keys(given)
  // In a block of its own, so that an example may declare a name that is given.
  const body = new AsyncFunction(...names, `{ ${script}\n }`)
  await body(...names.map((name) => given[name]))
}

const files = globSync('*/src/**/*.ts', { cwd: packages })
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('testing'))
  .sort()

const log = console.log
beforeEach(() => {
  console.log = () => {}
  tensor.manualSeed(1)
  tensor.setDevice(tensor.reference())
})
afterAll(() => {
  console.log = log
})

for (const file of files) {
  const examples = examplesIn(file)
  const reason = notRun[file]
  if (examples.length > 0)
    describe(reason ? `${file}: ${reason}` : file, () => {
      for (const { place, code } of examples)
        test.skipIf(reason !== undefined)(place, () => run(file, code))
    })
}
