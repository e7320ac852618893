import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, sep } from 'node:path'

const require = createRequire(import.meta.url)

/** The package.json of a package, exported or not. */
export function manifestOf(name: string): { readonly version: string } {
  const folder = join('node_modules', ...name.split('/'))
  const entry = require.resolve(name)
  const root = entry.slice(0, entry.lastIndexOf(folder + sep) + folder.length)
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}
