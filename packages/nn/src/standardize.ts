/**
 * What batch, layer, group, instance and RMS norm have in common: numbers are divided by their
 * deviation over some axes, then scaled and shifted by weights that are repeated over others.
 *
 * Forward reads the input three times (mean, variance, result) and keeps one number for each group.
 * Backward is written by hand: with y' the normalised input and h = g·weight,
 * `dx = (h - mean(h) - y' mean(h y')) / deviation`, which is two sums and one pass over memory,
 * instead of one for each step of the chain rule. For a second derivative the chain rule is used.
 *
 * An input of f16 or bf16 is read and its result written as such; statistics, weights and sums are f32.
 */
import {
  computeType,
  customGrad,
  type FloatDType,
  gradients,
  isGradEnabled,
  mean as meanOf,
  type Tensor,
} from '@nablajs/tensor'
import {
  constant,
  mapProgram,
  type Program,
  program,
  type Scalar,
  sumOf,
} from '@nablajs/tensor/program'
import { memoize } from './memoize.ts'

/** What is known of the groups of an input; reduced axes have size 1. */
export interface Statistics {
  /** Nothing where the input is not centred, as in RMS norm. */
  readonly mean: Tensor | undefined
  /** The mean of the squared distances from the mean, or of the squares. */
  readonly variance: Tensor
}

export interface StandardizeOptions {
  /** The axes over which groups extend. */
  axes: readonly number[]
  /** Whether the mean is taken off. Default true. */
  center?: boolean
  /** Factors; broadcast to the input. */
  weight?: Tensor | undefined
  /** Offsets; broadcast to the input, with the weight's shape. */
  bias?: Tensor | undefined
  eps: number
}

/** What is read, and what it is computed in. */
type Types = {
  readonly name: string
  readonly data: FloatDType
  readonly dtype: FloatDType
}

type Kind = Types & { readonly center: boolean; readonly weighted: boolean }

const typesOf = (name: string, x: Tensor): Types => {
  const data = x.dtype as FloatDType
  return { name, data, dtype: computeType(data) }
}

const squares = memoize(({ name, data, dtype, center }: Types & { center: boolean }) =>
  program({ name, inputs: center ? [data, dtype] : [data] }, (x, mean) => {
    const wide = x!.cast(dtype)
    const distance = mean ? wide.sub(mean) : wide
    return distance.mul(distance)
  }),
)

const widened = memoize(({ name, data, dtype }: Types) =>
  program({ name, inputs: [data] }, (x) => x!.cast(dtype)),
)

const inverse = memoize(({ name, dtype }: { name: string; dtype: FloatDType }) =>
  program({ name, inputs: [dtype], scalars: [dtype] }, (variance, eps) =>
    constant(1, dtype).div(variance!.add(eps!).sqrt()),
  ),
)

/** Programs of x, the inverse deviation, the mean if there is one, the weight, and what more they need. */
const programs = memoize((kind: Kind & { shifted: boolean }) => {
  const { name, data, dtype, center, weighted, shifted } = kind
  const build = (
    more: readonly FloatDType[],
    body: (parts: Parts, ...more: Scalar[]) => Scalar,
  ): Program => {
    const own = 2 + Number(center) + Number(weighted)
    return program(
      { name, inputs: [data, ...Array.from({ length: own - 1 }, () => dtype), ...more] },
      (...given) => {
        const leaves = given.map((leaf) => leaf.cast(dtype))
        const [x, scale, ...optional] = leaves.slice(0, own) as [Scalar, Scalar, ...Scalar[]]
        const distance = center ? x.sub(optional.shift()!) : x
        return body(
          { normal: distance.mul(scale), scale, weight: optional[0] },
          ...leaves.slice(own),
        )
      },
    )
  }
  return {
    forward: build(shifted ? [dtype] : [], ({ normal, weight }, bias) => {
      const y = weight ? normal.mul(weight) : normal
      return (bias ? y.add(bias) : y).cast(data)
    }),
    /** g·y' */
    along: build([data], ({ normal }, g) => g!.mul(normal)),
    /** h */
    scaled: build([data], ({ weight }, g) => (weight ? g!.mul(weight) : g!)),
    /** h·y' */
    scaledAlong: build([data], ({ normal, weight }, g) =>
      (weight ? g!.mul(weight) : g!).mul(normal),
    ),
    /** dx from the means of h and of h·y'. */
    input: build(
      center ? [data, dtype, dtype] : [data, dtype],
      ({ normal, scale, weight }, g, along, flat) => {
        const h = weight ? g!.mul(weight) : g!
        const part = h.sub(normal.mul(along!))
        return (flat ? part.sub(flat) : part).mul(scale).cast(data)
      },
    ),
  }
})

interface Parts {
  /** y' */
  readonly normal: Scalar
  /** 1 / deviation */
  readonly scale: Scalar
  readonly weight: Scalar | undefined
}

function countOver({ shape }: Tensor, axes: readonly number[]): number {
  return axes.reduce((n, axis) => n * shape[axis]!, 1)
}

/** The mean and the (biased) variance of each group. */
export function statisticsOf(
  name: string,
  x: Tensor,
  axes: readonly number[],
  center = true,
): Statistics {
  const types = typesOf(name, x)
  const share = 1 / countOver(x, axes)
  const wide = (): Tensor => sumOf(widened(types), [x], x.shape, axes).mul(share)
  const exact = (): Tensor => meanOf(x, axes, { keepdim: true })
  const mean = center ? (types.data === types.dtype ? exact() : wide()) : undefined
  const total = sumOf(squares({ ...types, center }), mean ? [x, mean] : [x], x.shape, axes)
  return { mean, variance: total.mul(share) }
}

/** The axes on which a weight is repeated to have the shape of x. */
function repeated(x: Tensor, weight: Tensor): number[] {
  const lead = x.rank - weight.rank
  return [...x.shape.keys()].filter((axis) => weight.shape[axis - lead] !== x.shape[axis])
}

/** Normalises x with statistics of its own, which are constants to the caller's tape. */
export function standardize(
  name: string,
  x: Tensor,
  options: StandardizeOptions,
  statistics?: Statistics,
): Tensor {
  const { axes, center = true, eps } = options
  const types = typesOf(name, x)
  const { dtype } = types
  const weight = options.weight?.cast(dtype)
  const bias = options.bias?.cast(dtype)
  const kind = { ...types, center, weighted: weight !== undefined }
  const run = programs({ ...kind, shifted: bias !== undefined })
  const weightAt = weight ? 1 : -1
  const biasAt = bias ? (weight ? 2 : 1) : -1
  const inputs = [x, ...(weight ? [weight] : []), ...(bias ? [bias] : [])]

  const partsOf = (own: Tensor, { mean, variance }: Statistics): Tensor[] => [
    own,
    mapProgram(inverse({ name, dtype }), [variance], [eps]),
    ...(mean ? [mean] : []),
  ]
  const finish = (parts: readonly Tensor[], given: readonly Tensor[]): Tensor =>
    mapProgram(run.forward, [...parts, ...given.slice(1)])

  const forward = (...given: Tensor[]) => {
    const own = given[0]!
    const parts = partsOf(own, statistics ?? statisticsOf(name, own, axes, center))
    return { output: finish(parts, given), saved: [...given, ...parts.slice(1)] }
  }

  const backward = (g: Tensor, saved: readonly Tensor[], needs: readonly boolean[]) => {
    const given = saved.slice(0, inputs.length)
    if (isGradEnabled()) return chainRule(g, given, needs)
    const own = given[0]!
    const parts = [own, ...saved.slice(inputs.length), ...(weight ? [given[1]!] : [])]
    const sumOver = (source: Program, over: readonly number[]): Tensor =>
      sumOf(source, [...parts, g], own.shape, over)
    const weightAxes = weight ? repeated(own, weight) : []
    const result: (Tensor | undefined)[] = inputs.map(() => undefined)
    if (bias && needs[biasAt]) {
      const sum = sumOf(widened(types), [g], own.shape, repeated(own, bias))
      result[biasAt] = sum.reshape(bias.shape)
    }
    // Where groups extend over what shares a weight (batch norm), the sums of the two are the same.
    const shared = weightAxes.join() === axes.join()
    let along: Tensor | undefined
    if (weight && (needs[weightAt] || shared)) {
      along = sumOver(run.along, weightAxes)
      result[weightAt] = along.reshape(weight.shape)
    }
    if (needs[0]) {
      const share = 1 / countOver(own, axes)
      const sums = [
        shared && along ? along.mul(given[1]!) : sumOver(run.scaledAlong, axes),
        ...(center ? [sumOver(run.scaled, axes)] : []),
      ]
      result[0] = mapProgram(run.input, [...parts, g, ...sums.map((sum) => sum.mul(share))])
    }
    return result
  }

  const chainRule = (g: Tensor, given: readonly Tensor[], needs: readonly boolean[]) => {
    const own = given[0]!
    const y = finish(partsOf(own, statisticsOf(name, own, axes, center)), given)
    const wanted = given.filter((_, i) => needs[i])
    const found = gradients(y, wanted, { gradient: g, createGraph: true })
    return given.map((_, i) => (needs[i] ? found.shift() : undefined))
  }

  return customGrad(name, forward, backward)(...inputs)
}
