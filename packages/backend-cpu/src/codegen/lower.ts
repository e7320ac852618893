/**
 * Rewrites a program until only primitives that are short wasm sequences on 32-bit words are left: the
 * functions of `math/` take the place of exp, log, sin and so on, and f32 that of halves (`halves.ts`).
 */
import {
  program as build,
  computeType,
  type DType,
  DTypeError,
  type Primitive,
  type Program,
  Scalar,
} from '@nablajs/tensor/backend'
import { hasHalves } from './halves.ts'
import { atan2 } from './math/atan2.ts'
import { erf } from './math/erf.ts'
import { exp, expm1 } from './math/exp.ts'
import { log, log1p } from './math/log.ts'
import { pow } from './math/pow.ts'
import { tanh } from './math/tanh.ts'
import { cos, sin } from './math/trig.ts'

const functions: Partial<Record<Primitive, (...args: Scalar[]) => Scalar>> = {
  atan2,
  cos,
  erf,
  exp,
  expm1,
  log,
  log1p,
  pow,
  sin,
  tanh,
}

/** The dtypes of this backend. */
export const supported: ReadonlySet<DType> = new Set(['f32', 'i32', 'u32', 'bool', 'f16', 'bf16'])

/** Throws a {@link DTypeError} for a program that computes in a dtype this backend does not hold. */
export function lower(program: Program): Program {
  for (const { dtype } of program.code)
    if (!supported.has(dtype))
      throw new DTypeError(
        `${program.name}: the cpu backend holds ${[...supported].join(', ')}, not ${dtype}`,
      )
  if (!hasHalves(program) && !program.code.some(({ op }) => functions[op])) return program
  const { name, scalars } = program
  const inputs = program.inputs.map(computeType)
  return build({ name, inputs, scalars }, (...leaves) => {
    const nodes: Scalar[] = []
    for (const { op, dtype, args, value } of program.code) {
      const operands = args.map((arg) => nodes[arg]!)
      const lowered = functions[op]
      if (op === 'input') nodes.push(leaves[value]!)
      else if (op === 'scalar') nodes.push(leaves[inputs.length + value]!)
      else if (op === 'cast') nodes.push(operands[0]!.cast(computeType(dtype)))
      else nodes.push(lowered ? lowered(...operands) : new Scalar(op, dtype, operands, value))
    }
    return program.outputs.map((output) => nodes[output]!)
  })
}
