// What `npm start`, `npm test` and the other scripts of the root run. It needs only Node 18
// or newer and npm: it fetches the pnpm that package.json names, installs from the lockfile
// when something changed, and then runs the task. The install brings the Node that
// everything else runs on.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// What is unchanged stays silent; a failure stops only what depends on it.
const report = ['--output-logs=new-only', '--continue=dependencies-successful']

const tasks = {
  start: (args) => build('train').then(() => node(['apps/train/src/main.ts', ...args])),
  golden: (args) =>
    build('@nablajs/testing').then(() => node(['packages/testing/src/golden/main.ts', ...args])),
  bench: (args) =>
    build('bench').then(() => node(['--expose-gc', 'apps/bench/src/main.ts', ...args])),
  doctor: (args) => build('doctor').then(() => node(['apps/doctor/src/main.ts', ...args])),
  'new:optimizer': (args) => node(['scripts/new-optimizer.mjs', ...args]),
  test: async () => {
    await turbo(['build', 'typecheck', 'test', ...report])
    await pnpm(['run', 'lint'])
  },
  'test:gpu': (args) =>
    build('@nablajs/testing').then(() => node(['packages/testing/src/gpu.ts', ...args])),
  'test:emulator': (args) =>
    build('@nablajs/testing').then(() => node(['packages/testing/src/emulator.ts', ...args])),
  'pack:gpu': async (args) => {
    await turbo(['build', '--filter=@nablajs/backend-cpu', '--output-logs=errors-only'], {
      quiet: true,
    })
    await node(['scripts/pack-gpu.mjs', ...args])
  },
  'check:packed': async () => {
    await turbo(['build', '--output-logs=errors-only'], { quiet: true })
    await pnpm(['exec', 'node', 'scripts/check-packed.mjs'])
  },
  ...Object.fromEntries(
    ['build', 'typecheck', 'test:browser', 'check:package'].map((name) => [
      name,
      (args) => turbo([name, ...report, ...args]),
    ]),
  ),
}

const [name, ...args] = process.argv.slice(2)
const task = Object.hasOwn(tasks, name ?? '') ? tasks[name] : undefined
if (!task) {
  console.error(`usage: node scripts/dev.mjs ${Object.keys(tasks).join('|')} [arguments]`)
  process.exit(2)
}

// npm describes its own run in npm_* variables; an inner npm or pnpm would take them for its own.
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
for (const key of Object.keys(env)) {
  if (/^npm_(lifecycle|package|command|execpath)/i.test(key)) delete env[key]
}

let child
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    // Ctrl-C in a terminal reaches the child by itself; a second one could mean something else to it.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal)
  })
}

await install()
await task(args)

/** Runs a command to its end; returns what it printed if `quiet`, and ends this process if it fails. */
function run(command, argv, { quiet = false, failed } = {}) {
  return new Promise((resolve) => {
    child = spawn(command, argv, {
      cwd: root,
      env,
      stdio: quiet ? ['inherit', 'pipe', 'pipe'] : 'inherit',
      shell: windows && command !== nodePath(),
    })
    const printed = []
    child.stdout?.on('data', (chunk) => printed.push(chunk))
    child.stderr?.on('data', (chunk) => printed.push(chunk))
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      process.exit(1)
    })
    child.on('close', (status, signal) => {
      if (status === 0) return resolve()
      const interrupted = signal ?? (status === 130 ? 'SIGINT' : undefined)
      if (interrupted) return endBy(interrupted)
      process.stderr.write(Buffer.concat(printed))
      if (failed) console.error(failed)
      process.exit(status ?? 1)
    })
  })
}

/** Ends as the child did, so that a shell or npm sees an interruption and not a failure. */
function endBy(signal) {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 200)
}

function pnpm(argv, options) {
  const wanted = packageManager.slice('pnpm@'.length)
  const found = spawnSync('pnpm', ['--version'], {
    cwd: root,
    env,
    encoding: 'utf8',
    shell: windows,
  })
  return found.status === 0 && found.stdout.split('.')[0] === wanted.split('.')[0]
    ? run('pnpm', argv, options)
    : run('npm', ['exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...argv], options)
}

/** Installs from the lockfile, unless the last install is newer than all it depends on. */
async function install() {
  const stamp = join(root, 'node_modules', '.modules.yaml')
  const manifests = ['packages', 'apps'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((entry) => join(folder, entry, 'package.json')),
  )
  const newest = Math.max(
    ...['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', '.pnpmfile.cjs', ...manifests]
      .map((file) => join(root, file))
      .filter((file) => existsSync(file))
      .map((file) => statSync(file).mtimeMs),
  )
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newest) return
  console.error('installing ...')
  await pnpm(['install', '--frozen-lockfile'], {
    quiet: true,
    failed:
      'The install failed, see above: the npm registry has to be reachable, and pnpm-lock.yaml has to match the package.json files.',
  })
  const now = new Date()
  if (existsSync(stamp)) utimesSync(stamp, now, now)
}

/** Builds what an app or package depends on. turbo skips what has not changed. */
async function build(workspace) {
  console.error('building ...')
  await turbo(['build', `--filter=${workspace}^...`, '--output-logs=errors-only'], {
    quiet: true,
    failed: 'The build failed: see the lines above.',
  })
}

/** Runs tasks of turbo.json, which are scripts of the packages, in the order they depend on each other. */
function turbo(argv, options) {
  return pnpm(['exec', 'turbo', 'run', ...argv], options)
}

/** The Node that the install brought, or the one this script runs on where there is none. */
function nodePath() {
  const system = windows ? 'win' : process.platform
  const require = createRequire(join(root, 'package.json'))
  for (const prefix of ['node-', 'node-bin-']) {
    try {
      const manifest = require.resolve(`${prefix}${system}-${process.arch}/package.json`)
      const file = join(dirname(manifest), 'bin', windows ? 'node.exe' : 'node')
      if (existsSync(file)) return file
    } catch {
      // Not a package of this platform.
    }
  }
  return process.execPath
}

/** Runs a TypeScript file from the root folder, where the paths a user gives are meant from. */
function node(argv) {
  return run(nodePath(), argv)
}
