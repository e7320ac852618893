/** Starts workers, in Node and in browsers, and knows how many there should be. */
import { DeviceError } from '@nablajs/tensor/backend'
import { workerScript } from '../generated/worker.ts'
import type { WorkerStart } from './worker.ts'

/** One started worker, the same for both kinds. */
export interface Thread {
  /** Ends it, whatever it does. */
  end(): void
}

/** More threads than this want more than a default: memory bandwidth is spent by then. */
const mostByDefault = 16

/** How many threads the system can run at once, at most {@link mostByDefault}. */
export function availableThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  if (!os && typeof Worker === 'undefined') return 1
  const count = os ? os.availableParallelism() : (globalThis.navigator?.hardwareConcurrency ?? 1)
  return Math.max(1, Math.min(mostByDefault, count))
}

/**
 * Starts a worker and waits until it can take jobs. `lost` is called if it ends by itself later.
 * Rejects with a DeviceError when it does not start.
 */
export function startThread(data: WorkerStart, lost: (reason: string) => void): Promise<Thread> {
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  return node ? startInNode(node, data, lost) : startInBrowser(data, lost)
}

function startInNode(
  { Worker }: typeof import('node:worker_threads'),
  data: WorkerStart,
  lost: (reason: string) => void,
): Promise<Thread> {
  return new Promise((resolve, reject) => {
    // Without the options and variables of the process: a worker needs no test hooks or loaders.
    const worker = new Worker(workerScript, { eval: true, execArgv: [], env: {} })
    let started = false
    const fail = (reason: unknown): void => {
      if (started) lost(String(reason))
      else reject(notStarted(reason))
    }
    worker.on('error', fail)
    worker.on('exit', (code) => fail(`it exited with code ${code}`))
    worker.on('message', (problem: string | null) => {
      if (problem !== null) reject(notStarted(problem))
      started = true
      // From here on it does not keep the process alive.
      worker.unref()
      resolve({
        end() {
          worker.removeAllListeners()
          void worker.terminate()
        },
      })
    })
    worker.postMessage(data)
  })
}

function startInBrowser(data: WorkerStart, lost: (reason: string) => void): Promise<Thread> {
  return new Promise((resolve, reject) => {
    // A blob needs no file beside the bundle, whatever bundler made it.
    const address = URL.createObjectURL(new Blob([workerScript], { type: 'text/javascript' }))
    const worker = new Worker(address)
    let started = false
    worker.onmessage = ({ data: problem }: MessageEvent<string | null>) => {
      URL.revokeObjectURL(address)
      started = problem === null
      if (started) resolve({ end: () => worker.terminate() })
      else {
        worker.terminate()
        reject(notStarted(problem))
      }
    }
    worker.onerror = ({ message }) => {
      if (started) lost(message)
      else reject(notStarted(message || 'the page may not run one from a blob: URL'))
    }
    worker.postMessage(data)
  })
}

function notStarted(reason: unknown): DeviceError {
  return new DeviceError(
    `cpu: a worker thread did not start: ${reason}. A content security policy has to allow ` +
      '"worker-src blob:"; cpu({ threads: 1 }) needs no workers',
  )
}
