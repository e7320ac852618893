/** Mixed precision: products and convolutions in 16 bits, what needs more in f32. */
import {
  computeType,
  type DType,
  getDefaultDType,
  type HalfDType,
  isFloat,
  isHalf,
  promote,
} from './dtype.ts'
import { DTypeError } from './errors.ts'

let lower: HalfDType | undefined

/**
 * Runs `body` in mixed precision: matrix products, convolutions and layers made of them compute in
 * `dtype` (their f32 operands are cast, the sums are f32), while exponentials, logarithms, powers,
 * sums, softmax, norms and losses take halves as f32. Everything else works in what it is given.
 * Parameters and their gradients keep their dtype. PyTorch's `autocast`, with its lists of ops; but
 * layers that normalise give halves for halves (they compute in f32), where PyTorch's layer and group
 * norm give f32.
 *
 * `bf16` has the range of f32 and needs no care; `f16` is finer but ends at 65504, and small
 * gradients vanish: scale the loss with `GradScaler` of `@nablajs/optim`. Run only the forward pass
 * inside; the backward pass uses the dtypes that it met. `body` runs at once: what an async function
 * does after its first `await` is no longer inside.
 *
 * @throws DTypeError when `dtype` is not 16 bits wide. That the device lacks it says the first op that needs it.
 * @example
 * ```ts
 * const loss = autocast('bf16', () => model.forward(x).sub(y).square().mean())
 * loss.backward()   // gradients are f32, as the parameters
 * ```
 */
export function autocast<T>(dtype: HalfDType, body: () => T): T {
  if (!isHalf(dtype)) throw new DTypeError(`autocast: "${dtype}" came; it takes f16 and bf16`)
  return within(dtype, body)
}

/** Runs `body` without {@link autocast}, also inside of one: for what must be computed in f32. */
export function noAutocast<T>(body: () => T): T {
  return within(undefined, body)
}

function within<T>(dtype: HalfDType | undefined, body: () => T): T {
  const before = lower
  lower = dtype
  try {
    return body()
  } finally {
    lower = before
  }
}

/** @internal For what runs parts of a forward pass again: runs them as it is now. */
export function bindAutocast(): <T>(body: () => T) => T {
  const now = lower
  return (body) => within(now, body)
}

/** @internal What {@link autocast} lowers to at the moment; undefined outside. */
export function autocastType(): HalfDType | undefined {
  return lower
}

/** The dtype of a product: the common one, or {@link autocast}'s. */
export function productType(...operands: readonly DType[]): DType {
  const common = operands.reduce(promote)
  return lower && isFloat(common) && common !== 'f64' ? lower : common
}

/** What an op computes in that needs precision: inside of {@link autocast} f32 instead of a half. */
export function preciseType(dtype: DType): DType {
  return lower ? computeType(dtype) : dtype
}

/** The same for an op that works on floats only: integers become the default one. */
export function preciseFloat(dtype: DType): DType {
  return isFloat(dtype) ? preciseType(dtype) : getDefaultDType()
}
