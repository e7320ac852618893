/**
 * The part of Python's pickle format that data needs, read without running anything.
 *
 * A pickle is a program for a small stack machine, whose instructions may import and call whatever
 * they name. This reader has a closed list of instructions, and "calling" means looking a name up in
 * a closed table of functions written here. Anything else ends the reading.
 * Source: the table of opcodes in `Lib/pickletools.py` of CPython, protocols 2 to 5.
 */
import { FormatError } from '../errors.ts'

/** A tuple; lists are arrays. */
export class PyTuple {
  readonly items: readonly PyValue[]
  constructor(items: readonly PyValue[]) {
    this.items = items
  }
}

/** A dict, also an ordered one. */
export class PyDict {
  readonly entries: Map<PyValue, PyValue> = new Map()
}

/** A set, mutable or frozen. */
export class PySet {
  readonly items: Set<PyValue>
  constructor(items: Iterable<PyValue> = []) {
    this.items = new Set(items)
  }
}

/** A name that a pickle may import and call: what happens then is written here, not there. */
export class PyFunction {
  readonly call: (args: readonly PyValue[]) => PyValue
  constructor(call: PyFunction['call']) {
    this.call = call
  }
}

/** Any value: what globals and persistent ids stand for are objects of the host's own kinds. */
export type PyValue = null | boolean | number | bigint | string | object

export interface PickleHost {
  /** How errors name the format. */
  readonly format: string
  /** By `module name`, as the pickle writes it. */
  readonly globals: ReadonlyMap<string, PyValue>
  /** Resolves a persistent id: an object that lies outside of the pickle. */
  readonly persistent: (id: PyValue) => PyValue
}

/** Opcodes that hostile or foreign pickles use, by name; the message shows the others as numbers. */
const refused: Readonly<Record<number, string>> = {
  80: 'PERSID',
  105: 'INST',
  111: 'OBJ',
  129: 'NEWOBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  146: 'NEWOBJ_EX',
}

/**
 * @throws FormatError naming the position, for opcodes and globals outside of the lists and for
 *   programs that are truncated or misuse the stack. Time and memory are proportional to the pickle.
 */
export function readPickle(bytes: Uint8Array, host: PickleHost): PyValue {
  const machine = new Machine(bytes, host)
  return machine.run()
}

class Machine {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #host: PickleHost
  readonly #stack: PyValue[] = []
  /** The heights of the stack at the open marks. */
  readonly #marks: number[] = []
  readonly #memo = new Map<number, PyValue>()
  #at = 0
  /** Where the current instruction begins. */
  #begin = 0

  constructor(bytes: Uint8Array, host: PickleHost) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#host = host
  }

  run(): PyValue {
    for (;;) {
      this.#begin = this.#at
      const opcode = this.#u8()
      if (opcode === 0x2e) break
      const action = actions[opcode]
      if (!action) {
        const name = refused[opcode]
        const hex = `0x${opcode.toString(16).padStart(2, '0')}`
        return this.fail(`the opcode ${hex}${name ? ` (${name})` : ''} is not one that data needs`)
      }
      try {
        action(this)
      } catch (error) {
        // The functions of the host say what is wrong, this machine where.
        if (error instanceof PickleError) return this.fail(error.message)
        throw error
      }
    }
    const result = this.pop()
    if (this.#stack.length > 0 || this.#at !== this.#bytes.length)
      return this.fail('something is left over behind the end of the pickle')
    return result
  }

  fail(why: string): never {
    throw new FormatError(`${this.#host.format}: ${why} (at byte ${this.#begin} of the pickle)`)
  }

  /** The next `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) return this.fail('the pickle is truncated')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #u8(): number {
    return this.take(1)[0]!
  }

  /** The next bytes as a number: unsigned but for `i4`; floats are big-endian in pickles. */
  number(kind: 'u1' | 'u2' | 'u4' | 'i4' | 'f8'): number {
    const at = this.#at
    this.take(Number(kind[1]))
    if (kind === 'u1') return this.#view.getUint8(at)
    if (kind === 'u2') return this.#view.getUint16(at, true)
    if (kind === 'u4') return this.#view.getUint32(at, true)
    if (kind === 'i4') return this.#view.getInt32(at, true)
    return this.#view.getFloat64(at)
  }

  /** Two's complement, little-endian, of up to 255 bytes. */
  long(length: number): number | bigint {
    let value = 0n
    const bytes = this.take(length)
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
    const signed = BigInt.asIntN(8 * length, value)
    const number = Number(signed)
    return Number.isSafeInteger(number) ? number : signed
  }

  text(length: number): string {
    const raw = this.take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
    } catch {
      return this.fail('a text is not UTF-8')
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) return this.fail('the pickle is truncated')
    const text = this.text(end - this.#at)
    this.#at = end + 1
    return text
  }

  push(value: PyValue): void {
    this.#stack.push(value)
  }

  pop(): PyValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      return this.fail('the stack of the pickle is empty')
    return this.#stack.pop()!
  }

  top(): PyValue {
    const value = this.pop()
    this.push(value)
    return value
  }

  mark(): void {
    this.#marks.push(this.#stack.length)
  }

  popToMark(): PyValue[] {
    const mark = this.#marks.pop()
    if (mark === undefined) return this.fail('the pickle closes a mark that it has not set')
    return this.#stack.splice(mark)
  }

  popTuple(): readonly PyValue[] {
    const value = this.pop()
    return value instanceof PyTuple ? value.items : this.fail('the arguments are not a tuple')
  }

  store(key: number = this.#memo.size): void {
    this.#memo.set(key, this.top())
  }

  fetch(key: number): void {
    const value = this.#memo.get(key)
    if (value === undefined) this.fail(`nothing was stored under number ${key}`)
    else this.push(value)
  }

  global(module: PyValue, name: PyValue): void {
    if (typeof module !== 'string' || typeof name !== 'string') this.fail('a global is not text')
    const found = this.#host.globals.get(`${module} ${name}`)
    if (found !== undefined) this.push(found)
    else
      this.fail(`the global ${module}.${name}`.slice(0, 160).concat(' is not on the list of data'))
  }

  reduce(): void {
    const args = this.popTuple()
    const callee = this.pop()
    if (callee instanceof PyFunction) this.push(callee.call(args))
    else this.fail('the pickle calls something that is data')
  }

  persistent(): void {
    this.push(this.#host.persistent(this.pop()))
  }

  setItems(pairs: readonly PyValue[]): void {
    const target = this.top()
    if (target instanceof PyDict && pairs.length % 2 === 0)
      for (let i = 0; i < pairs.length; i += 2) target.entries.set(pairs[i]!, pairs[i + 1]!)
    else this.fail('items are set on something that is no dict')
  }

  append(items: readonly PyValue[]): void {
    const target = this.top()
    if (Array.isArray(target)) for (const item of items) target.push(item)
    else this.fail('items are appended to something that is no list')
  }

  add(items: readonly PyValue[]): void {
    const target = this.top()
    if (target instanceof PySet) for (const item of items) target.items.add(item)
    else this.fail('items are added to something that is no set')
  }

  /** Attributes of ordered dicts (`_metadata` of state dicts) are not data, and are let go. */
  build(): void {
    this.pop()
    if (!(this.top() instanceof PyDict))
      this.fail('attributes are set on something that is no dict')
  }
}

/** Thrown by the functions of a host; the machine adds the position. */
export class PickleError extends Error {}

const last = (machine: Machine, count: number): PyTuple => {
  const items = Array.from({ length: count }, () => machine.pop())
  return new PyTuple(items.reverse())
}

const actions: Readonly<Record<number, (machine: Machine) => void>> = {
  128: (m) => {
    const protocol = m.number('u1')
    if (protocol < 2 || protocol > 5) m.fail(`protocol ${protocol} is unknown`)
  },
  // FRAME: how far a reader may read ahead; all bytes are here.
  149: (m) => void m.take(8),
  // Constants.
  78: (m) => m.push(null),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  74: (m) => m.push(m.number('i4')),
  75: (m) => m.push(m.number('u1')),
  77: (m) => m.push(m.number('u2')),
  138: (m) => m.push(m.long(m.number('u1'))),
  71: (m) => m.push(m.number('f8')),
  88: (m) => m.push(m.text(m.number('u4'))),
  140: (m) => m.push(m.text(m.number('u1'))),
  66: (m) => m.push(m.take(m.number('u4'))),
  67: (m) => m.push(m.take(m.number('u1'))),
  // Tuples.
  40: (m) => m.mark(),
  41: (m) => m.push(new PyTuple([])),
  116: (m) => m.push(new PyTuple(m.popToMark())),
  133: (m) => m.push(last(m, 1)),
  134: (m) => m.push(last(m, 2)),
  135: (m) => m.push(last(m, 3)),
  // Lists.
  93: (m) => m.push([]),
  97: (m) => m.append([m.pop()]),
  101: (m) => m.append(m.popToMark()),
  // Dicts.
  125: (m) => m.push(new PyDict()),
  115: (m) => m.setItems(last(m, 2).items),
  117: (m) => m.setItems(m.popToMark()),
  // Sets.
  143: (m) => m.push(new PySet()),
  144: (m) => m.add(m.popToMark()),
  145: (m) => m.push(new PySet(m.popToMark())),
  // The memo.
  113: (m) => m.store(m.number('u1')),
  114: (m) => m.store(m.number('u4')),
  148: (m) => m.store(),
  104: (m) => m.fetch(m.number('u1')),
  106: (m) => m.fetch(m.number('u4')),
  // Names, calls and what lies outside.
  99: (m) => m.global(m.line(), m.line()),
  147: (m) => m.global(...(last(m, 2).items as [PyValue, PyValue])),
  82: (m) => m.reduce(),
  98: (m) => m.build(),
  81: (m) => m.persistent(),
}
