/** A step of constant shape, recorded once and run again without the work of launching its kernels. */
import { ArgumentError } from '@nablajs/tensor/backend'
import type { Device } from './device.ts'
import { CudaBuffer } from './pool.ts'
import type { Recording } from './recording.ts'

/** What {@link capture} gives. */
export interface Graph<T> {
  /**
   * What the captured call returned. Its tensors hold what the run before the recording computed, and
   * each replay computes them anew, in place.
   */
  readonly result: T
  /**
   * Runs the recorded kernels on what their buffers hold now, with the numbers of optimizers and of
   * random draws as they would be in the next run of the step.
   */
  replay(): void
  /** Gives back the memory that the recorded kernels use. Tensors that still live keep theirs. */
  dispose(): void
}

/** A recorded step, before it can run. */
interface Draft<T> {
  readonly result: T
  readonly recording: Recording
  /** The driver's handle. */
  readonly graph: number
  readonly blocks: ReadonlySet<object>
}

/**
 * Runs `step` once, to compile its kernels and to fill the pool, and twice more to record what it
 * launches; nothing is computed while recording. Two recordings, since what differs between them
 * must not be frozen; a third where the first one met kernels that the run before it had not.
 *
 * @throws ArgumentError when a graph is being recorded already; DeviceError when `step` reads from or
 * writes to the host, or differs from run to run.
 */
export function capture<T>(device: Device, step: () => T): Graph<T> {
  const { context } = device
  context.enter('capture')
  if (context.capturing) throw new ArgumentError('capture: a graph is being captured already')
  const outcome = step()
  const computed = buffersIn(outcome)
  let first = rehearse(device, step)
  // The kernels that it lacked are there now.
  if (!first.complete) first = rehearse(device, step)
  const draft = record(device, step)
  let executable: number
  try {
    first.compare(draft.recording)
    executable = instantiate(device, draft.graph)
    carry(device, computed, buffersIn(draft.result))
  } catch (error) {
    release(draft.result)
    discard(device, draft)
    throw error
  }
  release(outcome)
  let disposed = false
  return {
    result: draft.result,
    replay() {
      if (disposed) throw new ArgumentError('replay: the graph was disposed')
      context.enter('replay')
      context.refuseCapture('replay', 'no graph can run')
      draft.recording.prepare(executable)
      context.noteLaunch('a captured graph')
      context.check(context.driver.cuGraphLaunch(executable, context.stream), 'replay')
    },
    dispose() {
      if (disposed) return
      disposed = true
      if (!context.usable) return
      context.makeCurrent()
      context.check(context.driver.cuGraphExecDestroy(executable), 'dispose')
      discard(device, draft)
    },
  }
}

/** Records the step, and keeps nothing but what was noted. */
function rehearse(device: Device, step: () => unknown): Recording {
  const draft = record(device, step)
  release(draft.result)
  discard(device, draft)
  return draft.recording
}

function record<T>(device: Device, step: () => T): Draft<T> {
  const { context, pool, compiler } = device
  context.enter('capture')
  pool.beginPinning()
  let recording: Recording | undefined
  let draft: Draft<T>
  try {
    recording = context.beginCapture()
    const result = step()
    const graph = context.endCapture()
    draft = { result, recording, graph, blocks: pool.endPinning() }
  } catch (error) {
    context.abandonCapture()
    pool.unpin(pool.endPinning())
    compiler.loadWaiting()
    recording?.abandon()
    throw error
  }
  try {
    compiler.loadWaiting()
    recording.finish()
    return draft
  } catch (error) {
    release(draft.result)
    discard(device, draft)
    throw error
  }
}

/** Lets go of a graph and of the memory that its kernels use. */
function discard({ context, pool }: Device, { graph, blocks }: Draft<unknown>): void {
  context.check(context.driver.cuGraphDestroy(graph), 'dispose')
  pool.unpin(blocks)
}

function instantiate({ context }: Device, graph: number): number {
  const { driver, cells } = context
  const code = context.attempt(() => driver.cuGraphInstantiateWithFlags(cells.at[0]!, graph, 0))
  context.check(code, 'capture')
  return cells.word(0)
}

/** Copies what a run returned to where another run returned the same. */
function carry({ context }: Device, from: readonly CudaBuffer[], to: readonly CudaBuffer[]): void {
  for (const [i, { address, bytes }] of to.entries()) {
    const source = from[i]
    // Gone where a later run disposes what this one returned, and the same where the step returns what lives on.
    if (!source?.address || source.address === address) continue
    if (source.bytes !== bytes || bytes === 0) continue
    const { driver, stream } = context
    context.check(driver.cuMemcpyDtoDAsync_v2(address, source.address, bytes, stream), 'capture')
  }
}

/** The buffers of the tensors in what a step returned, in order. */
function buffersIn(result: unknown): CudaBuffer[] {
  if (Array.isArray(result)) return result.flatMap(buffersIn)
  const isTensor = typeof result === 'object' && result !== null && 'buffer' in result
  return isTensor && result.buffer instanceof CudaBuffer ? [result.buffer] : []
}

/** Disposes what a run returned: its memory is what the next run shall find. */
function release(result: unknown): void {
  if (Array.isArray(result)) for (const each of result) release(each)
  else if (typeof result === 'object' && result !== null && 'dispose' in result) {
    const { dispose } = result
    if (typeof dispose === 'function') dispose.call(result)
  }
}
