/**
 * Fusion: a function of elementwise ops becomes one scalar program, and so one kernel.
 *
 * The function runs once, on a device of its own whose memory holds scalar nodes instead of numbers:
 * each `map` that an op asks for is written into the nodes of its outputs. Walked back on the same
 * device, the tape yields the gradients as programs, each by the rule of its op. So fusion knows
 * nothing of the ops, and the ops nothing of fusion.
 */

import { autocastType, bindAutocast } from '../autocast.ts'
import { enableGrad } from '../autograd.ts'
import type { Backend, DeviceBuffer, MemoryInfo, View } from '../backend.ts'
import { type DType, dtypes, getDefaultDType, isFloat, promote } from '../dtype.ts'
import { ArgumentError, DeviceError, ShapeError, showShape } from '../errors.ts'
import { gradients } from '../grad.ts'
import { scope } from '../memory.ts'
import { inline, type Program, program } from '../program/program.ts'
import { constant, type Scalar } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import type { Operand } from './elementwise.ts'
import { type GradientBuilder, MapOp, runMap } from './map.ts'

/** Memory for one value: the node that computes it. */
interface Cell extends DeviceBuffer {
  node?: Scalar
}

const cellOf = (view: View): Cell => view.buffer as Cell
const nodeOf = (view: View): Scalar => cellOf(view).node!

function refuse(what: string): never {
  throw new DeviceError(`fuse: ${what} is no elementwise op; keep it outside of the fused function`)
}

/** The device that a function is traced on. Its tensors are single values of which no one knows the number. */
class Tracer implements Backend {
  // Read by whoever uses a tensor of another device in there, in the error that two devices meet.
  readonly name = 'fuse (which takes every tensor as an argument)'
  readonly dtypes: ReadonlySet<DType> = new Set(Object.keys(dtypes) as DType[])
  readonly kernels: Backend['kernels'] = {}

  /** A tensor whose value `node` computes. */
  hold(node: Scalar): Tensor {
    const t = Tensor.make(this, node.dtype, [])
    cellOf(t).node = node
    return t
  }

  alloc(bytes: number): DeviceBuffer {
    return { bytes }
  }
  free(): void {}
  write(): void {
    refuse('a tensor made from values')
  }
  async read(): Promise<ArrayBuffer> {
    return refuse('reading a value')
  }
  memory(): MemoryInfo {
    return { buffers: 0, bytes: 0, peakBytes: 0 }
  }
  resetPeak(): void {}

  map(
    source: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars: readonly number[] = [],
  ): void {
    if (source.usesIndex || source.code.some(({ op }) => op === 'position')) refuse(source.name)
    const leaves = [
      ...inputs.map(nodeOf),
      ...scalars.map((value, i) => constant(value, source.scalars[i]!)),
    ]
    inline(source, leaves).forEach((node, i) => {
      cellOf(outputs[i]!).node = node
    })
  }
  reduce(): void {
    refuse('a reduction')
  }
  async sync(): Promise<void> {}
  dispose(): void {}
}

type Body = (...args: Tensor[]) => Tensor

/** Runs the function on single values that `nodes` compute, of which some have gradients. */
function trace(
  name: string,
  body: Body,
  nodes: readonly Scalar[],
  tracked: (i: number) => boolean = () => false,
): { inputs: Tensor[]; output: Tensor } {
  const tracer = new Tracer()
  const inputs = nodes.map((node, i) => {
    const t = tracer.hold(node)
    t.requiresGrad = tracked(i)
    return t
  })
  const output = body(...inputs)
  if (!(output instanceof Tensor) || output.device !== tracer)
    throw new ArgumentError(
      `${name}: the fused function must give a tensor made from its arguments`,
    )
  if (output.rank > 0)
    throw new ShapeError(
      `${name}: the fused function works on single elements, of shape [], and gave ${showShape(output.shape)}; ` +
        'change shapes outside of it',
    )
  return { inputs, output }
}

function compile(name: string, body: Body, args: readonly Operand[]): MapOp {
  const tensors = args.filter((arg) => typeof arg !== 'number')
  const common = tensors.map((t) => t.dtype).reduce(promote)
  const number = isFloat(common) ? common : getDefaultDType()
  // Scalars come after the inputs of a program, wherever they stand among the arguments.
  const ordered = (leaves: readonly Scalar[]): Scalar[] => {
    let input = 0
    let scalar = tensors.length
    return args.map((arg) => leaves[typeof arg === 'number' ? scalar++ : input++]!)
  }
  const source = program(
    {
      name,
      inputs: tensors.map((t) => t.dtype),
      scalars: new Array<DType>(args.length - tensors.length).fill(number),
    },
    (...leaves) => scope(() => nodeOf(trace(name, body, ordered(leaves)).output)),
  )
  const tracked = (i: number): boolean => {
    const arg = args[i]!
    return typeof arg !== 'number' && isFloat(arg.dtype)
  }
  const precision = bindAutocast()
  const slopes: GradientBuilder = (g, y, leaves) =>
    scope(() => {
      const { inputs, output } = enableGrad(() =>
        precision(() => trace(name, body, ordered(leaves), tracked)),
      )
      if (!output.requiresGrad) return tensors.map(() => undefined)
      // A rule that reads the output finds it saved, and need not compute it again.
      cellOf(output).node = y
      const tracer = output.device as Tracer
      const wanted = inputs.filter((t) => t.requiresGrad)
      const found = gradients(output, wanted, { gradient: tracer.hold(g) }).map(nodeOf)
      return inputs
        .filter((_, i) => typeof args[i] !== 'number')
        .map((t) => found[wanted.indexOf(t)])
        .map((node) => (node?.op === 'constant' && node.value === 0 ? undefined : node))
    })
  return new MapOp(source, slopes)
}

/** The arguments of a fused function, each of which may be a number at a call. */
export type FusedArguments<Args extends readonly Tensor[]> = { [I in keyof Args]: Operand }

/**
 * Makes one kernel of a function of elementwise ops, with a gradient that is one kernel too and that
 * saves only the arguments and the result, where the ops one by one would save what is between them.
 * A chain of n ops then moves through memory once instead of n times.
 *
 * The function must be elementwise: arithmetic, activations, comparisons, `where`. Sums, matrix
 * products, movement and random numbers belong outside. It runs when a combination of dtypes first
 * comes, on values of shape [] that nobody knows, and what it computes for them is what all calls
 * compute: it must not depend on anything that changes. Every tensor it uses is an argument; numbers
 * may be arguments too, and then be another number at each call. Arguments broadcast together.
 *
 * @param options `name`, for errors and profiles; by default that of the function.
 * @throws ArgumentError, ShapeError or DeviceError at the first call, when the function is not
 *   elementwise in its arguments; ShapeError when arguments do not broadcast.
 * @example
 * ```ts
 * const swish = fuse((x: Tensor, slope: Tensor) => x.mul(slope).sigmoid().mul(x))
 * swish(x, 1.5)   // one kernel, and one more for its gradient
 * ```
 */
export function fuse<Args extends readonly Tensor[]>(
  body: (...args: Args) => Tensor,
  options: { readonly name?: string } = {},
): (...args: FusedArguments<Args>) => Tensor {
  const name = options.name ?? (body.name || 'fused')
  const compiled = new Map<string, MapOp>()
  return (...args) => {
    const operands: readonly Operand[] = args
    const tensors = operands.filter((arg) => typeof arg !== 'number')
    if (tensors.length === 0)
      throw new ArgumentError(`${name}: no tensor came; at least one argument must be a tensor`)
    const types = operands.map((arg) => (typeof arg === 'number' ? 'n' : arg.dtype))
    const key = [autocastType(), ...types].join()
    let op = compiled.get(key)
    if (!op) {
      op = compile(name, body as unknown as Body, operands)
      compiled.set(key, op)
    }
    return runMap(
      op,
      tensors,
      operands.filter((arg) => typeof arg === 'number'),
    )
  }
}
