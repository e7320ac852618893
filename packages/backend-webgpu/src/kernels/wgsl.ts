/**
 * What the kernels share: modules of WGSL put together from named memory, named parameters and a body,
 * and the arithmetic that finds elements of strided views.
 *
 * The text of a module is a function of its *variant* alone (a small plain object), and it is looked up
 * by that variant. What the text does not see cannot be baked into it, so a module made for one shape is
 * right for every other shape of the same variant.
 *
 * In every body `group` is the number of the workgroup, `thread` the number of the thread in it and
 * `p` the parameters, all of them i32.
 */
import { collapse, type DeviceBuffer, type View } from '@nablajs/tensor/backend'
import { floatBits, type KernelSource, type Runtime } from '../runtime/kernel.ts'
import { halvesOf, type Memory, memoryText } from './memory.ts'

export interface Module {
  readonly name: string
  /** A sentence on what the kernel does, for who reads the shader. */
  readonly about: string
  readonly memory: Readonly<Record<string, Memory>>
  readonly params: readonly string[]
  /** Threads of a workgroup. */
  readonly threads: number
  /** Extensions of WGSL that the text uses; none. */
  readonly extensions?: readonly string[]
  /** Workgroup variables and functions. */
  readonly declarations?: string
  readonly main: string
}

export interface Call {
  readonly buffers: Readonly<Record<string, DeviceBuffer>>
  readonly params: Readonly<Record<string, number>>
  /** Those of the buffers that hold f16; their elements are f32 from the load to the store. */
  readonly halves?: readonly string[]
  /** Workgroups in all. */
  readonly groups: number
}

/** Records a run of the module of this variant. */
export type Kernel<Variant> = (runtime: Runtime, variant: Variant, call: Call) => void

interface Compiled {
  readonly source: KernelSource
  readonly params: readonly string[]
}

/** A kernel whose text depends on its variant, on which of its buffers are the same, and which hold halves. */
export function defineKernel<Variant>(build: (variant: Variant) => Module): Kernel<Variant> {
  const compiled = new Map<string, Compiled>()
  return (runtime, variant, { buffers, params, groups, halves = [] }) => {
    const given = Object.values(buffers)
    const distinct = [...new Set(given)]
    const slots = given.map((buffer) => distinct.indexOf(buffer))
    const key = JSON.stringify([variant, slots, halves])
    let kernel = compiled.get(key)
    if (!kernel) {
      const module = build(variant)
      const names = ['groups', ...module.params]
      kernel = {
        source: { name: module.name, code: moduleText(module, slots, halves) },
        params: names,
      }
      compiled.set(key, kernel)
    }
    const { maxComputeWorkgroupsPerDimension: most } = runtime.limits
    const x = Math.min(groups, most)
    const values: Readonly<Record<string, number>> = { ...params, groups }
    runtime.dispatch({
      kernel: kernel.source,
      buffers: distinct,
      params: Int32Array.from(kernel.params, (name) => values[name]!),
      groups: [x, Math.ceil(groups / x), 1],
    })
  }
}

/** Numbers below this are divided exactly by {@link divideText}'s multiplication. */
const EXACT = 2 ** 21

/** Whether everything from 0 to `count - 1` can be divided by multiplying. */
export function dividesFast(count: number): boolean {
  return count <= EXACT
}

/** The parameters by which {@link divideText} divides: the divisor and its inverse. */
export function divisor(name: string, value: number): Record<string, number> {
  return { [name]: value, [`${name}_inverse`]: floatBits(1 / value) | 0 }
}

/** The names of {@link divisor}'s parameters. */
export function divisorParams(...names: readonly string[]): string[] {
  return names.flatMap((name) => [name, `${name}_inverse`])
}

/**
 * A function that divides in inner loops, where a GPU's integer division is slow. The half keeps the
 * product away from whole numbers by more than its rounding errors.
 */
export function divideText(fast: boolean): string {
  const quotient = fast ? 'u32((f32(n) + 0.5) * bitcast<f32>(inverse))' : 'n / u32(by)'
  return `fn divide(n: u32, by: i32, inverse: i32) -> u32 { return ${quotient}; }`
}

/** Moves a text to the right. */
export function indent(text: string, by = 2): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by))
}

/** A text without the margin of the template literal it is written in. */
export function dedent(text: string): string {
  const lines = text.replace(/^\n/, '').replace(/\s+$/, '').split('\n')
  const margins = lines.filter((line) => line.trim()).map((line) => line.search(/\S/))
  const margin = Math.min(...margins)
  return lines.map((line) => line.slice(margin)).join('\n')
}

function moduleText(module: Module, slots: readonly number[], halves: readonly string[]): string {
  const { bindings, access } = memoryText(module.memory, slots, halves)
  const fields = ['groups', ...module.params].map((name) => `  ${name}: i32,`).join('\n')
  const slot = Math.max(...slots) + 1
  return [
    `// ${module.about}`,
    [...(halves.length > 0 ? ['f16'] : []), ...(module.extensions ?? [])].map(
      (name) => `enable ${name};`,
    ),
    [`struct Params {\n${fields}\n}`],
    [...bindings, `@group(0) @binding(${slot}) var<uniform> p: Params;`],
    access,
    module.declarations ? [module.declarations] : [],
    [
      dedent(`
        @compute @workgroup_size(${module.threads})
        fn main(
          @builtin(workgroup_id) group_id: vec3<u32>,
          @builtin(num_workgroups) group_count: vec3<u32>,
          @builtin(local_invocation_index) thread: u32,
        ) {
          // Workgroups beyond the limit of one axis go on along the next.
          let group = group_id.y * group_count.x + group_id.x;
          if (group >= u32(p.groups)) {
            return;
          }
      `),
      `${indent(module.main)}\n}\n`,
    ],
  ]
    .map((part) => (typeof part === 'string' ? part : part.join('\n')))
    .filter((part) => part !== '')
    .join('\n\n')
}

/** Threads of kernels in which threads do not work together. */
export const THREADS = 64

/** Workgroups for so many independent threads. */
export function groupsFor(threads: number): number {
  return Math.ceil(threads / THREADS)
}

/** The start of a body in which each thread has a `number` of its own, below `p.count`. */
export const eachThread: string = dedent(`
  let number = group * ${THREADS}u + thread;
  if (number >= u32(p.count)) {
    return;
  }
`)

/** Loops over several views: what {@link walkText} needs to find their elements by number. */
export interface Walk {
  readonly rank: number
  readonly params: Readonly<Record<string, number>>
}

/** The loops over `shape` that all operands share; each is named and has strides and a first element. */
export function walk(
  shape: readonly number[],
  operands: Readonly<Record<string, { strides: readonly number[]; offset: number }>>,
): Walk {
  const names = Object.keys(operands)
  const loops = collapse(
    shape,
    names.map((name) => operands[name]!.strides),
  )
  const params: Record<string, number> = {}
  for (const [axis, extent] of loops.shape.entries()) {
    if (axis > 0) params[`extent${axis}`] = extent
    for (const [i, name] of names.entries())
      params[`${name}_step${axis}`] = loops.strides[i]![axis]!
  }
  for (const name of names) params[`${name}_first`] = operands[name]!.offset
  return { rank: loops.shape.length, params }
}

/** The parameters that {@link walk} gives, by name. */
export function walkParams(rank: number, names: readonly string[]): string[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  return [
    ...axes.slice(1).map((axis) => `extent${axis}`),
    ...names.map((name) => `${name}_first`),
    ...names.flatMap((name) => axes.map((axis) => `${name}_step${axis}`)),
  ]
}

/** Finds element `number` of the loops in every operand, as `<operand>_at`; the last axis runs fastest. */
export function walkText(rank: number, names: readonly string[], number = 'number'): string {
  const lines: string[] = []
  if (rank > 1) lines.push(`var rest = ${number};`)
  for (let axis = rank - 1; axis > 0; axis--)
    lines.push(`let i${axis} = i32(rest % u32(p.extent${axis}));`, `rest /= u32(p.extent${axis});`)
  if (rank > 0) lines.push(`let i0 = i32(${rank > 1 ? 'rest' : number});`)
  for (const name of names) {
    const steps = Array.from({ length: rank }, (_, axis) => ` + i${axis} * p.${name}_step${axis}`)
    lines.push(`let ${name}_at = p.${name}_first${steps.join('')};`)
  }
  return lines.join('\n')
}

/** The lines of a view along an axis: the shape and the view without it. */
export function without<T>(list: readonly T[], axis: number): T[] {
  return list.filter((_, own) => own !== axis)
}

/** A function of a line's number that gives where it begins in `name`. */
export function lineFunction(rank: number, name: string): string {
  return [
    `fn ${name}_line(line: u32) -> i32 {`,
    indent(walkText(rank, [name], 'line')),
    `  return ${name}_at;`,
    '}',
  ].join('\n')
}

/**
 * The bits of a value as a number that sorts as the value does: equal floats (0 and -0) give equal
 * keys, and NaN the largest of all. Comparing integers leaves compilers nothing to assume of NaN.
 */
export function orderText(dtype: View['dtype'], type: 'u32' | 'vec4<u32>' = 'u32'): string {
  const of = (value: string) => `fn order(bits: ${type}) -> ${type} { return ${value}; }`
  if (dtype === 'i32') return of(`bits ^ ${type}(0x80000000u)`)
  if (dtype !== 'f32') return of('bits')
  return dedent(`
    fn order(bits: ${type}) -> ${type} {
      let zero = ${type}(0x80000000u);
      let magnitude = bits & ~zero;
      let key = select(zero + magnitude, zero - magnitude, bits >= zero);
      return select(key, ~${type}(), magnitude > ${type}(0x7f800000u)); // NaN
    }
  `)
}

const sumPartsKernel = defineKernel<{ rank: number; operands: readonly string[] }>(
  ({ rank, operands }) => ({
    name: 'sumParts',
    about: 'Adds up the parts of every element, always in the same order.',
    memory: {
      parts: { element: 'f32' },
      out: { element: 'f32', access: 'write' },
      ...(operands.includes('term') && { term: { element: 'f32' } }),
    },
    params: ['count', 'parts_count', ...walkParams(rank, operands)],
    threads: THREADS,
    main: [
      eachThread,
      walkText(rank, operands),
      dedent(`
      var sum = 0.0;
      for (var part = 0; part < p.parts_count; part++) {
        sum += load_parts(part * p.count + i32(number));
      }
      store_out(out_at, sum${operands.includes('term') ? ' + load_term(term_at)' : ''});
    `),
    ].join('\n'),
  }),
)

/** `out = sum over parts of parts[part, ...] + term`; with no parts or no term, zeros in their place. */
export function sumParts(
  runtime: Runtime,
  parts: DeviceBuffer,
  count: number,
  out: View,
  term?: View,
): void {
  const size = out.shape.reduce((product, extent) => product * extent, 1)
  const views = { out, ...(term && { term }) }
  const operands = Object.keys(views)
  const { rank, params } = walk(out.shape, views)
  sumPartsKernel(
    runtime,
    { rank, operands },
    {
      buffers: { parts, out: out.buffer, ...(term && { term: term.buffer }) },
      halves: halvesOf(out.dtype, ...operands),
      params: { ...params, count: size, parts_count: count },
      groups: groupsFor(size),
    },
  )
}

const zeroKernel = defineKernel<{ rank: number }>(({ rank }) => ({
  name: 'zero',
  about: 'Writes zeros: the sum of nothing.',
  memory: { out: { element: 'f32', access: 'write' } },
  params: ['count', ...walkParams(rank, ['out'])],
  threads: THREADS,
  main: [eachThread, walkText(rank, ['out']), 'store_out(out_at, 0.0);'].join('\n'),
}))

/** Fills a view with zeros. */
export function zero(runtime: Runtime, out: View): void {
  const count = out.shape.reduce((product, extent) => product * extent, 1)
  const { rank, params } = walk(out.shape, { out })
  const halves = halvesOf(out.dtype, 'out')
  const call = { buffers: { out: out.buffer }, halves, params: { ...params, count } }
  zeroKernel(runtime, { rank }, { ...call, groups: groupsFor(count) })
}

/** Runs `body` with scratch memory, and gives it back. */
export function withScratch(
  runtime: Runtime,
  bytes: number,
  body: (buffer: DeviceBuffer) => void,
): void {
  const buffer = runtime.scratch(bytes)
  try {
    body(buffer)
  } finally {
    runtime.release(buffer)
  }
}
