/** Random initial values, written into a tensor. Each is one kernel; each returns its tensor. */
import {
  ArgumentError,
  computeType,
  DTypeError,
  defaultGenerator,
  type FloatDType,
  type Generator,
  isFloat,
  type Tensor,
} from '@nablajs/tensor'
import {
  constant,
  gaussian,
  type Program,
  program,
  randomWords,
  type Scalar,
  select,
  unit,
  updateInPlace,
} from '@nablajs/tensor/program'
import {
  calculateFanInAndFanOut,
  calculateGain,
  type LayoutOptions,
  type Nonlinearity,
} from './fan.ts'

export interface InitOptions {
  /** What draws the numbers. Default: the shared one (see `manualSeed`). */
  generator?: Generator
}

type Draw = (words: readonly Scalar[], dtype: FloatDType, settings: readonly Scalar[]) => Scalar

/** The programs made so far. */
const programs = new Map<string, Program>()

function draw(
  name: string,
  t: Tensor,
  { generator = defaultGenerator() }: InitOptions,
  settings: readonly number[],
  body: Draw,
): Tensor {
  const { dtype } = t
  if (!isFloat(dtype)) throw new DTypeError(`${name}: the tensor is ${dtype}; draws are floats`)
  let source = programs.get(`${name} ${dtype}`)
  if (!source) {
    source = program(
      { name, inputs: [], scalars: ['u32', 'u32', ...settings.map(() => dtype)] },
      (seed, stream, ...rest) => body(randomWords(seed!, stream!), dtype, rest),
    )
    programs.set(`${name} ${dtype}`, source)
  }
  updateInPlace(source, [], [t], [...generator.next(), ...settings])
  return t
}

/**
 * Uniform numbers in `[low, high)`.
 *
 * @param low Default 0.
 * @param high Default 1.
 */
export function uniform(t: Tensor, low = 0, high = 1, options: InitOptions = {}): Tensor {
  return draw('uniform', t, options, [low, high - low], ([a], dtype, [start, span]) =>
    unit(a!, dtype).mul(span!).add(start!),
  )
}

/**
 * Normal numbers.
 *
 * @param mean Default 0.
 * @param std The standard deviation. Default 1.
 */
export function normal(t: Tensor, mean = 0, std = 1, options: InitOptions = {}): Tensor {
  return draw('normal', t, options, [mean, std], ([a, b], dtype, [center, deviation]) =>
    gaussian(a!, b!, dtype).mul(deviation!).add(center!),
  )
}

export interface TruncNormalOptions extends InitOptions {
  /** The mean before the cut. Default 0. */
  mean?: number
  /** The standard deviation before the cut. Default 1. */
  std?: number
  /** The smallest value, as it is (not in standard deviations). Default -2. */
  low?: number
  /** The largest value. Default 2. */
  high?: number
}

/** The number whose error function is x; to about 1e-7. Giles: "Approximating the erfinv function", 2010. */
function erfinv(x: Scalar): Scalar {
  const horner = (w: Scalar, coefficients: readonly number[]): Scalar => {
    const [first, ...rest] = coefficients
    return rest.reduce<Scalar>((sum, c) => sum.mul(w).add(c), constant(first!, w.dtype))
  }
  // At ±1 the logarithm is infinite; no draw of 24 bits but an end itself comes near the limit.
  const w = x.neg().add(1).mul(x.add(1)).log().neg().min(30)
  const central = horner(
    w.sub(2.5),
    [
      2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
      -0.00417768164, 0.246640727, 1.50140941,
    ],
  )
  const tail = horner(
    w.max(0).sqrt().sub(3),
    [
      -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
      0.00943887047, 1.00167406, 2.83297682,
    ],
  )
  return select(w.lt(5), central, tail).mul(x)
}

/**
 * Normal numbers, drawn only from between `low` and `high`: the inverse of the distribution function
 * of uniform numbers, so no draw is thrown away.
 *
 * @throws ArgumentError when `low` is not below `high`, or `std` not above 0.
 */
export function truncNormal(t: Tensor, options: TruncNormalOptions = {}): Tensor {
  const { mean = 0, std = 1, low = -2, high = 2 } = options
  if (!(low < high && std > 0))
    throw new ArgumentError(
      `truncNormal: low ${low}, high ${high}, std ${std}: low must be below high, and std above 0`,
    )
  return draw('truncNormal', t, options, [mean, std, low, high], ([word], dtype, settings) => {
    // A half has too few random bits for the tails.
    const fine = computeType(dtype)
    const [center, deviation, least, most] = settings.map((setting) => setting.cast(fine)) as [
      Scalar,
      Scalar,
      Scalar,
      Scalar,
    ]
    // erf at a bound is 2 Φ - 1 of it; between the two the draw is uniform.
    const bound = (value: Scalar): Scalar =>
      value.sub(center).div(deviation).mul(Math.SQRT1_2).erf()
    const [from, to] = [bound(least), bound(most)]
    const level = from.add(unit(word!, fine).mul(to.sub(from)))
    return erfinv(level).mul(deviation).mul(Math.SQRT2).add(center).max(least).min(most).cast(dtype)
  })
}

export interface XavierOptions extends InitOptions, LayoutOptions {
  /** See `calculateGain`. Default 1. */
  gain?: number
}

function xavierStd(t: Tensor, options: XavierOptions): number {
  const [fanIn, fanOut] = calculateFanInAndFanOut(t, options)
  return (options.gain ?? 1) * Math.sqrt(2 / (fanIn + fanOut))
}

/**
 * Uniform in ±gain √(6 / (fanIn + fanOut)), which keeps the variance of signals forward and of
 * gradients backward on average. Glorot & Bengio: "Understanding the Difficulty of Training Deep
 * Feedforward Neural Networks", AISTATS 2010.
 *
 * @example
 * ```ts
 * init.xavierUniform(layer.weight, { gain: init.calculateGain('tanh') })
 * ```
 */
export function xavierUniform(t: Tensor, options: XavierOptions = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd(t, options)
  return uniform(t, -bound, bound, options)
}

/** Normal with standard deviation gain √(2 / (fanIn + fanOut)); see {@link xavierUniform}. */
export function xavierNormal(t: Tensor, options: XavierOptions = {}): Tensor {
  return normal(t, 0, xavierStd(t, options), options)
}

export interface KaimingOptions extends InitOptions, LayoutOptions {
  /** The slope below 0 of the leaky ReLU that follows. Default 0. */
  a?: number
  /** What keeps its variance: signals forward (`fanIn`) or gradients backward. Default `'fanIn'`. */
  mode?: 'fanIn' | 'fanOut'
  /** What follows. Default `'leakyRelu'`, which with `a` 0 is `'relu'`. */
  nonlinearity?: Nonlinearity
}

function kaimingStd(t: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options
  const [fanIn, fanOut] = calculateFanInAndFanOut(t, options)
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === 'fanIn' ? fanIn : fanOut)
}

/**
 * Uniform in ±gain √(3 / fan), which keeps the variance through ReLUs. He, Zhang, Ren, Sun: "Delving
 * Deep into Rectifiers", arXiv 1502.01852.
 */
export function kaimingUniform(t: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd(t, options)
  return uniform(t, -bound, bound, options)
}

/**
 * Normal with standard deviation gain / √fan; see {@link kaimingUniform}. torchvision's ResNet and VGG use
 * `{ mode: 'fanOut', nonlinearity: 'relu' }`.
 */
export function kaimingNormal(t: Tensor, options: KaimingOptions = {}): Tensor {
  return normal(t, 0, kaimingStd(t, options), options)
}
