/**
 * The threads of a device: workers on its memory, and the caller, which takes its share of each job
 * and returns when all of it is done. See `control.ts` for how they speak.
 */
import { DeviceError } from '@nablajs/tensor/backend'
import type { Memory } from '../memory.ts'
import {
  at,
  claim,
  claimRest,
  controlWords,
  mostParts,
  namesOf,
  type Run,
  runPart,
  ticketOf,
} from './control.ts'
import { startThread, type Thread } from './start.ts'

/** A kernel that workers can be asked for. */
export interface Kernel {
  readonly run: Run
  /** Its binary, if it is a generated one. */
  readonly code?: Uint8Array
  /** What workers know it by, once it was asked for. */
  id?: number
  /** Where the workers find `code`. */
  address?: number
}

/** What decides how work is shared; only tests change it. */
export const sharing: {
  /**
   * Work below this, in instructions on single elements or multiply-adds, stays with the caller while
   * workers sleep: about thirty microseconds, where waking one costs the caller ten. Workers that are
   * still awake from the job before are worth a quarter of it.
   */
  leastWork: number
  /** Milliseconds without any part finished after which a worker counts as dead. */
  patience: number
  /**
   * Milliseconds to wait for others, beyond what the caller's own share took, after which they count
   * as held up. Something else is using the cores then, and the caller goes on alone for a while.
   */
  tolerance: number
} = { leastWork: 1 << 20, patience: 120_000, tolerance: 0.5 }

/** For tests: shares the smallest work too, on the busiest machine, until the function it gives is called. */
export function shareEverything(): () => void {
  const usual = { ...sharing }
  Object.assign(sharing, { leastWork: 0, tolerance: Number.POSITIVE_INFINITY })
  return () => void Object.assign(sharing, usual)
}

/** Looks at what the workers have left before going to sleep: some ten microseconds. */
const looks = 10_000

/** The longest that the caller goes on alone, in jobs. */
const longestBreak = 256

export class Pool {
  /** With the caller. */
  readonly threads: number
  readonly #memory: Memory
  readonly #words: Int32Array
  readonly #workers: Thread[] = []
  readonly #canSleep: boolean
  #nextId: number
  /** Jobs that the caller still does alone, and how many it would after the next wait. */
  #alone = 0
  #break = 1

  private constructor(memory: Memory, control: number, threads: number, nextId: number) {
    this.threads = threads
    this.#memory = memory
    this.#words = new Int32Array(memory.wasm.buffer, control, controlWords)
    this.#words.fill(0)
    this.#canSleep = mayBlock(this.#words)
    this.#nextId = nextId
  }

  /** Starts `threads - 1` workers; a DeviceError when they do not all start. */
  static async start(memory: Memory, module: WebAssembly.Module, threads: number): Promise<Pool> {
    const control = memory.scratch(4 * controlWords)
    const pool = new Pool(memory, control, threads, namesOf(module).length)
    const starting = Array.from({ length: threads - 1 }, (_, i) =>
      startThread({ thread: i + 1, memory: memory.wasm, module, control }, (reason) =>
        pool.#lose(`a worker thread ended: ${reason}`),
      ),
    )
    for (const started of await Promise.allSettled(starting))
      if (started.status === 'fulfilled') pool.#workers.push(started.value)
    if (pool.#workers.length < threads - 1) {
      pool.stop()
      await Promise.all(starting)
    }
    return pool
  }

  /** Whether so much work is worth the other threads now. */
  isWorth(work: number): boolean {
    const { leastWork } = sharing
    if (work < leastWork / 4) return false
    if (this.#alone > 0) {
      this.#alone--
      return false
    }
    return work >= leastWork || Atomics.load(this.#words, at.sleeping) === 0
  }

  /**
   * Runs a kernel over `0 .. end` of its outermost loop, at least `piece` steps at a time, on all
   * threads; thread t has its parameter block at `descriptor + t * pitch`.
   */
  run(kernel: Kernel, descriptor: number, pitch: number, end: number, piece: number): void {
    const words = this.#words
    this.#publish(kernel)
    const step = piece * Math.ceil(end / piece / mostParts)
    const parts = Math.ceil(end / step)
    const begin = performance.now()
    // Workers look at these only after they have seen the ticket.
    words[at.kernel] = kernel.id!
    words[at.code] = kernel.address!
    words[at.codeBytes] = kernel.code?.length ?? 0
    words[at.descriptor] = descriptor
    words[at.pitch] = pitch
    words[at.end] = end
    words[at.piece] = step
    words[at.finished] = 0
    Atomics.store(words, at.ticket, ticketOf(parts))
    Atomics.add(words, at.sequence, 1)
    if (Atomics.load(words, at.sleeping) > 0) Atomics.notify(words, at.sequence, parts - 1)

    let own = 0
    let failure: unknown
    for (let part = claim(words); part >= 0; part = claim(words)) {
      own++
      try {
        runPart(words, kernel.run, 0, part)
      } catch (error) {
        failure = error
        own += claimRest(words)
      }
    }
    const others = parts - own
    if (Atomics.load(words, at.finished) !== others) {
      const done = performance.now()
      this.#wait(others)
      this.#judge(performance.now() - done, done - begin)
    }
    if (failure !== undefined) this.#fail(String(failure))
    if (Atomics.load(words, at.failed) !== 0) this.#fail(this.#message())
  }

  /** Ends the workers. */
  stop(): void {
    for (const worker of this.#workers) worker.end()
    this.#workers.length = 0
  }

  /** Puts the binary of a generated kernel where the workers can read it. */
  #publish(kernel: Kernel): void {
    if (kernel.id !== undefined) return
    kernel.id = this.#nextId++
    kernel.address = 0
    const { code } = kernel
    if (code === undefined) return
    kernel.address = this.#memory.scratch(code.length)
    this.#memory.view(kernel.address, code.length).set(code)
  }

  /** Waits until the workers are done with so many parts. */
  #wait(others: number): void {
    const words = this.#words
    let finished = 0
    for (let i = 0; i < looks; i++) {
      finished = Atomics.load(words, at.finished)
      if (finished === others) return
    }
    const { patience } = sharing
    let deadline = performance.now() + patience
    Atomics.store(words, at.waiting, 1)
    for (;;) {
      const now = Atomics.load(words, at.finished)
      if (now === others) break
      if (now !== finished) deadline = performance.now() + patience
      finished = now
      // The main thread of a browser may not sleep. What is left to wait for is the rest of one
      // part for each worker, a fraction of what the caller has just computed itself.
      if (this.#canSleep) Atomics.wait(words, at.finished, now, patience)
      if (performance.now() > deadline && Atomics.load(words, at.finished) === now) {
        this.#fail(`a worker thread has not finished its part in ${patience / 1000} s`)
      }
    }
    Atomics.store(words, at.waiting, 0)
  }

  /** Takes a longer break from sharing each time that a wait was out of proportion, a shorter one when not. */
  #judge(waited: number, computed: number): void {
    if (waited > computed + sharing.tolerance) {
      this.#break = Math.min(2 * this.#break, longestBreak)
      this.#alone = this.#break
    } else this.#break = Math.max(this.#break / 2, 1)
  }

  #message(): string {
    const { byteOffset, buffer } = this.#words
    const bytes = new Uint8Array(this.#words[at.messageBytes]!)
    bytes.set(new Uint8Array(buffer, byteOffset + 4 * at.message, bytes.length))
    return new TextDecoder().decode(bytes)
  }

  /** Ends the device: what the kernel has written is not to be trusted. */
  #fail(reason: string): never {
    this.#lose(`a kernel failed: ${reason}`)
    throw new DeviceError(`cpu: a kernel failed: ${reason}; the device cannot be used any more`)
  }

  #lose(reason: string): void {
    this.stop()
    this.#memory.end(`the cpu device has failed (${reason}); make a new one`)
  }
}

/** Whether this thread may sleep: not the main one of a browser. */
function mayBlock(words: Int32Array): boolean {
  try {
    Atomics.wait(words, at.waiting, 1, 0)
    return true
  } catch {
    return false
  }
}
