/** The parts of `test:gpu`. Each runs in a process of its own: a fault on the GPU ends one of them alone. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { countGolden, countVitest, none, type Outcome, type VitestReport } from './outcome.ts'
import { findSanitizer, judge, optionsFor, tools } from './sanitizer.ts'

interface Settings {
  /** A folder of golden cases. */
  readonly goldens: string | undefined
  /** Under compute-sanitizer only each N-th sample runs. */
  readonly every: number
}

type Part = (settings: Settings) => readonly Outcome[]

const testing = dirname(dirname(import.meta.dirname))
const backend = join(dirname(testing), 'backend-cuda-node')
const vitest = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)

/** The tests must not take the emulator for the GPU that was asked for. */
const variables = { ...process.env, NABLA_TEST_GPU: '1' }

const since = (begin: number): number => (performance.now() - begin) / 1000

/** Test files of a package, or other arguments of vitest. */
function tests(part: string, cwd: string, args: readonly string[]): Outcome {
  console.log(`test:gpu: ${part}`)
  const begin = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'nabla-gpu-'))
  const report = join(folder, 'results.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd,
      stdio: 'inherit',
      env: variables,
    })
    if (!existsSync(report))
      return {
        part,
        ok: false,
        counts: { ...none, failed: 1 },
        notes: [`vitest ended with ${status} and wrote no results`],
        seconds: since(begin),
      }
    const { counts, notes } = countVitest(JSON.parse(readFileSync(report, 'utf8')) as VitestReport)
    return { part, ok: status === 0 && counts.failed === 0, counts, notes, seconds: since(begin) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A program of Node, whose output is shown and read. */
function program(
  command: string,
  args: readonly string[],
): { readonly output: string; readonly status: number | null } {
  const { stdout, stderr, status, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: variables,
    maxBuffer: 2 ** 30,
  })
  const output = error ? `${error.message}\n` : `${stdout}${stderr}`
  process.stdout.write(output)
  return { output, status }
}

const skipped = (part: string, reason: string): Outcome => ({
  part,
  ok: undefined,
  counts: none,
  notes: [reason],
  seconds: 0,
})

const separate: readonly string[] = ['cuda.test.ts', 'cuda-device.test.ts', 'cuda-train.test.ts']

/** All other tests of CUDA kernels, and those of the backend's own package. */
function kernels(): Outcome[] {
  const files = readdirSync(join(testing, 'test')).filter(
    (file) => /^cuda-.*\.test\.ts$/.test(file) && !separate.includes(file),
  )
  return [
    tests(
      'kernels',
      testing,
      files.map((file) => `test/${file}`),
    ),
    tests('package', backend, []),
  ]
}

function goldens({ goldens: folder }: Settings): Outcome[] {
  const part = 'goldens'
  if (folder === undefined) return [skipped(part, 'no folder is given (--goldens)')]
  console.log(`test:gpu: ${part}`)
  const begin = performance.now()
  const main = join(testing, 'src', 'golden', 'main.ts')
  const args = [main, resolve(folder), '--backend', 'cuda', '--only', 'ops,rnn,optim']
  const { output, status } = program(process.execPath, args)
  const counts = countGolden(output)
  return [
    {
      part,
      ok: status === 0 && counts !== undefined,
      counts: counts ?? { ...none, failed: 1 },
      notes: counts
        ? output.split('\n').flatMap((line) => /^ +(skipped .*)/.exec(line)?.[1] ?? [])
        : [`it ended with ${status} and counted nothing`],
      seconds: since(begin),
    },
  ]
}

function sanitizer({ every }: Settings): Outcome[] {
  const found = findSanitizer(process.env)
  if ('missing' in found) return tools.map((tool) => skipped(tool, found.missing))
  const subject = join(import.meta.dirname, 'sanitized.ts')
  return tools.map((tool): Outcome => {
    console.log(`test:gpu: ${tool}`)
    const begin = performance.now()
    const run = program(found.path, [...optionsFor(tool), process.execPath, subject, String(every)])
    const said = judge(run.output, run.status)
    if ('refused' in said) return skipped(tool, `${found.path}: ${said.refused}`)
    const seconds = since(begin)
    if ('broken' in said)
      return {
        part: tool,
        ok: false,
        counts: { ...none, failed: 1 },
        notes: [said.broken],
        seconds,
      }
    const samples = Number(/sanitized: (\d+) samples/.exec(run.output)?.[1] ?? 0)
    const ok = said.errors === 0 && samples > 0
    return {
      part: tool,
      ok,
      counts: ok ? { ...none, passed: samples } : { ...none, failed: Math.max(1, said.errors) },
      notes: [`${samples} samples ran, ${said.errors} errors were reported`],
      seconds,
    }
  })
}

/** By their names in `--only`. */
export const parts: Readonly<Record<string, Part>> = {
  kernels,
  device: () => [tests('device', testing, ['test/cuda-device.test.ts'])],
  training: () => [tests('training', testing, ['test/cuda-train.test.ts'])],
  // Whether its kernels compile for other GPUs is for `npm test` to say, wherever there is a compiler.
  conformance: () => [
    tests('conformance', testing, ['test/cuda.test.ts', '-t', 'conformance of cuda']),
  ],
  goldens,
  sanitizer,
}

export const partNames: readonly string[] = Object.keys(parts)
