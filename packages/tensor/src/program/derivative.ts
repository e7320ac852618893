/**
 * Derivatives of scalar programs, in forward mode: the tangent of each node in terms of its
 * arguments' tangents. Programs are small and shared subexpressions become one instruction, so
 * nothing is gained from a reverse walk here, and the choices inside a `select` stay outside of the
 * derivative: the side not taken cannot leak a NaN into it.
 *
 * A tangent that is `undefined` is zero.
 */
import { isFloat } from '../dtype.ts'
import { inline, type Program, program } from './program.ts'
import { constant, type Primitive, type Scalar, select } from './scalar.ts'

type Tangent = Scalar | undefined
/** `y` is the node itself, `args` its arguments, `t` their tangents (at least one is not zero). */
type Rule = (y: Scalar, args: readonly Scalar[], t: readonly Tangent[]) => Tangent

const isConstant = (node: Scalar, value: number): boolean =>
  node.op === 'constant' && node.value === value

/** Whether a choice has a side that is zero, whatever it is multiplied by. */
const mayBeZero = (t: Scalar): boolean =>
  isConstant(t, 0) || (t.op === 'select' && t.args.slice(1).some(mayBeZero))

function times(t: Tangent, factor: Scalar): Tangent {
  if (t === undefined || isConstant(factor, 1)) return t
  if (isConstant(t, 0)) return t
  if (isConstant(t, 1)) return factor
  if (!mayBeZero(t)) return t.mul(factor)
  // 0 times an infinite gradient would be NaN: what is not taken stays 0.
  const [condition, a, b] = t.args
  return select(condition!, times(a, factor)!, times(b, factor)!)
}

function plus(a: Tangent, b: Tangent): Tangent {
  return a === undefined ? b : b === undefined ? a : a.add(b)
}

const orZero = (t: Tangent, like: Scalar): Scalar => t ?? constant(0, like.dtype)

const flat: Rule = () => undefined

/** d max(a, b): the larger side's; on a tie half of each, as PyTorch's `maximum`. */
function extremum(first: Scalar, y: Scalar, [ta, tb]: readonly Tangent[], tie: Scalar): Scalar {
  const half = times(plus(ta, tb), constant(0.5, y.dtype))!
  return select(first, orZero(ta, y), select(tie, half, orZero(tb, y)))
}

/* biome-ignore-start format: one rule, one line */
const rules: Record<Primitive, Rule> = {
  input: flat,
  scalar: flat,
  constant: flat,
  index: flat,
  position: flat,
  bitcast: flat,
  not: flat,
  sign: flat,
  floor: flat,
  ceil: flat,
  round: flat,
  trunc: flat,
  mulhi: flat,
  and: flat,
  or: flat,
  xor: flat,
  shl: flat,
  shr: flat,
  lt: flat,
  le: flat,
  eq: flat,
  ne: flat,

  cast: (y, _, [t]) => t!.cast(y.dtype),
  neg: (_, __, [t]) => t!.neg(),
  // |x|' = sign(x), 0 at 0
  abs: (_, [x], [t]) => times(t, x!.sign()),
  // (√x)' = 1 / (2 √x)
  sqrt: (y, _, [t]) => t!.mul(0.5).div(y),
  exp: (y, _, [t]) => times(t, y),
  expm1: (y, _, [t]) => times(t, y.add(1)),
  log: (_, [x], [t]) => t!.div(x!),
  log1p: (_, [x], [t]) => t!.div(x!.add(1)),
  sin: (_, [x], [t]) => times(t, x!.cos()),
  cos: (_, [x], [t]) => times(t, x!.sin().neg()),
  // tanh' = 1 - tanh²
  tanh: (y, _, [t]) => times(t, constant(1, y.dtype).sub(y.mul(y))),
  // erf' = 2/√π exp(-x²)
  erf: (_, [x], [t]) =>
    times(
      t,
      x!
        .mul(x!)
        .neg()
        .exp()
        .mul(2 / Math.sqrt(Math.PI)),
    ),
  add: (_, __, [ta, tb]) => plus(ta, tb),
  sub: (_, __, [ta, tb]) => plus(ta, tb?.neg()),
  mul: (_, [a, b], [ta, tb]) => plus(times(ta, b!), times(tb, a!)),
  // (a/b)' = (a' - b' a/b) / b
  div: (y, [, b], [ta, tb]) => plus(ta, times(tb, y)?.neg())!.div(b!),
  // a - b trunc(a/b)
  rem: (_, [a, b], [ta, tb]) => plus(ta, times(tb, a!.div(b!).trunc().neg())),
  // d/da = b a^(b-1), 0 where b = 0; d/db = a^b log a, 0 where a = 0 and b ≥ 0
  pow: (y, [a, b], [ta, tb]) =>
    plus(
      ta && times(ta, select(b!.eq(0), 0, b!.mul(a!.pow(b!.sub(1))))),
      tb && times(tb, select(a!.eq(0).and(b!.ge(0)), 0, y.mul(a!.log()))),
    ),
  // atan2(a, b): (a' b - b' a) / (a² + b²)
  atan2: (_, [a, b], [ta, tb]) =>
    plus(times(ta, b!), times(tb, a!)?.neg())!.div(a!.mul(a!).add(b!.mul(b!))),
  max: (y, [a, b], t) => extremum(a!.gt(b!), y, t, a!.eq(b!)),
  min: (y, [a, b], t) => extremum(a!.lt(b!), y, t, a!.eq(b!)),
  select: (y, [condition], [, ta, tb]) => select(condition!, orZero(ta, y), orZero(tb, y)),
}
/* biome-ignore-end format: one rule, one line */

/** The derivative of each of `outputs` for the leaf `wrt`; undefined where it is zero everywhere. */
export function tangents(outputs: readonly Scalar[], wrt: Scalar): Tangent[] {
  const known = new Map<Scalar, Tangent>([[wrt, constant(1, wrt.dtype)]])
  for (const output of outputs) {
    const stack = [output]
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!
      const missing = node.args.filter((arg) => !known.has(arg))
      if (missing.length > 0) {
        stack.push(...missing)
        continue
      }
      stack.pop()
      if (known.has(node)) continue
      const t = node.args.map((arg) => known.get(arg))
      const moves = isFloat(node.dtype) && t.some((tangent) => tangent !== undefined)
      known.set(node, moves ? rules[node.op](node, node.args, t) : undefined)
    }
  }
  return outputs.map((output) => known.get(output))
}

/**
 * The program `(g, inputs) -> g dy/dx` of a one-output program for input `wrt`: the chain rule of
 * one step. Undefined when the output does not depend on that input smoothly.
 */
export function chainRule(source: Program, wrt: number): Program | undefined {
  let depends = true
  const built = program(
    {
      name: `${source.name}'`,
      inputs: [source.code[source.outputs[0]!]!.dtype, ...source.inputs],
      scalars: source.scalars,
    },
    (g, ...leaves) => {
      const [y] = inline(source, leaves)
      const [t] = tangents([y!], leaves[wrt]!)
      depends = t !== undefined && !isConstant(t, 0)
      return (times(t, g!) ?? g!).cast(source.inputs[wrt]!)
    },
  )
  return depends ? built : undefined
}
