/** Parameters as one vector, for methods that treat them so. */
import { ArgumentError, assign, concat, scope, type Tensor, tensor } from '@nablajs/tensor'

type Parameters = readonly Tensor[]

/** How many numbers there are. */
export const sizeOf = (parameters: Parameters): number =>
  parameters.reduce((sum, { size }) => sum + size, 0)

/** Tensors in a row. */
export const flat = (tensors: readonly Tensor[]): Tensor =>
  concat(tensors.map((t) => t.reshape([t.size])))

/** The numbers of all parameters, on the host. */
export function readVector(parameters: Parameters): Float64Array {
  const values = new Float64Array(sizeOf(parameters))
  let start = 0
  for (const parameter of parameters) {
    values.set(parameter.dataSync(), start)
    start += parameter.size
  }
  return values
}

/** Writes numbers of the host into the parameters. */
export function writeVector(parameters: Parameters, values: Float64Array): void {
  let start = 0
  for (const parameter of parameters) {
    const { size, shape, dtype, device } = parameter
    const own = values.subarray(start, start + size)
    scope(() => assign(parameter, tensor(own, { shape, dtype, device })))
    start += size
  }
}

/** Puts the parameters to `before + t d`, where d is one vector. */
export function moveAlong(
  parameters: Parameters,
  before: readonly Tensor[],
  d: Tensor,
  t: number,
): void {
  let start = 0
  parameters.forEach((parameter, i) => {
    const end = start + parameter.size
    const part = d.slice({ start, end }).reshape(parameter.shape)
    scope(() => assign(parameter, before[i]!.add(part.mul(t))))
    start = end
  })
}

/** Refuses several groups. */
export function demandOneGroup(name: string, groups: readonly unknown[]): void {
  if (groups.length > 1)
    throw new ArgumentError(
      `${name}: ${groups.length} groups came; it takes one, whose parameters form one vector`,
    )
}

/** Refuses a step without the function that gives the loss. */
export function demandClosure(
  name: string,
  closure: (() => Tensor) | undefined,
): asserts closure is () => Tensor {
  if (!closure)
    throw new ArgumentError(`${name}: step() came without a function; it needs step(() => loss)`)
}
