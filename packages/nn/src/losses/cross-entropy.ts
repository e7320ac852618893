/**
 * Cross-entropy and negative log-likelihood.
 *
 * For logits z, of which m is the largest, and S = Σ exp(z - m), the loss of a row is
 * `Σ q (log S - (z - m))`, where q is what the target asks for: a weight on one class, smoothed, or
 * probabilities. q is a scalar program of the class number, so no one-hot tensor exists: the logits
 * are read three times and only their gradient is written.
 */
import {
  ArgumentError,
  type DType,
  DTypeError,
  type FloatDType,
  isHalf,
  max,
  ShapeError,
  scope,
  showShape,
  type Tensor,
} from '@nablajs/tensor'
import {
  constant,
  index,
  mapProgram,
  type Program,
  program,
  type Scalar,
  select,
  sumOf,
} from '@nablajs/tensor/program'
import { floatType } from '../check.ts'
import { type Kind, memoize } from '../memoize.ts'
import { checkReduction, type ReductionOptions, total } from './reduction.ts'

export interface NLLLossOptions extends ReductionOptions {
  /** A weight for each class, `[C]`. The mean divides by the weights of the targets that came. */
  weight?: Tensor
  /** Rows with this class count for nothing. Default -100. */
  ignoreIndex?: number
}

export interface CrossEntropyOptions extends NLLLossOptions {
  /** The share ε of the target that is spread over all classes: `(1 - ε) t + ε / C`. Default 0. */
  labelSmoothing?: number
}

/** What the programs depend on. */
interface CrossEntropyKind extends Kind {
  readonly name: string
  readonly dtype: FloatDType
  /** Whether targets are class numbers `[..., 1]`; otherwise probabilities `[..., C]`. */
  readonly labels: boolean
  readonly weighted: boolean
  /** Whether the input are logits; otherwise log-probabilities. */
  readonly logits: boolean
  /** The axis of classes. */
  readonly axis: number
  readonly classes: number
  readonly smoothing: number
  readonly ignoreIndex: number
}

const programsFor = memoize((kind: CrossEntropyKind) => {
  const { name, dtype, labels, weighted, logits, axis, classes, smoothing, ignoreIndex } = kind
  const target: DType = labels ? 'i32' : dtype
  const weights: readonly DType[] = weighted ? [dtype] : []
  const build = (inputs: readonly DType[], body: (...leaves: Scalar[]) => Scalar) =>
    program({ name, inputs }, body)

  const isTarget = (t: Scalar): Scalar => t.eq(index(axis))
  const counts = (t: Scalar): Scalar => t.ne(ignoreIndex)

  /** `q value` for the class at hand; q is what the target asks for, times the class's weight. */
  const asked = (value: Scalar, t: Scalar, w?: Scalar): Scalar => {
    const full = w ? value.mul(w) : value
    // A class that is not asked for is not looked at: its logit may be -Infinity.
    if (labels && smoothing === 0) return select(isTarget(t), full, 0)
    const plain = labels ? isTarget(t).cast(dtype) : t
    return full.mul(smoothing === 0 ? plain : plain.mul(1 - smoothing).add(smoothing / classes))
  }

  const lossOfRow = (picked: Scalar, sum?: Scalar, mass?: Scalar): Scalar => {
    if (!sum) return picked.neg()
    return (mass ? sum.log().mul(mass) : sum.log()).sub(picked)
  }

  /** Ignored rows count 0; a class that does not exist gives NaN. */
  const guarded = (loss: Scalar, t: Scalar): Scalar => {
    const exists = t.ge(0).and(t.lt(classes))
    const checked = select(exists, loss, constant(Number.NaN, dtype))
    return select(counts(t), checked, 0)
  }

  const hasMass = logits && (!labels || weighted)
  const parts = logits ? (hasMass ? 3 : 2) : 1
  return {
    /** S, a sum over classes of z and m. */
    exp: build([dtype, dtype], (z, m) => z!.sub(m!).exp()),
    /** `Σ q (z - m)`, or of log-probabilities `Σ q z`, over classes. */
    picked: build([...(logits ? [dtype, dtype] : [dtype]), target, ...weights], (z, ...rest) => {
      const value = logits ? z!.sub(rest.shift()!) : z!
      return asked(value, rest[0]!, rest[1])
    }),
    /** `Σ q` over classes; undefined where it is 1. */
    mass: hasMass
      ? build([target, ...weights], (t, w) => asked(constant(1, dtype), t!, w))
      : undefined,
    /** The loss of a row from `picked`, S and `mass`, as far as there are, and the class number. */
    row: build(
      [...Array.from({ length: parts }, () => dtype), ...(labels ? [target] : [])],
      (...leaves) => {
        const [picked, sum, mass] = leaves.slice(0, parts)
        const loss = lossOfRow(picked!, sum, mass)
        return labels ? guarded(loss, leaves[parts]!) : loss
      },
    ),
    /** What the mean divides by, summed over rows, and with weights over classes. */
    divisor: weighted
      ? build(['i32', dtype], (t, w) => select(counts(t!).and(isTarget(t!)), w!, 0))
      : build(['i32'], (t) => counts(t!).cast(dtype)),
  }
})

const isLabel = (t: Tensor): boolean => t.dtype === 'i32' || t.dtype === 'u32'

/** The common part: `logits` says what the input is. */
function negativeLogLikelihood(
  name: string,
  logits: boolean,
  input: Tensor,
  target: Tensor,
  options: CrossEntropyOptions,
): Tensor {
  if (isHalf(input.dtype))
    return negativeLogLikelihood(name, logits, input.cast('f32'), target, options)
  const { labelSmoothing: smoothing = 0, ignoreIndex = -100 } = options
  const reduction = checkReduction(name, options.reduction)
  const labels = isLabel(target)
  const { dtype, classes } = check(name, input, target, options)
  const { shape, rank } = input
  const axis = rank - 1
  const weighted = options.weight !== undefined
  const programs = programsFor({
    name,
    dtype,
    labels,
    weighted,
    logits,
    axis,
    classes,
    smoothing,
    ignoreIndex,
  })
  return scope(() => {
    const t = labels ? target.unsqueeze(-1).cast('i32') : target.cast(dtype)
    const weight = options.weight ? [options.weight.detach().cast(dtype)] : []
    const overClasses = (source: Program, tensors: readonly Tensor[]): Tensor =>
      sumOf(source, tensors, shape, [axis])
    // The loss is the same whatever m is, so no gradient flows through it.
    const values = logits ? [input, max(input.detach(), axis, { keepdim: true })] : [input]
    const rows = [overClasses(programs.picked, [...values, t, ...weight])]
    if (logits) rows.push(overClasses(programs.exp, values))
    if (programs.mass) rows.push(overClasses(programs.mass, [t, ...weight]))
    if (labels) rows.push(t)

    if (reduction === 'none') return mapProgram(programs.row, rows).reshape(shape.slice(0, -1))
    const sum = total(programs.row, rows)
    if (reduction === 'sum') return sum
    if (!labels) return sum.mul(classes / input.size)
    const all = shape.map((_, i) => i)
    const divisor = weighted
      ? sumOf(programs.divisor, [t, ...weight], shape, all).reshape([])
      : total(programs.divisor, [t])
    return sum.div(divisor)
  })
}

function check(
  name: string,
  input: Tensor,
  target: Tensor,
  { weight, labelSmoothing = 0 }: CrossEntropyOptions,
): { dtype: FloatDType; classes: number } {
  const dtype = floatType(name, input)
  const { shape } = input
  const came = `${name}: input ${showShape(shape)}, target ${target.dtype} ${showShape(target.shape)}`
  const classes = shape.at(-1)
  if (!classes) throw new ShapeError(`${came}: the input must be [..., C] with the classes last`)
  const labels = isLabel(target)
  const wanted = labels ? shape.slice(0, -1) : shape
  if (wanted.join() !== target.shape.join())
    throw new ShapeError(
      labels
        ? `${came}: class numbers must be ${showShape(wanted)}, with the classes last in the input`
        : `${came}: probabilities must be ${showShape(wanted)}; class numbers are i32 or u32`,
    )
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new ArgumentError(`${name}: labelSmoothing is ${labelSmoothing}; it must be in 0 .. 1`)
  if (weight && (weight.rank !== 1 || weight.shape[0] !== classes))
    throw new ShapeError(
      `${name}: weight is ${showShape(weight.shape)}; it must be [${classes}], one for each class`,
    )
  return { dtype, classes }
}

/**
 * The cross-entropy of a softmax with a target: the negative log-likelihood of a categorical
 * distribution, `-Σ q log softmax(input)`, from logits and without overflow.
 *
 * With class numbers y and weights w: `-w[y] log softmax(input)[y]`, and the mean divides by the
 * sum of the `w[y]`, as in PyTorch. With probabilities q the mean divides by the number of rows.
 * Label smoothing mixes q with the uniform distribution (Szegedy et al., arXiv 1512.00567).
 *
 * @param input Logits `[C]`, `[N, C]` or `[..., C]`: the classes come last (in PyTorch they come
 *   second).
 * @param target Class numbers (i32, u32) of shape `[...]`, or probabilities (floats) `[..., C]`. A
 *   class number that does not exist makes the loss NaN.
 * @throws ShapeError when input, target and weight do not fit; ArgumentError for a smoothing outside
 *   0 .. 1.
 * @example
 * ```ts
 * const logits = tensor([[2, 1, 0.1], [0.5, 2.5, -1]])
 * crossEntropy(logits, tensor([0, 1], { dtype: 'i32' }))   // 0.2851041
 * ```
 */
export function crossEntropy(
  input: Tensor,
  target: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  return negativeLogLikelihood('crossEntropy', true, input, target, options)
}

/**
 * The negative log-likelihood of class numbers y under log-probabilities (of `logSoftmax`):
 * `-w[y] input[y]`; the mean divides by the sum of the `w[y]`. `crossEntropy` takes the logits
 * themselves.
 *
 * @param input Log-probabilities `[..., C]`.
 * @param target Class numbers (i32, u32) of shape `[...]`.
 * @throws ShapeError when input, target and weight do not fit; DTypeError when the target is no
 *   integer.
 */
export function nllLoss(input: Tensor, target: Tensor, options: NLLLossOptions = {}): Tensor {
  if (!isLabel(target))
    throw new DTypeError(`nllLoss: the target is ${target.dtype}; class numbers are i32 or u32`)
  return negativeLogLikelihood('nllLoss', false, input, target, options)
}
