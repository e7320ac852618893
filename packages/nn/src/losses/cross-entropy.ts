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
  DTypeError,
  type FloatDType,
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
  program,
  type Scalar,
  select,
  sumOf,
} from '@nablajs/tensor/program'
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

/** What the losses here share once their arguments are checked. */
interface Task {
  readonly name: string
  /** `[..., C]` */
  readonly input: Tensor
  readonly dtype: FloatDType
  /** `[..., 1]`, or `[..., C]` for probabilities. */
  readonly target: Tensor
  readonly classes: number
  /** The axis of classes. */
  readonly axis: number
  /** `[C]`, of the input's dtype. */
  readonly weight: Tensor | undefined
  readonly smoothing: number
  readonly ignoreIndex: number
}

const integers: readonly string[] = ['i32', 'u32']

function prepare(
  name: string,
  input: Tensor,
  target: Tensor,
  options: CrossEntropyOptions,
  probabilities: boolean,
): Task {
  const { weight, labelSmoothing: smoothing = 0, ignoreIndex = -100 } = options
  const { dtype, shape } = input
  if (dtype !== 'f32' && dtype !== 'f64')
    throw new DTypeError(`${name}: the input is ${dtype}; it must be f32 or f64`)
  const came = `${name}: input ${showShape(shape)}, target ${target.dtype} ${showShape(target.shape)}`
  const classes = shape.at(-1)
  if (!classes) throw new ShapeError(`${came}: the input must be [..., C] with the classes last`)
  const wanted = probabilities ? shape : shape.slice(0, -1)
  if (wanted.join() !== target.shape.join())
    throw new ShapeError(
      probabilities
        ? `${came}: probabilities need the input's shape; class numbers need dtype i32`
        : `${came}: class numbers must be ${showShape(wanted)}, with the classes last in the input`,
    )
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new ArgumentError(`${name}: labelSmoothing is ${smoothing}; it must be in 0 .. 1`)
  if (weight && (weight.rank !== 1 || weight.shape[0] !== classes))
    throw new ShapeError(
      `${name}: weight is ${showShape(weight.shape)}; it must be [${classes}], one for each class`,
    )
  const axis = input.rank - 1
  return {
    name,
    input,
    dtype,
    target: probabilities ? target.cast(dtype) : target.unsqueeze(-1).cast('i32'),
    classes,
    axis,
    weight: weight?.detach().cast(dtype),
    smoothing,
    ignoreIndex,
  }
}

/** A sum over the classes of a program of some tensors; the axis stays, with size 1. */
function overClasses(
  { name, input, axis }: Task,
  tensors: readonly Tensor[],
  body: (...leaves: Scalar[]) => Scalar,
): Tensor {
  const source = program({ name, inputs: tensors.map((t) => t.dtype) }, body)
  return sumOf(source, tensors, input.shape, [axis])
}

/** Whether the class at hand is the target's. */
const isTarget = (task: Task, target: Scalar): Scalar => target.eq(index(task.axis))

/** q: how much the target asks for the class at hand, before its weight. */
function share(task: Task, target: Scalar): Scalar {
  const { dtype, classes, smoothing } = task
  const plain = target.dtype === 'i32' ? isTarget(task, target).cast(dtype) : target
  return smoothing === 0 ? plain : plain.mul(1 - smoothing).add(smoothing / classes)
}

/** `Σ q z` of each row, for z = `value(input, ...)`; a class that is not asked for is not looked at. */
function dot(task: Task, z: readonly Tensor[], value: (...z: Scalar[]) => Scalar): Tensor {
  const { target, weight, smoothing } = task
  const tensors = [...z, target, ...(weight ? [weight] : [])]
  return overClasses(task, tensors, (...leaves) => {
    const own = value(...leaves)
    const asked = leaves[z.length]!
    const weighted = weight ? own.mul(leaves[z.length + 1]!) : own
    if (asked.dtype === 'i32' && smoothing === 0) return select(isTarget(task, asked), weighted, 0)
    return weighted.mul(share(task, asked))
  })
}

/** The loss of each row, of which ignored ones count 0 and classes that do not exist give NaN. */
function guarded(task: Task, target: Scalar, loss: Scalar): Scalar {
  const { dtype, classes, ignoreIndex } = task
  const exists = target.ge(0).and(target.lt(classes))
  return select(target.eq(ignoreIndex), 0, select(exists, loss, constant(Number.NaN, dtype)))
}

/** Sums or averages the rows of a loss for class numbers: `row` is a program of `tensors`. */
function finish(
  task: Task,
  tensors: readonly Tensor[],
  row: (...leaves: Scalar[]) => Scalar,
  options: ReductionOptions,
): Tensor {
  const { name, dtype, target, weight, ignoreIndex, input } = task
  const reduction = checkReduction(name, options.reduction)
  const counted = target.dtype === 'i32'
  const all = counted ? [...tensors, target] : tensors
  const source = program({ name, inputs: all.map((t) => t.dtype) }, (...leaves) => {
    const loss = row(...leaves)
    return counted ? guarded(task, leaves.at(-1)!, loss) : loss
  })
  if (reduction === 'none') return mapProgram(source, all).reshape(input.shape.slice(0, -1))
  const sum = total(source, all)
  if (reduction === 'sum') return sum
  if (!counted) return sum.mul(1 / (input.size / task.classes))
  const counts = (t: Scalar): Scalar => t.ne(ignoreIndex)
  const divisor = weight
    ? sumOf(
        program({ name: 'weights', inputs: ['i32', dtype] }, (t, w) =>
          select(counts(t!).and(isTarget(task, t!)), w!, 0),
        ),
        [target, weight],
        input.shape,
        input.shape.map((_, axis) => axis),
      ).reshape([])
    : total(
        program({ name: 'count', inputs: ['i32'] }, (t) => counts(t!).cast(dtype)),
        [target],
      )
  return sum.div(divisor)
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
  return scope(() => {
    const task = prepare('crossEntropy', input, target, options, !integers.includes(target.dtype))
    const { axis, weight, target: asked } = task
    // The loss is the same whatever m is, so no gradient flows through it.
    const top = max(input.detach(), axis, { keepdim: true })
    const sum = overClasses(task, [input, top], (z, m) => z!.sub(m!).exp())
    const picked = dot(task, [input, top], (z, m) => z!.sub(m!))
    // For a class number without weights Σ q is 1.
    if (asked.dtype === 'i32' && !weight)
      return finish(task, [sum, picked], (s, p) => s!.log().sub(p!), options)
    const mass = overClasses(task, weight ? [asked, weight] : [asked], (t, w) => {
      const q = share(task, t!)
      return w ? q.mul(w) : q
    })
    return finish(task, [sum, picked, mass], (s, p, q) => s!.log().mul(q!).sub(p!), options)
  })
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
  if (!integers.includes(target.dtype))
    throw new DTypeError(`nllLoss: the target is ${target.dtype}; class numbers are i32 or u32`)
  return scope(() => {
    const task = prepare('nllLoss', input, target, options, false)
    const picked = dot(task, [input], (z) => z!)
    return finish(task, [picked], (p) => p!.neg(), options)
  })
}
