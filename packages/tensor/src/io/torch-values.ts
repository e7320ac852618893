/** The names that a PyTorch checkpoint may import, and what each of them makes. */

import { swapBytes } from './bytes.ts'
import { type FileDType, fileDTypes, type HostTensor, isSize } from './host.ts'
import { PickleError, PyDict, PyFunction, PySet, PyTuple, type PyValue } from './pickle.ts'
import { show } from './show.ts'
import { copyStrided, isDense } from './strided.ts'

/** The memory of one or more tensors. */
class Storage {
  readonly dtype: FileDType
  readonly data: Uint8Array
  constructor(dtype: FileDType, data: Uint8Array) {
    this.dtype = dtype
    this.data = data
  }
}

class StorageType {
  readonly dtype: FileDType
  constructor(dtype: FileDType) {
    this.dtype = dtype
  }
}

/** A dtype as a value. */
export class TorchDType {
  readonly text: string
  readonly dtype: FileDType
  constructor(text: string, dtype: FileDType) {
    this.text = text
    this.dtype = dtype
  }
}

/** A tensor, told apart from dicts that merely look like one. */
export class TorchTensor {
  readonly host: HostTensor
  constructor(host: HostTensor) {
    this.host = host
  }
}

/** What the values of one checkpoint are made of. */
export interface TorchSource {
  /** The bytes of a storage. */
  readonly record: (key: string) => Uint8Array | undefined
  readonly bigEndian: boolean
  /** Called with the size of every copy before it is made. */
  readonly allow: (what: string, bytes: number) => void
}

const storages: Readonly<Record<string, FileDType>> = {
  'torch BoolStorage': 'BOOL',
  'torch ByteStorage': 'U8',
  'torch CharStorage': 'I8',
  'torch ShortStorage': 'I16',
  'torch IntStorage': 'I32',
  'torch LongStorage': 'I64',
  'torch HalfStorage': 'F16',
  'torch BFloat16Storage': 'BF16',
  'torch FloatStorage': 'F32',
  'torch DoubleStorage': 'F64',
  'torch.storage UntypedStorage': 'U8',
}

const dtypes: Readonly<Record<string, FileDType>> = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  uint16: 'U16',
  int16: 'I16',
  uint32: 'U32',
  int32: 'I32',
  uint64: 'U64',
  int64: 'I64',
  float16: 'F16',
  bfloat16: 'BF16',
  float32: 'F32',
  float64: 'F64',
}

/** PyTorch's limit. */
const MAX_AXES = 64

function bad(why: string): never {
  throw new PickleError(why)
}

/** Which types the arguments of a function must have; the last ones may be missing. */
function expect(name: string, args: readonly PyValue[], least: number, most: number): void {
  if (args.length < least || args.length > most)
    bad(`${name} has ${args.length} arguments; it takes ${least} to ${most}`)
}

/** The closed table of globals, by `module name`. */
export function torchGlobals(source: TorchSource): Map<string, PyValue> {
  const table = new Map<string, PyValue>()
  for (const [key, dtype] of Object.entries(storages)) table.set(key, new StorageType(dtype))
  for (const [name, dtype] of Object.entries(dtypes))
    table.set(`torch ${name}`, new TorchDType(`torch.${name}`, dtype))
  const add = (key: string, call: (args: readonly PyValue[]) => PyValue): void => {
    table.set(key, new PyFunction(call))
  }

  add('collections OrderedDict', (args) => {
    expect('OrderedDict', args, 0, 0)
    return new PyDict()
  })
  add('collections Counter', ([counts]) =>
    counts instanceof PyDict ? counts : bad('Counter takes a dict'),
  )
  for (const module of ['builtins', '__builtin__'])
    for (const name of ['set', 'frozenset'])
      add(`${module} ${name}`, ([items = []]) =>
        Array.isArray(items) ? new PySet(items) : bad(`${name} takes a list`),
      )
  add('_codecs encode', ([text, encoding]) => {
    if (typeof text !== 'string' || encoding !== 'latin1') return bad('only latin1 bytes are read')
    return Uint8Array.from(text, (char) => char.codePointAt(0)!)
  })
  add('torch Size', ([sizes]) => (sizes instanceof PyTuple ? sizes : bad('Size takes a tuple')))
  add('torch device', (args) =>
    args.every((part) => typeof part === 'string' || typeof part === 'number')
      ? args.join(':')
      : bad('device takes a name and a number'),
  )
  add('torch._utils _rebuild_tensor_v2', (args) => {
    expect('_rebuild_tensor_v2', args, 6, 7)
    return rebuild(source, args, args[6])
  })
  add('torch._utils _rebuild_tensor_v3', (args) => {
    expect('_rebuild_tensor_v3', args, 7, 8)
    const type = args[6]
    if (!(type instanceof TorchDType)) return bad('_rebuild_tensor_v3 takes a dtype')
    return rebuild(source, args, args[7], type.dtype)
  })
  for (const name of ['_rebuild_parameter', '_rebuild_parameter_with_state'])
    add(`torch._utils ${name}`, ([data]) =>
      data instanceof TorchTensor ? data : bad(`${name} takes a tensor`),
    )
  return table
}

/** `('storage', type, key, location, number of elements)`, as `torch.save` writes it. */
export function torchStorage(source: TorchSource, id: PyValue): Storage {
  const [tag, type, key, , count] = id instanceof PyTuple ? id.items : []
  if (tag !== 'storage' || !(type instanceof StorageType) || typeof key !== 'string')
    return bad('a persistent id is not that of a storage')
  const data = source.record(key)
  if (!data) return bad(`the archive lacks the storage ${show(key)}`)
  if (!isSize(count) || count * fileDTypes[type.dtype] !== data.length)
    return bad(
      `the storage ${show(key)} has ${data.length} bytes, not the ${show(count)} elements of ` +
        `${type.dtype} that the pickle says`,
    )
  return new Storage(type.dtype, data)
}

function sizesOf(what: string, value: PyValue | undefined): number[] {
  const items = value instanceof PyTuple ? value.items : bad(`the ${what} of a tensor is no tuple`)
  if (items.length > MAX_AXES || !items.every(isSize))
    return bad(`the ${what} of a tensor is ${show(items)}; it must be at most ${MAX_AXES} sizes`)
  return items as number[]
}

function rebuild(
  source: TorchSource,
  [storage, offset, sizeTuple, strideTuple]: readonly PyValue[],
  metadata: PyValue | undefined,
  dtype?: FileDType,
): TorchTensor {
  if (!(storage instanceof Storage)) return bad('a tensor is made of something that is no storage')
  // Flags that say "negated" or "conjugated" change what the bytes mean.
  if (metadata instanceof PyDict && [...metadata.entries.values()].some(Boolean))
    return bad('a tensor with flags (a lazy negation or conjugation) is not supported')
  const type = dtype ?? storage.dtype
  const size = fileDTypes[type]
  const shape = sizesOf('size', sizeTuple)
  const strides = sizesOf('stride', strideTuple)
  if (!isSize(offset) || strides.length !== shape.length)
    return bad(
      `a tensor ${show(shape)} has the strides ${show(strides)} and offset ${show(offset)}`,
    )
  if (shape.includes(0)) return new TorchTensor({ dtype: type, shape, data: new Uint8Array() })
  // Rounding beyond 2^53 does no harm: no storage is that large.
  const end = shape.reduce((at, extent, axis) => at + (extent - 1) * strides[axis]!, offset) + 1
  if (end * size > storage.data.length)
    return bad(
      `a tensor ${show(shape)} with the strides ${show(strides)} from ${offset} on reaches beyond ` +
        `its storage of ${storage.data.length / size} elements`,
    )
  const count = shape.reduce((product, extent) => product * extent, 1)
  const dense = isDense(shape, strides)
  const swapped = source.bigEndian && size > 1
  if (!dense || swapped) source.allow(`a tensor ${show(shape)}`, count * size)
  const native = dense
    ? storage.data.subarray(offset * size, (offset + count) * size)
    : copyStrided(storage.data, size, shape, strides, offset)
  return new TorchTensor({ dtype: type, shape, data: swapped ? swapBytes(native, size) : native })
}
