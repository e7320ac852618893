/**
 * Reading images at places between pixels: spatial transformers (Jaderberg et al., 2015). Places are
 * in -1 .. 1 on every axis; the last component of a grid counts x, y (and z), as PyTorch.
 */
import { computeType } from '../dtype.ts'
import { DTypeError, ShapeError, showShape } from '../errors.ts'
import { gather } from '../kernels/gather.ts'
import { sizeOf } from '../layout.ts'
import { program } from '../program/program.ts'
import { constant, type Scalar, select } from '../program/scalar.ts'
import type { Tensor } from '../tensor.ts'
import { cast } from './cast.ts'
import { linspace } from './create.ts'
import { mapProgram } from './map.ts'
import { expand, reshape, slice, unsqueeze } from './movement.ts'
import { weightedSum } from './taps.ts'

export interface GridSampleOptions {
  /** How a value between pixels is found. Default `'bilinear'` (of volumes: trilinear). */
  mode?: 'bilinear' | 'nearest' | 'bicubic'
  /** What lies outside: zeros (default), the nearest pixel of the border, or the mirrored image. */
  paddingMode?: 'zeros' | 'border' | 'reflection'
  /** Whether -1 and 1 are the centers of the corner pixels, instead of their outer edges. Default false. */
  alignCorners?: boolean
}

/** x held in 0 .. n - 1; flat on the bounds. */
const clip = (x: Scalar, n: number): Scalar => select(x.le(0), 0, select(x.ge(n - 1), n - 1, x))

/** x mirrored at the edges of 0 .. n - 1, or half a pixel further out. */
function mirror(x: Scalar, n: number, align: boolean): Scalar {
  const [low, span] = align ? [0, n - 1] : [-0.5, n]
  if (span === 0) return x.mul(0)
  const distance = x.sub(low).abs()
  const rest = distance.rem(span)
  const even = distance.div(span).floor().rem(2).eq(0)
  return clip(select(even, rest, rest.neg().add(span)).add(low), n)
}

/** The weights of four neighbors by Keys' kernel with slope -0.75, `t` behind the second. */
function cubicWeight(t: Scalar, k: number): Scalar {
  const a = -0.75
  const x = k <= 0 ? t.sub(k) : t.neg().add(k)
  return k === 0 || k === 1
    ? x
        .mul(a + 2)
        .sub(a + 3)
        .mul(x)
        .mul(x)
        .add(1)
    : x.sub(5).mul(x).add(8).mul(x).sub(4).mul(a)
}

/**
 * Values of images at the places of a grid, differentiable in both.
 *
 * @param x Images `[N, H, W, C]`, or volumes `[N, D, H, W, C]`.
 * @param grid `[N, OH, OW, 2]` with x (along W) first, or `[N, OD, OH, OW, 3]`.
 * @returns `[N, OH, OW, C]`, or `[N, OD, OH, OW, C]`, in the dtype of the images.
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  const axes = x.rank - 2
  const fits =
    (axes === 2 || (axes === 3 && mode !== 'bicubic')) &&
    grid.rank === x.rank &&
    grid.shape[0] === x.shape[0] &&
    grid.shape.at(-1) === axes
  if (!fits)
    throw new ShapeError(
      `gridSample: ${showShape(x.shape)} at ${showShape(grid.shape)}: images are [N, H, W, C] with grids ` +
        '[N, OH, OW, 2], volumes [N, D, H, W, C] with grids [N, OD, OH, OW, 3] (not bicubic)',
    )
  const dtype = computeType(x.dtype)
  if (computeType(grid.dtype) !== dtype)
    throw new DTypeError(`gridSample: images of ${x.dtype} and a grid of ${grid.dtype}; cast one`)
  const sizes = x.shape.slice(1, -1)
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!]
  const points = sizeOf(grid.shape.slice(1, -1))
  const outside = (at: Scalar, size: number): Scalar =>
    paddingMode === 'zeros'
      ? at
      : paddingMode === 'border'
        ? clip(at, size)
        : mirror(at, size, alignCorners)

  // In pixels, one tensor [N, points] for each axis of the image.
  const places = sizes.map((size, axis) => {
    const toPixels = program({ name: 'gridSample', inputs: [dtype] }, (g) => {
      const from = g!.add(1)
      const at = alignCorners ? from.mul((size - 1) / 2) : from.mul(size).sub(1).mul(0.5)
      return mode === 'bicubic' ? at : outside(at, size)
    })
    const all = reshape(cast(grid, dtype), [n, points, axes])
    return mapProgram(toPixels, [slice(all, null, null, axes - 1 - axis)])
  })
  const taps = { nearest: [0], bilinear: [0, 1], bicubic: [-1, 0, 1, 2] }[mode]
  const pixels = reshape(x, [n, sizeOf(sizes), c])
  const signature = { name: 'gridSample', inputs: sizes.map(() => dtype) }
  const first = (at: Scalar): Scalar => (mode === 'nearest' ? at.round() : at.floor())
  const neighbor = (at: Scalar, k: number, size: number): Scalar => {
    const tap = first(at).add(k)
    return mode === 'bicubic' ? outside(tap, size) : tap
  }

  /** The values of one combination of neighbors at all points, and their weights. */
  const share = (choice: readonly number[]): [values: Tensor, weights: Tensor] => {
    const position = program(signature, (...at) =>
      sizes.reduce(
        (sum, size, i) =>
          sum.mul(size).add(
            neighbor(at[i]!, choice[i]!, size)
              .cast('i32')
              .max(0)
              .min(size - 1),
          ),
        constant(0, 'i32'),
      ),
    )
    const weight = program(signature, (...at) =>
      sizes
        .map((size, i) => {
          const [k, t] = [choice[i]!, at[i]!.sub(first(at[i]!))]
          const own =
            mode === 'nearest'
              ? constant(1, dtype)
              : mode === 'bicubic'
                ? cubicWeight(t, k)
                : k === 0
                  ? t.neg().add(1)
                  : t
          const tap = neighbor(at[i]!, k, size)
          return select(tap.ge(0).and(tap.le(size - 1)), own, 0)
        })
        .reduce((product, own) => product.mul(own)),
    )
    const index = mapProgram(
      position,
      places.map((place) => place.detach()),
    )
    const values = gather(pixels, 1, expand(unsqueeze(index, -1), [n, points, c]))
    return [values, unsqueeze(mapProgram(weight, places), -1)]
  }
  const choices = sizes.reduce<number[][]>(
    (lists) => lists.flatMap((list) => taps.map((k) => [...list, k])),
    [[]],
  )
  const shares = choices.map(share)
  const total = weightedSum(
    shares.map(([values]) => values),
    shares.map(([, weights]) => weights),
  )
  return reshape(total, [...grid.shape.slice(0, -1), c])
}

/**
 * The grid of places that an affine map reads, for {@link gridSample}: `theta (x, y, 1)`.
 *
 * @param theta `[N, 2, 3]`, or `[N, 3, 4]` for volumes.
 * @param size H and W (or D, H and W) of the result.
 * @returns `[N, H, W, 2]`, or `[N, D, H, W, 3]`.
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  options: { alignCorners?: boolean } = {},
): Tensor {
  const axes = size.length
  if (theta.rank !== 3 || theta.shape[1] !== axes || theta.shape[2] !== axes + 1)
    throw new ShapeError(
      `affineGrid: ${showShape(theta.shape)} for ${showShape(size)}: theta is [N, 2, 3] for images, [N, 3, 4] for volumes`,
    )
  const { dtype, device } = theta
  const column = (k: number): Tensor =>
    reshape(slice(theta, null, null, k), [theta.shape[0]!, ...size.map(() => 1), axes])
  return size.reduce((sum, n, axis) => {
    const ends = n === 1 ? 0 : options.alignCorners ? 1 : (n - 1) / n
    const along = linspace(-ends, ends, n, { dtype, device })
    const wide = reshape(along, [n, ...size.slice(axis).fill(1)])
    return sum.add(wide.mul(column(axes - 1 - axis)))
  }, column(axes))
}
