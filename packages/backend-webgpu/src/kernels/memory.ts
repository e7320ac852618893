/** The buffers of a module: how they are declared, and the functions that read and write their elements. */
import type { DType } from '@nablajs/tensor/backend'
import { type FunctionName, functionsFor } from '../codegen/functions.ts'

/** Elements of a binding. Comparing and moving kernels see floats as their bits, `u32`. */
export type Element = 'f32' | 'i32' | 'u32' | 'vec2<u32>' | 'vec4<f32>' | 'vec4<i32>' | 'vec4<u32>'

/** A buffer as a module sees it: `load_name(at)` reads an element, `store_name(at, value)` writes one. */
export interface Memory {
  readonly element: Element
  /** `add` is a buffer to which `add_name(at, value)` adds atomically. Default `read`. */
  readonly access?: 'read' | 'write' | 'add'
}

/** For a call's `halves`: the names given where data are of `dtype` f16, else none. */
export function halvesOf(dtype: DType, ...names: readonly string[]): readonly string[] {
  return dtype === 'f16' ? names : []
}

/** Declares the buffers of a module, of which some are one and the same, and some hold halves. */
export function memoryText(
  memory: Readonly<Record<string, Memory>>,
  slots: readonly number[],
  halves: readonly string[],
): { bindings: string[]; access: string[] } {
  const names = Object.keys(memory)
  const bindings: string[] = []
  const access: string[] = []
  const uses = new Set<FunctionName>()
  for (const [i, name] of names.entries()) {
    const own = memory[name]!
    // The first name of a buffer declares it; what else it is called reads and writes that variable.
    const home = slots.indexOf(slots[i]!)
    const users = names.filter((_, j) => slots[j] === slots[i])
    const { element } = memory[names[home]!]!
    const half = halves.includes(name)
    if (home === i) {
      const written = users.some((user) => (memory[user]!.access ?? 'read') !== 'read')
      const stored = own.access === 'add' ? `atomic<${element}>` : half ? halfOf(element) : element
      bindings.push(
        `@group(0) @binding(${slots[i]}) var<storage, ${written ? 'read_write' : 'read'}> ${name}: array<${stored}>;`,
      )
    }
    access.push(
      half ? halfText(name, own, names[home]!, uses) : accessText(name, own, names[home]!, element),
    )
  }
  return { bindings, access: [...functionsFor(uses), ...access] }
}

function accessText(
  name: string,
  { element, access }: Memory,
  home: string,
  held: Element,
): string {
  if (access === 'add')
    return `fn add_${name}(at: i32, value: ${element}) { atomicAdd(&${home}[at], value); }`
  const cast = (to: Element, from: Element, value: string) =>
    to === from ? value : `bitcast<${to}>(${value})`
  const load = `fn load_${name}(at: i32) -> ${element} { return ${cast(element, held, `${home}[at]`)}; }`
  if (access !== 'write') return load
  const stored = cast(held, element, 'value')
  return `${load}\nfn store_${name}(at: i32, value: ${element}) { ${home}[at] = ${stored}; }`
}

const halfOf = (element: Element) => (element.startsWith('vec4') ? 'vec4<f16>' : 'f16')

/** Elements of 16 bits that are f32, or the bits of such, as soon as they are loaded. */
function halfText(
  name: string,
  { element, access }: Memory,
  home: string,
  uses: Set<FunctionName>,
): string {
  const wide = element.startsWith('vec4')
  const four = (type: string, convert: (lane: string) => string) =>
    `${type}(${['x', 'y', 'z', 'w'].map(convert).join(', ')})`
  const float = wide ? 'vec4<f32>' : 'f32'
  const cast = (to: string, from: string, value: string) =>
    to === from ? value : `bitcast<${to}>(${value})`
  // What is moved or compared stays as it is. What is summed is converted by the GPU, in one instruction,
  // which WGSL lets take subnormal halves for 0.
  const exact = wide ? four(float, (lane) => `from_f16(half.${lane})`) : 'from_f16(half)'
  if (element !== float) uses.add('from_f16')
  const loaded = element === float ? `${float}(half)` : exact
  const load = [
    `fn load_${name}(at: i32) -> ${element} {`,
    `  let half = ${home}[at];`,
    `  return ${cast(element, float, loaded)};`,
    '}',
  ].join('\n')
  if (access !== 'write') return load
  uses.add('to_f16')
  const stored = wide ? four('vec4<f16>', (lane) => `to_f16(wide.${lane})`) : 'to_f16(wide)'
  return [
    load,
    `fn store_${name}(at: i32, value: ${element}) {`,
    `  let wide = ${cast(float, element, 'value')};`,
    `  ${home}[at] = ${stored};`,
    '}',
  ].join('\n')
}
