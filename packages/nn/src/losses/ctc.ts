/**
 * Connectionist temporal classification.
 *
 * The labels of a sequence, with a blank around each, are a chain of 2 L + 1 states. A step in time
 * stays in its state, goes on by one, or skips a blank between two different labels. The forward
 * variable of a state is the log-probability of all ways to it. Each step is one kernel over
 * [N, states], and the gradient walks the same steps backwards.
 */
import {
  ArgumentError,
  concat,
  type Elementwise,
  elementwise,
  full,
  gather,
  isHalf,
  pad,
  ShapeError,
  scope,
  showShape,
  stack,
  type Tensor,
  tensor,
  where,
} from '@nablajs/tensor'
import { type Scalar, select } from '@nablajs/tensor/program'
import { checkLabels, checkNumber, checkShape, floatType } from '../check.ts'
import { checkReduction, type ReductionOptions, reduceLosses } from './reduction.ts'

export interface CtcLossOptions extends ReductionOptions {
  /** The class that stands for no label. Default 0. */
  blank?: number
  /** Whether a target that is too long for its input costs 0 instead of Infinity. Default false. */
  zeroInfinity?: boolean
}

/** Lengths of sequences: numbers, or i32 `[N]`. */
export type Lengths = readonly number[] | Tensor

const NEVER = Number.NEGATIVE_INFINITY

/** `log Σ e^part`, -Infinity where all parts are. */
function logSumExp(parts: readonly Scalar[]): Scalar {
  const top = parts.reduce((a, b) => a.max(b))
  const shift = select(top.eq(NEVER), 0, top)
  const terms = parts.map((part) => part.sub(shift).exp())
  return terms
    .reduce((a, b) => a.add(b))
    .log()
    .add(shift)
}

/** The derivative of {@link logSumExp} for a part; what is impossible gets 0 instead of 0 / 0. */
const shareOf = (part: Scalar, sum: Scalar): Scalar =>
  select(part.eq(NEVER).or(sum.eq(NEVER)), 0, part.sub(sum).exp())

/** A step in time of each state: from itself, from the one before, and with `skip` the one before that. */
const step: Elementwise<
  [stay: Tensor, next: Tensor, far: Tensor, emit: Tensor, skip: Tensor, active: Tensor]
> = elementwise('ctcLoss', {
  conditions: [4, 5],
  forward: (stay, next, far, emit, skip, active) => {
    const sum = logSumExp([stay!, next!, select(skip!, far!, NEVER)])
    return select(active!, sum.add(emit!), stay!)
  },
  gradient: (g, y, [stay, next, far, emit, skip, active]) => {
    const sum = select(y.eq(NEVER), y, y.sub(emit!))
    const share = (part: Scalar): Scalar => select(active!, g.mul(shareOf(part, sum)), 0)
    return [
      select(active!, share(stay!), g),
      share(next!),
      select(skip!, share(far!), 0),
      select(active!, g, 0),
    ]
  },
})

/** Minus the log-probability of the last label or the blank behind it; without labels of the blank. */
const finish: Elementwise<[blank: Tensor, label: Tensor, some: Tensor]> = elementwise('ctcLoss', {
  conditions: [2],
  forward: (blank, label, some) => logSumExp([blank!, select(some!, label!, NEVER)]).neg(),
  gradient: (g, y, [blank, label, some]) => {
    const share = (part: Scalar): Scalar => g.mul(shareOf(part, y.neg())).neg()
    return [share(blank!), select(some!, share(label!), 0)]
  },
})

/** The columns moved to the right, with a value in the free ones. */
function shift(x: Tensor, by: number, value: number): Tensor {
  const columns = x.shape[1]!
  return pad(
    x,
    [
      [0, 0],
      [by, 0],
    ],
    { value },
  ).slice(null, { end: columns })
}

/** Targets that lie one after the other, as `[N, S]`. */
function unpack(targets: Tensor, lengths: Lengths): Tensor {
  if (!Array.isArray(lengths))
    throw new ArgumentError('ctcLoss: targets in one row need targetLengths as numbers')
  const list = lengths as readonly number[]
  const count = list.reduce((sum, length) => sum + length, 0)
  if (count !== targets.shape[0])
    throw new ShapeError(
      `ctcLoss: the targets are ${showShape(targets.shape)}; targetLengths add up to ${count}`,
    )
  const longest = Math.max(0, ...list)
  let start = 0
  const at = list.flatMap((length) => {
    const row = Array.from({ length: longest }, (_, i) => (i < length ? start + i : 0))
    start += length
    return row
  })
  if (at.length === 0) return targets.reshape([list.length, 0])
  const places = tensor(at, { dtype: 'i32', shape: [list.length, longest], device: targets.device })
  return targets.take(places)
}

function lengthsOf(name: string, lengths: Lengths, count: number, like: Tensor): Tensor {
  const own = Array.isArray(lengths)
    ? tensor(lengths as number[], { dtype: 'i32', device: like.device })
    : (lengths as Tensor).cast('i32')
  checkShape('ctcLoss', name, own, [count])
  return own
}

/** The limits of lengths that are known here; those on the device are not waited for. */
function checkLengths(name: string, lengths: Lengths, most: number): void {
  if (!Array.isArray(lengths)) return
  for (const length of lengths as readonly number[])
    checkNumber(
      'ctcLoss',
      `a length in ${name}`,
      length,
      Number.isInteger(length) && length >= 0 && length <= most,
      `a whole number in 0 .. ${most}`,
    )
}

/**
 * The negative log-likelihood of label sequences, of which it is not known when each label occurs:
 * minus the log of the sum over all alignments. An alignment gives a class at each time; equal ones
 * in a row count once, and blanks not at all. The mean divides each loss by the length of its target
 * (at least 1) first, as PyTorch.
 *
 * Graves, Fernández, Gomez, Schmidhuber: "Connectionist Temporal Classification", ICML 2006.
 *
 * @param logProbs Log-probabilities (of `logSoftmax`) `[T, N, C]`, or `[T, C]` for one sequence.
 * @param targets Labels (i32) `[N, S]`, or all of them in one row; `[S]` for one sequence.
 * @param inputLengths How many of the T times each sequence has, `[N]`.
 * @param targetLengths How many labels each has, `[N]`.
 * @throws ShapeError when the shapes do not fit; ArgumentError for lengths out of range.
 * @example
 * ```ts
 * const logProbs = zeros([2, 1, 3]).logSoftmax()                    // T = 2, three classes alike
 * const labels = tensor([[1]], { dtype: 'i32' })
 * ctcLoss(logProbs, labels, [2], [1])                               // log 3: 11, 01 and 10 of 9
 * ```
 */
export function ctcLoss(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths,
  targetLengths: Lengths,
  options: CtcLossOptions = {},
): Tensor {
  if (isHalf(logProbs.dtype))
    return ctcLoss(logProbs.cast('f32'), targets, inputLengths, targetLengths, options)
  const { blank = 0, zeroInfinity = false } = options
  const reduction = checkReduction('ctcLoss', options.reduction)
  const dtype = floatType('ctcLoss', logProbs)
  checkLabels('ctcLoss', targets)
  const single = logProbs.rank === 2
  if (!single && logProbs.rank !== 3)
    throw new ShapeError(
      `ctcLoss: the input is ${showShape(logProbs.shape)}; it must be [T, N, C] or [T, C]`,
    )
  return scope(() => {
    const input = single ? logProbs.unsqueeze(1) : logProbs
    const [times, count, classes] = input.shape as [number, number, number]
    checkNumber('ctcLoss', 'blank', blank, blank >= 0 && blank < classes, `in 0 .. ${classes - 1}`)
    const packed = targets.rank === 1 && !single
    const rows = packed ? unpack(targets, targetLengths) : targets.reshape([count, -1])
    const longest = rows.shape[1]!
    checkLengths('inputLengths', inputLengths, times)
    checkLengths('targetLengths', targetLengths, longest)
    const inputs = lengthsOf('inputLengths', inputLengths, count, input).unsqueeze(1)
    const lengths = lengthsOf('targetLengths', targetLengths, count, input)

    // What lies behind the end of a target may be any number: it reaches no end that is read.
    const own = rows.cast('i32').clamp(0, classes - 1)
    const place = { dtype: 'i32', device: input.device } as const
    const pairs = stack([full(own.shape, blank, place), own], 2).reshape([count, 2 * longest])
    const labels = concat([pairs, full([count, 1], blank, place)], 1)
    const states = labels.shape[1]!
    const skip = labels
      .ne(blank)
      .mul(labels.ne(shift(labels, 2, -1)))
      .cast('bool')
    const emitted = gather(input, 2, labels.expand([times, count, states]))

    // Before the first step all probability is at the first state, from which it may go on at once.
    const start = full([count, states - 1], NEVER, { dtype, device: input.device })
    let alpha = pad(start, [
      [0, 0],
      [1, 0],
    ])
    for (let time = 0; time < times; time++) {
      const active = inputs.gt(time)
      alpha = step(
        alpha,
        shift(alpha, 1, NEVER),
        shift(alpha, 2, NEVER),
        emitted.slice(time),
        skip,
        active,
      )
    }
    const ends = stack([lengths.mul(2), lengths.mul(2).sub(1).maximum(0)], 1)
    const [last, label] = gather(alpha, 1, ends).unbind(1)
    let losses = finish(last!, label!, lengths.gt(0))
    if (zeroInfinity) losses = where(losses.eq(Number.POSITIVE_INFINITY), 0, losses)
    if (reduction === 'mean') losses = losses.div(lengths.maximum(1).cast(dtype))
    return reduceLosses(reduction, single ? losses.reshape([]) : losses)
  })
}
