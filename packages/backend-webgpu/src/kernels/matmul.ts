/** Products of matrices with any strides, in batches. */
import {
  collapse,
  type DeviceBuffer,
  type DType,
  type Kernels,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { FEW } from './plan.ts'
import { defineProduct, read, valueType } from './product.ts'
import type { Side } from './tile.ts'
import { dedent, indent, walkParams, walkText } from './wgsl.ts'

/** A matrix in a buffer, or a batch of them; strides in elements. */
export interface Matrix {
  readonly buffer: DeviceBuffer
  readonly offset: number
  /** From one row to the next, and from one column to the next. */
  readonly down: number
  readonly across: number
  /** Along each axis of the batch. */
  readonly steps: readonly number[]
}

interface Variant {
  /** Axes of the batch. */
  readonly rank: number
}

const names = ['a', 'b', 'c']

/** A thread has results of one product only, so where the term of that begins need not go along. */
const termText = dedent(`
  var<private> term_begin: i32;
  fn term_of(row: u32, column: u32) -> f32 {
    return load_term(term_begin + i32(row) * p.term_down + i32(column) * p.term_across);
  }
`)

const multiply = defineProduct<Variant>(({ rank }, { a, b, term }) => {
  const all = term ? [...names, 'term'] : names
  return {
    name: 'matmul',
    about:
      'c[row, column] = sum over depth of a[row, depth] b[depth, column], for each matrix of a batch.',
    params: [
      ...all.flatMap((name) => [`${name}_down`, `${name}_across`]),
      ...walkParams(rank, all),
    ],
    functions: [
      ...(term ? [termText] : []),
      'fn start(batch: u32) -> vec3<i32> {',
      indent(walkText(rank, all, 'batch')),
      ...(term ? ['  term_begin = term_at;'] : []),
      '  return vec3<i32>(a_at, b_at, c_at);',
      '}',
      dedent(`
      fn a_lane(row: u32, start: i32) -> vec4<i32> {
        return vec4<i32>(start + i32(row) * p.a_down, 0, 0, 0);
      }
      fn a_step(depth: u32) -> vec4<i32> {
        return vec4<i32>(i32(depth) * p.a_across, 0, 0, 0);
      }
      fn a_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(a)} {
        return ${read('a', a, 'lane.x + step.x')};
      }
      fn b_lane(column: u32, start: i32) -> vec4<i32> {
        return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
      }
      fn b_step(depth: u32) -> vec4<i32> {
        return vec4<i32>(i32(depth) * p.b_down, 0, 0, 0);
      }
      fn b_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(b)} {
        return ${read('b', b, 'lane.x + step.x')};
      }
      fn c_at(row: u32, column: u32, start: i32) -> i32 {
        return start + i32(row) * p.c_down + i32(column) * p.c_across;
      }
    `),
    ].join('\n'),
  }
})

/** How an operand is read, by what is dense in it. `lane` and `depth` are strides along those axes. */
export function sideOf(
  lanes: number,
  lane: number,
  depths: number,
  depth: number,
  others: readonly number[],
): Side {
  const along = Math.abs(lane) < Math.abs(depth) ? 'lane' : 'depth'
  // The stride of an axis with one element says nothing.
  if (lanes === 1) lane = 0
  if (depths === 1) depth = 0
  const quads = others.every((step) => step % 4 === 0)
  if (quads && depth === 1 && depths % 4 === 0 && lane % 4 === 0)
    return { load: 'deep', along: 'depth' }
  if (quads && lane === 1 && lanes % 4 === 0 && depth % 4 === 0)
    return { load: 'wide', along: 'lane' }
  return { load: 'single', along }
}

/** `c = a b`, or `a b + term`, for `rows x depth` times `depth x columns`, over a batch of `shape`; all of `dtype`. */
export function product(
  runtime: Runtime,
  dtype: DType,
  [rows, columns, depth]: readonly [number, number, number],
  shape: readonly number[],
  a: Matrix,
  b: Matrix,
  c: Matrix,
  term?: Matrix,
): void {
  // Few columns are better few rows, and neighbouring threads write neighbouring columns.
  const few = columns <= FEW && rows > columns
  const dense = rows > FEW && Math.abs(c.down) < Math.abs(c.across)
  if (few || dense) {
    const turn = (m: Matrix): Matrix => ({ ...m, down: m.across, across: m.down })
    ;[rows, columns, a, b, c] = [columns, rows, turn(b), turn(a), turn(c)]
    term &&= turn(term)
  }
  const operands = { a, b, c, ...(term && { term }) }
  const params: Record<string, number> = {}
  for (const [axis, extent] of shape.entries()) if (axis > 0) params[`extent${axis}`] = extent
  for (const [name, { offset, down, across, steps }] of Object.entries(operands)) {
    params[`${name}_first`] = offset
    params[`${name}_down`] = down
    params[`${name}_across`] = across
    for (const [axis, step] of steps.entries()) params[`${name}_step${axis}`] = step
  }
  const results = (m: Matrix): View => ({
    ...{ buffer: m.buffer, dtype, offset: m.offset },
    shape: [...shape, rows, columns],
    strides: [...m.steps, m.down, m.across],
  })
  multiply(
    runtime,
    { rank: shape.length },
    {
      ...{ rows, columns, depth, params },
      batch: sizeOf(shape),
      a: {
        buffer: a.buffer,
        side: sideOf(rows, a.down, depth, a.across, [a.offset, ...a.steps]),
      },
      b: {
        buffer: b.buffer,
        side: sideOf(columns, b.across, depth, b.down, [b.offset, ...b.steps]),
      },
      c: results(c),
      term: term && results(term),
    },
  )
}

/** {@link Kernels.matmul} for f32 and f16. */
export function matmulKernel(runtime: Runtime): Kernels['matmul'] {
  return (a, b, out) => multiplyViews(runtime, a, b, out)
}

/** {@link Kernels.addmm} for f32 and f16: the term is added where a product is stored. */
export function addmmKernel(runtime: Runtime): Kernels['addmm'] {
  return (a, b, c, out) => multiplyViews(runtime, a, b, out, c)
}

function multiplyViews(runtime: Runtime, a: View, b: View, out: View, term?: View): void {
  const rank = out.shape.length
  // The rows count as one more axis of the batch along which b repeats: what meets the same b
  // becomes one taller product, where memory allows.
  const loops = collapse(out.shape.slice(0, -1), [
    a.strides.slice(0, -1),
    [...b.strides.slice(0, -2), 0],
    out.strides.slice(0, -1),
    ...(term ? [term.strides.slice(0, -1)] : []),
  ])
  const [aSteps, bSteps, outSteps, termSteps = []] = loops.strides as [
    number[],
    number[],
    number[],
    number[]?,
  ]
  const tall = bSteps.at(-1) === 0 || loops.shape.length === 0
  const rows = tall ? (loops.shape.pop() ?? 1) : 1
  const pop = (steps: number[]) => (tall ? (steps.pop() ?? 0) : 0)
  const [aDown, , outDown, termDown] = [pop(aSteps), pop(bSteps), pop(outSteps), pop(termSteps)]
  product(
    runtime,
    out.dtype,
    [rows, out.shape[rank - 1]!, a.shape[rank - 1]!],
    loops.shape,
    {
      ...{ buffer: a.buffer, offset: a.offset, steps: aSteps },
      ...{ down: aDown, across: a.strides[rank - 1]! },
    },
    {
      ...{ buffer: b.buffer, offset: b.offset, steps: bSteps },
      ...{ down: b.strides[rank - 2]!, across: b.strides[rank - 1]! },
    },
    {
      ...{ buffer: out.buffer, offset: out.offset, steps: outSteps },
      ...{ down: outDown, across: out.strides[rank - 1]! },
    },
    term && {
      ...{ buffer: term.buffer, offset: term.offset, steps: termSteps },
      ...{ down: termDown, across: term.strides[rank - 1]! },
    },
  )
}
