/** Initial values with a structure. Each writes into a tensor and returns it. */
import {
  ArgumentError,
  assign,
  defaultGenerator,
  normal,
  rand,
  reference,
  ShapeError,
  scope,
  showShape,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { index, program, type Scalar, updateInPlace } from '@nablajs/tensor/program'
import type { LayoutOptions } from './fan.ts'
import type { InitOptions } from './random.ts'

/** Every element `value`. */
export function constant(t: Tensor, value: number): Tensor {
  const fill = program({ name: 'constant', inputs: [], scalars: [t.dtype] }, (v) => v!)
  updateInPlace(fill, [], [t], [value])
  return t
}

/** Every element 0. */
export function zeros(t: Tensor): Tensor {
  return constant(t, 0)
}

/** Every element 1. */
export function ones(t: Tensor): Tensor {
  return constant(t, 1)
}

/** Ones where a condition on the indices holds, zeros elsewhere. */
function mark(name: string, t: Tensor, condition: () => Scalar): Tensor {
  updateInPlace(
    program({ name, inputs: [] }, () => condition().cast(t.dtype)),
    [],
    [t],
  )
  return t
}

/**
 * The identity matrix: ones where row and column are equal, zeros elsewhere.
 *
 * @throws ShapeError when the tensor is no matrix.
 */
export function eye(t: Tensor): Tensor {
  if (t.rank !== 2) throw new ShapeError(`eye: ${showShape(t.shape)} is no matrix`)
  return mark('eye', t, () => index(0).eq(index(1)))
}

/**
 * The identity as a convolution: each output channel copies the input channel of its number, through
 * the middle tap. With groups, within each group. Zagoruyko & Komodakis: "DiracNets", arXiv
 * 1706.00388.
 *
 * @param t A weight `[..., in / groups, out]` with one to three spatial axes.
 * @throws ShapeError for other shapes; ArgumentError when `groups` does not divide the outputs.
 */
export function dirac(t: Tensor, groups = 1): Tensor {
  const { shape, rank } = t
  if (rank < 3 || rank > 5)
    throw new ShapeError(`dirac: ${showShape(shape)} must be a convolution weight of 3 to 5 axes`)
  const out = shape[rank - 1]!
  if (!Number.isInteger(groups) || groups < 1 || out % groups !== 0)
    throw new ArgumentError(`dirac: groups is ${groups}; it must divide the ${out} outputs`)
  return mark('dirac', t, () => {
    let hit = index(rank - 2).eq(index(rank - 1).rem(out / groups))
    for (let axis = 0; axis < rank - 2; axis++)
      hit = hit.and(index(axis).eq(Math.floor(shape[axis]! / 2)))
    return hit
  })
}

export interface OrthogonalOptions extends InitOptions, LayoutOptions {
  /** Default 1. */
  gain?: number
}

/** Makes vectors orthonormal one by one, each against those before, twice against rounding errors. */
function orthonormalize(vectors: readonly Float64Array[]): void {
  const product = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  vectors.forEach((own, n) => {
    for (let round = 0; round < 2; round++)
      for (const other of vectors.slice(0, n)) {
        const share = product(own, other)
        for (let i = 0; i < own.length; i++) own[i]! -= share * other[i]!
      }
    const length = Math.sqrt(product(own, own))
    for (let i = 0; i < own.length; i++) own[i]! /= length
  })
}

/**
 * A random orthogonal matrix times `gain`: its rows, or its columns where those are fewer, are
 * orthonormal. Weights with more axes are taken as a matrix with a row for each output. Saxe,
 * McClelland, Ganguli: "Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural
 * Networks", arXiv 1312.6120.
 *
 * Computed on the host in time `rows · columns · min(rows, columns)`.
 *
 * @throws ShapeError for fewer than two axes.
 */
export function orthogonal(t: Tensor, options: OrthogonalOptions = {}): Tensor {
  const { shape, rank } = t
  if (rank < 2) throw new ShapeError(`orthogonal: ${showShape(shape)} must have two axes or more`)
  const outputsFirst = rank === 2 || options.layout === 'torch'
  const rows = shape[outputsFirst ? 0 : rank - 1]!
  const columns = t.size / (rows || 1)
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)]
  const values = hostNumbers('normal', [count, length], options)
  const vectors = Array.from({ length: count }, (_, i) =>
    values.slice(i * length, (i + 1) * length),
  )
  orthonormalize(vectors)
  const { gain = 1 } = options
  const matrix = Float64Array.from({ length: t.size }, (_, i) => {
    const [row, column] = outputsFirst
      ? [Math.floor(i / columns), i % columns]
      : [i % rows, Math.floor(i / rows)]
    return gain * (rows <= columns ? vectors[row]![column]! : vectors[column]![row]!)
  })
  return fromHost(t, matrix)
}

export interface SparseOptions extends InitOptions {
  /** The share of each column that is 0, rounded up to whole rows. */
  sparsity: number
  /** The standard deviation of the others. Default 0.01. */
  std?: number
}

/**
 * Normal numbers with a share of zeros in each column, at random rows. Martens: "Deep Learning via
 * Hessian-Free Optimization", ICML 2010.
 *
 * @throws ShapeError when the tensor is no matrix; ArgumentError for a share outside 0 .. 1.
 */
export function sparse(t: Tensor, options: SparseOptions): Tensor {
  const { sparsity, std = 0.01 } = options
  if (t.rank !== 2) throw new ShapeError(`sparse: ${showShape(t.shape)} is no matrix`)
  if (!(sparsity >= 0 && sparsity <= 1))
    throw new ArgumentError(`sparse: sparsity is ${sparsity}; it must be in 0 .. 1`)
  const [rows, columns] = t.shape as [number, number]
  const values = hostNumbers('normal', [rows, columns], options)
  const keys = hostNumbers('uniform', [rows, columns], options)
  const zerosPerColumn = Math.ceil(sparsity * rows)
  for (let column = 0; column < columns; column++) {
    const order = Array.from({ length: rows }, (_, row) => row * columns + column)
    order.sort((a, b) => keys[a]! - keys[b]!)
    order.forEach((at, rank) => {
      values[at] = rank < zerosPerColumn ? 0 : values[at]! * std
    })
  }
  return fromHost(t, values)
}

/** Random numbers on the host: the same as on every device, and readable at once. */
function hostNumbers(
  kind: 'normal' | 'uniform',
  shape: readonly number[],
  { generator = defaultGenerator() }: InitOptions,
): Float64Array {
  const device = reference()
  const options = { dtype: 'f64', device, generator } as const
  const drawn = kind === 'normal' ? normal(shape, 0, 1, options) : rand(shape, options)
  const values = drawn.dataSync() as Float64Array
  drawn.dispose()
  return values
}

function fromHost(t: Tensor, values: Float64Array): Tensor {
  scope(() => {
    assign(t, tensor(values, { shape: t.shape, dtype: t.dtype, device: t.device }))
  })
  return t
}
