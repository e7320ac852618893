/**
 * The shader of a reduction. A workgroup is a grid of `lanes` results by `rows` partial results each:
 * every invocation joins each `rows`-th element of its result, then the rows are joined as a tree in
 * shared memory. Where there are few results with many elements, several workgroups (`splits`) share
 * one and leave their parts in memory for a second pass.
 */
import type { Combine, DType, Reduction } from '@nablajs/tensor/backend'
import type { KernelSource } from '../runtime/kernel.ts'
import { type FunctionName, functionsFor } from './functions.ts'
import { fromWord, literal, renderProgram, toWord } from './instructions.ts'
import { type Bindings, type Counter, declarations, paramsStruct, scalarField } from './operands.ts'

export interface ReduceSpec {
  readonly reduction: Reduction
  readonly bindings: Bindings
  readonly counters: readonly Counter[]
  /** Loops over results, and over the elements of each. */
  readonly kept: number
  readonly reduced: number
  readonly lanes: number
  readonly rows: number
  /** Whether neighbouring invocations have neighbouring results, or elements of one result. */
  readonly across: boolean
  /**
   * `whole`: elements in, results out. `parts`: the partial results of each split go out, for `arg...`
   * followed by their indices. `join`: those come in, in one row for each result.
   */
  readonly pass: 'whole' | 'parts' | 'join'
}

export const isSearch = (combine: Combine): boolean => combine === 'argmax' || combine === 'argmin'

/** The dtype that partial results have in memory. */
export function partType(dtype: DType): 'f32' | 'i32' | 'u32' {
  return dtype === 'bool' ? 'u32' : (dtype as 'f32' | 'i32' | 'u32')
}

function neutral(combine: Combine, type: DType, uses: Set<FunctionName>): string {
  if (combine === 'sum') return literal(0, type, uses)
  if (combine === 'prod') return literal(1, type, uses)
  const lowest = combine === 'max' || combine === 'argmax'
  if (type === 'f32') return literal(lowest ? -Infinity : Infinity, type, uses)
  if (type === 'i32') return literal(lowest ? -(2 ** 31) : 2 ** 31 - 1, type, uses)
  return literal(lowest ? 0 : 2 ** 32 - 1, type, uses)
}

/** `join(a, b)`, or for a search `beats(value, index, best, at)`. */
function joining(combine: Combine, type: string, uses: Set<FunctionName>): string {
  const float = type === 'f32'
  if (isSearch(combine)) {
    const sign = combine === 'argmax' ? '>' : '<'
    if (float) uses.add('is_nan')
    return `// Whether a value displaces the best one so far: NaN comes first, of equals the lowest index.
fn beats(value: ${type}, index: u32, best: ${type}, at: u32) -> bool {
  if (at == none) { return index != none; }
  if (index == none) { return false; }
${float ? '  if (is_nan(value) || is_nan(best)) { return is_nan(value) && (!is_nan(best) || index < at); }\n' : ''}  return value ${sign} best || (value == best && index < at);
}`
  }
  if (combine === 'sum' || combine === 'prod')
    return `fn join(a: ${type}, b: ${type}) -> ${type} { return a ${combine === 'sum' ? '+' : '*'} b; }`
  if (float) uses.add(`${combine as 'min' | 'max'}_f`)
  return `fn join(a: ${type}, b: ${type}) -> ${type} { return ${combine}${float ? '_f' : ''}(a, b); }`
}

/** `x0 ..`, the loops' counters, out of a number. */
function coordinates(from: string, letter: string, extent: string, rank: number): string[] {
  if (rank === 0) return []
  if (rank === 1) return [`let ${letter}0 = i32(${from});`]
  const lines = [`var ${letter}_rest = ${from};`]
  for (let axis = rank - 1; axis > 0; axis--)
    lines.push(
      `let ${letter}${axis} = i32(${letter}_rest % params.${extent}${axis});`,
      `${letter}_rest = ${letter}_rest / params.${extent}${axis};`,
    )
  return [...lines, `let ${letter}0 = i32(${letter}_rest);`]
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/**
 * The parameters are: `results`, `zero`, `length` (elements of each), `splits` and `chunk` (elements of
 * a split); extents of the loops over results `e` and elements `f`; for each view `o`, where it
 * starts; for each view and counter its strides over results `s` and elements `t`; the scalars `a`.
 */
export function reduceKernel(spec: ReduceSpec): KernelSource {
  const { reduction, bindings, counters, kept, reduced, lanes, rows, across, pass } = spec
  const { program, combine, finish } = reduction
  const uses = new Set<FunctionName>()
  const search = isSearch(combine)
  const { dtype } = program.code[program.outputs[0]!]!
  const type = partType(dtype)
  const views = pass === 'join' ? 0 : program.inputs.length
  const outputs = pass === 'join' ? 1 : views
  const { scalars } = program

  // Operands that walk over the elements: the inputs and the counters. The output walks over results.
  const walkers = [...count(views), ...counters.map((_, c) => `c${c}`)]
  const fields = ['results: u32', 'zero: u32', 'length: u32', 'splits: u32', 'chunk: u32']
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

  /** The lines that make `value` (and `at`, where it was found) of element `r`. */
  const element: string[] = []
  const start: string[] = []
  if (pass === 'join') {
    element.push('let cell = result * params.length + r;', 'let value = b0[cell];')
    if (search) element.push('let found = b1[cell];')
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
    element.push(...walked.lines, `let value = ${toWord(walked.outputs[0]!, dtype, type)};`)
    if (search) element.push('let found = r;')
  }

  const cascades = combine === 'sum' && type === 'f32'
  if (cascades) uses.add('is_finite')
  const initial = neutral(combine, type, uses)
  const open = search
    ? [`var best = ${initial};`, 'var at = none;']
    : [
        `var best = ${initial};`,
        ...(cascades
          ? ['var block = 0.0;', 'var row = 0.0;', 'var taken = 0u;', 'var lost = 0.0;']
          : []),
      ]
  const take = search
    ? ['if (beats(value, found, best, at)) {', '  best = value;', '  at = found;', '}']
    : cascades
      ? [
          '// Blocks of 32 and of 1024 are summed for themselves, and what rounding takes from a block is kept.',
          'let sum = block + value;',
          'let kept = sum - block;',
          'lost += (block - (sum - kept)) + (value - kept);',
          'block = sum;',
          'taken += 1u;',
          'if ((taken & 31u) == 0u) {',
          '  row += block;',
          '  block = 0.0;',
          '  if ((taken & 1023u) == 0u) {',
          '    best += row;',
          '    row = 0.0;',
          '  }',
          '}',
        ]
      : ['best = join(best, value);']
  // What an infinite sum has lost is NaN.
  const close = cascades
    ? ['best += row + block;', 'best += select(0.0, lost, is_finite(best));']
    : []

  const tree: string[] = []
  if (rows > 1) {
    tree.push('parts[me] = best;')
    if (search) tree.push('places[me] = at;')
    tree.push(
      'workgroupBarrier();',
      `for (var half = ${rows / 2}u; half > 0u; half = half / 2u) {`,
      '  if (row_number < half) {',
      across ? `    let other = me + half * ${lanes}u;` : '    let other = me + half;',
      ...(search
        ? [
            '    if (beats(parts[other], places[other], parts[me], places[me])) {',
            '      parts[me] = parts[other];',
            '      places[me] = places[other];',
            '    }',
          ]
        : ['    parts[me] = join(parts[me], parts[other]);']),
      '  }',
      '  workgroupBarrier();',
      '}',
    )
  }
  const joined = rows > 1 ? 'parts[me]' : 'best'
  const place = rows > 1 ? 'places[me]' : 'at'

  const store: string[] = []
  if (pass === 'parts') {
    const out = bindings.of[outputs]!
    store.push(`b${out}[result * params.splits + split] = ${joined};`)
    if (search)
      store.push(`b${bindings.of[outputs + 1]}[result * params.splits + split] = ${place};`)
  } else {
    const out = bindings.of[pass === 'join' ? Number(search) + 1 : views]!
    const over = count(kept).map((axis) => `x${axis} * params.sy_${axis}`)
    const at = `u32(${['params.oy', ...over].join(' + ')})`
    let value = search ? `i32(${place})` : fromWord(joined, dtype, type)
    let result: DType = search ? 'i32' : dtype
    if (finish) {
      const given = value
      const ended = renderProgram(
        finish,
        { input: () => given, scalar, index: () => '0', position: () => '0u' },
        uses,
        'w',
      )
      store.push(...ended.lines)
      value = ended.outputs[0]!
      result = finish.code[finish.outputs[0]!]!.dtype
    }
    store.push(`b${out}[${at}] = ${toWord(value, result, bindings.types[out]!)};`)
  }

  const join = joining(combine, type, uses)
  const size = lanes * rows
  const shared =
    rows > 1
      ? [
          `var<workgroup> parts: array<${type}, ${size}>;`,
          ...(search ? [`var<workgroup> places: array<u32, ${size}>;`] : []),
        ]
      : []
  const deep = (lines: readonly string[], by: number) => lines.map((l) => ' '.repeat(by) + l)
  const code = [
    paramsStruct(fields),
    ...declarations(bindings),
    ...shared,
    ...(search ? ['const none = 0xffffffffu;'] : []),
    '',
    ...functionsFor(uses),
    join,
    '',
    `@compute @workgroup_size(${size})`,
    'fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,',
    '  @builtin(local_invocation_index) me: u32) {',
    '  let number = group.x + group.y * groups.x;',
    across ? `  let row_number = me / ${lanes}u;` : `  let row_number = me % ${rows}u;`,
    '  let split = number % params.splits;',
    `  let result = (number / params.splits) * ${lanes}u + me ${across ? `% ${lanes}u` : `/ ${rows}u`};`,
    ...deep(coordinates('result', 'x', 'e', kept), 2),
    ...deep(open, 2),
    '  if (result < params.results) {',
    ...deep(start, 4),
    '    let end = min(params.length, (split + 1u) * params.chunk);',
    `    for (var r = split * params.chunk + row_number; r < end; r += ${rows}u) {`,
    ...deep([...element, ...take], 6),
    '    }',
    ...deep(close, 4),
    '  }',
    ...deep(tree, 2),
    `  if (result < params.results${rows > 1 ? ' && row_number == 0u' : ''}) {`,
    ...deep(store, 4),
    '  }',
    '}',
    '',
  ].join('\n')
  return { name: program.name, code }
}
