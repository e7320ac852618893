/** PyTorch in a Python of its own, which runs for as long as the benchmarks do and takes its turns on request. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { absent, type Player } from '../player.ts'

const variable = 'NABLA_BENCH_PYTHON'

interface Answers {
  hello: { readonly version: string; readonly threads: number }
  make: { readonly reason?: string }
  turn: { readonly times: readonly number[] }
  drop: object
}

/** One request at a time, one line each. */
class TorchProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  #errors = ''
  #made = 0

  constructor(python: string) {
    const server = fileURLToPath(new URL('torch-server.py', import.meta.url))
    this.#child = spawn(python, [server])
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

/** `PyTorch, 1 thread` and `PyTorch, N threads`; one that says what is missing where there is no torch. */
export async function torchPlayers(threads: number): Promise<Player[]> {
  const python = process.env[variable]
  if (!python)
    return [
      absent('PyTorch', `set ${variable} to a Python that can import torch to compare with it`),
    ]
  const torch = new TorchProcess(python)
  let version: string
  try {
    version = (await torch.ask('hello')).version
  } catch (error) {
    return [absent('PyTorch', (error as Error).message)]
  }
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
              version,
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
