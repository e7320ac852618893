/** NVIDIA's compute-sanitizer: where it is, and what it says. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Accesses out of bounds, races in shared memory, memory that was never written, barriers. */
export const tools = ['memcheck', 'racecheck', 'initcheck', 'synccheck'] as const
export type Tool = (typeof tools)[number]

/** The program in the folders of PATH or of a toolkit; or, in words, that it is not there. */
export function findSanitizer(
  env: Readonly<Record<string, string | undefined>>,
): { readonly path: string } | { readonly missing: string } {
  const name = process.platform === 'win32' ? 'compute-sanitizer.exe' : 'compute-sanitizer'
  const toolkits = [env['CUDA_HOME'], env['CUDA_PATH'], '/usr/local/cuda'].filter(
    (root) => root !== undefined && root !== '',
  )
  const folders = [
    ...(env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...toolkits.flatMap((root) => [join(root!, 'bin'), join(root!, 'compute-sanitizer')]),
  ]
  const path = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
  return path
    ? { path }
    : { missing: `${name} is neither in PATH nor under CUDA_HOME, CUDA_PATH or /usr/local/cuda` }
}

/** The code with which it ends where it found something. */
const found = 86

/**
 * Its arguments before those of the program. Errors that the driver returns are the backend's to handle:
 * it asks for more memory than there is, and for events that are not there yet.
 */
export const optionsFor = (tool: Tool): string[] => [
  '--tool',
  tool,
  '--error-exitcode',
  String(found),
  '--report-api-errors',
  'no',
]

/** What came of a run: the errors that the tool counted, or why it did not check anything. */
export function judge(
  output: string,
  status: number | null,
): { readonly errors: number } | { readonly refused: string } | { readonly broken: string } {
  const lines = output.split('\n')
  const refusal = lines.find((line) => /device not supported/i.test(line))
  if (refusal) return { refused: refusal.replace(/^=+ */, '').trim() }
  // racecheck has a summary of its own: hazards are its errors.
  const sum = /(?:ERROR SUMMARY: (\d+) error|RACECHECK SUMMARY: (\d+) hazard)/.exec(output)
  if (!sum) return { broken: `no summary came; it ended with ${status}` }
  const errors = Number(sum[1] ?? sum[2])
  if (errors === 0 && status !== 0) return { broken: `the program ended with ${status}` }
  return { errors }
}
