/** The shader of a map that takes four elements in one invocation, and loads and stores them at once. */
import type { Loops, Program, View } from '@nablajs/tensor/backend'
import type { KernelSource } from '../runtime/kernel.ts'
import { type FunctionName, functionsFor } from './functions.ts'
import { fromWord, renderProgram, toWord } from './instructions.ts'
import { type Kind, type MapSpec, mapGroup, mapParams, placesText } from './map-kernel.ts'
import { type Bindings, declarations, extensions } from './operands.ts'

/** Elements of an invocation. */
export const quad = 4

/** Fewer elements are not worth a second shader for the same program. */
const fewest = 1024

/** A program of more lines is not written out four times: it computes more than it loads. */
const longest = 64

/**
 * Which views a map of four elements at a time loads and stores as vectors; of the others one element is
 * all four, as a scale of every row is along its row. Undefined where something would end within a vector.
 *
 * @param loops The loops of strided views, and of counters, which go by one.
 */
export function vectorsOf(
  program: Program,
  views: readonly View[],
  kinds: readonly Kind[],
  bindings: Bindings,
  count: number,
  loops: Loops | undefined,
): boolean[] | undefined {
  if (count < fewest || program.code.length > longest || kinds.length > views.length)
    return undefined
  const run = loops ? loops.shape.at(-1)! : count
  if (run % quad !== 0) return undefined
  const stridesOf = (k: number) => (kinds[k] === 'strided' ? loops!.strides[k]! : [])
  const vectors = views.map((_, k) => kinds[k] === 'dense' || stridesOf(k).at(-1) === 1)
  const fits = views.every(({ offset }, k) =>
    vectors[k]
      ? [offset, ...stridesOf(k).slice(0, -1)].every((elements) => elements % quad === 0)
      : (kinds[k] === 'fixed' || stridesOf(k).at(-1) === 0) &&
        !bindings.of.some((buffer, j) => vectors[j] && buffer === bindings.of[k]),
  )
  return fits ? vectors : undefined
}

/** @param vectors From {@link vectorsOf}. */
export function quadsKernel(spec: MapSpec, vectors: readonly boolean[]): KernelSource {
  const { program, bindings } = spec
  const uses = new Set<FunctionName>()
  const inputs = program.inputs.length
  const stored = (k: number): string => bindings.types[bindings.of[k]!]!
  const { lines, outputs } = renderProgram(
    program,
    {
      input: (i) => fromWord(`in${i}`, program.inputs[i]!, bindings.types[bindings.of[i]!]!),
      scalar: (i) => (program.scalars[i] === 'bool' ? `params.a${i} != 0u` : `params.a${i}`),
      // Maps with counters take one element.
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
    vectors[k]
      ? `let in${k} = b${bindings.of[k]}[p${k} / ${quad}u];`
      : `let in${k} = b${bindings.of[k]}[p${k}];`,
  )
  const elements = ['x', 'y', 'z', 'w'].map((lane, e) => {
    const values = program.inputs.map((_, k) => (vectors[k] ? `in${k}.${lane}` : `in${k}`))
    return `let e${e} = element(${[`i + ${e}u`, ...values].join(', ')});`
  })
  const stores = words.map((_, j) => {
    const k = inputs + j
    const values = [0, 1, 2, 3].map((e) => (several ? `e${e}.y${j}` : `e${e}`)).join(', ')
    return `b${bindings.of[k]}[p${k} / ${quad}u] = vec4<${stored(k)}>(${values});`
  })
  const result = several ? 'Outputs' : stored(inputs)
  const wide = bindings.types.map((_, b) =>
    vectors.some((vector, k) => vector && bindings.of[k] === b),
  )
  const code = [
    ...extensions(bindings),
    mapParams(spec),
    ...declarations(bindings, wide),
    '',
    ...functionsFor(uses),
    ...(several
      ? [`struct Outputs { ${words.map((_, j) => `y${j}: ${stored(inputs + j)}`).join(', ')} }`, '']
      : []),
    `fn element(${['i: u32', ...program.inputs.map((_, k) => `in${k}: ${stored(k)}`)].join(', ')}) -> ${result} {`,
    ...lines.map((line) => `  ${line}`),
    `  return ${several ? `Outputs(${words.join(', ')})` : words[0]};`,
    '}',
    '',
    `@compute @workgroup_size(${mapGroup})`,
    'fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {',
    `  let i = (id.x + id.y * groups.x * ${mapGroup}u) * ${quad}u;`,
    '  if (i >= params.count) { return; }',
    ...[...placesText(spec), ...loads, ...elements, ...stores].map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
  return { name: program.name, code }
}
