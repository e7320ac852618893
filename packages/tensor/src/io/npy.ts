/**
 * Arrays as numpy saves them: `.npy` files.
 * Source: NEP 1 and the documentation of `numpy.lib.format` (versions 1.0, 2.0 and 3.0).
 *
 * The header is the text of a Python dict. It is read with the grammar of such headers and nothing
 * else is evaluated; arrays of Python objects (which would need pickle) are refused.
 */
import { FormatError, showShape } from '../errors.ts'
import { concat, swapBytes } from './bytes.ts'
import { byteLength, type FileDType, fileDTypes, type HostTensor, isSize } from './host.ts'
import { show } from './show.ts'
import { copyStrided } from './strided.ts'

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** Far beyond what plain arrays need; numpy itself refuses more than 10000 unless told otherwise. */
const HEADER_LIMIT = 65536
/** numpy's limit. */
const MAX_AXES = 64

const dtypeOf: Readonly<Record<string, FileDType>> = {
  b1: 'BOOL',
  i1: 'I8',
  u1: 'U8',
  i2: 'I16',
  u2: 'U16',
  i4: 'I32',
  u4: 'U32',
  i8: 'I64',
  u8: 'U64',
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
}

function fail(why: string): never {
  throw new FormatError(`npy: ${why}`)
}

/**
 * Reads a `.npy` file held in memory. A little-endian array in C order is a view on `bytes`; others
 * are converted to that.
 *
 * @throws FormatError for what is no such file, is truncated or too long, and for elements other than
 *   bool, integers and floats of 16 to 64 bits (structured arrays, objects, complex numbers, text).
 * @example
 * ```ts
 * const images = fromHost(decodeNpy(await readFile('images.npy')))
 * ```
 */
export function decodeNpy(bytes: Uint8Array): HostTensor {
  const { header, start } = splitHeader(bytes)
  const { descr, fortran, shape } = readFields(header)
  const { dtype, big } = readDescr(descr)
  const size = fileDTypes[dtype]
  const data = bytes.subarray(start)
  const wanted = byteLength(dtype, shape)
  if (data.length !== wanted)
    return fail(
      `${dtype} ${showShape(shape)} takes ${wanted.toFixed(0)} bytes; the file has ${data.length}`,
    )
  const ordered = big && size > 1 ? swapBytes(data, size) : data
  if (!fortran || shape.length < 2) return { dtype, shape, data: ordered }
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1))
  return { dtype, shape, data: copyStrided(ordered, size, shape, strides, 0) }
}

function splitHeader(bytes: Uint8Array): { header: string; start: number } {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
    return fail('the file does not begin as npy files do')
  const [major, minor] = [bytes[6]!, bytes[7]!]
  if (major < 1 || major > 3 || minor !== 0)
    return fail(`version ${major}.${minor} is unknown; 1.0, 2.0 and 3.0 are`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const from = major === 1 ? 10 : 12
  if (bytes.length < from) return fail('the header is truncated')
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > HEADER_LIMIT)
    return fail(`the header claims ${length} bytes; at most ${HEADER_LIMIT} are allowed`)
  const start = from + length
  if (start > bytes.length) return fail('the header is truncated')
  const raw = bytes.subarray(from, start)
  try {
    // Versions 1 and 2 are Latin-1; what a readable header holds is ASCII in either.
    return { header: new TextDecoder('utf-8', { fatal: true }).decode(raw), start }
  } catch {
    return fail('the header is not text')
  }
}

interface Fields {
  readonly descr: string
  readonly fortran: boolean
  readonly shape: readonly number[]
}

const string = /'[^'\\]*'|"[^"\\]*"/y
const size = /(\d{1,16})L?/y // Python 2 wrote an L behind long integers.
const word = /True|False/y
const space = /[ \t\r\n]*/y

/** The three entries of the dict, in any order. */
function readFields(text: string): Fields {
  let at = 0
  const scan = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  const next = (expected: string): boolean => {
    scan(space)
    const is = text.startsWith(expected, at)
    if (is) at += expected.length
    scan(space)
    return is
  }
  const bad = (): never => fail(`the header is not the dict of an array: ${show(text.trim())}`)
  const tuple = (): number[] => {
    const sizes: number[] = []
    let comma = true
    while (!next(')')) {
      const digits = comma ? scan(size) : undefined
      if (digits === undefined) return bad()
      sizes.push(Number.parseInt(digits, 10))
      comma = next(',')
    }
    // `(3)` is a number in Python, not a tuple.
    return sizes.length === 1 && !comma ? bad() : sizes
  }
  const values: Record<string, unknown> = {}
  if (!next('{')) return bad()
  let comma = true
  while (!next('}')) {
    const key = comma ? scan(string)?.slice(1, -1) : undefined
    if (key === undefined || Object.hasOwn(values, key) || !next(':')) return bad()
    if (key === 'shape') values[key] = next('(') ? tuple() : bad()
    else if (key === 'fortran_order') values[key] = scan(word)
    else if (key === 'descr') {
      if (text[at] === '[')
        return fail('structured arrays are not supported; save each field alone')
      values[key] = scan(string)?.slice(1, -1)
    } else return bad()
    comma = next(',')
  }
  const { descr, fortran_order: fortran, shape } = values
  if (typeof descr !== 'string' || typeof fortran !== 'string' || at !== text.length) return bad()
  if (!Array.isArray(shape) || shape.length > MAX_AXES || !shape.every(isSize)) return bad()
  return { descr, fortran: fortran === 'True', shape }
}

function readDescr(descr: string): { dtype: FileDType; big: boolean } {
  const [, order, kind] = /^([<>|=]?)([a-zA-Z]\d*)$/.exec(descr) ?? []
  if (kind?.startsWith('O'))
    return fail('arrays of Python objects are not supported; they hold pickled code')
  const dtype = Object.hasOwn(dtypeOf, kind ?? '') ? dtypeOf[kind!] : undefined
  // More than one byte needs an order; '=' and none would mean that of the machine that wrote it.
  const ordered = order === '<' || order === '>' || (dtype && fileDTypes[dtype] === 1)
  if (!dtype || !ordered)
    return fail(
      `elements of type ${show(descr)} are not supported; bool, i1 .. i8, u1 .. u8, f2, f4 and f8 are`,
    )
  return { dtype, big: order === '>' }
}

/**
 * An array as a `.npy` file (version 1.0), which `numpy.load` reads.
 *
 * @throws FormatError for BF16, which numpy does not have, and for more axes than numpy allows.
 * @example
 * ```ts
 * await writeFile('weights.npy', encodeNpy(await toHost(layer.weight)))
 * ```
 */
export function encodeNpy({ dtype, shape, data }: HostTensor): Uint8Array {
  const kind = Object.keys(dtypeOf).find((key) => dtypeOf[key] === dtype)
  if (!kind) return fail(`numpy has no ${dtype}; convert it to F32`)
  if (shape.length > MAX_AXES) return fail(`numpy allows ${MAX_AXES} axes, not ${shape.length}`)
  if (data.length !== byteLength(dtype, shape))
    return fail(`${data.length} bytes are not ${dtype} ${showShape(shape)}`)
  const order = fileDTypes[dtype] === 1 ? '|' : '<'
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': ${tuple}, }`
  // Spaces and a line end bring the data to a multiple of 64 bytes.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10
  const header = `${dict.padEnd(length - 1)}\n`
  const prefix = [...MAGIC, 1, 0, length & 255, length >> 8]
  return concat([Uint8Array.from(prefix), new TextEncoder().encode(header), data])
}
