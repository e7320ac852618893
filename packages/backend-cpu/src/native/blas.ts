/** Matrix products by a BLAS of the system, on the device's own memory. */
import {
  type Choice,
  has,
  type Koffi,
  type Loaded,
  load,
  pathOf,
  type Settings,
  threadsFor,
  unusable,
} from './library.ts'
import type { Matrix, NativeLibrary } from './types.ts'

/** `cblas_sgemm` with sizes, addresses and leading dimensions as numbers. */
type Gemm = (
  order: number,
  transA: number,
  transB: number,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  beta: number,
  c: number,
  ldc: number,
) => void

/** Numbers of the CBLAS interface. */
const rowMajor = 101
const asIs = 111
const transposed = 112

/** How to recognize a library and to talk to it. */
interface Kind {
  readonly name: string
  /** A function that only this library has. */
  readonly mark: string
  /** Part of its file's name. */
  readonly file: RegExp
  readonly version: (library: Loaded) => string
  /** Sets the number of threads; absent where the library decides by itself. */
  readonly threads?: (library: Loaded) => (count: number) => void
  readonly names: Partial<Record<NodeJS.Platform, readonly string[]>>
}

const unknown = 'unknown version'

/** In the order in which they are looked for. */
const kinds: readonly Kind[] = [
  {
    name: 'Accelerate',
    mark: 'vDSP_vadd',
    file: /^Accelerate$/,
    version: () => 'of the system',
    names: { darwin: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'] },
  },
  {
    name: 'OpenBLAS',
    mark: 'openblas_get_config',
    file: /openblas/i,
    version: ({ handle }) => {
      const config = String(handle.func('const char *openblas_get_config()')())
      const core = String(handle.func('const char *openblas_get_corename()')())
      return `${/\d+\.\d+\S*/.exec(config)?.[0] ?? unknown} (${core})`
    },
    threads: ({ handle }) => handle.func('void openblas_set_num_threads(int count)'),
    names: {
      linux: ['libopenblas.so.0', 'libopenblas.so', 'libopenblas64.so.0', 'libopenblas64_.so.0'],
      darwin: [
        '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
        '/usr/local/opt/openblas/lib/libopenblas.dylib',
        'libopenblas.dylib',
      ],
      win32: ['libopenblas.dll', 'openblas.dll'],
    },
  },
  {
    name: 'MKL',
    mark: 'MKL_Get_Version_String',
    file: /mkl_rt/i,
    version: ({ handle }) => {
      const text = new Uint8Array(256)
      handle.func('void MKL_Get_Version_String(void *text, int length)')(text, text.length)
      return /\d{4}\.\d+(\.\d+)?/.exec(Buffer.from(text).toString('latin1'))?.[0] ?? unknown
    },
    threads: ({ handle }) => handle.func('void MKL_Set_Num_Threads(int count)'),
    names: {
      linux: ['libmkl_rt.so.2', 'libmkl_rt.so.1', 'libmkl_rt.so'],
      darwin: ['libmkl_rt.2.dylib', 'libmkl_rt.dylib'],
      win32: ['mkl_rt.2.dll', 'mkl_rt.dll'],
    },
  },
  {
    name: 'BLIS',
    mark: 'bli_info_get_version_str',
    file: /blis/i,
    version: ({ handle }) => String(handle.func('const char *bli_info_get_version_str()')()),
    threads: ({ handle }) => handle.func('void bli_thread_set_num_threads(int64_t count)'),
    names: {
      linux: ['libblis.so.4', 'libblis-mt.so.4', 'libblis.so'],
      darwin: ['/opt/homebrew/opt/blis/lib/libblis.dylib', 'libblis.dylib'],
      win32: ['AOCL-LibBlis-Win-MT-dll.dll', 'libblis.dll'],
    },
  },
]

/** Names that any BLAS may have; used only where one of the kinds above is behind them. */
const generic: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libblas.so.3', 'libcblas.so.3'],
  win32: ['libcblas.dll'],
}

/** Two names of the function and the C type of its sizes: libraries built for 64-bit sizes mark theirs. */
const symbols = [
  ['cblas_sgemm', 'int'],
  ['cblas_sgemm64_', 'int64_t'],
  ['cblas_sgemm_64', 'int64_t'],
] as const

function bind(library: Loaded): Gemm | undefined {
  const found = symbols.find(([symbol]) => has(library, symbol))
  if (!found) return undefined
  const { handle } = library
  // OpenBLAS can also be built for 64-bit sizes under the usual names, and says so.
  const wide =
    has(library, 'openblas_get_config') &&
    String(handle.func('const char *openblas_get_config()')()).includes('USE64BITINT')
  const int = wide ? 'int64_t' : found[1]
  return handle.func(
    `void ${found[0]}(int order, int transA, int transB, ${int} m, ${int} n, ${int} k, float alpha, ` +
      `uintptr_t a, ${int} lda, uintptr_t b, ${int} ldb, float beta, uintptr_t c, ${int} ldc)`,
  ) as Gemm
}

/** Multiplies small whole numbers in each of the layouts that are used; false if any result is wrong. */
function computes(koffi: Koffi, gemm: Gemm): boolean {
  const [m, n, k, ld] = [3, 4, 5, 7]
  const a = Float32Array.from({ length: ld * ld }, (_, i) => (i % 5) - 2)
  const b = Float32Array.from({ length: ld * ld }, (_, i) => (i % 7) - 3)
  const at = (array: Float32Array) => Number(koffi.address(array))
  for (const [transA, transB] of [
    [asIs, asIs],
    [asIs, transposed],
    [transposed, asIs],
    [transposed, transposed],
  ] as const) {
    // The result holds NaN on entry: beta = 0 has to mean that it is not read.
    const c = new Float32Array(ld * ld).fill(Number.NaN)
    gemm(rowMajor, transA, transB, m, n, k, 1, at(a), ld, at(b), ld, 0, at(c), ld)
    for (let i = 0; i < ld; i++)
      for (let j = 0; j < ld; j++) {
        let sum = i < m && j < n ? 0 : Number.NaN
        for (let p = 0; p < k; p++)
          sum +=
            a[transA === asIs ? i * ld + p : p * ld + i]! *
            b[transB === asIs ? p * ld + j : j * ld + p]!
        if (!Object.is(c[i * ld + j]! + 0, sum + 0)) return false
      }
  }
  return true
}

/** The count that a library last was set to: it is one for the process, while devices and calls differ. */
const current = new Map<string, number>()

/** A BLAS and its place in the process. */
export class Blas {
  readonly library: NativeLibrary
  readonly #gemm: Gemm
  readonly #settings: Settings
  readonly #setThreads: ((count: number) => void) | undefined

  constructor(
    library: NativeLibrary,
    gemm: Gemm,
    settings: Settings,
    setThreads: ((count: number) => void) | undefined,
  ) {
    this.library = library
    this.#gemm = gemm
    this.#settings = settings
    this.#setThreads = setThreads
  }

  /** `c = a * b`, or false where CBLAS cannot address one of them or the product is too small. */
  product(m: number, n: number, depth: number, a: Matrix, b: Matrix, c: Matrix): boolean {
    if (!this.#settings.always && (m * n * depth < smallest || m < few || n < few)) return false
    if (leading(c, m, n) === 0) {
      // The transposed product writes c along its columns.
      if (leading(turned(c), n, m) === 0) return false
      return this.#multiply(n, m, depth, turned(b), turned(a), turned(c))
    }
    return this.#multiply(m, n, depth, a, b, c)
  }

  #multiply(m: number, n: number, depth: number, a: Matrix, b: Matrix, c: Matrix): boolean {
    const aRows = leading(a, m, depth)
    const aColumns = aRows === 0 ? leading(turned(a), depth, m) : aRows
    const bRows = leading(b, depth, n)
    const bColumns = bRows === 0 ? leading(turned(b), n, depth) : bRows
    if (aColumns === 0 || bColumns === 0) return false
    this.#useThreads(threadsFor(this.#settings, m * n * depth, parallel))
    const { base } = this.#settings.addresses
    // biome-ignore format: one operand to a line
    this.#gemm(
      rowMajor, aRows === 0 ? transposed : asIs, bRows === 0 ? transposed : asIs,
      m, n, depth, 1,
      base + a.at, aColumns,
      base + b.at, bColumns, 0,
      base + c.at, leading(c, m, n),
    )
    return true
  }

  #useThreads(threads: number): void {
    const { path } = this.library
    if (!this.#setThreads || current.get(path) === threads) return
    this.#setThreads(threads)
    current.set(path, threads)
  }
}

/** Below so many multiply-adds our own kernels are done before a library has begun. */
const smallest = 512

/** Multiply-adds from which several threads pay: some thirty microseconds of one. */
const parallel = 4_000_000

/** With fewer rows or columns memory is the limit, and our kernels, which do not pack, are ahead. */
const few = 4

function turned({ at, down, across }: Matrix): Matrix {
  return { at, down: across, across: down }
}

/** The distance of rows in elements as CBLAS wants it, or 0 where rows are not dense or overlap. */
function leading({ down, across }: Matrix, rows: number, columns: number): number {
  if (across !== 4 && columns > 1) return 0
  // The stride of an axis with one element says nothing.
  if (rows === 1) return Math.max(columns, 1)
  return down >= 4 * columns ? down / 4 : 0
}

/** Finds and binds a BLAS; why not, where there is none. A DeviceError where a named one cannot be used. */
export function openBlas(koffi: Koffi, choice: Choice, settings: Settings): Blas | string {
  const named = choice.name === 'auto' || choice.name === false ? undefined : choice.name
  const wanted = kinds.find(({ name }) => name.toLowerCase() === named?.toLowerCase())
  const problems: string[] = []
  for (const name of candidates(named, wanted)) {
    const library = load(koffi, name)
    if (typeof library === 'string') {
      problems.push(library)
      continue
    }
    const kind = kinds.find(({ mark }) => has(library, mark))
    if (!kind && named === undefined) continue
    const gemm = bind(library)
    if (!gemm) problems.push(`${name} has no function cblas_sgemm`)
    else if (!computes(koffi, gemm)) problems.push(`${name} computes a small product wrongly`)
    else {
      const setThreads = kind?.threads?.(library)
      const info: NativeLibrary = {
        name: kind?.name ?? 'BLAS',
        version: kind?.version(library) ?? unknown,
        path: pathOf(library, kind?.file ?? /blas/i),
        threads: setThreads ? settings.threads : undefined,
      }
      return new Blas(info, gemm, settings, setThreads)
    }
  }
  if (named !== undefined) throw unusable(choice, problems.join('; ') || 'not of this system')
  return 'none is installed'
}

function candidates(named: string | undefined, wanted: Kind | undefined): readonly string[] {
  const { platform } = process
  if (wanted) return wanted.names[platform] ?? []
  if (named !== undefined) return [named]
  return [...kinds.flatMap(({ names }) => names[platform] ?? []), ...(generic[platform] ?? [])]
}
