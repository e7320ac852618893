/** Work along one axis: the lines of several views, and how a kernel finds them. */
import { collapse, ShapeError, type View } from '@nablajs/tensor/backend'
import { divisorParameters, putDivisor, quotientFunction } from '../codegen/divide.ts'
import type { Device } from '../device.ts'

/** The lines of some views: loops over all axes but one. */
export interface Lines {
  readonly count: number
  readonly extents: readonly number[]
  /** `strides[view][loop]` */
  readonly strides: readonly (readonly number[])[]
}

/** Threads of a block. */
export const blockThreads = 256

/** The lines over `shape` without `axis`, for views with these strides. */
export function linesOf(
  shape: readonly number[],
  axis: number,
  strides: readonly (readonly number[])[],
): Lines {
  const others = <T>(list: readonly T[]): T[] => list.filter((_, own) => own !== axis)
  const loops = collapse(others(shape), strides.map(others))
  const extents = loops.shape.length > 0 ? loops.shape : [1]
  const own = loops.shape.length > 0 ? loops.strides : strides.map(() => [0])
  return { count: extents.reduce((n, extent) => n * extent, 1), extents, strides: own }
}

/** The parameters of a kernel for lines over `loops` loops of `views` views. */
export function lineParameters(loops: number, views: number): string[] {
  const list: string[] = []
  for (let loop = 1; loop < loops; loop++) list.push(...divisorParameters(`e${loop}`))
  for (let view = 0; view < views; view++)
    for (let loop = 0; loop < loops; loop++) list.push(`long long t${view}_${loop}`)
  return list
}

/** Statements that turn the number of a line into `line0 .. lineN`, where it starts in each view. */
export function lineStarts(number: string, loops: number, views: number): string[] {
  const lines = [`unsigned int rest = ${number};`]
  for (let loop = loops - 1; loop > 0; loop--)
    lines.push(
      `const unsigned int q${loop} = quotient(rest, e${loop}_mul, e${loop}_shift);`,
      `const unsigned int i${loop} = rest - q${loop} * e${loop};`,
      `rest = q${loop};`,
    )
  lines.push('const unsigned int i0 = rest;')
  for (let view = 0; view < views; view++) {
    const terms = Array.from({ length: loops }, (_, loop) => `i${loop} * t${view}_${loop}`)
    lines.push(`const long long line${view} = ${terms.join(' + ')};`)
  }
  return lines
}

export { quotientFunction }

/** Adds the parameters of {@link lineParameters} to the launch being prepared. */
export function putLines({ context }: Device, { extents, strides }: Lines): void {
  for (const extent of extents.slice(1)) putDivisor(context, extent)
  for (const own of strides) for (const stride of own) context.long(stride)
}

/** Throws a ShapeError for more elements than the kernels count. */
export function countable(name: string, count: number): void {
  if (count >= 2 ** 31)
    throw new ShapeError(`${name}: ${count} elements; the kernel counts to 2147483647`)
}

/** The views' addresses as parameters of the launch being prepared. */
export function putViews(device: Device, views: readonly View[], name: string): void {
  for (const address of views.map((view) => device.address(view, name)))
    device.context.address(address)
}
