/**
 * What differs between versions 2 and 3 of oneDNN's C interface: version 2 fills structs of the caller,
 * version 3 makes objects of its own.
 */
import type { Arena, Block } from './onednn-api.ts'
import type { Pass } from './types.ts'

type Status = number
type Pointer = number

/** Binds `dnnl_<name>`, a function of these types that answers with a status. */
export type Bind = (
  name: string,
  ...types: readonly string[]
) => (...args: readonly number[]) => Status

/** The descriptions of a convolution's arrays, and its strides, dilations and paddings. */
export interface Operands {
  readonly x: Pointer
  readonly weight: Pointer
  readonly y: Pointer
  readonly geometry: readonly Pointer[]
}

export interface Dialect {
  /** Describes an array of floats, with given strides or (0) in any layout; `result` holds the address. */
  desc(result: Block, arena: Arena, rank: number, dims: Pointer, strides: Pointer): Status
  /** Absent where descriptions need no freeing. */
  readonly descDestroy?: (desc: Pointer) => Status
  /** Describes a pass; `hint` is the forward pass, for the two others. */
  convolution(
    result: Block,
    arena: Arena,
    engine: Pointer,
    pass: Pass,
    operands: Operands,
    hint: Pointer,
  ): Status
}

const pointers = (count: number) => new Array<string>(count).fill('uintptr_t')

/** Numbers of the C enumerations, the same in both versions. */
const f32 = 3
const anyLayout = 1
const forwardTraining = 64
const direct = 1

/** Names of the passes in the names of functions. */
const names = { forward: 'forward', gradInput: 'backward_data', gradWeight: 'backward_weights' }

/** The arrays of a pass in the order of the arguments: a bias comes before the output, and there is none. */
function arrays(pass: Pass, { x, weight, y }: Operands): Pointer[] {
  return pass === 'gradInput' ? [x, weight, y] : [x, weight, 0, y]
}

export function version2(bind: Bind): Dialect {
  const byStrides = bind(
    'memory_desc_init_by_strides',
    ...['uintptr_t', 'int', 'uintptr_t', 'int', 'uintptr_t'],
  )
  const byTag = bind('memory_desc_init_by_tag', ...['uintptr_t', 'int', 'uintptr_t', 'int', 'int'])
  const init = (pass: Pass, ...types: readonly string[]) =>
    bind(`dilated_convolution_${names[pass]}_desc_init`, ...types)
  const inits = {
    forward: init('forward', 'uintptr_t', 'int', 'int', ...pointers(8)),
    gradInput: init('gradInput', 'uintptr_t', 'int', ...pointers(7)),
    gradWeight: init('gradWeight', 'uintptr_t', 'int', ...pointers(8)),
  }
  const create = bind('primitive_desc_create', ...pointers(5))
  return {
    desc(result, arena, rank, dims, strides) {
      const desc = arena.desc()
      new BigUint64Array(result.bytes.buffer)[0] = BigInt(desc)
      return strides === 0
        ? byTag(desc, rank, dims, f32, anyLayout)
        : byStrides(desc, rank, dims, f32, strides)
    },
    convolution(result, arena, engine, pass, operands, hint) {
      const desc = arena.convolution()
      const kind = pass === 'forward' ? [forwardTraining, direct] : [direct]
      const status = inits[pass](desc, ...kind, ...arrays(pass, operands), ...operands.geometry)
      return status === 0 ? create(result.at, desc, 0, engine, hint) : status
    },
  }
}

export function version3(bind: Bind): Dialect {
  const withStrides = bind(
    'memory_desc_create_with_strides',
    ...['uintptr_t', 'int', 'uintptr_t', 'int', 'uintptr_t'],
  )
  const withTag = bind(
    'memory_desc_create_with_tag',
    ...['uintptr_t', 'int', 'uintptr_t', 'int', 'int'],
  )
  const create = (pass: Pass, ...types: readonly string[]) =>
    bind(`convolution_${names[pass]}_primitive_desc_create`, ...pointers(2), ...types)
  const creates = {
    forward: create('forward', 'int', 'int', ...pointers(9)),
    gradInput: create('gradInput', 'int', ...pointers(9)),
    gradWeight: create('gradWeight', 'int', ...pointers(10)),
  }
  return {
    desc: (result, _arena, rank, dims, strides) =>
      strides === 0
        ? withTag(result.at, rank, dims, f32, anyLayout)
        : withStrides(result.at, rank, dims, f32, strides),
    descDestroy: bind('memory_desc_destroy', 'uintptr_t'),
    convolution(result, _arena, engine, pass, operands, hint) {
      const kind = pass === 'forward' ? [forwardTraining, direct] : [direct]
      const rest = pass === 'forward' ? [0] : [hint, 0]
      const list = [...kind, ...arrays(pass, operands), ...operands.geometry, ...rest]
      return creates[pass](result.at, engine, ...list)
    },
  }
}
