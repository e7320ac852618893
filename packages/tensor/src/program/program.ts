/**
 * From a DAG of {@link Scalar} nodes to a list of instructions that a backend can render line by
 * line. Equal subexpressions become one instruction, and equal programs become one object, so a
 * backend may key its kernel cache on `program.id`.
 *
 * Halves (f16, bf16) are read and written, never computed with: an input of such a dtype is cast to
 * f32 where it is used, and an f32 to such an output, in one rounding for the whole program. A cast
 * to a half and on, inside of a program, does not round.
 */

import { computeType, type DType, isHalf } from '../dtype.ts'
import { ArgumentError } from '../errors.ts'
import { type Primitive, Scalar } from './scalar.ts'

/** One line of a program; `args` are numbers of earlier lines. `value` as in `scalar.ts`. */
export interface Instruction {
  readonly op: Primitive
  readonly dtype: DType
  readonly args: readonly number[]
  readonly value: number
}

/** A scalar program, as {@link program} makes it. */
export interface Program {
  /** Unique to this structure within the process. */
  readonly id: number
  /** The whole structure as text: equal keys, equal programs, also across processes. */
  readonly key: string
  /** For people: error messages, profiles and the names of generated kernels. */
  readonly name: string
  readonly inputs: readonly DType[]
  /** Runtime constants: numbers given with each call (a learning rate, a seed). */
  readonly scalars: readonly DType[]
  readonly code: readonly Instruction[]
  /** For each output the instruction that computes it. */
  readonly outputs: readonly number[]
  /** Whether the code contains an `index`: then axes must not be merged or dropped. */
  readonly usesIndex: boolean
}

export interface Signature {
  readonly name: string
  readonly inputs: readonly DType[]
  readonly scalars?: readonly DType[]
}

const interned = new Map<string, Program>()

/**
 * Builds a program. `body` gets one node for each input, then one for each scalar, and returns the
 * output or outputs.
 *
 * @example
 * ```ts
 * const axpy = program({ name: 'axpy', inputs: ['f32', 'f32'], scalars: ['f32'] },
 *   (x, y, a) => a.mul(x).add(y))
 * ```
 */
export function program(
  signature: Signature,
  body: (...leaves: Scalar[]) => Scalar | readonly Scalar[],
): Program {
  const { name, inputs, scalars: given = [] } = signature
  const leaves = [
    ...inputs.map((dtype, i) => new Scalar('input', dtype, [], i)),
    ...given.map((dtype, i) => new Scalar('scalar', dtype, [], i)),
  ]
  const built = body(...leaves)
  const results = built instanceof Scalar ? [built] : built
  if (results.length === 0) throw new ArgumentError(`${name}: a program needs an output`)

  const code: Instruction[] = []
  const lines: string[] = []
  const known = new Map<string, number>()
  const numbers = new Map<Scalar, number>()

  // Iterative post-order walk: deep chains must not overflow the stack.
  function emit(root: Scalar): number {
    const stack = [root]
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!
      const missing = node.args.filter((arg) => !numbers.has(arg))
      if (missing.length > 0) {
        stack.push(...missing.reverse())
        continue
      }
      stack.pop()
      if (numbers.has(node)) continue
      const args = node.args.map((arg) => numbers.get(arg)!)
      const dtype = computeType(node.dtype)
      let number: number
      if (node.op === 'input' && dtype !== node.dtype)
        number = add('cast', dtype, [add('input', node.dtype, [], node.value)])
      else if (node.op === 'cast' && code[args[0]!]!.dtype === dtype) number = args[0]!
      else number = add(node.op, dtype, args, node.value)
      numbers.set(node, number)
    }
    return numbers.get(root)!
  }

  /** The number of a line, which is new unless there is the same. */
  function add(op: Primitive, dtype: DType, args: readonly number[], value = 0): number {
    const line = `${op}:${dtype}(${args.join(',')})${Object.is(value, -0) ? '-0' : value}`
    let number = known.get(line)
    if (number === undefined) {
      number = code.length
      known.set(line, number)
      lines.push(line)
      code.push({ op, dtype, args, value })
    }
    return number
  }

  const outputs = results.map((node) => {
    if (!isHalf(node.dtype)) return emit(node)
    if (node.op === 'input') return add('input', node.dtype, [], node.value)
    return add('cast', node.dtype, [emit(node)])
  })
  const scalars = given.map(computeType)
  const key = `${inputs.join(',')};${scalars.join(',')};${lines.join(';')}>${outputs.join(',')}`
  const existing = interned.get(key)
  if (existing) return existing
  const made: Program = {
    id: interned.size,
    key,
    name,
    inputs,
    scalars,
    code,
    outputs,
    usesIndex: code.some((line) => line.op === 'index'),
  }
  interned.set(key, made)
  return made
}

/** The nodes of a program again, over the leaves given; for building a larger program out of it. */
export function inline(source: Program, leaves: readonly Scalar[]): Scalar[] {
  const nodes: Scalar[] = []
  for (const { op, dtype, args, value } of source.code) {
    if (op === 'input') nodes.push(leaves[value]!)
    else if (op === 'scalar') nodes.push(leaves[source.inputs.length + value]!)
    // The leaf of a half may be an f32 already.
    else if (op === 'cast') nodes.push(nodes[args[0]!]!.cast(dtype))
    else
      nodes.push(
        new Scalar(
          op,
          dtype,
          args.map((arg) => nodes[arg]!),
          value,
        ),
      )
  }
  return source.outputs.map((output) => nodes[output]!)
}

/** The instructions as readable lines, for snapshots and error reports. */
export function showProgram({ name, inputs, scalars, code, outputs }: Program): string {
  const lines = code.map(({ op, dtype, args, value }, i) => {
    const operands = args.map((arg) => `%${arg}`)
    if (['input', 'scalar', 'constant', 'index'].includes(op)) operands.push(String(value))
    return `  %${i} = ${op}.${dtype} ${operands.join(', ')}`.trimEnd()
  })
  const head = `${name}(${[...inputs, ...scalars.map((s) => `${s} scalar`)].join(', ')})`
  return [head, ...lines, `  return ${outputs.map((o) => `%${o}`).join(', ')}`].join('\n')
}
