import { beforeEach, describe, expect, it } from 'vitest'
import { gradCheck } from '../gradcheck.ts'
import {
  type Backend,
  eye,
  manualSeed,
  norm,
  randn,
  reference,
  scope,
  setDevice,
  type Tensor,
  tensor,
  tril,
} from '../index.ts'
import {
  cholesky,
  det,
  eigh,
  eigvalsh,
  inv,
  LinAlgError,
  lstsq,
  matrixNorm,
  matrixRank,
  pinv,
  qr,
  slogdet,
  solve,
  svd,
  svdvals,
  triangularSolve,
} from './index.ts'

beforeEach(() => {
  setDevice(reference())
  manualSeed(7)
})

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, { dtype: 'f64' })
const random = (...shape: number[]) => randn(shape, { dtype: 'f64' })
const symmetric = (x: Tensor) => x.add(x.transpose()).mul(0.5)
const definite = (x: Tensor) =>
  x.matmul(x.transpose()).add(eye(x.shape.at(-1)!, x.shape.at(-1)!, { dtype: 'f64' }))

/** The largest difference. */
const far = (a: Tensor, b: Tensor): number => {
  expect(a.shape).toEqual(b.shape)
  const [x, y] = [a.dataSync(), b.dataSync()]
  return Math.max(0, ...Array.from(x, (value, i) => Math.abs(value - y[i]!)))
}
const near = (a: Tensor, b: Tensor, tolerance = 1e-12) => expect(far(a, b)).toBeLessThan(tolerance)
const units = (shape: readonly number[]): Tensor => {
  const n = shape.at(-1)!
  return eye(n, n, { dtype: 'f64' }).expand(shape)
}
const orthonormal = (q: Tensor) => {
  const product = q.transpose().matmul(q)
  near(product, units(product.shape))
}

describe('solve, inv and determinants', () => {
  it('solve a system by hand, whose first pivot is 0', () => {
    const a = f64([
      [0, 2, 1],
      [1, 1, 0],
      [3, 0, 1],
    ])
    near(solve(a, f64([5, 3, 6])), f64([1.4, 1.6, 1.8]), 1e-15)
  })

  it('agree with each other for stacks, and broadcast', () => {
    const a = random(2, 3, 5, 5)
    near(a.matmul(inv(a)), units(a.shape), 1e-11)
    const b = random(3, 5, 2)
    near(a.matmul(solve(a, b)), b.expand([2, 3, 5, 2]), 1e-11)
    const v = random(2, 3, 5)
    near(solve(a, v), inv(a).matmul(v.unsqueeze(-1)).squeeze(-1), 1e-10)
    const { sign, logabsdet } = slogdet(a)
    near(sign.mul(logabsdet.exp()), det(a), 1e-11)
  })

  it('give determinants by hand', () => {
    near(
      det(
        f64([
          [
            [0, 1],
            [1, 0],
          ],
          [
            [1, 2],
            [3, 4],
          ],
          [
            [1, 2],
            [2, 4],
          ],
        ]),
      ),
      f64([-1, -2, 0]),
    )
    expect(det(f64([]).reshape([0, 0])).itemSync()).toBe(1)
    const { sign, logabsdet } = slogdet(
      f64([
        [1, 2],
        [2, 4],
      ]),
    )
    expect([sign.itemSync(), logabsdet.itemSync()]).toEqual([0, -Infinity])
  })

  it('compute in float64 for f32 and integers', () => {
    const hilbert = tensor(
      Array.from({ length: 5 }, (_, i) => Array.from({ length: 5 }, (_, j) => 1 / (i + j + 1))),
    )
    expect(inv(hilbert).dtype).toBe('f32')
    expect(inv(tensor([[2]], { dtype: 'i32' })).toArraySync()).toEqual([[0.5]])
  })

  it('have gradients of first and second order', () => {
    const [a, b] = [random(2, 3, 3), random(3, 2)]
    gradCheck(solve, [a, b], { order: 2 })
    gradCheck(solve, [random(3, 3), random(3)], { order: 2 })
    gradCheck(inv, [a], { order: 2 })
    gradCheck(det, [a], { order: 2 })
    gradCheck((x) => slogdet(x).logabsdet, [a], { order: 2 })
  })

  it('name the matrix that is singular', () => {
    const stack = f64([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 2],
        [2, 4],
      ],
    ])
    expect(() => inv(stack)).toThrow(
      new LinAlgError('inv: matrix [1] of [2, 2, 2] is singular: no pivot in column 1'),
    )
    expect(() => solve(f64([[0]]), f64([1]))).toThrow(
      'solve: the matrix [1, 1] is singular: no pivot in column 0',
    )
    expect(() => inv(f64([[Number.NaN]]))).toThrow('inv: the matrix [1, 1] holds NaN or Infinity')
    const flat = f64([
      [1, 2],
      [2, 4],
    ])
    flat.requiresGrad = true
    expect(() => det(flat).backward()).toThrow('gradient of det: the matrix [2, 2] is singular')
  })

  it('say what does not fit', () => {
    expect(() => inv(random(2, 3))).toThrow('inv: [2, 3]: the matrix must be square')
    expect(() => det(random(3))).toThrow('det: [3] is no matrix; it takes [..., rows, columns]')
    expect(() => solve(random(3, 3), random(2, 1))).toThrow(
      'solve: [3, 3] and [2, 1]: 3 equations, but 2 right-hand sides',
    )
    const device: Backend = reference()
    Object.defineProperty(device, 'readSync', { value: undefined })
    setDevice(device)
    expect(() => inv(tensor([[1]]))).toThrow(
      'inv: the reference device cannot be read at once, and inv is computed on the host; ' +
        'move its input to another device first: await x.to(device)',
    )
  })
})

describe('triangularSolve', () => {
  it('reads one triangle and solves', () => {
    const a = f64([
      [2, 9],
      [1, 4],
    ])
    near(triangularSolve(a, f64([[2], [9]])), f64([[1], [2]]))
    near(triangularSolve(a, f64([[11], [4]]), { upper: true }), f64([[1], [1]]))
    near(triangularSolve(a, f64([[2], [9]]), { unitriangular: true }), f64([[2], [7]]))
    expect(() =>
      triangularSolve(
        f64([
          [1, 0],
          [1, 0],
        ]),
        f64([[1], [1]]),
      ),
    ).toThrow('triangularSolve: the matrix [2, 2] is singular: 0 at [1, 1] of the diagonal')
  })

  it('has gradients of first and second order', () => {
    for (const upper of [false, true])
      for (const unitriangular of [false, true])
        gradCheck(
          (a, b) => triangularSolve(a, b, { upper, unitriangular }),
          [random(3, 3).add(3), random(2, 3, 2)],
          { order: 2 },
        )
  })
})

describe('cholesky', () => {
  it('gives the root by hand, from the lower triangle alone', () => {
    near(
      cholesky(
        f64([
          [4, 99],
          [2, 10],
        ]),
      ),
      f64([
        [2, 0],
        [1, 3],
      ]),
    )
    const a = definite(random(2, 6, 6))
    const l = cholesky(a)
    near(l.matmul(l.transpose()), a)
  })

  it('has gradients of first and second order', () => {
    gradCheck((x) => cholesky(definite(x)), [random(2, 3, 3)], { order: 2 })
  })

  it('names the matrix that is not positive definite', () => {
    expect(() =>
      cholesky(
        f64([
          [1, 2],
          [2, 1],
        ]),
      ),
    ).toThrow(
      'cholesky: the matrix [2, 2] is not positive definite: its leading part of size 2 is not',
    )
  })
})

describe('qr', () => {
  it.each([
    [5, 3],
    [4, 4],
    [3, 5],
    [1, 1],
    [4, 1],
    [1, 4],
  ])('of %i by %i', (m, n) => {
    const a = random(2, m, n)
    const { q, r } = qr(a)
    orthonormal(q)
    near(q.matmul(r), a)
    expect(tril(r, -1).abs().sum().itemSync()).toBe(0)
    gradCheck((x) => Object.values(qr(x)) as Tensor[], [random(m, n)], { order: 2 })
  })

  it('has the signs of LAPACK, and takes dependent columns', () => {
    const { q, r } = qr(
      f64([
        [3, 6],
        [4, 8],
      ]),
    )
    near(
      r,
      f64([
        [-5, -10],
        [0, 0],
      ]),
      1e-14,
    )
    orthonormal(q)
    near(q.slice(null, 0), f64([-0.6, -0.8]))
  })
})

describe('eigh', () => {
  it('gives values and vectors by hand, from the lower triangle alone', () => {
    const { values, vectors } = eigh(
      f64([
        [2, 99],
        [1, 2],
      ]),
    )
    near(values, f64([1, 3]))
    near(
      vectors.abs(),
      f64([
        [Math.SQRT1_2, Math.SQRT1_2],
        [Math.SQRT1_2, Math.SQRT1_2],
      ]),
    )
  })

  it('diagonalizes, also with equal and with zero eigenvalues', () => {
    const low = random(12, 2)
    for (const a of [
      symmetric(random(2, 20, 20)),
      low.matmul(low.transpose()),
      units([4, 4]),
      units([3, 3]).mul(0),
    ]) {
      const { values, vectors } = eigh(a)
      orthonormal(vectors)
      near(vectors.mul(values.unsqueeze(-2)).matmul(vectors.transpose()), a, 1e-12)
      const list = eigvalsh(a).reshape([-1, a.shape.at(-1)!])
      expect(
        list
          .slice(null, { start: 1 })
          .ge(list.slice(null, { end: -1 }))
          .all()
          .itemSync(),
      ).toBe(1)
    }
  })

  it('has gradients of first and second order', () => {
    gradCheck((x) => Object.values(eigh(symmetric(x))) as Tensor[], [random(2, 3, 3)], { order: 2 })
    gradCheck((x) => eigvalsh(symmetric(x)).square(), [random(4, 4)], { order: 2 })
  })

  it('has a gradient of the values, but none of the vectors, where values are equal', () => {
    const a = units([2, 2]).copy()
    a.requiresGrad = true
    const { values, vectors } = eigh(a)
    values.sum().backward()
    near(a.grad!, units([2, 2]))
    vectors
      .mul(
        f64([
          [1, 2],
          [3, 4],
        ]),
      )
      .sum()
      .backward()
    expect(a.grad!.isfinite().all().itemSync()).toBe(0)
  })
})

describe('svd', () => {
  it('gives the values by hand, in descending order', () => {
    near(
      svdvals(
        f64([
          [3, 0],
          [0, -4],
        ]),
      ),
      f64([4, 3]),
    )
    near(
      svdvals(
        f64([
          [3, 0],
          [4, 5],
        ]),
      ),
      f64([Math.sqrt(45), Math.sqrt(5)]),
    )
    near(
      svdvals(
        f64([
          [1e-200, 0],
          [0, 1e-300],
        ]),
      ).mul(1e200),
      f64([1, 1e-100]),
    )
  })

  it.each([
    [7, 4],
    [5, 5],
    [3, 6],
    [1, 4],
  ])('of %i by %i', (m, n) => {
    const low = random(m, 1).matmul(random(1, n))
    for (const a of [random(2, m, n), low, low.mul(0)]) {
      const { u, s, vh } = svd(a)
      orthonormal(u)
      orthonormal(vh.transpose())
      near(u.mul(s.unsqueeze(-2)).matmul(vh), a)
    }
  })

  it('ends soon for larger matrices with mostly zeros for values', () => {
    const a = random(60, 3).matmul(random(3, 40))
    const { u, s, vh } = svd(a)
    orthonormal(u)
    orthonormal(vh.transpose())
    near(u.mul(s.unsqueeze(-2)).matmul(vh), a, 1e-11)
    expect(s.slice({ start: 3 }).max().itemSync()).toBeLessThan(1e-12)
    const { values, vectors } = eigh(a.matmul(a.transpose()))
    orthonormal(vectors)
    near(values.flip(0).slice({ end: 3 }).sqrt(), s.slice({ end: 3 }), 1e-11)
  })

  it('has gradients of first and second order', () => {
    for (const shape of [
      [4, 3],
      [3, 3],
      [2, 4],
    ]) {
      gradCheck((x) => Object.values(svd(x)) as Tensor[], [random(...shape)], { order: 2 })
      gradCheck(svdvals, [random(...shape)], { order: 2 })
    }
  })
})

describe('pinv, lstsq, ranks and norms', () => {
  it('satisfy the four conditions of Penrose for every rank', () => {
    for (const a of [
      random(2, 5, 3),
      random(3, 5),
      random(4, 2).matmul(random(2, 3)),
      random(2, 2).mul(0),
    ]) {
      const p = pinv(a)
      const [ap, pa] = [a.matmul(p), p.matmul(a)]
      near(ap.matmul(a), a, 1e-11)
      near(p.matmul(ap), p, 1e-11)
      near(ap, ap.transpose(), 1e-11)
      near(pa, pa.transpose(), 1e-11)
    }
  })

  it('fit a line', () => {
    const a = f64([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
    ])
    near(lstsq(a, f64([[-1], [0.2], [0.9], [2.1]])), f64([[1], [-0.95]]))
    expect(() => lstsq(a, random(3, 1))).toThrow(
      'lstsq: [4, 2] and [3, 1]: 4 equations, but 3 right-hand sides',
    )
  })

  it('count independent rows', () => {
    expect(matrixRank(random(3, 4, 2).matmul(random(3, 2, 5))).toArraySync()).toEqual([2, 2, 2])
    expect(matrixRank(random(3, 3).cast('f32').mul(0)).itemSync()).toBe(0)
    expect(
      matrixRank(
        f64([
          [1, 0],
          [0, 1e-3],
        ]),
        { rtol: 0.01 },
      ).itemSync(),
    ).toBe(1)
  })

  it('measure matrices', () => {
    const a = f64([
      [1, -2],
      [-3, 4],
    ])
    const of = (order: Parameters<typeof matrixNorm>[1]) => matrixNorm(a, order).itemSync()
    expect([of('fro'), of(1), of(-1), of(Infinity), of(-Infinity)]).toEqual([
      Math.sqrt(30),
      6,
      4,
      7,
      3,
    ])
    expect(of(2) * of(-2)).toBeCloseTo(2, 12)
    expect(of(2) + of(-2)).toBeCloseTo(of('nuc'), 12)
    expect(() => of(3)).toThrow(
      "matrixNorm: the order is 3; it may be 'fro', 'nuc', 1, 2, Infinity",
    )
  })

  it('have gradients of first and second order', () => {
    gradCheck((x) => pinv(x), [random(4, 2)], { order: 2 })
    gradCheck((x) => pinv(x), [random(2, 3)], { order: 2 })
    gradCheck((x, y) => pinv(x.matmul(y)), [random(3, 2), random(2, 3)])
    gradCheck((x, y) => lstsq(x, y), [random(4, 2), random(4, 1)], { order: 2 })
    for (const order of ['fro', 'nuc', 2, 1] as const)
      gradCheck((x) => matrixNorm(x, order), [random(3, 2)], { order: 2 })
  })
})

it('leaves no memory behind, with gradients or without', () => {
  const device = reference()
  setDevice(device)
  scope(() => {
    const x = random(2, 3, 3)
    x.requiresGrad = true
    const a = definite(x)
    const parts = [
      solve(a, a),
      inv(a),
      det(a),
      slogdet(a).logabsdet,
      cholesky(a),
      pinv(a),
      lstsq(a, a),
      matrixNorm(a, 2),
    ]
    const factors = [qr(a), eigh(a), svd(a)].flatMap((all) => Object.values(all) as Tensor[])
    const total = [...parts, ...factors].map((t) => norm(t)).reduce((sum, t) => sum.add(t))
    total.backward(undefined, { createGraph: true })
    norm(x.grad!).backward()
  })
  expect(device.memory().buffers).toBe(0)
})
