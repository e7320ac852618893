// Runs the program as a user does: as a process of its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What stdout holds, when it is JSON lines. */
  readonly events: readonly Event[]
}

export type Event = Readonly<Record<string, unknown>> & { readonly event: string }

/** A folder that goes when the tests of the file are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-train-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface RunOptions {
  readonly cwd: string
  /** Beside the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>
  /** Sends `signal` once after the first line that this accepts. */
  readonly when?: (line: string) => boolean
  readonly signal?: NodeJS.Signals
  /** Closes the reading end of stdout after the first line that this accepts. */
  readonly closeAfter?: (line: string) => boolean
}

/** Runs to the end. */
export function train(
  args: readonly string[],
  { cwd, env, signal = 'SIGINT', when, closeAfter }: RunOptions,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...env },
    })
    let [stdout, stderr, rest, sent] = ['', '', '', false]
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      if (!sent && when && lines.some(when)) {
        sent = true
        child.kill(signal)
      }
      if (closeAfter && lines.some(closeAfter)) child.stdout.destroy()
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code) => {
      const lines = args.includes('--json') ? stdout.split('\n').filter(Boolean) : []
      resolve({ code, stdout, stderr, events: lines.map((line) => JSON.parse(line) as Event) })
    })
  })
}

/** Options that make an epoch short. */
export const tiny = ['--copies', '0', '--batch-size', '256']

/** The losses of all steps, in order. */
export function losses(events: readonly Event[]): unknown[] {
  return events.filter(({ event }) => event === 'step').map(({ loss }) => loss)
}
