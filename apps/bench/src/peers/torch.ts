/** PyTorch in a Python of its own, which runs for as long as the benchmarks do and takes its turns on request. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RemoteContender } from '../measure.ts'
import { absent, type Player, type Skip } from '../player.ts'
import type { Task } from '../tasks.ts'

const variable = 'NABLA_BENCH_PYTHON'

interface Answers {
  hello: { readonly version: string; readonly threads: number; readonly gpu: string | null }
  make: { readonly reason?: string }
  turn: { readonly times: readonly number[]; readonly peakBytes?: number }
  drop: object
  gradients: object
}

/** One request at a time, one line each. */
export class TorchProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  #errors = ''
  #made = 0

  constructor(python: string) {
    const server = fileURLToPath(new URL('torch-server.py', import.meta.url))
    // Without compiled copies of the module beside it.
    this.#child = spawn(python, ['-B', server])
    this.#child.on('error', (error) => {
      this.#errors += error.message
    })
    // A process that is gone shows in the answer that does not come.
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.on('data', (chunk) => {
      this.#errors += chunk
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  newId(): number {
    return ++this.#made
  }

  async ask<What extends keyof Answers>(what: What, request: object = {}): Promise<Answers[What]> {
    this.#child.stdin.write(`${JSON.stringify({ do: what, ...request })}\n`)
    const line = await this.#lines.next()
    if (line.done)
      throw new Error(`the Python of ${variable} ended: ${this.#errors.trim() || 'no output'}`)
    const answer = JSON.parse(line.value) as Answers[What] & { error?: string }
    if (answer.error) throw new Error(`PyTorch: ${answer.error}`)
    return answer
  }

  close(): void {
    this.#child.stdin.end()
  }
}

/** The Python that the variable names, with what it says of itself; or why there is none. */
export async function openTorch(): Promise<
  { readonly torch: TorchProcess; readonly hello: Answers['hello'] } | string
> {
  const python = process.env[variable]
  if (!python) return `set ${variable} to a Python that can import torch to compare with it`
  const torch = new TorchProcess(python)
  try {
    return { torch, hello: await torch.ask('hello') }
  } catch (error) {
    return (error as Error).message
  }
}

/** `PyTorch, 1 thread` and `PyTorch, N threads`; one that says what is missing where there is no torch. */
export async function torchPlayers(threads: number): Promise<Player[]> {
  const opened = await openTorch()
  if (typeof opened === 'string') return [absent('PyTorch', opened)]
  const { torch, hello } = opened
  const players = [...new Set([1, threads])].map((count): Player => {
    const name = `PyTorch, ${count} thread${count === 1 ? '' : 's'}`
    return {
      name,
      async enter(task) {
        const variants = task.kind === 'optimizer' ? ['fused', 'foreach'] : [undefined]
        return Promise.all(
          variants.map(async (variant) => {
            const id = torch.newId()
            const full = variant ? `${name}, ${variant}` : name
            const { reason } = await torch.ask('make', { id, task, variant })
            if (reason) return { name: full, reason }
            return {
              name: full,
              version: hello.version,
              turn: async (ms: number) =>
                (await torch.ask('turn', { id, threads: count, ms })).times,
              dispose: () => void torch.ask('drop', { id }),
            }
          }),
        )
      },
    }
  })
  players[0]!.close = () => torch.close()
  return players
}

/** The two ways in which images can lie in memory: the faster one is what we compare with. */
const layoutsOf = (task: Task): readonly (string | undefined)[] =>
  task.kind === 'training' && task.network.input.length === 3
    ? ['channels last', 'NCHW']
    : [undefined]

/** A work on a device of PyTorch's, which counts the memory that it takes. */
async function enterOn(
  torch: TorchProcess,
  device: 'cuda' | 'cpu',
  task: Task,
  variant: string | undefined,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<RemoteContender | Skip> {
  const id = torch.newId()
  const { reason } = await torch.ask('make', { id, task, variant, device })
  if (reason) return { name, reason }
  let most: number | undefined
  return {
    name,
    version,
    async turn(ms) {
      const { times, peakBytes } = await torch.ask('turn', { id, ms })
      if (peakBytes !== undefined) most = Math.max(most ?? 0, peakBytes)
      return times
    },
    peakBytes: () => most,
    dispose: () => void torch.ask('drop', { id }),
  }
}

/**
 * `PyTorch cuda`, eager, on the GPU that it sees. Where it sees none that is said, and `PyTorch cpu` takes
 * part in the same way: an orientation, not what the bars ask for.
 */
export async function torchCudaPlayers(): Promise<Player[]> {
  const opened = await openTorch()
  if (typeof opened === 'string') return [absent('PyTorch cuda', opened)]
  const { torch, hello } = opened
  const device = hello.gpu === null ? 'cpu' : 'cuda'
  const version = hello.gpu === null ? hello.version : `${hello.version} on ${hello.gpu}`
  const player: Player = {
    name: `PyTorch ${device}`,
    async enter(task) {
      const entries: (RemoteContender | Skip)[] = []
      for (const variant of layoutsOf(task)) {
        const name = variant ? `PyTorch ${device}, ${variant}` : `PyTorch ${device}`
        try {
          entries.push(await enterOn(torch, device, task, variant, { name, version }))
        } catch (error) {
          entries.push({ name, reason: `failed: ${(error as Error).message}` })
        }
      }
      return entries
    },
    close: () => torch.close(),
  }
  const missing = absent('PyTorch cuda', `PyTorch ${hello.version} sees no GPU`)
  return hello.gpu === null ? [missing, player] : [player]
}
