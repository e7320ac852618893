/** The kinds of work there are. A library says for each how it does it, or why it cannot. */
import type { Network } from './networks.ts'

/** The forward pass alone, or with the gradients of everything that has one. */
export type Pass = 'forward' | 'both'

export interface Convolution {
  /** Height and width of the image. */
  readonly size: number
  readonly inputs: number
  readonly outputs: number
  /** Height and width of the kernel. */
  readonly kernel: number
  readonly stride: number
}

export interface Matrix {
  readonly rows: number
  readonly columns: number
}

/**
 * How products and convolutions are computed: in f32; with operands rounded to TF32; in 16 bits with
 * sums in f32, which in a training step is what `autocast` does.
 */
export type Precision = 'f32' | 'tf32' | 'bf16' | 'f16'

/** What is bound by the memory of a device. Sums are of everything, of each row, of each column. */
export type StreamOp =
  | 'copy'
  | 'add'
  /** `x + y z` */
  | 'mulAdd'
  | 'gelu'
  | 'sum'
  | 'sumRows'
  | 'sumColumns'
  /** Of each row. */
  | 'softmax'

/** What each kind of work is told. */
export interface Tasks {
  /** A square product; in f32 where no precision is given. */
  readonly matmul: { readonly size: number; readonly precision?: Precision }
  /** One image. */
  readonly conv2d: Convolution & { readonly pass: Pass }
  /** `gelu(1.5 x + 0.5)` */
  readonly elementwise: { readonly length: number; readonly pass: Pass }
  readonly reduction: Matrix & { readonly axis: 0 | 1 }
  /** Over the rows' elements. */
  readonly softmax: Matrix & { readonly pass: Pass }
  readonly layerNorm: Matrix & { readonly pass: Pass }
  /** In training: with the statistics of the batch. */
  readonly batchNorm: {
    readonly batch: number
    readonly size: number
    readonly channels: number
    readonly pass: Pass
  }
  /** A chain of one-element additions; recorded for gradients or not, walked back or not. */
  readonly additions: {
    readonly count: number
    readonly recorded: boolean
    readonly walk: boolean
    /** Whether only the time of the calls counts, not that of what they queue. */
    readonly host?: boolean
  }
  /** Forward, softmax cross-entropy, backward, and the optimizer: Adam where none is named. */
  readonly training: {
    readonly network: Network
    readonly batch: number
    readonly precision?: Precision
    /** SGD has momentum. */
    readonly optimizer?: 'adam' | 'sgd'
    /** Whether a captured graph takes part, too. */
    readonly replay?: boolean
  }
  readonly inference: { readonly network: Network; readonly batch: number }
  /** An epoch over 28x28 images held as bytes, shuffled, as f32 in 0 .. 1. */
  readonly loading: { readonly samples: number; readonly batch: number }
  /** A step over parameters whose gradients are there. */
  readonly optimizer: {
    readonly method: 'sgd' | 'adam' | 'adamw'
    readonly shapes: readonly (readonly number[])[]
  }
  /** One operation over matrices that fit in no cache. */
  readonly stream: Matrix & { readonly op: StreamOp }
}

export type Kind = keyof Tasks
export type Task = { [K in Kind]: { readonly kind: K } & Tasks[K] }[Kind]

/** Something made ready to run again and again. */
export interface Prepared {
  /** Does the work once; the result is there when it, or its promise, comes back. */
  run(): unknown
  dispose?(): void
}

/** Prepares a work, or says why this library cannot do it. */
export type Maker<T> = (task: T) => Prepared | string | Promise<Prepared | string>

/** What only those do who run on CUDA. */
type OnCuda = 'stream'

/** For each kind of work its maker, or why there is none. */
export type Makers = {
  readonly [K in Exclude<Kind, OnCuda>]: Maker<Tasks[K]> | string
} & { readonly [K in OnCuda]?: Maker<Tasks[K]> }

/** Prepares a task with the maker of its kind. */
export async function prepare(makers: Makers, task: Task): Promise<Prepared | string> {
  const maker = makers[task.kind] ?? 'it is compared on CUDA alone'
  // A task goes to the maker of its own kind, which TypeScript cannot follow through the table.
  return typeof maker === 'string' ? maker : (maker as Maker<Task>)(task)
}
