import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const here = join(import.meta.dirname, '..')
const readme = readFileSync(join(here, '..', '..', 'README.md'), 'utf8')

test("the README's example trains", () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  expect(code).toBeDefined()
  expect(code!.trim().split('\n').length).toBeLessThanOrEqual(22)
  const printed = execFileSync(
    process.execPath,
    ['--input-type=module-typescript', '--eval', code!],
    { cwd: here, encoding: 'utf8' },
  )
  const losses = [...printed.matchAll(/epoch \d+: loss ([\d.]+)/g)].map((match) => Number(match[1]))
  expect(losses).toHaveLength(5)
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 3)
}, 60_000)
