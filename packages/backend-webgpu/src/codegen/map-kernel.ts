/** The shader of a map: one invocation for each element. */
import type { Program } from '@nablajs/tensor/backend'
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

/** Invocations of a workgroup. */
export const mapGroup = 64

/** How a view or a counter walks over the elements: in their order, not at all, or by strides. */
export type Kind = 'dense' | 'fixed' | 'strided'

export interface MapSpec {
  readonly program: Program
  readonly bindings: Bindings
  /** Of the inputs, the outputs and the counters. */
  readonly kinds: readonly Kind[]
  readonly counters: readonly Counter[]
  /** Loops of the strided operands; 0 when there are none. */
  readonly rank: number
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`)

const axesOf = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis)

/**
 * The parameters: `count`, `zero`; with strided operands the extents `e`; for each view `o`, where it
 * starts, and for each strided operand its strides `s`; the scalars `a`.
 */
export function mapParams({ program, kinds, rank }: MapSpec): string {
  const views = program.inputs.length + program.outputs.length
  const axes = axesOf(rank)
  const fields = ['count: u32', 'zero: u32', ...axes.map((axis) => `e${axis}: u32`)]
  kinds.forEach((kind, k) => {
    if (k < views) fields.push(`o${k}: i32`)
    if (kind === 'strided') fields.push(...axes.map((axis) => `s${k}_${axis}: i32`))
  })
  fields.push(...program.scalars.map(scalarField))
  return paramsStruct(fields)
}

/** How far operand k is from where it starts. */
function stepsText({ kinds, rank }: MapSpec, k: number): string {
  if (kinds[k] === 'dense') return 'i32(i)'
  if (kinds[k] === 'fixed') return '0'
  return axesOf(rank)
    .map((axis) => `x${axis} * params.s${k}_${axis}`)
    .join(' + ')
}

/** Finds the element of each view, as `p0`, `p1`, ... */
export function placesText(spec: MapSpec): string[] {
  const { program, kinds, rank } = spec
  const lines = coordinates('i', 'x', 'e', rank)
  for (let k = 0; k < program.inputs.length + program.outputs.length; k++) {
    const steps = kinds[k] === 'fixed' ? '' : ` + ${stepsText(spec, k)}`
    lines.push(`let p${k} = u32(params.o${k}${steps});`)
  }
  return lines
}

export function mapKernel(spec: MapSpec): KernelSource {
  const { program, bindings, counters } = spec
  const uses = new Set<FunctionName>()
  const views = program.inputs.length + program.outputs.length
  const body = placesText(spec)

  const stored = (k: number) => bindings.types[bindings.of[k]!]!
  const { lines, outputs } = renderProgram(
    program,
    {
      input: (i) => fromWord(`b${bindings.of[i]}[p${i}]`, program.inputs[i]!, stored(i)),
      scalar: (i) => (program.scalars[i] === 'bool' ? `params.a${i} != 0u` : `params.a${i}`),
      index: (axis) => stepsText(spec, views + counters.indexOf(axis)),
      position: () => 'i',
    },
    uses,
  )
  body.push(...lines)
  outputs.forEach((value, j) => {
    const k = program.inputs.length + j
    const { dtype } = program.code[program.outputs[j]!]!
    body.push(`b${bindings.of[k]}[p${k}] = ${toWord(value, dtype, stored(k))};`)
  })

  const code = [
    ...extensions(bindings),
    mapParams(spec),
    ...declarations(bindings),
    '',
    ...functionsFor(uses),
    `@compute @workgroup_size(${mapGroup})`,
    'fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {',
    `  let i = id.x + id.y * groups.x * ${mapGroup}u;`,
    '  if (i >= params.count) { return; }',
    ...indent(body),
    '}',
    '',
  ].join('\n')
  return { name: program.name, code }
}
