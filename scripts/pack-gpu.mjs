// Packs what a Linux machine with an NVIDIA GPU needs to test and to measure the CUDA backend, and no more:
// Node, the sources of the packages, and the few dependencies that tests and benchmarks load. Nothing is
// installed or downloaded there.
//   npm run pack:gpu [-- --goldens FOLDER] [FILE]     FILE is nabla-gpu.tar.xz by default
// Run by pnpm, after a build.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const packages = [
  ...['tensor', 'nn', 'optim', 'data', 'testing', 'cuda-emulator'],
  ...['backend-cpu', 'backend-cuda-node', 'backend-webgpu'],
]
const apps = ['bench', 'doctor']

/** What tests and benchmarks load at run time, and the workspace that depends on it. */
const external = [
  ['packages/testing', 'vitest'],
  ['packages/testing', 'vite'],
  ['packages/backend-cuda-node', 'koffi'],
  ['apps/bench', 'commander'],
  ['apps/bench', 'mitata'],
]

/** Of dependencies, what only editors and debuggers read. */
const unread = /\.(d\.[cm]?ts|map|md)$/i

function fail(message) {
  console.error(`pack:gpu: ${message}`)
  process.exit(1)
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...options,
  })
  if (status !== 0) fail(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: { goldens: { type: 'string' } },
      allowPositionals: true,
    })
    if (positionals.length > 1)
      throw new Error(`one file is written, not ${positionals.join(', ')}`)
    const { goldens } = values
    if (goldens !== undefined && !existsSync(goldens)) throw new Error(`there is no ${goldens}`)
    return { goldens, file: resolve(positionals[0] ?? join(root, 'nabla-gpu.tar.xz')) }
  } catch (error) {
    return fail(`${error.message}\nusage: npm run pack:gpu [-- --goldens FOLDER] [FILE]`)
  }
}

/** The files of a workspace that are in the repository or would be. */
function copyWorkspace(path, target) {
  const listed = run('git', ['ls-files', '-co', '--exclude-standard', '-z', path], { cwd: root })
  for (const file of new Set(listed.split('\0').filter((name) => name !== ''))) {
    if (!existsSync(join(root, file))) continue
    mkdirSync(dirname(join(target, file)), { recursive: true })
    cpSync(join(root, file), join(target, file))
  }
}

/** The folder of a dependency, as `from` (the real folder of who depends on it) sees it. */
function folderOf(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(found)) return realpathSync(found)
    if (dirname(folder) === folder) return undefined
  }
}

/** Copies a package with all that it needs to run; two versions of one name are a mistake to be seen. */
function copyDependency(name, from, target, seen, { optional }) {
  const folder = folderOf(name, from)
  if (!folder) {
    if (optional) return
    fail(`${name} is not installed, which ${from} depends on`)
  }
  if (seen.has(name)) {
    if (seen.get(name) !== folder) fail(`${name} is there twice: ${seen.get(name)} and ${folder}`)
    return
  }
  seen.set(name, folder)
  cpSync(folder, join(target, 'node_modules', name), {
    recursive: true,
    filter: (path) => !unread.test(path) && path !== join(folder, 'node_modules'),
  })
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { dependencies = {}, optionalDependencies = {} } = manifest
  for (const each of Object.keys(dependencies))
    if (!each.startsWith('@types/') && !Object.hasOwn(optionalDependencies, each))
      copyDependency(each, folder, target, seen, { optional: false })
  for (const each of Object.keys(optionalDependencies))
    copyDependency(each, folder, target, seen, { optional: true })
}

function copyNode(target) {
  const node = join(target, 'bin', 'node')
  mkdirSync(dirname(node))
  // Symbols are a fifth of it, and of no use here.
  if (spawnSync('strip', ['-o', node, process.execPath]).status !== 0)
    copyFileSync(process.execPath, node)
  chmodSync(node, 0o755)
}

const { goldens, file } = readArguments()
if (process.platform !== 'linux')
  fail(`it packs the Node of Linux, and this is ${process.platform}`)
const work = mkdtempSync(join(tmpdir(), 'nabla-pack-'))
try {
  const target = join(work, 'nabla-gpu')
  mkdirSync(target)
  for (const name of packages) copyWorkspace(`packages/${name}`, target)
  for (const name of apps) copyWorkspace(`apps/${name}`, target)
  copyFileSync(join(root, 'tsconfig.base.json'), join(target, 'tsconfig.base.json'))
  // The kernels of the CPU device, which its build makes.
  cpSync(
    join(root, 'packages/backend-cpu/src/generated'),
    join(target, 'packages/backend-cpu/src/generated'),
    { recursive: true },
  )
  const seen = new Map()
  for (const [workspace, name] of external)
    copyDependency(name, join(root, workspace), target, seen, { optional: false })
  mkdirSync(join(target, 'node_modules', '@nablajs'))
  for (const name of packages)
    symlinkSync(join('..', '..', 'packages', name), join(target, 'node_modules', '@nablajs', name))
  copyNode(target)
  if (goldens) cpSync(goldens, join(target, 'goldens'), { recursive: true, dereference: true })
  copyFileSync(join(root, 'scripts', 'run-packed.sh'), join(target, 'run'))
  chmodSync(join(target, 'run'), 0o755)
  console.log('packing, which takes a minute or two ...')
  run('tar', ['-cJf', file, '-C', work, 'nabla-gpu'], {
    env: { ...process.env, XZ_OPT: '-6 -T0' },
  })
  console.log(`${file}: ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB`)
} finally {
  rmSync(work, { recursive: true })
}
