/**
 * What optimizers are made of: a {@link Transform} takes the update so far (at first the gradient)
 * to the next one, as a scalar program. Transforms in a row are composed symbolically by
 * {@link chain}, so a chain of any length still runs as one kernel for each parameter.
 */
import type { Shape } from '@nablajs/tensor'
import type { Scalar } from '@nablajs/tensor/program'

/** What a slot starts as: a number everywhere, a copy of the parameter, or a tensor of its own shape. */
export type Initial = number | 'parameter' | { readonly shape: Shape; readonly value: number }

/** What a link may know of the parameter at hand. */
export interface About {
  /** Its name, where names were given; otherwise `parameter 0`, `parameter 1`, ... */
  readonly name: string
  /** Its number over all groups, as in a checkpoint. */
  readonly number: number
  readonly shape: Shape
}

/** The allowed range of an option, for the error message and the check. */
export interface Range<Options> {
  readonly option: keyof Options & string
  readonly says: string
  holds(options: Options): boolean
}

/** What every optimizer tells about its options. */
export interface Declaration<Options> {
  readonly name: string
  readonly defaults: Options
  readonly ranges: readonly Range<Options>[]
  /** What a parameter must be beside a leaf with gradients, if this one is not: `a matrix`. */
  requires?(shape: Shape): string | undefined
  /** Whether it reads numbers back at once; parameters have to be on a device that can do that. */
  readonly reads?: boolean
}

type Numbers<Names> = { readonly [Name in keyof Names]-?: Scalar }

/**
 * A link of a chain, as it is written. Give the members in this order: TypeScript infers the names
 * of slots and numbers from the first ones and checks `update` against them.
 *
 * @typeParam Slots Tensors kept for each parameter, named as in PyTorch's state dict.
 * @typeParam Memory Numbers kept for each parameter, for what cannot be computed from `t`.
 * @typeParam Flags What of the options decides which kernel it is: flags, not magnitudes.
 */
export interface TransformSource<
  Options extends object,
  Flags extends object,
  Slots extends object,
  Scalars extends object,
  Memory extends Record<string, number>,
  Names extends object,
  Sums extends object,
> {
  readonly name: string
  readonly defaults: Options
  readonly ranges?: readonly Range<Options>[]
  /** Whether the link takes part at all. Default: always. */
  active?(options: Options): boolean
  /** Which parts of the computation take place. */
  structure?(options: Options): Flags
  /** The tensors to keep and what they start as ({@link Initial}). */
  slots?(options: Options): Slots
  /** Single numbers to keep on the device for each parameter, and what they start as. */
  scalars?(options: Options): Scalars
  /** Numbers to keep, and what they start as. */
  memory?(options: Options): Memory
  /** The numbers of update `t`, counted from 1 for each parameter; may change `memory`. */
  numbers?(options: Options, t: number, memory: Memory, about: About): Names
  /**
   * Whether sums go over each parameter (default), over all parameters of the optimizer, or over each
   * output of a layer: then not to be kept by `settle`.
   */
  readonly over?: 'parameter' | 'all' | 'output'
  /** Quantities to be summed over all elements, by one reduction each, before the update. */
  sums?(
    u: Scalar,
    x: Readonly<Record<'p' | 'g', Scalar>> & Numbers<Slots> & Numbers<Scalars>,
    n: Numbers<Names>,
    structure: Flags,
  ): Sums
  /** The next values of `scalars`, from the last ones and the sums. */
  settle?(
    x: Numbers<Scalars>,
    n: Numbers<Names> & Numbers<Sums>,
    structure: Flags,
  ): { readonly [Name in keyof Scalars]: Scalar }
  /**
   * From the update so far to the next (`u`), and the new values of the slots. `x` holds parameter,
   * raw gradient, slots and the settled scalars; `n` the numbers and the sums.
   *
   * With `when`, parameter and slots change only where it is true.
   */
  update(
    u: Scalar,
    x: Readonly<Record<'p' | 'g', Scalar>> & Numbers<Slots> & Numbers<Scalars>,
    n: Numbers<Names> & Numbers<Sums>,
    structure: Flags,
  ): { readonly u: Scalar; readonly when?: Scalar } & { readonly [Slot in keyof Slots]?: Scalar }
}

/** A link whose names nobody needs to know any more: what {@link transform} makes. */
export interface Transform<Options extends object> {
  readonly name: string
  readonly defaults: Options
  readonly ranges: readonly Range<Options>[]
  active(options: Options): boolean
  /** Whether the link is for this parameter; see {@link masked}. */
  applies(about: About): boolean
  /** Whether it is not for all parameters. */
  readonly selective: boolean
  structure(options: Options): object
  slots(options: Options): Readonly<Record<string, Initial>>
  scalars(options: Options): Readonly<Record<string, number>>
  memory(options: Options): Record<string, number>
  numbers(
    options: Options,
    t: number,
    memory: Record<string, number>,
    about: About,
  ): Readonly<Record<string, number>>
  readonly over: 'parameter' | 'all' | 'output'
  readonly sums: ((...args: BodyArguments) => Readonly<Record<string, Scalar>>) | undefined
  readonly settle:
    | ((x: Named, n: Named, structure: object) => Readonly<Record<string, Scalar>>)
    | undefined
  update(...args: BodyArguments): Readonly<Record<string, Scalar>>
}

type Named = Readonly<Record<string, Scalar>>
type BodyArguments = [u: Scalar, x: Named, n: Named, structure: object]

/** Any transform, whatever its options. */
export interface Link extends Omit<Transform<never>, 'defaults' | 'ranges'> {
  readonly defaults: object
  readonly ranges: readonly { option: string; says: string; holds(options: never): boolean }[]
}

/**
 * Makes a link for {@link chain}.
 *
 * @example
 * ```ts
 * const signOf: Transform<object> = transform({
 *   name: 'signOf',
 *   defaults: {},
 *   update: (u) => ({ u: u.sign() }),
 * })
 * ```
 */
export function transform<
  Options extends object,
  Flags extends object = object,
  Slots extends object = object,
  Scalars extends object = object,
  Memory extends Record<string, number> = Record<string, number>,
  Names extends object = object,
  Sums extends object = object,
>(
  source: TransformSource<Options, Flags, Slots, Scalars, Memory, Names, Sums>,
): Transform<Options> {
  // The names were checked where the source was written; from here on they are plain strings.
  const erased = source as unknown as Partial<Transform<Options>> &
    Pick<Transform<Options>, 'name' | 'defaults' | 'update'>
  const nothing = (): Record<string, never> => ({})
  return {
    ranges: [],
    active: () => true,
    applies: () => true,
    selective: false,
    structure: nothing,
    slots: nothing,
    scalars: nothing,
    memory: nothing,
    numbers: nothing,
    over: 'parameter',
    sums: undefined,
    settle: undefined,
    ...erased,
  }
}

/** The same link, taking part only under a further condition on the options. */
export function when<Options extends object, More extends object>(
  defaults: More,
  condition: (options: Options & More) => boolean,
  link: Transform<Options>,
): Transform<Options & More> {
  return {
    ...link,
    defaults: { ...link.defaults, ...defaults },
    active: (options) => condition(options) && link.active(options),
  } as Transform<Options & More>
}

/**
 * The same link, taking part only for some parameters; for the others it is as if it were not there.
 *
 * @param mask Which, by name, number and shape. Names come from `model.namedParameters()`.
 * @example
 * ```ts
 * const decayOfMatrices = masked(addDecayedWeights, ({ shape }) => shape.length > 1)
 * const recipe = chain('AdamW', [scaleByAdam, decayOfMatrices, scaleByLearningRate])
 * const optimizer = new Chain(model.namedParameters(), recipe, { weightDecay: 0.05 })
 * ```
 */
export function masked<Options extends object>(
  link: Transform<Options>,
  mask: (about: About) => boolean,
): Transform<Options> {
  return {
    ...link,
    selective: true,
    applies: (about) => mask(about) && link.applies(about),
  }
}
