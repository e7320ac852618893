/** CUDA C for `reduce`: a program at every index, joined over some axes. */

import type { Combine, DType, Program } from '@nablajs/tensor/backend'
import { type StepKind, step } from '@nablajs/tensor/backend'
import { quotientFunction } from './divide.ts'
import { elementFunction, identifier, outputsOf, scalarParameters } from './element.ts'
import { decompose, extentParameters, vectorType } from './layout.ts'
import { definitionOf, literal, render, typeOf } from './primitives.ts'

/** Threads of a block. */
export const blockThreads = 256

/** Elements that a thread adds up before it adds the sum to those before: errors grow with both counts, not with their product. */
const runLength = 64

/** The neutral element of a combination. */
export function neutral(combine: Combine, dtype: DType): number {
  if (combine === 'sum') return 0
  if (combine === 'prod') return 1
  const least = combine === 'max' || combine === 'argmax'
  if (dtype === 'f32' || dtype === 'f64')
    return least ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (dtype === 'i32') return least ? -(2 ** 31) : 2 ** 31 - 1
  if (dtype === 'u32') return least ? 0 : 2 ** 32 - 1
  return least ? 0 : 1
}

export const locates = (combine: Combine): boolean => combine === 'argmax' || combine === 'argmin'

export interface ReduceKernel {
  readonly name: string
  /** The elements; `undefined` for the second pass, which joins what the first one left. */
  readonly program: Program | undefined
  /** Of the scalars the kernel takes: those of the reduction's program. */
  readonly scalars: Program
  readonly dtype: DType
  readonly combine: Combine
  /** Where it is undefined, and the pass is the last one, the combined value is the result. */
  readonly finish: Program | undefined
  /** Whether the results of the parts go to scratch memory, to be joined by a second pass. */
  readonly partial: boolean
  readonly counters: readonly string[]
  /** Loops over the kept and over the reduced axes. */
  readonly kept: number
  readonly reduced: number
  /** What the inputs do along the last reduced loop. */
  readonly kinds: readonly StepKind[]
  /** Threads for each output: 1, 4, 8, 32 or {@link blockThreads}. */
  readonly threads: number
  /** Elements that a thread reads at a time, as {@link widthOf} tells. */
  readonly width: number
  readonly large: boolean
}

/** C functions `join(a, b)`, or `wins(v, i, best, at)` for those that locate. */
function joining({ combine, dtype }: ReduceKernel, defined: Set<string>): string[] {
  const type = typeOf[dtype]
  const float = dtype === 'f32' || dtype === 'f64'
  if (locates(combine)) {
    const sign = combine === 'argmax' ? '>' : '<'
    const first = '(v == best && i < at)'
    return [
      `static __device__ inline bool wins(${type} v, int i, ${type} best, int at) {`,
      '  if (i < 0 || at < 0) return i >= 0;',
      ...(float
        ? ['  if (v != v || best != best) return v != v && (best == best || i < at);']
        : []),
      `  return v ${sign} best || ${first};`,
      '}',
    ]
  }
  const op = ({ sum: 'add', prod: 'mul', max: 'max', min: 'min' } as const)[
    combine as 'sum' | 'prod' | 'max' | 'min'
  ]
  const needed: string[] = []
  const text = render({ op, dtype, args: [0, 1], value: 0 }, [dtype, dtype], ['a', 'b'], (name) => {
    if (!defined.has(name)) needed.push(definitionOf(name))
    defined.add(name)
    return name
  })
  return [
    ...needed,
    `static __device__ inline ${type} join(${type} a, ${type} b) { return ${text}; }`,
  ]
}

/** The source and the name of its kernel. */
export function reduceSource(kernel: ReduceKernel): {
  readonly source: string
  readonly entry: string
} {
  const { program, counters, combine, dtype, partial, finish, kinds, threads, width } = kernel
  const { kept, reduced, large, scalars } = kernel
  const locating = locates(combine)
  const type = typeOf[dtype]
  const number = large ? 'unsigned long long' : 'unsigned int'
  const offset = large ? 'long long' : 'int'
  const inputs = program ? program.inputs : []
  const operands = inputs.length + counters.length
  const combined: DType = locating ? 'i32' : dtype
  const result = finish ? outputsOf(finish)[0]! : combined
  const entry = `${combine}_${identifier(kernel.name)}${program ? '' : '_parts'}`
  const defined = new Set<string>()

  const parameters = [
    ...inputs.map((own, i) => `const ${typeOf[own]} *p${i}`),
    ...(program ? [] : [`const ${type} *values`, ...(locating ? ['const int *places'] : [])]),
    ...(partial
      ? [`${type} *values_out`, ...(locating ? ['int *places_out'] : [])]
      : [`${typeOf[result]} *out`]),
    `${number} outputs`,
    `${number} elements`,
    `${number} chunk`,
  ]
  parameters.push(...extentParameters('m', kept, large), ...extentParameters('n', reduced, large))
  for (let o = 0; o < operands; o++) {
    for (let loop = 0; loop < kept; loop++) parameters.push(`${offset} a${o}_${loop}`)
    for (let loop = 0; loop < reduced; loop++) parameters.push(`${offset} b${o}_${loop}`)
  }
  if (!partial) for (let loop = 0; loop < kept; loop++) parameters.push(`${offset} out_${loop}`)
  parameters.push(...scalarParameters(scalars))

  const sum = (name: string, stride: string, loops: number): string =>
    Array.from(
      { length: loops },
      (_, loop) => `(${offset})${name}${loop} * ${stride}_${loop}`,
    ).join(' + ')

  const definitions = [
    ...(large ? [] : [quotientFunction]),
    ...(width > 1
      ? [...new Set(inputs.filter((_, i) => kinds[i] === step.unit))].map((own) =>
          vectorType(own, width),
        )
      : []),
    ...joining(kernel, defined),
    ...(program ? [elementFunction('element', program, counters, defined)] : []),
    ...(!partial && finish ? [elementFunction('finish', finish, [], defined)] : []),
  ]

  /** Takes one value into `best` (and `at`) or into the run. */
  const take = (into: string, value: string, place: string): string =>
    locating
      ? `if (wins(${value}, ${place}, best, at)) { best = ${value}; at = ${place}; }`
      : `${into} = join(${into}, ${value});`

  /** Reads the element `r + j` and takes it. */
  const each = (into: string, j: number): string[] => {
    const shift = j === 0 ? '' : ` + ${j}`
    if (!program) {
      const place = locating ? `places[(r${shift}) * outputs + m]` : ''
      return [
        `const ${type} value${j} = values[(r${shift}) * outputs + m];`,
        take(into, `value${j}`, place),
      ]
    }
    const lines = [`${type} value${j};`]
    const arguments_ = [
      ...inputs.map((_, i) => {
        if (width === 1) return `p${i}[x${i}]`
        if (kinds[i] === step.unit) return `w${i}.e[${j}]`
        return kinds[i] === step.fixed
          ? `p${i}[x${i}]`
          : `p${i}[x${i} + ${j} * b${i}_${reduced - 1}]`
      }),
      ...scalars.scalars.map((_, i) => `s${i}`),
      ...counters.map((_, c) => {
        const o = inputs.length + c
        const moved = j === 0 ? '' : ` + ${j} * b${o}_${reduced - 1}`
        return `(unsigned int)(x${o}${moved})`
      }),
      `value${j}`,
    ]
    lines.push(`element(${arguments_.join(', ')});`, take(into, `value${j}`, `(int)(r${shift})`))
    return lines
  }

  const visit = (into: string): string[] => {
    const lines: string[] = []
    if (program) {
      lines.push(...decompose('r', 'q', 'n', reduced, large))
      for (let o = 0; o < operands; o++) {
        // What does not move is read once, which the compiler sees.
        const moves = reduced > 1 || o >= inputs.length || kinds[o] !== step.fixed
        lines.push(
          `const ${offset} x${o} = y${o}${moves ? ` + ${sum('q', `b${o}`, reduced)}` : ''};`,
        )
      }
      if (width > 1)
        inputs.forEach((own, i) => {
          if (kinds[i] === step.unit)
            lines.push(`const vector_${own} w${i} = *(const vector_${own} *)(p${i} + x${i});`)
        })
    }
    for (let j = 0; j < width; j++) lines.push(...each(into, j))
    return lines
  }

  const stride = threads * width
  /** Vectors that are on their way to a thread together; compilers see to it for short programs alone. */
  const units = kinds.filter((kind) => kind === step.unit).length
  const plain = reduced === 1 && counters.length === 0 && !kinds.includes(step.strided)
  const ahead = program && width > 1 && plain ? (units === 1 ? 4 : units === 2 ? 2 : 1) : 1
  const visitAhead = (into: string): string[] => {
    const turns = Array.from({ length: ahead }, (_, u) => u)
    const reads = turns.flatMap((u) =>
      inputs.flatMap((own, i) =>
        kinds[i] === step.unit
          ? [
              `const vector_${own} w${i}_${u} = *(const vector_${own} *)(p${i} + y${i} + (${offset})(r + ${u * stride}u));`,
            ]
          : [],
      ),
    )
    const takes = turns.flatMap((u) =>
      Array.from({ length: width }, (_, j) => {
        const read = inputs.map((_, i) =>
          kinds[i] === step.unit ? `w${i}_${u}.e[${j}]` : `p${i}[y${i}]`,
        )
        const given = [...read, ...scalars.scalars.map((_, i) => `s${i}`), 'value']
        return `{ ${type} value; element(${given.join(', ')}); ${take(into, 'value', `(int)(r + ${u * stride + j})`)} }`
      }),
    )
    return [...reads, ...takes]
  }
  const loop = (into: string, stop: string): string[] => [
    ...(ahead > 1
      ? [
          `for (; r + ${(ahead - 1) * stride}u < ${stop}; r += ${ahead * stride}u) {`,
          ...visitAhead(into).map((line) => `  ${line}`),
          '}',
          '#pragma unroll 1',
        ]
      : []),
    `for (; r < ${stop}; r += ${stride}u) {`,
    ...visit(into).map((line) => `  ${line}`),
    '}',
  ]
  const nothing = literal(neutral(combine, dtype), dtype)
  const runs = combine === 'sum' || combine === 'prod'
  const accumulate = runs
    ? [
        'while (r < end) {',
        `  ${type} run = ${nothing};`,
        `  const ${number} stop = end - r > ${stride * runLength}u ? r + ${stride * runLength}u : end;`,
        ...loop('run', 'stop').map((line) => `  ${line}`),
        '  best = join(best, run);',
        '}',
      ]
    : loop('best', 'end')

  const body: string[] = []
  body.push(
    threads === 1
      ? `const ${number} m = (${number})blockIdx.x * ${blockThreads}u + threadIdx.x;`
      : `const ${number} m = (${number})blockIdx.x * ${blockThreads / threads}u + threadIdx.y;`,
    // All threads of a block come to the shuffles and barriers below.
    'const bool live = m < outputs;',
    `${type} best = ${nothing};`,
    ...(locating ? ['int at = -1;'] : []),
    ...decompose('(live ? m : 0)', 'k', 'm', kept, large),
    'if (live) {',
  )
  for (let o = 0; o < operands; o++)
    body.push(`  const ${offset} y${o} = ${sum('k', `a${o}`, kept)};`)
  body.push(
    `  const ${number} start = (${number})blockIdx.y * chunk;`,
    `  const ${number} end = elements - start < chunk ? elements : start + chunk;`,
    `  ${number} r = start${threads === 1 ? '' : ` + threadIdx.x * ${width}u`};`,
    ...accumulate.map((line) => `  ${line}`),
    '}',
  )
  if (threads > 1) {
    const shuffle = (value: string): string => `__shfl_xor_sync(0xffffffffu, ${value}, lane)`
    body.push(`for (int lane = ${Math.min(32, threads) / 2}; lane > 0; lane >>= 1) {`)
    if (locating)
      body.push(
        `  const ${type} other = ${shuffle('best')};`,
        `  const int place = ${shuffle('at')};`,
        '  if (wins(other, place, best, at)) { best = other; at = place; }',
      )
    else body.push(`  const ${type} other = ${shuffle('best')};`, '  best = join(best, other);')
    body.push('}')
  }
  if (threads > 32) {
    const warps = threads / 32
    body.push(
      `__shared__ ${type} shared_values[${warps}];`,
      ...(locating ? [`__shared__ int shared_places[${warps}];`] : []),
      'if ((threadIdx.x & 31u) == 0u) {',
      '  shared_values[threadIdx.x >> 5] = best;',
      ...(locating ? ['  shared_places[threadIdx.x >> 5] = at;'] : []),
      '}',
      '__syncthreads();',
      'if (threadIdx.x == 0u) {',
      `  for (int warp = 1; warp < ${warps}; warp++) {`,
      locating
        ? '    if (wins(shared_values[warp], shared_places[warp], best, at)) { best = shared_values[warp]; at = shared_places[warp]; }'
        : '    best = join(best, shared_values[warp]);',
      '  }',
      '}',
    )
  }
  body.push(threads > 1 ? 'if (live && threadIdx.x == 0u) {' : 'if (live) {')
  if (partial)
    body.push(
      `  values_out[(${number})blockIdx.y * outputs + m] = best;`,
      ...(locating ? [`  places_out[(${number})blockIdx.y * outputs + m] = at;`] : []),
    )
  else {
    const value = locating ? 'at' : 'best'
    const target = `out[${sum('k', 'out', kept)}]`
    if (finish)
      body.push(
        `  ${typeOf[result]} finished;`,
        `  finish(${[value, ...finish.scalars.map((_, i) => `s${i}`), 'finished'].join(', ')});`,
        `  ${target} = finished;`,
      )
    else body.push(`  ${target} = ${value};`)
  }
  body.push('}')

  const source = [
    ...definitions,
    `extern "C" __global__ void ${entry}(${parameters.join(', ')}) {`,
    ...body.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
  return { source, entry }
}
