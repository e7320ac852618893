/**
 * The script of a worker, bundled into a string by `scripts/build-worker.mjs`. It gets one message
 * ({@link WorkerStart}), answers with null or the reason why it cannot start, and then takes
 * parts of jobs for as long as it lives.
 */
import { at, claim, claimRest, exportsOf, messageLimit, type Run, runPart } from './control.ts'

export interface WorkerStart {
  /** The thread's number, from 1. */
  readonly thread: number
  readonly memory: WebAssembly.Memory
  /** The hand-written kernels. */
  readonly module: WebAssembly.Module
  /** Address of the words of `control.ts`. */
  readonly control: number
}

/** Looks for a new job before going to sleep: some ten microseconds, so that jobs in a row need no waking. */
const looks = 20_000

function work({ thread, memory, control }: WorkerStart, kernels: Run[]): never {
  const words = new Int32Array(memory.buffer, control)
  let seen = 0
  for (;;) {
    for (let part = claim(words); part >= 0; part = claim(words)) {
      try {
        const kernel = words[at.kernel]!
        kernels[kernel] ??= compile(memory, words[at.code]!, words[at.codeBytes]!)
        runPart(words, kernels[kernel], thread, part)
      } catch (error) {
        report(words, error)
        Atomics.add(words, at.finished, claimRest(words))
      }
      Atomics.add(words, at.finished, 1)
      if (Atomics.load(words, at.waiting) !== 0) Atomics.notify(words, at.finished)
    }
    for (let i = 0; i < looks && Atomics.load(words, at.sequence) === seen; i++);
    if (Atomics.load(words, at.sequence) === seen) {
      Atomics.add(words, at.sleeping, 1)
      Atomics.wait(words, at.sequence, seen)
      Atomics.sub(words, at.sleeping, 1)
    }
    seen = Atomics.load(words, at.sequence)
  }
}

/** A generated kernel; compilers take no shared memory, so its binary is copied. */
function compile(memory: WebAssembly.Memory, address: number, bytes: number): Run {
  const code = new Uint8Array(bytes)
  code.set(new Uint8Array(memory.buffer, address, bytes))
  const module = new WebAssembly.Module(code)
  return new WebAssembly.Instance(module, { m: { m: memory } }).exports['run'] as Run
}

function report(words: Int32Array, error: unknown): void {
  const text = new TextEncoder().encode(String(error)).subarray(0, messageLimit)
  new Uint8Array(words.buffer, words.byteOffset + 4 * at.message).set(text)
  words[at.messageBytes] = text.length
  Atomics.store(words, at.failed, 1)
}

function start(data: WorkerStart, answer: (problem: string | null) => void): void {
  let kernels: Run[]
  try {
    kernels = exportsOf(data.module, data.memory)
  } catch (error) {
    answer(String(error))
    return
  }
  answer(null)
  work(data, kernels)
}

// In Node a worker hears its parent through a port, elsewhere as a global scope of its own.
const port = globalThis.process?.getBuiltinModule?.('node:worker_threads').parentPort
if (port)
  port.once('message', (data: WorkerStart) => start(data, (problem) => port.postMessage(problem)))
else
  globalThis.onmessage = ({ data }: MessageEvent<WorkerStart>) =>
    start(data, (problem) => globalThis.postMessage(problem))
