/** Losses with one number for each row of `[N, C]`, or for a single row `[C]`. */
import { ShapeError, showShape, type Tensor } from '@nablajs/tensor'

/** The input as `[N, C]`; a row alone is a batch of one. */
export function asRows(op: string, input: Tensor): { rows: Tensor; single: boolean } {
  if ((input.rank !== 1 && input.rank !== 2) || !input.shape.at(-1))
    throw new ShapeError(
      `${op}: the input is ${showShape(input.shape)}; it must be [N, C] or [C] with the classes last`,
    )
  const single = input.rank === 1
  return { rows: single ? input.unsqueeze(0) : input, single }
}
