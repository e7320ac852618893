/** What native libraries offer to the kernels; `node.ts` finds them, `none.ts` stands for them elsewhere. */
import type { ConvGeometry } from '@nablajs/tensor/backend'

/** A native library that a cpu device computes with. */
export interface NativeLibrary {
  /** `'OpenBLAS'`, `'Accelerate'`, `'MKL'`, `'BLIS'`, `'oneDNN'`. */
  readonly name: string
  readonly version: string
  /** The file, where the system tells; otherwise the name that it was loaded by. */
  readonly path: string
  /** How many threads it works with; undefined where it decides by itself. */
  readonly threads: number | undefined
}

/** Which libraries to use: `'auto'` looks for them by name, false uses none, a string names one. */
export type LibraryChoice = 'auto' | false | (string & {})

/** A matrix in the device's memory: an address and strides in bytes. */
export interface Matrix {
  readonly at: number
  readonly down: number
  readonly across: number
}

/** A convolution: x `[N, H, W, C]`, weight `[R, S, C/G, K]`, y `[N, OH, OW, K]`, contiguous, by their addresses. */
export interface Convolution {
  /** N, H, W, C. */
  readonly x: readonly number[]
  /** R, S, C/G, K. */
  readonly weight: readonly number[]
  /** N, OH, OW, K. */
  readonly y: readonly number[]
  readonly geometry: ConvGeometry
  readonly xAt: number
  readonly weightAt: number
  readonly yAt: number
}

/** Which of the three arrays of a convolution is computed. */
export type Pass = 'forward' | 'gradInput' | 'gradWeight'

export interface Native {
  /** The library, or why there is none. */
  readonly blas: NativeLibrary | string
  readonly oneDnn: NativeLibrary | string
  /** `c = a * b` for m x n results; false where the layouts or the size are not for the library. */
  product(m: number, n: number, depth: number, a: Matrix, b: Matrix, c: Matrix): boolean
  /** False where the library has no good way to do it. */
  convolution(pass: Pass, convolution: Convolution): boolean
  dispose(): void
}

export interface NativeOptions {
  readonly memory: WebAssembly.Memory
  /** As many as the system runs at once by default. */
  readonly threads?: number
  readonly blas: LibraryChoice
  readonly oneDnn: LibraryChoice
  /** Also where our own kernels are faster, so that tests can use small sizes; false. */
  readonly always?: boolean
}
