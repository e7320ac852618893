/** `npm run new:optimizer NAME`, in a copy of what it touches. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')
let copy = ''

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'nabla-scaffold-'))
  for (const path of [
    'scripts/new-optimizer.mjs',
    'tsconfig.base.json',
    'biome.json',
    '.gitignore',
  ])
    cpSync(join(root, path), join(copy, path))
  mkdirSync(join(copy, '.changeset'))
  for (const path of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    cpSync(join(root, 'packages/optim', path), join(copy, 'packages/optim', path), {
      recursive: true,
    })
  // Junctions need no rights on Windows; elsewhere the word says nothing.
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  symlinkSync(
    join(root, 'packages/optim/node_modules'),
    join(copy, 'packages/optim/node_modules'),
    'junction',
  )
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

const scaffold = (...args: string[]) =>
  spawnSync(process.execPath, [join(copy, 'scripts/new-optimizer.mjs'), ...args], {
    encoding: 'utf8',
  })
const read = (path: string): string => readFileSync(join(copy, path), 'utf8')

describe('new:optimizer', () => {
  test.each([
    [[], 'usage: npm run new:optimizer NAME'],
    [['A', 'B'], 'usage: npm run new:optimizer NAME'],
    [['adam'], 'adam is no name of a class'],
    [['Ada-Foo'], 'Ada-Foo is no name of a class'],
    [['../Foo'], '../Foo is no name of a class'],
    [['Adam'], 'packages/optim/src/transforms/scale-by-adam.ts is there already'],
    [['Lamb'], 'packages/optim/src/optimizers/lamb.ts is there already'],
    [['Chain'], 'chain is a name of the package already'],
    [['Rss'], 'packages/optim/src/transforms/scale-by-rss.ts is there already'],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = scaffold(...args)
    expect(status).toBe(1)
    expect(stderr.replaceAll('\\', '/').toLowerCase()).toContain(message.toLowerCase())
  })

  test('writes an optimizer that runs, and whose row asks for its paper', () => {
    const { status, stdout } = scaffold('AdaZoo')
    expect(status).toBe(0)
    expect(stdout).toContain('packages/optim/test/rows.ts')
    expect(read('packages/optim/src/index.ts')).toContain(
      "export { AdaZoo, type AdaZooOptions } from './optimizers/adazoo.ts'",
    )
    expect(read('.changeset/optim-adazoo.md')).toContain('"@nablajs/optim": minor')

    const bin = (path: string): string => join(root, 'node_modules', path)
    const check = (file: string, args: string[], cwd: string): void => {
      const done = spawnSync(process.execPath, [file, ...args], { cwd, encoding: 'utf8' })
      expect(done.status, done.stdout + done.stderr).toBe(0)
    }
    // What it wrote is formatted, and all is typed.
    const written = stdout.match(/packages\S+\.ts/g)!
    expect(written).toHaveLength(5)
    check(bin('@biomejs/biome/bin/biome'), ['check', ...written], copy)
    check(bin('typescript/bin/tsc'), ['-p', '.'], join(copy, 'packages/optim'))

    const own = join(copy, 'packages/optim')
    const vitest = join(root, 'packages/optim/node_modules/vitest/vitest.mjs')
    const run = spawnSync(
      process.execPath,
      [vitest, 'run', 'test/optimizers.test.ts', '-t', 'AdaZoo', '--reporter=json'],
      { cwd: own, encoding: 'utf8' },
    )
    const report = JSON.parse(read('packages/optim/.vitest/results.json')) as {
      testResults: {
        assertionResults: { title: string; status: string; failureMessages: string[] }[]
      }[]
    }
    const results = report.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status: one }) => one === 'passed' || one === 'failed')
    expect(results.length, run.stderr).toBeGreaterThanOrEqual(8)
    const failed = results.filter(({ status: one }) => one === 'failed')
    expect(failed.map(({ title }) => title)).toEqual(['follows its paper'])
    expect(failed[0]!.failureMessages[0]).toContain('write the update of AdaZoo here')

    expect(scaffold('AdaZoo').stderr).toContain('is there already; take another name')
  })
})
