/** Kernels that are sums of products: {@link defineProduct} runs the tiles of `tile.ts` on their operands. */
import type { DeviceBuffer, View } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import {
  LONG,
  plan,
  type Side,
  type TileVariant,
  tileDeclarations,
  tileMain,
  tileParams,
  tiles,
} from './tile.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  sumParts,
  THREADS,
  withScratch,
  zero,
} from './wgsl.ts'

/** What is particular to a kernel: how rows, columns and depth become places in memory. */
export interface ProductText {
  readonly name: string
  readonly about: string
  readonly params: readonly string[]
  /** The functions that `tileDeclarations` asks for. */
  readonly functions: string
}

export interface Operand {
  readonly buffer: DeviceBuffer
  readonly side: Side
}

export interface ProductCall {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** Products side by side; `start(batch)` tells where each begins. */
  readonly batch: number
  readonly a: Operand
  readonly b: Operand
  /** The results in the order of batch, rows and columns, over as many axes as their strides need. */
  readonly c: View
  readonly params: Readonly<Record<string, number>>
}

/** The type of what an operand's `x_load` gives. */
export function valueType({ load }: Side): string {
  return load === 'single' ? 'f32' : 'vec4<f32>'
}

/** Text that reads the number, or the quad, at an element of an operand. */
export function read(name: 'a' | 'b', { load }: Side, at: string): string {
  return load === 'single' ? `load_${name}(${at})` : `load_${name}((${at}) >> 2u)`
}

/** The same operand, one element at a time. */
function singly({ load, along }: Side): Side {
  return { load: 'single', along: load === 'single' ? along : load === 'deep' ? 'depth' : 'lane' }
}

/**
 * Results so few have a thread each: tiles would be mostly empty. So has a single column, whose rows have
 * nothing to share, as long as its sums are short.
 */
const FEW = 64
const SHORT = 256

const dotsMain = [
  eachThread,
  dedent(`
    let column = number % u32(p.columns);
    let line = number / u32(p.columns);
    let row = line % u32(p.rows);
    let begin = start(line / u32(p.rows));
    let a = a_lane(row, begin.x);
    let b = b_lane(column, begin.y);
    var sum = 0.0;
    for (var depth = 0u; depth < u32(p.depth); depth++) {
      sum += a_load(a, depth) * b_load(b, depth);
    }
    store_c(c_at(row, column, begin.z), sum);
  `),
].join('\n')

/** A kernel of products; `Own` is what its text depends on besides the tile and the sides. */
export function defineProduct<Own extends object>(
  text: (own: Own, a: Side, b: Side) => ProductText,
): (runtime: Runtime, own: Own, call: ProductCall) => void {
  const kernel = defineKernel<{ own: Own; variant: TileVariant }>(({ own, variant }) => {
    const { params, functions, ...rest } = text(own, variant.a, variant.b)
    return {
      ...rest,
      memory: {
        a: { element: variant.a.load === 'single' ? 'f32' : 'vec4<f32>' },
        b: { element: variant.b.load === 'single' ? 'f32' : 'vec4<f32>' },
        c: { element: 'f32', access: 'write' },
      },
      params: [...tileParams, ...params],
      threads: tiles[variant.tile].down * tiles[variant.tile].across,
      declarations: `${functions}\n\n${tileDeclarations(variant)}`,
      main: tileMain(variant),
    }
  })
  const dots = defineKernel<{ own: Own; along: readonly [Side['along'], Side['along']] }>(
    ({ own, along }) => {
      const [a, b] = along.map((axis): Side => ({ load: 'single', along: axis })) as [Side, Side]
      const { params, functions, ...rest } = text(own, a, b)
      return {
        ...rest,
        memory: {
          a: { element: 'f32' },
          b: { element: 'f32' },
          c: { element: 'f32', access: 'write' },
        },
        params: ['count', 'rows', 'columns', 'depth', ...params],
        threads: THREADS,
        declarations: functions,
        main: dotsMain,
      }
    },
  )
  return (runtime, own, { rows, columns, depth, batch, a, b, c, params }) => {
    if (rows === 0 || columns === 0 || batch === 0) return
    if (depth === 0) return zero(runtime, c)
    if (depth <= SHORT && (rows * columns <= FEW || columns === 1)) {
      const count = rows * columns * batch
      dots(
        runtime,
        { own, along: [a.side.along, b.side.along] },
        {
          buffers: { a: a.buffer, b: b.buffer, c: c.buffer },
          params: { ...params, count, rows, columns, depth },
          groups: groupsFor(count),
        },
      )
      return
    }
    const { tile, splits } = plan(rows, columns, depth, batch, runtime.features.software)
    const shape = tiles[tile]
    const chunk = Math.ceil(depth / splits / shape.depth) * shape.depth
    const parts = Math.ceil(depth / chunk)
    const across = Math.ceil(columns / (shape.across * 4))
    const down = Math.ceil(rows / (shape.down * shape.rows))
    // A buffer that is both operands has one type.
    const mixed = a.buffer === b.buffer && (a.side.load === 'single') !== (b.side.load === 'single')
    const variant: TileVariant = {
      tile,
      a: mixed ? singly(a.side) : a.side,
      b: mixed ? singly(b.side) : b.side,
      split: parts > 1,
      long: chunk > LONG,
    }
    const call = {
      params: {
        ...{ ...params, rows, columns, depth, chunk },
        ...{ tiles_down: down, tiles_across: across, batches: batch },
      },
      groups: across * down * batch * parts,
    }
    const run = (target: DeviceBuffer) => {
      const buffers = { a: a.buffer, b: b.buffer, c: target }
      kernel(runtime, { own, variant }, { ...call, buffers })
    }
    if (parts === 1) return run(c.buffer)
    withScratch(runtime, parts * batch * rows * columns * 4, (partial) => {
      run(partial)
      sumParts(runtime, partial, parts, c)
    })
  }
}
