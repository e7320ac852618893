/**
 * Writes WebAssembly modules: a function body at a time, and the few sections around it. Knows the
 * binary format and nothing of programs.
 */
import { op, simd } from './opcodes.ts'

/** Value types, by their byte in the binary format. */
export const valueType = { i32: 0x7f, v128: 0x7b } as const

export type ValueType = keyof typeof valueType

/** The number of a local variable of a function. */
export type Local = number

const emptyBlock = 0x40

/** A memory that modules import; `maximum` is in pages and part of the type of a shared memory. */
export interface MemoryType {
  readonly shared: boolean
  readonly maximum: number
}

/** One function: its locals and the bytes of its body, written in order. */
export class FunctionBuilder {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
  readonly #locals: ValueType[] = []
  readonly #bytes: number[] = []

  constructor(parameters: readonly ValueType[], results: readonly ValueType[] = []) {
    this.parameters = parameters
    this.results = results
  }

  local(type: ValueType): Local {
    this.#locals.push(type)
    return this.parameters.length + this.#locals.length - 1
  }

  op(code: number): void {
    this.#bytes.push(code)
  }
  simd(code: number): void {
    this.#bytes.push(0xfd)
    unsigned(this.#bytes, code)
  }
  /** A vector instruction that names a lane. */
  lane(code: number, lane: number): void {
    this.simd(code)
    this.#bytes.push(lane)
  }

  get(local: Local): void {
    this.#bytes.push(op.localGet)
    unsigned(this.#bytes, local)
  }
  set(local: Local): void {
    this.#bytes.push(op.localSet)
    unsigned(this.#bytes, local)
  }
  tee(local: Local): void {
    this.#bytes.push(op.localTee)
    unsigned(this.#bytes, local)
  }

  i32(value: number): void {
    this.#bytes.push(op.i32Const)
    signed(this.#bytes, value | 0)
  }
  /** A vector constant of four 32-bit words. */
  vector(a: number, b: number, c: number, d: number): void {
    this.simd(simd.const)
    for (const word of [a, b, c, d])
      this.#bytes.push(word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24)
  }
  splat(word: number): void {
    this.vector(word, word, word, word)
  }
  /** Picks four 32-bit words out of the eight of two vectors. */
  shuffle(a: number, b: number, c: number, d: number): void {
    this.simd(simd.shuffle)
    for (const word of [a, b, c, d])
      for (let byte = 0; byte < 4; byte++) this.#bytes.push(4 * word + byte)
  }

  i32Load(offset: number): void {
    this.#bytes.push(op.i32Load)
    this.#address(offset)
  }
  /** A vector load or store; every access is aligned to an element (4 bytes) and no more. */
  access(code: number, offset = 0): void {
    this.simd(code)
    this.#address(offset)
  }
  /** A load or store of one lane. */
  accessLane(code: number, lane: number, offset = 0): void {
    this.access(code, offset)
    this.#bytes.push(lane)
  }
  #address(offset: number): void {
    this.#bytes.push(2)
    unsigned(this.#bytes, offset)
  }

  call(functionIndex: number): void {
    this.#bytes.push(op.call)
    unsigned(this.#bytes, functionIndex)
  }

  /** Runs `body` if the i32 on the stack is not zero. */
  if(body: () => void): void {
    this.#bytes.push(op.if, emptyBlock)
    body()
    this.#bytes.push(op.end)
  }
  /** Runs `body`, which leaves an i32 on the stack, and again for as long as that is not zero. */
  repeat(body: () => void): void {
    this.#bytes.push(op.loop, emptyBlock)
    body()
    this.#bytes.push(op.brIf, 0, op.end)
  }
  /** Runs `body` while `count >= step` (signed), taking `step` away each time. */
  countDown(count: Local, step: number, body: () => void): void {
    this.get(count)
    this.i32(step)
    this.op(op.i32GeS)
    this.if(() =>
      this.repeat(() => {
        body()
        this.get(count)
        this.i32(step)
        this.op(op.i32Sub)
        this.tee(count)
        this.i32(step)
        this.op(op.i32GeS)
      }),
    )
  }

  /** The body as the code section holds it: locals in runs of one type, then the instructions. */
  finish(): number[] {
    const runs: [number, ValueType][] = []
    for (const type of this.#locals) {
      const last = runs[runs.length - 1]
      if (last?.[1] === type) last[0]++
      else runs.push([1, type])
    }
    const bytes: number[] = []
    unsigned(bytes, runs.length)
    for (const [count, type] of runs) {
      unsigned(bytes, count)
      bytes.push(valueType[type])
    }
    append(bytes, this.#bytes)
    bytes.push(op.end)
    return bytes
  }
}

/** The module of the given functions; the last one is exported as `run`, the memory imported. */
export function assemble(
  functions: readonly FunctionBuilder[],
  memory: MemoryType,
): Uint8Array<ArrayBuffer> {
  const bytes = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  section(bytes, 1, functions.length, (content) => {
    for (const { parameters, results } of functions) {
      content.push(0x60)
      for (const types of [parameters, results]) {
        unsigned(content, types.length)
        content.push(...types.map((type) => valueType[type]))
      }
    }
  })
  section(bytes, 2, 1, (content) => {
    // (import "m" "m" (memory 1 maximum shared)); the type of a shared memory names its maximum.
    content.push(1, 0x6d, 1, 0x6d, 2, memory.shared ? 3 : 0)
    unsigned(content, 1)
    if (memory.shared) unsigned(content, memory.maximum)
  })
  section(bytes, 3, functions.length, (content) => {
    for (let i = 0; i < functions.length; i++) unsigned(content, i)
  })
  section(bytes, 7, 1, (content) => {
    content.push(3, 0x72, 0x75, 0x6e, 0)
    unsigned(content, functions.length - 1)
  })
  section(bytes, 10, functions.length, (content) => {
    for (const body of functions.map((one) => one.finish())) {
      unsigned(content, body.length)
      append(content, body)
    }
  })
  return Uint8Array.from(bytes)
}

function section(
  bytes: number[],
  id: number,
  count: number,
  write: (content: number[]) => void,
): void {
  const content: number[] = []
  unsigned(content, count)
  write(content)
  bytes.push(id)
  unsigned(bytes, content.length)
  append(bytes, content)
}

/** Large bodies would overflow the stack as arguments of one `push`. */
function append(to: number[], from: readonly number[]): void {
  for (const byte of from) to.push(byte)
}

function unsigned(to: number[], value: number): void {
  while (value > 127) {
    to.push((value & 127) | 128)
    value >>>= 7
  }
  to.push(value)
}

function signed(to: number[], value: number): void {
  for (;;) {
    const byte = value & 127
    value >>= 7
    if ((value === 0 && byte < 64) || (value === -1 && byte >= 64)) {
      to.push(byte)
      return
    }
    to.push(byte | 128)
  }
}
