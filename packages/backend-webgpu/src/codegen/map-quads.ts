/** The shader of a map over dense views: one invocation for four elements, which it loads and stores at once. */
import type { Program, View } from '@nablajs/tensor/backend'
import type { KernelSource } from '../runtime/kernel.ts'
import { type FunctionName, functionsFor } from './functions.ts'
import { fromWord, renderProgram, toWord } from './instructions.ts'
import { type Kind, mapGroup } from './map-kernel.ts'
import { type Bindings, declarations, extensions, paramsStruct, scalarField } from './operands.ts'

/** Elements of an invocation. */
export const quad = 4

/** Fewer elements are not worth a second shader for the same program. */
const fewest = 1024

/** A program of more lines is not written out four times: it computes more than it loads. */
const longest = 64

/** Whether a map can take four elements at a time: nothing in its views may end within a vector. */
export function takesQuads(
  program: Program,
  views: readonly View[],
  kinds: readonly Kind[],
  bindings: Bindings,
  count: number,
): boolean {
  if (count % quad !== 0 || count < fewest || program.code.length > longest) return false
  const dense = kinds.map((kind) => kind === 'dense')
  return kinds.every((kind, k) =>
    kind === 'dense'
      ? views[k]!.offset % quad === 0
      : kind === 'fixed' && !bindings.of.some((buffer, j) => dense[j] && buffer === bindings.of[k]),
  )
}

/** The parameters are `count`, `zero`, where each view starts as `o`, and the scalars `a`. */
export function quadsKernel(
  program: Program,
  bindings: Bindings,
  kinds: readonly Kind[],
): KernelSource {
  const uses = new Set<FunctionName>()
  const inputs = program.inputs.length
  const stored = (k: number): string => bindings.types[bindings.of[k]!]!
  const { lines, outputs } = renderProgram(
    program,
    {
      input: (i) => fromWord(`x${i}`, program.inputs[i]!, bindings.types[bindings.of[i]!]!),
      scalar: (i) => (program.scalars[i] === 'bool' ? `params.a${i} != 0u` : `params.a${i}`),
      // Views of counters are strided.
      index: () => '0',
      position: () => 'i',
    },
    uses,
  )
  const words = outputs.map((value, j) => {
    const { dtype } = program.code[program.outputs[j]!]!
    return toWord(value, dtype, bindings.types[bindings.of[inputs + j]!]!)
  })
  const several = words.length > 1
  const loads = program.inputs.map((_, k) =>
    kinds[k] === 'dense'
      ? `let x${k} = b${bindings.of[k]}[(u32(params.o${k}) + i) / ${quad}u];`
      : `let x${k} = b${bindings.of[k]}[params.o${k}];`,
  )
  const elements = ['x', 'y', 'z', 'w'].map((lane, e) => {
    const values = program.inputs.map((_, k) => (kinds[k] === 'dense' ? `x${k}.${lane}` : `x${k}`))
    return `let e${e} = element(${[`i + ${e}u`, ...values].join(', ')});`
  })
  const stores = words.map((_, j) => {
    const k = inputs + j
    const values = [0, 1, 2, 3].map((e) => (several ? `e${e}.y${j}` : `e${e}`)).join(', ')
    return `b${bindings.of[k]}[(u32(params.o${k}) + i) / ${quad}u] = vec4<${stored(k)}>(${values});`
  })
  const result = several ? 'Outputs' : stored(inputs)
  const wide = bindings.types.map((_, b) =>
    kinds.some((kind, k) => kind === 'dense' && bindings.of[k] === b),
  )
  const code = [
    ...extensions(bindings),
    paramsStruct([
      ...['count: u32', 'zero: u32'],
      ...kinds.map((_, k) => `o${k}: i32`),
      ...program.scalars.map(scalarField),
    ]),
    ...declarations(bindings, wide),
    '',
    ...functionsFor(uses),
    ...(several
      ? [`struct Outputs { ${words.map((_, j) => `y${j}: ${stored(inputs + j)}`).join(', ')} }`, '']
      : []),
    `fn element(${['i: u32', ...program.inputs.map((_, k) => `x${k}: ${stored(k)}`)].join(', ')}) -> ${result} {`,
    ...lines.map((line) => `  ${line}`),
    `  return ${several ? `Outputs(${words.join(', ')})` : words[0]};`,
    '}',
    '',
    `@compute @workgroup_size(${mapGroup})`,
    'fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {',
    `  let i = (id.x + id.y * groups.x * ${mapGroup}u) * ${quad}u;`,
    '  if (i >= params.count) { return; }',
    ...[...loads, ...elements, ...stores].map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
  return { name: program.name, code }
}
