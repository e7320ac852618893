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

/** What each kind of work is told. */
export interface Tasks {
  /** A square product. */
  readonly matmul: { readonly size: number }
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
  }
  /** Forward, softmax cross-entropy, backward and Adam. */
  readonly training: { readonly network: Network; readonly batch: number }
  readonly inference: { readonly network: Network; readonly batch: number }
  /** An epoch over 28x28 images held as bytes, shuffled, as f32 in 0 .. 1. */
  readonly loading: { readonly samples: number; readonly batch: number }
  /** A step over parameters whose gradients are there. */
  readonly optimizer: {
    readonly method: 'sgd' | 'adam' | 'adamw'
    readonly shapes: readonly (readonly number[])[]
  }
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

/** For each kind of work its maker, or why there is none. */
export type Makers = { readonly [K in Kind]: Maker<Tasks[K]> | string }

/** Prepares a task with the maker of its kind. */
export async function prepare(makers: Makers, task: Task): Promise<Prepared | string> {
  const maker = makers[task.kind]
  // A task goes to the maker of its own kind, which TypeScript cannot follow through the table.
  return typeof maker === 'string' ? maker : (maker as Maker<Task>)(task)
}
