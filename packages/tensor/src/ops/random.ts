/**
 * Random tensors, drawn from counter-based streams: see `program/philox.ts`. A generator is a seed
 * and the number of draws so far, so its whole state is two numbers, and the same seed gives the
 * same numbers on every device.
 */
import type { Backend } from '../backend.ts'
import { getDevice } from '../device.ts'
import { computeType, type FloatDType, getDefaultDType, isFloat } from '../dtype.ts'
import { ArgumentError, DTypeError } from '../errors.ts'
import type { Shape } from '../layout.ts'
import { gaussian, randomWords, unit } from '../program/philox.ts'
import { type Program, program } from '../program/program.ts'
import { type Scalar, select } from '../program/scalar.ts'
import { Tensor } from '../tensor.ts'
import { checkShape, type TensorOptions } from './create.ts'
import { mapOp, runMap } from './map.ts'

/** A generator's whole state: plain numbers, for JSON. */
export interface GeneratorState {
  readonly seed: number
  readonly draws: number
}

/** A source of random numbers. */
export class Generator {
  #seed: number
  #draws = 0
  /** How many keys were given. */
  #given = 0
  #onReplay: Backend['onReplay']
  #recorded: number[][] = []

  /** @param seed A whole number in 0 .. 2³² - 1. */
  constructor(seed: number) {
    this.#seed = checkSeed(seed)
  }

  /** What to store to go on from here later. */
  get state(): GeneratorState {
    return { seed: this.#seed, draws: this.#draws }
  }
  set state({ seed, draws }: GeneratorState) {
    this.#seed = checkSeed(seed)
    this.#draws = draws
  }

  /** The key of the next draw: no two draws of a generator share one. */
  next(): [seed: number, stream: number] {
    this.#given++
    return [this.#seed, this.#draws++]
  }

  /**
   * @internal The scalars of a draw. Those of a recorded one begin with another key at each replay, where
   * the draws count; at the end of the recording the generator stands where it stood before.
   */
  scalars({ onReplay }: Backend, parameters: readonly number[]): number[] {
    const given = this.#given
    const scalars = [...this.next(), ...parameters]
    if (!onReplay) return scalars
    if (this.#onReplay !== onReplay) {
      const draws: number[][] = []
      const start = scalars[1]!
      let places: number[] = []
      let count = 0
      this.#onReplay = onReplay
      this.#recorded = draws
      onReplay(
        () => {
          draws.forEach((draw, i) => {
            draw[0] = this.#seed
            draw[1] = this.#draws + places[i]!
          })
          this.#draws += count
        },
        () => {
          this.#onReplay = undefined
          places = draws.map((draw) => draw[1]! - start)
          count = this.#draws - start
          this.#draws = start
          if (this.#given - given > draws.length || Math.min(...places, count) < 0)
            throw new ArgumentError(
              'Generator: the captured step seeds it, or draws initial values; do that before',
            )
        },
      )
    }
    this.#recorded.push(scalars)
    return scalars
  }
}

function checkSeed(seed: number): number {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new ArgumentError(`seed: ${seed} is not a whole number in 0 .. 4294967295`)
  return seed
}

const shared = new Generator(0)

/** Restarts the generator that is used where none is named. */
export function manualSeed(seed: number): Generator {
  shared.state = { seed, draws: 0 }
  return shared
}

/** The generator that is used where none is named; seeded with 0 until {@link manualSeed}. */
export function defaultGenerator(): Generator {
  return shared
}

/** Options of random tensors: dtype and device, and the generator to draw from (default: the shared one). */
export interface RandomOptions extends TensorOptions {
  generator?: Generator
}

type Draw = (dtype: FloatDType, words: readonly Scalar[], parameters: readonly Scalar[]) => Scalar

/** The programs made so far: Philox is long, and layers are many. */
const draws = new Map<string, Program>()

function draw(
  name: string,
  shape: Shape,
  options: RandomOptions,
  parameters: readonly number[],
  body: Draw,
): Tensor {
  const dtype = options.dtype ?? getDefaultDType()
  if (!isFloat(dtype))
    throw new DTypeError(
      `${name}: ${dtype} came; random numbers are floats; use randint for whole ones`,
    )
  const device = options.device ?? getDevice()
  const out = Tensor.make(device, dtype, checkShape(name, shape))
  let source = draws.get(`${name} ${dtype}`)
  if (!source) {
    source = program(
      { name, inputs: [], scalars: ['u32', 'u32', ...parameters.map(() => dtype)] },
      (seed, stream, ...rest) => body(dtype, randomWords(seed!, stream!), rest),
    )
    draws.set(`${name} ${dtype}`, source)
  }
  device.map(source, [], [out], (options.generator ?? shared).scalars(device, parameters))
  if (options.requiresGrad) out.requiresGrad = true
  return out
}

/** Uniform numbers in `[low, high)`, with 24 random bits each. */
export function uniform(
  shape: Shape,
  low: number,
  high: number,
  options: RandomOptions = {},
): Tensor {
  return draw('uniform', shape, options, [low, high - low], (dtype, [a], [start, span]) =>
    unit(a!, dtype).mul(span!).add(start!),
  )
}

/** Uniform numbers in `[0, 1)`. */
export function rand(shape: Shape, options?: RandomOptions): Tensor {
  return uniform(shape, 0, 1, options)
}

/** Normal numbers of the given mean and standard deviation. */
export function normal(
  shape: Shape,
  center: number,
  deviation: number,
  options: RandomOptions = {},
): Tensor {
  return draw('normal', shape, options, [center, deviation], (dtype, [a, b], [mean, std]) =>
    gaussian(a!, b!, dtype).mul(std!).add(mean!),
  )
}

/** Standard normal numbers. */
export function randn(shape: Shape, options?: RandomOptions): Tensor {
  return normal(shape, 0, 1, options)
}

/** True with probability `p`. */
export function bernoulli(
  shape: Shape,
  p: number,
  options: Omit<RandomOptions, 'dtype'> = {},
): Tensor {
  return rand(shape, {
    generator: options.generator ?? shared,
    device: options.device ?? getDevice(),
    dtype: computeType(getDefaultDType()) as FloatDType,
  }).lt(p)
}

/** Whole numbers in `[low, high)`, as i32. */
export function randint(
  shape: Shape,
  low: number,
  high: number,
  options: Omit<RandomOptions, 'dtype'> = {},
): Tensor {
  if (!(Number.isInteger(low) && Number.isInteger(high) && high > low && high - low <= 0xffffffff))
    throw new ArgumentError(`randint: [${low}, ${high}) must be a non-empty range of whole numbers`)
  const device = options.device ?? getDevice()
  const out = Tensor.make(device, 'i32', checkShape('randint', shape))
  const source = program(
    { name: 'randint', inputs: [], scalars: ['u32', 'u32', 'u32', 'i32'] },
    (seed, stream, span, from) =>
      // The upper half of word * span is uniform in 0 .. span - 1 (up to span / 2^32).
      randomWords(seed!, stream!)[0].mulhi(span!).bitcast('i32').add(from!),
  )
  const scalars = (options.generator ?? shared).scalars(device, [high - low, low])
  device.map(source, [], [out], scalars)
  return out
}

const dropouts = new Map<FloatDType, Program>()

/**
 * Zeroes each element with probability `p` and multiplies the others by `1 / (1 - p)`, so that the
 * expectation stays (inverted dropout; Srivastava et al., 2014). The mask is drawn again in the
 * backward pass instead of being stored.
 *
 * @param p The probability to *drop*, in [0, 1].
 */
export function dropout(x: Tensor, p = 0.5, generator: Generator = shared): Tensor {
  if (!(p >= 0 && p <= 1)) throw new ArgumentError(`dropout: p is ${p}; it must be in 0 .. 1`)
  const { dtype } = x
  if (!isFloat(dtype)) throw new DTypeError(`dropout: ${dtype} came; it takes floats`)
  if (p === 0) return x
  let source = dropouts.get(dtype)
  if (!source) {
    source = program(
      { name: 'dropout', inputs: [dtype], scalars: ['u32', 'u32', computeType(dtype), dtype] },
      (v, seed, stream, rate, scale) => {
        const kept = unit(randomWords(seed!, stream!)[0], rate!.dtype as FloatDType).ge(rate!)
        return select(kept, v!.mul(scale!), 0)
      },
    )
    dropouts.set(dtype, source)
  }
  const scalars = generator.scalars(x.device, [p, p === 1 ? 0 : 1 / (1 - p)])
  return runMap(mapOp(source), [x], scalars)
}
