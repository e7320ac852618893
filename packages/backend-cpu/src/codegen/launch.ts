/** What map and reduce share on the way from a call to a kernel. */
import { type DType, DTypeError, ShapeError, showShape, type View } from '@nablajs/tensor/backend'
import type { Memory } from '../memory.ts'
import type { Pool } from '../threads/pool.ts'
import type { GeneratedKernel } from './module.ts'
import { type StepKind, step } from './operands.ts'

/**
 * Elements of one call into wasm. Engines run a new kernel in a quick and slow version first and
 * only swap it at the next call; and threads take pieces of up to this size.
 */
const pieceElements = 1 << 16

/** Pieces for each thread, so that a thread that is held up leaves its share to the others. */
const piecesPerThread = 4

/** Words of the parameter block; enough for hundreds of operands. */
const descriptorWords = 1 << 14

/** The parameter block, and writing into it. */
export class Launcher {
  readonly memory: Memory
  /** Address of the parameter block. */
  readonly descriptor: number
  /** Its place among the words of the memory. */
  readonly word: number
  /** The threads to share work with, if there are several. */
  readonly pool: Pool | undefined
  /** Kernels made so far. */
  compiled = 0

  constructor(memory: Memory, pool?: Pool) {
    this.memory = memory
    this.pool = pool
    this.descriptor = memory.scratch(4 * descriptorWords)
    this.word = this.descriptor >>> 2
  }

  /** The address of a view's first element. */
  address(view: View, name: string): number {
    return this.memory.addressOf(view.buffer, name) + 4 * view.offset
  }

  /** Writes a program's runtime constants from a word of the memory on. */
  scalars(word: number, dtypes: readonly DType[], values: readonly number[], name: string): void {
    if (values.length !== dtypes.length)
      throw new ShapeError(`${name}: ${values.length} scalars came for ${dtypes.length}`)
    for (let i = 0; i < dtypes.length; i++) {
      const dtype = dtypes[i]
      if (dtype === 'f32') this.memory.f32[word + i] = values[i]!
      else this.memory.i32[word + i] = dtype === 'bool' ? Number(values[i] !== 0) : values[i]!
    }
  }

  /**
   * Runs the outermost loop of `outer` steps with `inner` elements each, in pieces if it is long, on
   * all threads if it is work for them. `lanes` says that it is the loop that goes into the lanes.
   */
  run(
    kernel: GeneratedKernel,
    outer: number,
    inner: number,
    lanes: boolean,
    instructions: number,
  ): void {
    const elements = outer * inner
    const { pool } = this
    if (pool !== undefined && outer > 1 && pool.isWorth(elements * instructions)) {
      const wanted = Math.max(piecesPerThread * pool.threads, elements / pieceElements)
      const piece = Math.ceil(outer / wanted)
      // Pieces of a single loop are whole vectors and cache lines.
      pool.run(kernel, this.descriptor, 0, outer, lanes ? Math.ceil(piece / 16) * 16 : piece)
      return
    }
    if (elements <= pieceElements) {
      kernel.run(this.descriptor, 0, outer)
      return
    }
    const piece = Math.max(16, Math.ceil(pieceElements / inner / 16) * 16)
    for (let start = 0; start < outer; start += piece)
      kernel.run(this.descriptor, start, Math.min(start + piece, outer))
  }

  /** Throws unless the parameter block holds so many words. */
  require(words: number, name: string): void {
    if (words > descriptorWords)
      throw new ShapeError(`${name}: ${words} parameters; the cpu backend takes ${descriptorWords}`)
  }
}

/**
 * What a view is to a kernel of one merged loop over `size` elements: dense, one repeated element,
 * or neither.
 */
export function flatKind(
  view: View,
  shape: readonly number[],
  size: number,
  name: string,
): StepKind {
  const { strides, shape: own } = view
  if (own.length !== shape.length) throw unequal(name, own, shape)
  let expected = 1
  let unit = true
  let fixed = size !== 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis]!
    if (own[axis] !== extent) throw unequal(name, own, shape)
    if (extent === 1) continue
    const stride = strides[axis]!
    if (stride !== expected) unit = false
    if (stride !== 0) fixed = false
    expected *= extent
  }
  return unit ? step.unit : fixed ? step.fixed : step.strided
}

function unequal(name: string, own: readonly number[], shape: readonly number[]): ShapeError {
  return new ShapeError(
    `${name}: views of ${showShape(own)} and ${showShape(shape)}; they must have one shape`,
  )
}

/** Checks number and dtypes of the views of one side. */
export function checkViews(
  views: readonly View[],
  dtypes: readonly DType[],
  side: string,
  name: string,
): void {
  if (views.length !== dtypes.length)
    throw new ShapeError(`${name}: ${views.length} ${side}s came for ${dtypes.length}`)
  for (let i = 0; i < dtypes.length; i++) checkView(views[i]!, dtypes[i]!, side, i, name)
}

export function checkView(view: View, dtype: DType, side: string, i: number, name: string): void {
  if (view.dtype !== dtype)
    throw new DTypeError(`${name}: ${side} ${i} is ${view.dtype}; it must be ${dtype}`)
}

/** Throws unless all elements of the view are inside its buffer. */
export function checkBounds(view: View, name: string): void {
  let first = view.offset
  let last = view.offset
  for (let axis = 0; axis < view.shape.length; axis++) {
    const reach = (view.shape[axis]! - 1) * view.strides[axis]!
    if (reach < 0) first += reach
    else last += reach
  }
  if (first < 0 || 4 * (last + 1) > view.buffer.bytes)
    throw new ShapeError(
      `${name}: a view reaches elements ${first} to ${last} of a buffer of ${view.buffer.bytes / 4}`,
    )
}
