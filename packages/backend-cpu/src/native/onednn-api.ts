/** The functions of oneDNN's C interface that convolutions need. Pointers are numbers. */
import { type Koffi, type Loaded, load } from './library.ts'
import { type Dialect, version2, version3 } from './onednn-dialects.ts'

type Status = number
type Pointer = number

/** Numbers of the C enumerations. */
export const code = {
  cpu: 1,
  inOrder: 1,
  implementation: 8,
  weightDesc: 131,
  weightGradientDesc: 132,
  source: 1,
  output: 17,
  weight: 33,
  sourceGradient: 129,
  outputGradient: 145,
  weightGradient: 161,
} as const

/** What oneDNN answers when it has no way to compute something. */
export const unimplemented = 3

/** Room for the structs of version 2: a convolution holds eight memory descriptions of some 700 bytes. */
const descBytes = 2048
const convolutionBytes = 8 * descBytes

/** A block of memory that C functions read and write; it stays where it is, as long as this object lives. */
export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly at: Pointer
}

/** Structs for the length of one construction, in one block, so that none is collected too early. */
export class Arena {
  readonly #block: Block
  #top = 0

  constructor(block: (bytes: number) => Block) {
    this.#block = block(1 << 16)
  }

  reset(): void {
    this.#top = 0
  }

  desc(): Pointer {
    return this.#take(descBytes)
  }

  convolution(): Pointer {
    return this.#take(convolutionBytes)
  }

  /** 64-bit integers. */
  integers(values: readonly number[]): Pointer {
    const at = this.#take(8 * values.length)
    const words = new BigInt64Array(this.#block.bytes.buffer, at - this.#block.at, values.length)
    words.set(values.map(BigInt))
    return at
  }

  #take(bytes: number): Pointer {
    const at = this.#block.at + this.#top
    this.#top += bytes
    if (this.#top > this.#block.bytes.length) throw new RangeError('the arena is full')
    return at
  }
}

export interface OneDnnApi {
  readonly version: string
  readonly dialect: Dialect
  engineCreate(engine: Pointer, kind: number, index: number): Status
  streamCreate(stream: Pointer, engine: Pointer, flags: number): Status
  streamWait(stream: Pointer): Status
  descEqual(a: Pointer, b: Pointer): number
  primitiveDescQuery(primitiveDesc: Pointer, what: number, index: number, result: Pointer): Status
  primitiveDescQueryDesc(primitiveDesc: Pointer, what: number, index: number): Pointer
  primitiveDescDestroy(primitiveDesc: Pointer): Status
  reorderDescCreate(
    primitiveDesc: Pointer,
    from: Pointer,
    fromEngine: Pointer,
    to: Pointer,
    toEngine: Pointer,
    attributes: Pointer,
  ): Status
  primitiveCreate(primitive: Pointer, primitiveDesc: Pointer): Status
  primitiveDestroy(primitive: Pointer): Status
  execute(primitive: Pointer, stream: Pointer, count: number, args: Pointer): Status
  memoryCreate(memory: Pointer, desc: Pointer, engine: Pointer, handle: bigint | number): Status
  memorySetHandle(memory: Pointer, handle: Pointer): Status
  memoryDestroy(memory: Pointer): Status
  /** Of the OpenMP runtime behind the library, if it is one. */
  setThreads: ((count: number) => void) | undefined
  block(bytes: number): Block
  text(at: Pointer): string
}

/** Binds a library, or says why it is not one that fits. */
export function bindOneDnn(koffi: Koffi, library: Loaded): OneDnnApi | string {
  const { handle } = library
  const pointers = (count: number) => new Array<string>(count).fill('uintptr_t').join(', ')
  const status = (name: string, ...types: readonly string[]) =>
    handle.func(`int dnnl_${name}(${types.join(', ')})`)
  let major: number
  let version: string
  try {
    const at = handle.func('uintptr_t dnnl_version()')() as number
    const parts = koffi.decode(at, koffi.array('int', 3)) as ArrayLike<number>
    major = parts[0]!
    version = Array.from(parts).join('.')
  } catch {
    return `${library.name} has no function dnnl_version`
  }
  const dialect = { 2: version2, 3: version3 }[major]
  if (!dialect)
    return `${library.name} is oneDNN ${version}; this version of nabla knows oneDNN 2 and 3`
  try {
    return {
      version,
      engineCreate: status('engine_create', 'uintptr_t', 'int', 'size_t'),
      streamCreate: status('stream_create', 'uintptr_t', 'uintptr_t', 'uint32_t'),
      streamWait: status('stream_wait', 'uintptr_t'),
      dialect: dialect(status),
      descEqual: status('memory_desc_equal', pointers(2)),
      primitiveDescQuery: status(
        'primitive_desc_query',
        ...['uintptr_t', 'int', 'int', 'uintptr_t'],
      ),
      primitiveDescQueryDesc: handle.func(
        'uintptr_t dnnl_primitive_desc_query_md(uintptr_t, int, int)',
      ),
      primitiveDescDestroy: status('primitive_desc_destroy', pointers(1)),
      reorderDescCreate: status('reorder_primitive_desc_create', pointers(6)),
      primitiveCreate: status('primitive_create', pointers(2)),
      primitiveDestroy: status('primitive_destroy', pointers(1)),
      execute: status('primitive_execute', 'uintptr_t', 'uintptr_t', 'int', 'uintptr_t'),
      memoryCreate: status('memory_create', pointers(4)),
      memorySetHandle: status('memory_set_data_handle', pointers(2)),
      memoryDestroy: status('memory_destroy', pointers(1)),
      setThreads: openMp(koffi, library),
      block(bytes) {
        const array = new Uint8Array(new ArrayBuffer(bytes))
        return { bytes: array, at: Number(koffi.address(array)) }
      },
      text: (at) => String(koffi.decode.string(at)),
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Symbols are also looked up in what a library was linked with; on Windows they have to be asked for there. */
function openMp(koffi: Koffi, { handle }: Loaded): ((count: number) => void) | undefined {
  const definition = 'void omp_set_num_threads(int count)'
  try {
    return handle.func(definition)
  } catch {
    const own = process.platform === 'win32' ? load(koffi, 'vcomp140.dll') : ''
    if (typeof own === 'string') return undefined
    return own.handle.func(definition)
  }
}
