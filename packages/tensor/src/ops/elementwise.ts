/**
 * Elementwise ops as rows: a forward program, and what a test should know about it. Everything else
 * follows: broadcasting, dtypes, the gradient, every device, the tensor method, the test cases.
 */
import { preciseType } from '../autocast.ts'
import { type DType, dtypes, getDefaultDType, isFloat, order, promote } from '../dtype.ts'
import { ArgumentError, DTypeError } from '../errors.ts'
import { program } from '../program/program.ts'
import type { Scalar } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { type GradientBuilder, MapOp, outputType, runMap } from './map.ts'

/** A tensor, or a number that takes the dtype of the tensors beside it. */
export type Operand = Tensor | number

/** What an elementwise op is, and what a test should know about it. */
export interface ElementwiseRow {
  /** The value, of operands that have one common dtype. */
  forward(...operands: Scalar[]): Scalar
  /**
   * The gradients of the operands from that of the output, where the derived one is numerically
   * delicate or would recompute what the output `y` already holds.
   */
  gradient?(g: Scalar, y: Scalar, operands: readonly Scalar[]): readonly (Scalar | undefined)[]
  /**
   * What the operands become: `float` makes integers floats, `number` makes bool i32, `bits` takes
   * bool and integers only, `any` (default) leaves the common dtype as it is.
   */
  accepts?: 'float' | 'number' | 'bits' | 'any'
  /** Whether halves are taken as f32 inside of `autocast`: what overflows or cancels in 16 bits. */
  precise?: true
  /** Operands beyond the first that are not common in type: a condition stays bool. */
  conditions?: readonly number[]
  /** Values of trailing operands that a caller leaves out. */
  defaults?: readonly (number | undefined)[]
  /** Where operands may be drawn from for a gradient check; default [-2, 2]. One pair for each operand, or one for all. */
  domain?: readonly (readonly [low: number, high: number])[]
  /** Operand tuples worth testing beside the ordinary ones: ties, kinks, extremes. */
  points?: readonly (readonly number[])[]
}

/** An elementwise op: a function, with the row it was made from. */
export interface Elementwise<Args extends readonly unknown[]> {
  (...args: Args): Tensor
  readonly row: ElementwiseRow
}

/** An op of one tensor. */
export type Unary = Elementwise<[x: Tensor]>
/** An op of two operands that broadcast. */
export type Binary = Elementwise<[x: Operand, y: Operand]>

/** The dtype in which the op computes. */
function commonType(name: string, row: ElementwiseRow, operands: readonly Operand[]): DType {
  let common: DType = 'bool'
  let fraction = false
  let tensors = 0
  operands.forEach((operand, i) => {
    // An infinity is a bound, and integers have bounds: see `bounded`.
    if (typeof operand === 'number')
      fraction ||= !Number.isInteger(operand) && Math.abs(operand) !== Number.POSITIVE_INFINITY
    else if (!row.conditions?.includes(i)) {
      common = promote(common, operand.dtype)
      tensors++
    }
  })
  const { accepts = 'any' } = row
  if (tensors === 0 || (!isFloat(common) && (accepts === 'float' || fraction))) {
    if (accepts === 'bits')
      throw new DTypeError(`${name}: it takes bool and integers, not fractions`)
    return tensors === 0 || common === 'bool' || accepts === 'float' || fraction
      ? getDefaultDType()
      : common
  }
  if (accepts === 'bits' && isFloat(common))
    throw new DTypeError(`${name}: ${common} came; it takes bool, i32 and u32`)
  const hasNumber = operands.some((operand) => typeof operand === 'number')
  if (common === 'bool' && (accepts === 'number' || hasNumber)) return 'i32'
  return common
}

/** A number for a kernel of `dtype`, in which an infinity is the largest or smallest there is. */
function bounded(value: number, dtype: DType): number {
  if (Math.abs(value) !== Number.POSITIVE_INFINITY || isFloat(dtype)) return value
  const [low, high] = dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
  return value < 0 ? low : high
}

/** An op from its row. */
export function elementwise<Args extends readonly unknown[]>(
  name: string,
  row: ElementwiseRow,
): Elementwise<Args> {
  const compiled = new Map<number, MapOp>()

  function compile(common: DType, operands: readonly Operand[]): MapOp {
    const tensors = operands.filter((operand) => typeof operand !== 'number')
    const numbers = operands.length - tensors.length
    // A tensor that is not a condition is converted on the way in; a number arrives as the common dtype.
    const arranged = (leaves: readonly Scalar[]): Scalar[] => {
      let tensor = 0
      let number = tensors.length
      return operands.map((operand, i) => {
        const leaf = typeof operand === 'number' ? leaves[number++]! : leaves[tensor++]!
        return leaf.cast(row.conditions?.includes(i) ? 'bool' : common)
      })
    }
    const source = program(
      {
        name,
        inputs: tensors.map((t) => t.dtype),
        scalars: new Array<DType>(numbers).fill(common),
      },
      (...leaves) => row.forward(...arranged(leaves)),
    )
    const { gradient } = row
    const builder: GradientBuilder | undefined =
      gradient &&
      ((g, y, leaves) => {
        const all = gradient(g, y, arranged(leaves))
        return all.filter((_, i) => typeof operands[i] !== 'number')
      })
    return new MapOp(source, builder)
  }

  const apply = (...args: (Operand | undefined)[]): Tensor => {
    const operands = row.defaults
      ? row.defaults.map((value, i) => args[i] ?? value!)
      : (args as Operand[])
    const tensors: Tensor[] = []
    const scalars: number[] = []
    const type = commonType(name, row, operands)
    const common = row.precise ? preciseType(type) : type
    // The kind of each operand and the common dtype, as the digits of one number.
    let signature = order[common]
    for (const operand of operands) {
      if (typeof operand === 'number') {
        scalars.push(bounded(operand, common))
        signature = signature * 8 + 7
      } else {
        tensors.push(operand)
        signature = signature * 8 + order[operand.dtype]
      }
    }
    if (tensors.length === 0)
      throw new ArgumentError(`${name}: only numbers came; at least one operand must be a tensor`)
    let op = compiled.get(signature)
    if (!op) {
      op = compile(common, operands)
      compiled.set(signature, op)
    }
    // What is compared with halves is one, as 0.1 is.
    const { decode, encode } = dtypes[common]
    const compared = encode && outputType(op.program) === 'bool'
    return runMap(op, tensors, compared ? scalars.map((v) => decode!(encode(v))) : scalars)
  }
  Object.defineProperty(apply, 'name', { value: name })
  return Object.assign(apply, { row }) as unknown as Elementwise<Args>
}

/** An op of one tensor. */
export function unary(name: string, row: ElementwiseRow): Unary {
  return elementwise<[x: Tensor]>(name, row)
}

/** An op of two operands, of which one may be a number. */
export function binary(name: string, row: ElementwiseRow): Binary {
  return elementwise<[x: Operand, y: Operand]>(name, row)
}
