/** Which frequency lies where in a transform. */

import { normalizeAxes } from '../layout.ts'
import { scope } from '../memory.ts'
import { roll } from '../ops/arrange.ts'
import { type TensorOptions, tensor } from '../ops/create.ts'
import { Tensor } from '../tensor.ts'
import { type Complex, onBoth } from './complex.ts'

/**
 * The frequencies of the elements of a transform of length n, in cycles per unit of time, for samples
 * `spacing` apart: `[0, 1, ..., ⌈n/2⌉ - 1, -⌊n/2⌋, ..., -1] / (n spacing)`.
 */
export function fftfreq(n: number, spacing = 1, options: TensorOptions = {}): Tensor {
  const positive = Math.ceil(n / 2)
  return tensor(
    Array.from({ length: n }, (_, i) => (i < positive ? i : i - n) / (n * spacing)),
    options,
  )
}

/** The frequencies of half a transform, `[0, 1, ..., ⌊n/2⌋] / (n spacing)`; n is the length of the signal. */
export function rfftfreq(n: number, spacing = 1, options: TensorOptions = {}): Tensor {
  return tensor(
    Array.from({ length: Math.floor(n / 2) + 1 }, (_, i) => i / (n * spacing)),
    options,
  )
}

function shifted<X extends Tensor | Complex>(
  op: string,
  x: X,
  axes: number | readonly number[] | undefined,
  by: (extent: number) => number,
): Tensor | Complex {
  const move = (t: Tensor): Tensor => {
    const list = normalizeAxes(op, axes, t.rank)
    return roll(
      t,
      list.map((axis) => by(t.shape[axis]!)),
      list,
    )
  }
  return scope(() => (x instanceof Tensor ? move(x) : onBoth(x, move)))
}

/** Moves frequency 0 from the beginning of the axes (default: all) to the middle. */
export function fftshift<X extends Tensor | Complex>(x: X, axes?: number | readonly number[]): X {
  return shifted('fftshift', x, axes, (extent) => Math.floor(extent / 2)) as X
}

/** The inverse of {@link fftshift}. */
export function ifftshift<X extends Tensor | Complex>(x: X, axes?: number | readonly number[]): X {
  return shifted('ifftshift', x, axes, (extent) => Math.ceil(extent / 2)) as X
}
