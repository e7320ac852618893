/** What a suite is made of. */
import type { Backend } from '@nablajs/tensor'
import type { Task } from './tasks.ts'

/** Devices of ours. */
export type BackendName = 'cpu' | 'webgpu' | 'cuda'

/** One piece of work, which several libraries do side by side. */
export interface Work {
  readonly name: string
  /** What a run does, for the reader of the report. */
  readonly note: string
  readonly task: Task
  /** Floating-point operations of a run (a multiplication and an addition are two), where a peak compares. */
  readonly flops?: number
  /** Bytes that a run has to read and write, where memory bandwidth compares. */
  readonly bytes?: number
  /** Whether it fills a GPU: the floors of the processor mean nothing then. */
  readonly gpu?: boolean
  /** Things that a run gets through, for a rate. */
  readonly items?: { readonly count: number; readonly unit: string }
}

/** A number that is no time: bytes, a count. */
export interface Measure {
  readonly work: string
  readonly subject: string
  readonly value: number
  readonly unit: 'B' | 'kB' | 'kernels'
  readonly note: string
}

export interface Suite {
  readonly name: string
  readonly about: string
  /** The devices that it is for, where no suite is named; the processor and WebGPU. */
  readonly on?: readonly BackendName[]
  readonly works: readonly Work[]
  /** The same at sizes for a GPU that is none, where they are too large for one. */
  readonly small?: readonly Work[]
  /** What else it measures, on our device. */
  readonly measures?: (device: Backend) => Promise<readonly Measure[]> | readonly Measure[]
}
