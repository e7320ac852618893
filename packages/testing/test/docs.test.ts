/** Everything public is documented: each exported name has a doc block where it is declared. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const packages = join(import.meta.dirname, '..', '..')

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
}

/** What `file` exports: names it lists or declares, and all of those of files it passes on. */
function exportsOf(file: string, seen = new Set<string>()): Map<string, string> {
  const found = new Map<string, string>()
  if (seen.has(file)) return found
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  for (const [, source] of text.matchAll(/^export \* from '(\.[^']+)'/gm))
    for (const [name, where] of exportsOf(join(file, '..', source!), seen)) found.set(name, where)
  for (const [, list, source] of text.matchAll(/^export (?:type )?\{([^}]*)\} from '(\.[^']+)'/gm))
    for (const entry of list!.split(',')) {
      const name = entry
        .trim()
        .replace(/^type /, '')
        .split(' as ')[0]!
      if (!name) continue
      const where = join(file, '..', source!)
      found.set(name, exportsOf(where, new Set(seen)).get(name) ?? where)
    }
  for (const [, name] of text.matchAll(
    /^export (?:declare )?(?:abstract )?(?:async )?(?:function|const|class|interface|type) (\w+)/gm,
  ))
    found.set(name!, file)
  return found
}

const kinds = '(?:declare )?(?:abstract )?(?:async )?(?:function\\*?|const|class|interface|type)'

/** The members of an interface that have no doc block of their own; undefined for anything else. */
function bareMembers(name: string, text: string): string[] | undefined {
  const body = new RegExp(`^export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(
    text,
  )?.[1]
  const lines = body?.split('\n')
  return lines
    ?.filter((line, i) => /^ {2}[\w[(]/.test(line) && !/\*\/$/.test(lines[i - 1] ?? ''))
    .map((line) => line.trim())
}

/** Whether a doc block stands before a declaration of `name`, or all its members have their own. */
function isDocumented(name: string, file: string): boolean {
  const text = readFileSync(file, 'utf8')
  const declaration = new RegExp(`\\*/\\n(?:// biome-ignore.*\\n)*export ${kinds} ${name}\\b`)
  return declaration.test(text) || bareMembers(name, text)?.length === 0
}

const manifests = globSync('*/package.json', { cwd: packages }).filter(
  (file) => !file.startsWith('testing'),
)

describe.each(manifests)('%s', (manifest) => {
  const folder = join(packages, manifest, '..')
  const { exports } = JSON.parse(readFileSync(join(packages, manifest), 'utf8')) as Manifest
  const entries = Object.entries(exports).filter(([, file]) => file.endsWith('.ts'))

  test.each(entries)('%s: every export has a doc block', (_, file) => {
    const names = [...exportsOf(join(folder, file))]
    expect(names.length).toBeGreaterThan(0)
    const bare = names
      .filter(([name, where]) => !isDocumented(name, where))
      .map(([name, where]) => `${name} in ${where.slice(packages.length + 1)}`)
    expect(bare).toEqual([])
  })
})
