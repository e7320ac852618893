/** What map and reduce share on the way from a call to a kernel. */
import { type DType, ShapeError, type View } from '@nablajs/tensor/backend'
import type { Memory } from '../memory.ts'
import type { Pool } from '../threads/pool.ts'
import type { Halves } from './halves.ts'
import type { GeneratedKernel } from './module.ts'

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
  readonly halves: Halves
  /** Kernels made so far. */
  compiled = 0

  constructor(memory: Memory, halves: Halves, pool?: Pool) {
    this.memory = memory
    this.halves = halves
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
