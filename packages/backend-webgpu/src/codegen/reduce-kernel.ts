/**
 * The shader of a reduction. A team of invocations joins the elements of a result, or of one of its
 * `splits`; each member runs through its own, then the members' parts are joined. Teams of one need no
 * barrier. The parts of splits stay in memory for a second pass.
 */
import type { DType, Reduction } from '@nablajs/tensor/backend'
import type { KernelSource } from '../runtime/kernel.ts'
import { type FunctionName, functionsFor } from './functions.ts'
import { fromWord, renderProgram, toWord } from './instructions.ts'
import {
  type Bindings,
  type Counter,
  coordinates,
  declarations,
  extensions,
  paramsStruct,
  scalarField,
} from './operands.ts'
import { isSearch, joining, neutral, partType, type Team, teamText } from './reduce-join.ts'

/** Invocations of a workgroup. */
export const groupSize = 64

export interface ReduceSpec extends Team {
  readonly reduction: Reduction
  readonly bindings: Bindings
  readonly counters: readonly Counter[]
  /** Loops over results, and over the elements of each. */
  readonly kept: number
  readonly reduced: number
  /** Whether neighbouring teams have neighbouring results, or splits of one result. */
  readonly across: boolean
  /**
   * `whole`: elements in, results out. `parts`: the partial results of each split go out, for `arg...`
   * followed by their indices. `join`: those come in.
   */
  readonly pass: 'whole' | 'parts' | 'join'
}

/** Elements that are joined in one turn of the loop, where their program is not longer than this. */
const unrolled = 8
const short = 16
/** Turns whose sum is added as one. */
const turns = 16

/** Elements of a member that are summed for themselves; see {@link reduceKernel}. */
export function blockOf({ reduction, pass }: Pick<ReduceSpec, 'reduction' | 'pass'>): number {
  return turns * unrollOf(reduction, pass)
}

function unrollOf({ program }: Reduction, pass: ReduceSpec['pass']): number {
  return pass === 'join' || program.code.length <= short ? unrolled : 1
}

/** The number of the team, and of the invocation in it. */
function numbers(team: number): string[] {
  const group = 'group.x + group.y * groups.x'
  if (team === 1) return [`let number = (${group}) * ${groupSize}u + me;`]
  if (team === groupSize) return [`let number = ${group};`, 'let member = me;']
  return [
    `let number = (${group}) * ${groupSize / team}u + me / ${team}u;`,
    `let member = me % ${team}u;`,
  ]
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const deep = (lines: readonly string[], by: number) => lines.map((l) => ' '.repeat(by) + l)

/**
 * The parameters are: `results`, `zero`, `length` (elements of each), `splits`; the elements of split i
 * begin at `i * skip` and end before `i * skip + span`; a member takes every `step`-th, in blocks of
 * `block`; a `join` finds part i of a result at `result * part_first + i * part_step`. Extents of the loops
 * over results are `e`, over elements `f`; for each view `o`, where it starts; for each view and counter
 * its strides over results `s` and elements `t`; the scalars `a`.
 */
export function reduceKernel(spec: ReduceSpec): KernelSource {
  const { reduction, bindings, counters, kept, reduced, team, cluster, across, pass } = spec
  const { program, combine, finish } = reduction
  const uses = new Set<FunctionName>()
  const search = isSearch(combine)
  const { dtype } = program.code[program.outputs[0]!]!
  const type = partType(dtype)
  const views = pass === 'join' ? 0 : program.inputs.length
  const { scalars } = program

  // Operands that walk over the elements: the inputs and the counters. The output walks over results.
  const walkers = [...count(views), ...counters.map((_, c) => `c${c}`)]
  const fields = ['results: u32', 'zero: u32', 'length: u32', 'splits: u32']
  fields.push('skip: u32', 'span: u32', 'step: u32', 'block: u32')
  if (pass === 'join') fields.push('part_first: u32', 'part_step: u32')
  fields.push(...count(kept).map((axis) => `e${axis}: u32`))
  fields.push(...count(reduced).map((axis) => `f${axis}: u32`))
  for (const k of walkers) {
    if (typeof k === 'number') fields.push(`o${k}: i32`)
    fields.push(...count(kept).map((axis) => `s${k}_${axis}: i32`))
    fields.push(...count(reduced).map((axis) => `t${k}_${axis}: i32`))
  }
  if (pass !== 'parts') fields.push('oy: i32', ...count(kept).map((axis) => `sy_${axis}: i32`))
  fields.push(...scalars.map(scalarField))

  const scalar = (i: number): string =>
    scalars[i] === 'bool' ? `params.a${i} != 0u` : `params.a${i}`

  /** The lines of `element(r, start ..)`, and those that find where its operands begin. */
  const element: string[] = []
  const start: string[] = []
  let value: string
  if (pass === 'join') {
    start.push('let start_0 = i32(result * params.part_first);')
    element.push('let cell = u32(start_0) + r * params.part_step;')
    value = search ? 'Part(b0[cell], b1[cell])' : 'b0[cell]'
  } else {
    for (const k of walkers) {
      const first = typeof k === 'number' ? [`params.o${k}`] : []
      const over = count(kept).map((axis) => `x${axis} * params.s${k}_${axis}`)
      start.push(`let start_${k} = ${[...first, ...over].join(' + ') || '0'};`)
    }
    element.push(...coordinates('r', 'y', 'f', reduced))
    for (const k of walkers) {
      const over = count(reduced).map((axis) => `y${axis} * params.t${k}_${axis}`)
      element.push(`let p_${k} = ${[`start_${k}`, ...over].join(' + ')};`)
    }
    const walked = renderProgram(
      program,
      {
        input: (i) =>
          fromWord(
            `b${bindings.of[i]}[u32(p_${i})]`,
            program.inputs[i]!,
            bindings.types[bindings.of[i]!]!,
          ),
        scalar,
        index: (axis) => `p_c${counters.indexOf(axis)}`,
        position: () => `u32(p_c${counters.indexOf('position')})`,
      },
      uses,
    )
    element.push(...walked.lines)
    value = toWord(walked.outputs[0]!, dtype, type)
    if (search) value = `found(${value}, r)`
  }
  const starts = pass === 'join' ? ['start_0'] : walkers.map((k) => `start_${k}`)

  const initial = neutral(combine, type, uses)
  const unroll = unrollOf(reduction, pass)
  const next = (i: number): string =>
    `element(${[i === 0 ? 'r' : `r + ${i}u * step`, ...starts].join(', ')})`
  /** The loops that join all elements from `r` up to `end` to `to`. */
  const loops = (to: string, end: string): string[] => [
    ...(unroll === 1
      ? []
      : [
          `for (; r + ${unrolled - 1}u * step < ${end}; r += ${unrolled}u * step) {`,
          ...['a', 'b', 'c', 'd'].map(
            (pair, i) => `  let ${pair} = join(${next(2 * i)}, ${next(2 * i + 1)});`,
          ),
          `  ${to} = join(${to}, join(join(a, b), join(c, d)));`,
          '}',
        ]),
    `for (; r < ${end}; r += step) { ${to} = join(${to}, ${next(0)}); }`,
  ]
  const cascades = combine === 'sum' && type === 'f32'
  if (cascades) uses.add('is_finite')
  const walk = cascades
    ? [
        'var lost = 0.0;',
        'while (r < end) {',
        '  // Blocks are summed for themselves, and what rounding takes when one is added is kept.',
        '  var block = 0.0;',
        '  let stop = r + min(end - r, params.block);',
        ...deep(loops('block', 'stop'), 2),
        '  let sum = best + block;',
        '  let kept = sum - best;',
        '  lost += (best - (sum - kept)) + (block - kept);',
        '  best = sum;',
        '}',
        // What an infinite sum has lost is NaN.
        'best += select(0.0, lost, is_finite(best));',
      ]
    : loops('best', 'end')

  const joined = teamText({ team, cluster }, groupSize, search)
  const store: string[] = []
  if (pass === 'parts') {
    const [first, second] = bindings.of.slice(views)
    store.push(`b${first}[number] = ${search ? 'best.key' : 'best'};`)
    if (search) store.push(`b${second}[number] = best.at;`)
  } else {
    const out = bindings.of[pass === 'join' ? Number(search) + 1 : views]!
    const over = count(kept).map((axis) => `x${axis} * params.sy_${axis}`)
    const at = `u32(${['params.oy', ...over].join(' + ')})`
    let ended = search ? 'i32(best.at)' : fromWord('best', dtype, type)
    let result: DType = search ? 'i32' : dtype
    if (finish) {
      const given = ended
      const rendered = renderProgram(
        finish,
        { input: () => given, scalar, index: () => '0', position: () => '0u' },
        uses,
        'w',
      )
      store.push(...rendered.lines)
      ended = rendered.outputs[0]!
      result = finish.code[finish.outputs[0]!]!.dtype
    }
    store.push(`b${out}[${at}] = ${toWord(ended, result, bindings.types[out]!)};`)
  }

  const join = joining(combine, type, uses)
  const code = [
    ...extensions(bindings),
    ...(cluster > 1 ? ['enable subgroups;'] : []),
    paramsStruct(fields),
    ...declarations(bindings),
    '',
    ...functionsFor(uses),
    ...join,
    ...joined.declarations,
    `fn element(${['r: u32', ...starts.map((name) => `${name}: i32`)].join(', ')}) -> Part {`,
    ...deep([...element, `return ${value};`], 2),
    '}',
    '',
    `@compute @workgroup_size(${groupSize})`,
    'fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,',
    '  @builtin(local_invocation_index) me: u32) {',
    ...deep(numbers(team), 2),
    ...(across
      ? [
          '  let split = number / params.results;',
          '  let result = number - split * params.results;',
        ]
      : [
          '  let result = number / params.splits;',
          '  let split = number - result * params.splits;',
        ]),
    ...deep(coordinates('result', 'x', 'e', kept), 2),
    `  var best = ${initial};`,
    '  if (result < params.results && split < params.splits) {',
    ...deep(start, 4),
    '    let end = min(params.length, split * params.skip + params.span);',
    '    let step = params.step;',
    `    var r = split * params.skip${team > 1 ? ' + member' : ''};`,
    ...deep(walk, 4),
    '  }',
    ...deep(joined.lines, 2),
    `  if (result < params.results && split < params.splits${team > 1 ? ' && member == 0u' : ''}) {`,
    ...deep(store, 4),
    '  }',
    '}',
    '',
  ].join('\n')
  return { name: program.name, code }
}
