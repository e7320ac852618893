/** What a kernel sees of the views of a call. */
import { bytesOf, collapse, type DType, isHalf, type StepKind, step } from '@nablajs/tensor/backend'
import type { Context } from '../context.ts'
import { divisorParameters, putDivisor } from './divide.ts'
import { typeOf } from './primitives.ts'

/** Elements that a thread takes at a time where it can; of halves alone {@link mostWidth}. */
export const vectorWidth = 4

/** The most elements of a vector: as many halves as are read at once. */
export const mostWidth = 8

/** The most that is read at once, in bytes. */
export const vectorBytes = 16

/** Vectors of `width` elements lie at multiples of this many bytes. */
const alignmentOf = (dtype: DType, width: number): number =>
  Math.min(vectorBytes, width * bytesOf(dtype))

/** In C: several elements that are moved as one. */
export function vectorType(dtype: DType, width: number): string {
  return `struct alignas(${alignmentOf(dtype, width)}) vector_${dtype} { ${typeOf[dtype]} e[${width}]; };`
}

/**
 * Elements that a thread takes at a time of operands at `addresses`, which do `kinds` along the last
 * loop: as many as `fits` says, 1 where no operand lies well.
 */
export function widthOf(
  dtypes: readonly DType[],
  kinds: readonly StepKind[],
  addresses: readonly number[],
  fits: (width: number) => boolean,
): number {
  let widest = 0
  for (let o = 0; o < kinds.length; o++)
    if (kinds[o] === step.unit) {
      if (!isHalf(dtypes[o]!)) widest = vectorWidth
      else if (widest === 0) widest = mostWidth
    }
  const lies = (address: number, o: number, width: number): boolean =>
    kinds[o] !== step.unit || address % alignmentOf(dtypes[o]!, width) === 0
  for (let width = widest; width >= vectorWidth; width /= 2)
    if (fits(width) && addresses.every((address, o) => lies(address, o, width))) return width
  return 1
}

/** Beyond it an offset in elements or a number of them does not fit in 32 bits. */
const most32 = 2 ** 31 - 1

/** Whether offsets up to `last` and `count` elements need 64 bits. */
export const isLarge = (last: number, count: number): boolean => last > most32 || count > most32

/** Loops over an iteration space, with a stride of each operand for each. */
export interface Nest {
  readonly extents: readonly number[]
  /** `strides[operand][loop]`, in elements. */
  readonly strides: readonly (readonly number[])[]
}

/** The fewest loops over operands with these strides; one at least. */
export function nestOf(shape: readonly number[], strides: readonly (readonly number[])[]): Nest {
  const merged = collapse(shape, strides)
  if (merged.shape.length > 0) return { extents: merged.shape, strides: merged.strides }
  return { extents: [1], strides: strides.map(() => [0]) }
}

/** The loops over kept and over reduced axes; one at least of each. */
export function splitNest(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  reduced: readonly boolean[],
): { readonly kept: Nest; readonly reduced: Nest } {
  const merged = collapse(shape, strides, reduced)
  const part = (kind: boolean): Nest => {
    const loops = merged.split.flatMap((own, loop) => (own === kind ? [loop] : []))
    if (loops.length === 0) return { extents: [1], strides: strides.map(() => [0]) }
    return {
      extents: loops.map((loop) => merged.shape[loop]!),
      strides: merged.strides.map((own) => loops.map((loop) => own[loop]!)),
    }
  }
  return { kept: part(false), reduced: part(true) }
}

/** The parameters of a kernel for the extents of all but the first of some loops. */
export function extentParameters(name: string, loops: number, large: boolean): string[] {
  return Array.from({ length: loops - 1 }, (_, i) =>
    large ? [`unsigned long long ${name}${i + 1}`] : divisorParameters(`${name}${i + 1}`),
  ).flat()
}

/** Adds the parameters of {@link extentParameters} to the launch being prepared. */
export function putExtents(context: Context, extents: readonly number[], large: boolean): void {
  for (let loop = 1; loop < extents.length; loop++)
    if (large) context.long(extents[loop]!)
    else putDivisor(context, extents[loop]!)
}

/**
 * C that takes a number of an iteration space apart: `name0 .. nameN` are the loops' indices, their
 * extents the parameters called `extent1 .. extentN`.
 */
export function decompose(
  number: string,
  name: string,
  extent: string,
  loops: number,
  large: boolean,
): string[] {
  const type = large ? 'unsigned long long' : 'unsigned int'
  if (loops === 1) return [`const ${type} ${name}0 = ${number};`]
  const lines = [`${type} ${name}_rest = ${number};`]
  for (let loop = loops - 1; loop > 0; loop--) {
    const by = `${extent}${loop}`
    const quotient = `${name}_quotient${loop}`
    lines.push(
      `const ${type} ${quotient} = ${large ? `${name}_rest / ${by}` : `quotient(${name}_rest, ${by}_mul, ${by}_shift)`};`,
      `const ${type} ${name}${loop} = ${name}_rest - ${quotient} * ${by};`,
      `${name}_rest = ${quotient};`,
    )
  }
  lines.push(`const ${type} ${name}0 = ${name}_rest;`)
  return lines
}
