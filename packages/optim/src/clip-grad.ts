/** Clipping of gradients, for all parameters together or for each element. */
import {
  ArgumentError,
  computeType,
  keep,
  noGrad,
  scope,
  type Tensor,
  zeros,
} from '@nablajs/tensor'
import { program, sumOf, updateInPlace } from '@nablajs/tensor/program'
import { refuseUnknown } from './known.ts'
import { demandReadable } from './readable.ts'

export interface ClipGradNormOptions {
  /** p of the norm; 2 is Euclid's, Infinity the largest element. Default 2. */
  normType?: number
  /** Throw when the norm is infinite or NaN; this reads it back from the device. Default false. */
  errorIfNonFinite?: boolean
}

const gradientsOf = (parameters: Iterable<Tensor>): Tensor[] =>
  [...parameters].flatMap(({ grad }) => (grad ? [grad] : []))

/** `Σ|g|ᵖ` of one gradient. */
function powers(g: Tensor, p: number): Tensor {
  const { dtype, shape } = g
  const wide = computeType(dtype)
  const source = program({ name: 'gradNorm', inputs: [dtype], scalars: [wide] }, (g, power) => {
    const x = g!.cast(wide)
    return p === 2 ? x.mul(x) : x.abs().pow(power!)
  })
  const axes = shape.map((_, axis) => axis)
  return sumOf(source, [g], shape, axes, [p]).reshape([])
}

/**
 * The norm of all gradients as one vector, as a tensor without axes: nothing is read back. Of gradients
 * of 16 bits it is an f32. One
 * reduction for each parameter.
 *
 * @throws ArgumentError when `normType` is not a number > 0.
 */
export function getTotalNorm(parameters: Iterable<Tensor>, normType = 2): Tensor {
  if (!(normType > 0))
    throw new ArgumentError(`getTotalNorm: normType is ${normType}; it must be > 0`)
  return noGrad(() =>
    scope(() => {
      const gradients = gradientsOf(parameters)
      const [first] = gradients
      if (!first) return zeros([])
      const total = (parts: Tensor[], join: (a: Tensor, b: Tensor) => Tensor): Tensor =>
        parts.reduce((a, b) => join(a, b.cast(a.dtype)))
      if (normType === Number.POSITIVE_INFINITY)
        return total(
          gradients.map((g) => g.abs().max().cast(computeType(g.dtype))),
          (a, b) => a.maximum(b),
        )
      const sum = total(
        gradients.map((g) => powers(g, normType)),
        (a, b) => a.add(b),
      )
      return normType === 2 ? sum.sqrt() : sum.pow(1 / normType)
    }),
  )
}

/**
 * Scales the gradients of all parameters down together, so that their norm is at most `maxNorm`, and
 * returns the norm there was: `g ← g · min(1, maxNorm/(‖g‖ + 1e-6))`.
 *
 * @example
 * ```ts
 * loss.backward()
 * const norm = clipGradNorm(model.parameters(), 1)
 * optimizer.step()
 * ```
 *
 * @throws ArgumentError when `maxNorm` is negative, or for a norm that is not finite if so wished.
 */
export function clipGradNorm(
  parameters: Iterable<Tensor>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor {
  refuseUnknown('clipGradNorm', options, ['normType', 'errorIfNonFinite'])
  const { normType = 2, errorIfNonFinite = false } = options
  if (!(maxNorm >= 0))
    throw new ArgumentError(`clipGradNorm: maxNorm is ${maxNorm}; it must be >= 0`)
  const list = [...parameters]
  if (errorIfNonFinite)
    demandReadable(
      'clipGradNorm',
      list,
      'leave errorIfNonFinite out, or await norm.item() yourself',
    )
  const norm = getTotalNorm(list, normType)
  if (errorIfNonFinite && !Number.isFinite(norm.itemSync()))
    throw new ArgumentError(
      `clipGradNorm: the norm of the gradients is ${norm.itemSync()}; it must be finite`,
    )
  noGrad(() =>
    scope(() => {
      for (const g of gradientsOf(list)) {
        const { dtype } = g
        const wide = computeType(dtype)
        const scaled = program(
          { name: 'clipGradNorm', inputs: [dtype, wide], scalars: [wide] },
          (x, total, most) =>
            x!
              .cast(wide)
              .mul(most!.div(total!.add(1e-6)).min(1))
              .cast(dtype),
        )
        updateInPlace(scaled, [g, norm.cast(wide)], [g], [maxNorm])
      }
    }),
  )
  return norm
}

/**
 * Brings every element of every gradient into [-`clipValue`, `clipValue`].
 *
 * @throws ArgumentError when `clipValue` is negative.
 */
export function clipGradValue(parameters: Iterable<Tensor>, clipValue: number): void {
  if (!(clipValue >= 0))
    throw new ArgumentError(`clipGradValue: clipValue is ${clipValue}; it must be >= 0`)
  noGrad(() => {
    for (const g of gradientsOf(parameters)) {
      const { dtype } = g
      const clipped = program(
        { name: 'clipGradValue', inputs: [dtype], scalars: [dtype] },
        (x, most) => x!.min(most!).max(most!.neg()),
      )
      updateInPlace(clipped, [g], [g], [clipValue])
    }
  })
}

/** Whether no gradient holds an infinity or a NaN; reads one number back from the device. */
export function gradientsAreFinite(parameters: Iterable<Tensor>): boolean {
  const list = [...parameters]
  demandReadable(
    'gradientsAreFinite',
    list,
    'await gradientsAreFiniteAsync, or have a chain with skipNotFinite, which decides on the device',
  )
  const found = zeroIfFinite(list)
  const finite = found.itemSync() === 0
  found.dispose()
  return finite
}

/** As {@link gradientsAreFinite}, on every device. */
export async function gradientsAreFiniteAsync(parameters: Iterable<Tensor>): Promise<boolean> {
  const found = zeroIfFinite([...parameters])
  const finite = (await found.item()) === 0
  found.dispose()
  return finite
}

/** 0, or NaN where a gradient holds an infinity or a NaN. */
function zeroIfFinite(parameters: readonly Tensor[]): Tensor {
  return keep(
    noGrad(() =>
      scope(() => {
        // 0 times an infinity is NaN, and so is the sum then.
        const zeroes = gradientsOf(parameters).map((g) => g.mul(0).sum().cast('f32'))
        return zeroes.length === 0 ? zeros([]) : zeroes.reduce((a, b) => a.add(b))
      }),
    ),
  )
}

/**
 * Stops where a gradient is infinite or NaN, and says whose: while looking for the cause, where
 * {@link gradientsAreFinite} would go on. It reads one number back from the device, and one for each
 * parameter when something is wrong.
 *
 * @throws ArgumentError with the names of the parameters.
 * @example
 * ```ts
 * optimizer.registerStepPreHook(() => assertGradientsAreFinite(model.namedParameters()))
 * ```
 */
export function assertGradientsAreFinite(
  named: Iterable<readonly [name: string, parameter: Tensor]>,
): void {
  const all = [...named]
  if (gradientsAreFinite(all.map(([, parameter]) => parameter))) return
  const bad = all.filter(([, parameter]) => !gradientsAreFinite([parameter]))
  throw new ArgumentError(
    `assertGradientsAreFinite: ${bad.length} of ${all.length} gradients are infinite or NaN, those of ` +
      `${bad.map(([name]) => name).join(', ')}; they must be finite`,
  )
}
