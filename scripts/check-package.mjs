// Checks the package in the current folder as its users will get it: packed, so that
// `publishConfig` applies. `publint` and `attw` read the tarball, `size-limit` the build.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'nabla-pack-'))
const problems = []

/** Runs a command; prints what it said only if it failed, unless `show` asks for more. */
function check(title, command, args, { show = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) problems.push(title)
  if (status !== 0 || show) process.stdout.write(`${stdout ?? ''}${stderr ?? ''}`)
  if (error) console.log(`${command}: ${error.message}`)
  return stdout ?? ''
}

const tool = (name) => join(root, 'node_modules', '.bin', name)

try {
  check('pnpm pack', 'pnpm', ['pack', '--pack-destination', folder])
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball) {
    const file = join(folder, tarball)
    check('publint', tool('publint'), ['run', file, '--strict'])
    check('attw', tool('attw'), [file, '--profile', 'esm-only', '--no-emoji'])

    const files = check('tar', 'tar', ['-tzf', file]).split('\n')
    const unwanted = files.filter((name) => /\.test\.|tsbuildinfo/.test(name))
    if (unwanted.length > 0) problems.push(`files that do not belong: ${unwanted.join(', ')}`)
    const stale = files
      .filter((name) => name.startsWith('package/dist/') && name.endsWith('.js'))
      .filter((name) => !files.includes(name.replace('/dist/', '/src/').replace(/js$/, 'ts')))
    if (stale.length > 0) problems.push(`built from sources that are gone: ${stale.join(', ')}`)
    const packed = JSON.parse(check('tar', 'tar', ['-xzOf', file, 'package/package.json']))
    if (JSON.stringify(packed.exports).includes('./src/'))
      problems.push('the packed exports name src')
    if (JSON.stringify(packed.dependencies ?? {}).includes('workspace:'))
      problems.push('the packed dependencies name the workspace')
  }
  if (manifest['size-limit']) check('size-limit', tool('size-limit'), [], { show: true })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

for (const problem of problems) console.error(`${manifest.name}: ${problem}`)
if (problems.length > 0) process.exit(1)
console.log(`${manifest.name}: package is fine`)
