/** How partial results are joined, as WGSL: two of them, and those of the invocations of a team. */
import type { Combine, DType } from '@nablajs/tensor/backend'
import { orderText } from '../kernels/wgsl.ts'
import type { FunctionName } from './functions.ts'
import { literal } from './instructions.ts'

export const isSearch = (combine: Combine): boolean => combine === 'argmax' || combine === 'argmin'

/** The dtype that partial results have in memory. */
export function partType(dtype: DType): 'f32' | 'i32' | 'u32' {
  return dtype === 'bool' ? 'u32' : (dtype as 'f32' | 'i32' | 'u32')
}

/** What a reduction begins with, as an expression. */
export function neutral(combine: Combine, type: DType, uses: Set<FunctionName>): string {
  if (isSearch(combine)) return 'Part(0u, 0xffffffffu)'
  if (combine === 'sum') return literal(0, type, uses)
  if (combine === 'prod') return literal(1, type, uses)
  const lowest = combine === 'max'
  if (type === 'f32') return literal(lowest ? -Infinity : Infinity, type, uses)
  if (type === 'i32') return literal(lowest ? -(2 ** 31) : 2 ** 31 - 1, type, uses)
  return literal(lowest ? 0 : 2 ** 32 - 1, type, uses)
}

/** `Part`, the type of a partial result, `join(a, b)`, and for a search `found(value, r)`. */
export function joining(combine: Combine, type: DType, uses: Set<FunctionName>): string[] {
  const float = type === 'f32'
  if (isSearch(combine)) {
    const bits = type === 'u32' ? 'value' : 'bitcast<u32>(value)'
    const key =
      combine === 'argmax' ? 'key' : float ? 'select(~key, key, key == 0xffffffffu)' : '~key'
    return [
      orderText(type),
      '// The largest key wins, of equals the lowest index; NaN has the largest key.',
      'struct Part { key: u32, at: u32 }',
      `fn found(value: ${type}, r: u32) -> Part {`,
      `  let key = order(${bits});`,
      `  return Part(${key}, r);`,
      '}',
      'fn join(a: Part, b: Part) -> Part {',
      '  let wins = b.key > a.key || (b.key == a.key && b.at < a.at);',
      '  return Part(select(a.key, b.key, wins), select(a.at, b.at, wins));',
      '}',
    ]
  }
  const alias = `alias Part = ${type};`
  const fn = (value: string) => [alias, `fn join(a: Part, b: Part) -> Part { return ${value}; }`]
  if (combine === 'sum') return fn('a + b')
  if (combine === 'prod') return fn('a * b')
  if (!float) return fn(`${combine}(a, b)`)
  uses.add(`${combine as 'min' | 'max'}_f`)
  return fn(`${combine}_f(a, b)`)
}

/** Neighbouring invocations that have the parts of one result, and how they exchange them. */
export interface Team {
  /** Invocations, a power of two. */
  readonly team: number
  /** How many of them exchange values without memory, being in one subgroup; 1 without subgroups. */
  readonly cluster: number
}

/** One invocation joins this many parts; of more, some join their share first. */
const few = 16
const seconds = 8

/**
 * Joins `best` of all members of each team, in the first of them; and the declarations that it needs.
 * Invocations of a workgroup lie in subgroups in their order, which `runtime/features.ts` makes sure of.
 */
export function teamText(
  { team, cluster }: Team,
  groupSize: number,
  search: boolean,
): { readonly declarations: string[]; readonly lines: string[] } {
  const [declarations, lines]: [string[], string[]] = [[], []]
  if (cluster > 1) {
    const from = (part: string) => `subgroupShuffleXor(${part}, step)`
    declarations.push(
      'fn shuffled(part: Part, step: u32) -> Part {',
      `  return ${search ? `Part(${from('part.key')}, ${from('part.at')})` : from('part')};`,
      '}',
    )
    for (let step = 1; step < cluster; step *= 2)
      lines.push(`best = join(best, shuffled(best, ${step}u));`)
  }
  const width = team / cluster
  if (width === 1) return { declarations, lines }
  declarations.unshift(`var<workgroup> parts: array<Part, ${groupSize / cluster}>;`)
  lines.push(
    cluster === 1
      ? 'parts[me] = best;'
      : `if (me % ${cluster}u == 0u) { parts[me / ${cluster}u] = best; }`,
    'workgroupBarrier();',
  )
  if (team < groupSize) lines.push(`let first = me / ${team}u * ${width}u;`)
  const part = (i: string) => `parts[${team < groupSize ? `first + ${i}` : i}]`
  const join = (i: string) => `best = join(best, ${part(i)});`
  if (width > few)
    lines.push(
      `if (member < ${seconds}u) {`,
      `  best = ${part('member')};`,
      `  for (var i = member + ${seconds}u; i < ${width}u; i += ${seconds}u) { ${join('i')} }`,
      `  ${part('member')} = best;`,
      '}',
      'workgroupBarrier();',
    )
  lines.push(
    'if (member == 0u) {',
    `  best = ${part('0u')};`,
    `  for (var i = 1u; i < ${width > few ? seconds : width}u; i++) { ${join('i')} }`,
    '}',
  )
  return { declarations, lines }
}
