/** A step of constant shape, recorded once and run again without the work of launching its kernels. */
import { ArgumentError } from '@nablajs/tensor/backend'
import type { Device } from './device.ts'

/** What {@link capture} gives. */
export interface Graph<T> {
  /** What the captured call returned; each replay computes its tensors anew, in place. */
  readonly result: T
  /** Runs the recorded kernels on what their buffers hold now. */
  replay(): void
  /** Gives back the memory that the recorded kernels use. Tensors that still live keep theirs. */
  dispose(): void
}

/**
 * Runs `step` once, to compile its kernels and to find its memory, and a second time to record what
 * it launches; nothing is computed while recording.
 *
 * @throws ArgumentError when a graph is being recorded already; DeviceError when `step` reads from or
 * writes to the host, or needs memory that the first run did not.
 */
export function capture<T>(device: Device, step: () => T): Graph<T> {
  const { context, pool } = device
  if (context.capturing) throw new ArgumentError('capture: a graph is being captured already')
  release(step())
  context.enter('capture')
  pool.beginPinning()
  context.beginCapture()
  let result: T
  try {
    result = step()
  } catch (error) {
    context.abandonCapture()
    pool.unpin(pool.endPinning())
    throw error
  }
  const blocks = pool.endPinning()
  let executable: number
  try {
    executable = instantiate(device, context.endCapture())
  } catch (error) {
    pool.unpin(blocks)
    throw error
  }
  let disposed = false
  return {
    result,
    replay() {
      if (disposed) throw new ArgumentError('replay: the graph was disposed')
      context.enter('replay')
      context.noteLaunch('a captured graph')
      context.check(context.driver.cuGraphLaunch(executable, context.stream), 'replay')
    },
    dispose() {
      if (disposed) return
      disposed = true
      if (!context.usable) return
      context.makeCurrent()
      context.check(context.driver.cuGraphExecDestroy(executable), 'dispose')
      pool.unpin(blocks)
    },
  }
}

function instantiate({ context }: Device, graph: number): number {
  const { driver, cells } = context
  try {
    context.check(driver.cuGraphInstantiateWithFlags(cells.at[0]!, graph, 0), 'capture')
    return cells.word(0)
  } finally {
    driver.cuGraphDestroy(graph)
  }
}

/** Disposes what the first run returned: its memory is what the recorded run shall find. */
function release(result: unknown): void {
  if (Array.isArray(result)) for (const each of result) release(each)
  else if (typeof result === 'object' && result !== null && 'dispose' in result) {
    const { dispose } = result
    if (typeof dispose === 'function') dispose.call(result)
  }
}
