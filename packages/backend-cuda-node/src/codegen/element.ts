/** A scalar program as a C function of one element. */
import type { DType, Instruction, Program } from '@nablajs/tensor/backend'
import { definitionOf, literal, render, typeOf } from './primitives.ts'

/** `position`, `index 2`: equal keys, the same numbers. */
export function counterKey({ op, value }: Instruction): string {
  return op === 'position' ? op : `${op} ${value}`
}

/** The counters that a program uses: numbers that a kernel walks like the offsets of its operands. */
export function countersOf({ code }: Program): string[] {
  const used = code.filter(({ op }) => op === 'position' || op === 'index')
  return [...new Set(used.map(counterKey))]
}

/** How a counter changes along each axis of an iteration space. */
export function counterStrides(key: string, shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0)
  if (key !== 'position') {
    strides[Number(key.slice('index '.length))] = 1
    return strides
  }
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

/** The dtypes of a program's outputs. */
export function outputsOf({ code, outputs }: Program): DType[] {
  return outputs.map((output) => code[output]!.dtype)
}

/** What a kernel's name may consist of. */
export function identifier(name: string): string {
  return name.replace(/\W/g, '_')
}

/**
 * C functions that compute a program: those it needs and
 * `name(x0, .., s0, .., c0, .., &y0, ..)` of inputs, scalars, counters and results. The definitions
 * in `defined` are there already.
 */
export function elementFunction(
  name: string,
  program: Program,
  counters: readonly string[],
  defined: Set<string>,
): string {
  const { code, inputs, scalars } = program
  const helpers: string[] = []
  const call = (helper: string): string => {
    if (!defined.has(helper)) {
      defined.add(helper)
      helpers.push(definitionOf(helper))
    }
    return helper
  }
  const lines = code.map((line, i) => {
    const type = typeOf[line.dtype]
    const { op, value } = line
    let text: string
    if (op === 'input') text = `x${value}`
    else if (op === 'scalar') text = `s${value}`
    else if (op === 'constant') text = literal(value, line.dtype)
    else if (op === 'index' || op === 'position')
      text = `(${type})c${counters.indexOf(counterKey(line))}`
    else
      text = render(
        line,
        line.args.map((arg) => code[arg]!.dtype),
        line.args.map((arg) => `v${arg}`),
        call,
      )
    return `  const ${type} v${i} = ${text};`
  })
  const results = outputsOf(program)
  const parameters = [
    ...inputs.map((dtype, i) => `${typeOf[dtype]} x${i}`),
    ...scalars.map((dtype, i) => `${typeOf[dtype]} s${i}`),
    ...counters.map((_, i) => `unsigned int c${i}`),
    ...results.map((dtype, i) => `${typeOf[dtype]} &y${i}`),
  ]
  const stores = program.outputs.map((output, i) => `  y${i} = v${output};`)
  return [
    ...helpers,
    `static __device__ inline void ${name}(${parameters.join(', ')}) {`,
    ...lines,
    ...stores,
    '}',
  ].join('\n')
}

/** The scalars of a program as parameters of a kernel. */
export function scalarParameters({ scalars }: Program): string[] {
  return scalars.map((dtype, i) => `${typeOf[dtype]} s${i}`)
}
