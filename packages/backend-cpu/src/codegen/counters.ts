/**
 * The numbers of elements that a program can ask for. A kernel walks them as operands whose strides
 * are those of the numbering, so that they survive any merging and reordering of axes.
 */
import { contiguousStrides, type Instruction, type Program } from '@nablajs/tensor/backend'

/** `position`, `index 2`: equal keys, the same numbers. */
export function counterKey({ op, value }: Instruction): string {
  return op === 'position' ? op : `${op} ${value}`
}

/** The counters that a program uses. */
export function countersOf({ code }: Program): string[] {
  const used = code.filter(({ op }) => op === 'position' || op === 'index')
  return [...new Set(used.map(counterKey))]
}

/** How a counter changes along each axis of an iteration space. */
export function counterStrides(key: string, shape: readonly number[]): number[] {
  if (key === 'position') return contiguousStrides(shape)
  const axis = Number(key.slice('index '.length))
  return shape.map((_, own) => (own === axis ? 1 : 0))
}
