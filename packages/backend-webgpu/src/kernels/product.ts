/** Kernels that are sums of products: {@link defineProduct} runs the tiles of `tile.ts` on their operands. */
import type { DeviceBuffer, View } from '@nablajs/tensor/backend'
import type { Features, Runtime } from '../runtime/kernel.ts'
import { type BlockVariant, blockCounts, blockMain, blockModule, blockParams } from './block.ts'
import { halvesOf } from './memory.ts'
import { type Job, plan, roundUp } from './plan.ts'
import {
  LONG,
  type Side,
  storeFunctions,
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
  type Module,
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
  /** The results in the order of batch, rows and columns, over as many axes as their strides need; of the operands' dtype. */
  readonly c: View
  /** What is added to the results, of the shape of `c`; its text has `term_of(row, column)` where it is told so. */
  readonly term?: View | undefined
  readonly params: Readonly<Record<string, number>>
}

/** The type of what an operand's `x_load` gives. */
export function valueType({ load }: Side): 'f32' | 'vec4<f32>' {
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

/** Results with a thread each. */
interface DotsVariant {
  readonly kind: 'dots'
  readonly a: Side
  readonly b: Side
  readonly term: boolean
}

type Variant = TileVariant | BlockVariant | DotsVariant

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
      sum += a_load(a, a_step(depth)) * b_load(b, b_step(depth));
    }
    put(row, column, begin.z, sum);
  `),
].join('\n')

/** The parts of a module that a way to divide the work among threads gives. */
type Division = Pick<Module, 'params' | 'threads' | 'extensions' | 'main'> & {
  readonly declarations: string
}

function divisionOf(variant: Variant): Division {
  if ('plan' in variant)
    return { params: blockParams, ...blockModule(variant), main: blockMain(variant) }
  if ('tile' in variant) {
    const { down, across } = tiles[variant.tile]
    const declarations = tileDeclarations(variant)
    return { params: tileParams, threads: down * across, declarations, main: tileMain(variant) }
  }
  const params = ['count', 'rows', 'columns', 'depth']
  return {
    params,
    threads: THREADS,
    declarations: storeFunctions({ split: false, term: variant.term }),
    main: dotsMain,
  }
}

/** A kernel of products; `Own` is what its text depends on besides the plan and the sides. */
export function defineProduct<Own extends object>(
  text: (own: Own, variant: Pick<Variant, 'a' | 'b' | 'term'>) => ProductText,
): (runtime: Runtime, own: Own, call: ProductCall) => void {
  const kernel = defineKernel<{ own: Own; variant: Variant }>(({ own, variant }) => {
    const { params, functions, ...rest } = text(own, variant)
    const division = divisionOf(variant)
    return {
      ...{ ...rest, ...division },
      memory: {
        a: { element: valueType(variant.a) },
        b: { element: valueType(variant.b) },
        c: { element: 'f32', access: 'write' },
        ...(variant.term && { term: { element: 'f32' } }),
      },
      params: [...division.params, ...params],
      declarations: `${functions}\n\n${division.declarations}`,
    }
  })
  return (runtime, own, { rows, columns, depth, batch, a, b, c, term, params }) => {
    if (rows === 0 || columns === 0 || batch === 0) return
    if (depth === 0 && !term) return zero(runtime, c)
    if (depth === 0) return withScratch(runtime, 4, (none) => sumParts(runtime, none, 0, c, term))
    // A buffer that is both operands has one type.
    const mixed = a.buffer === b.buffer && (a.side.load === 'single') !== (b.side.load === 'single')
    const { variant, parts, groups, counts } = divide(
      {
        ...{ rows, columns, depth, batch },
        a: mixed ? singly(a.side) : a.side,
        b: mixed ? singly(b.side) : b.side,
      },
      runtime.features,
      term !== undefined,
    )
    const call = { params: { ...params, rows, columns, depth, ...counts }, groups }
    const run = (target: DeviceBuffer) => {
      const added = variant.term && term ? { term: term.buffer } : {}
      const buffers = { a: a.buffer, b: b.buffer, c: target, ...added }
      // Parts of sums are not rounded.
      const results = target === c.buffer ? ['c', ...Object.keys(added)] : []
      const halves = halvesOf(c.dtype, 'a', 'b', ...results)
      kernel(runtime, { own, variant }, { ...call, buffers, halves })
    }
    if (parts === 1) return run(c.buffer)
    withScratch(runtime, parts * batch * rows * columns * 4, (partial) => {
      run(partial)
      sumParts(runtime, partial, parts, c, term)
    })
  }
}

/** Carries a plan out: the variant of the text, how many parts and workgroups there are, and what tells so. */
function divide(job: Job, features: Features, adds: boolean) {
  const { rows, columns, depth, batch, a, b } = job
  const chosen = plan(job, features)
  if (chosen.kind === 'dots') {
    const count = rows * columns * batch
    const variant: Variant = { kind: 'dots', a: singly(a), b: singly(b), term: adds }
    return { variant, parts: 1, groups: groupsFor(count), counts: { count } }
  }
  const { kind, splits } = chosen
  const slice = kind === 'tile' ? tiles[chosen.tile].depth : 4
  const chunk = roundUp(Math.ceil(depth / splits), slice)
  const parts = Math.ceil(depth / chunk)
  const split = parts > 1
  const term = adds && !split
  if (kind === 'tile') {
    const { down, across, rows: high } = tiles[chosen.tile]
    const counts = {
      ...{ chunk, batches: batch },
      tiles_down: Math.ceil(rows / (down * high)),
      tiles_across: Math.ceil(columns / (across * 4)),
    }
    const variant: Variant = { tile: chosen.tile, a, b, split, term, long: chunk > LONG }
    return {
      variant,
      parts,
      groups: counts.tiles_across * counts.tiles_down * batch * parts,
      counts,
    }
  }
  const { splits: _, ...layout } = chosen
  const deep = kind === 'strip' ? chosen.deep : 1
  const variant: BlockVariant = { plan: layout, a, b, split, term, long: chunk / deep > LONG }
  const counts = { chunk, ...blockCounts(variant, rows, columns, batch) }
  return { variant, parts, groups: counts.part_groups * parts, counts }
}
