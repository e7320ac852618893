/** Batch regimes and sharpness: each alone, and what Keskar et al. found, on a small problem. */
import {
  Generator,
  randn,
  reference,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { ascentSharpness, type Batch, descend, SGD, topEigenvalue } from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

describe('descend', () => {
  const numbers = [1, 2, 3, 6, 8]
  const run = (batch: Batch, options: object = {}): { sizes: number[]; seen: number[] } => {
    const x = leaf([0])
    const [sizes, seen]: number[][] = [[], []]
    const loss = (chosen: readonly number[]): Tensor => {
      sizes!.push(chosen.length)
      seen!.push(...chosen)
      return x
        .sub(tensor(chosen.map((i) => numbers[i]!)))
        .square()
        .mean()
    }
    descend(new SGD([x], { lr: 0.1 }), loss, { samples: 5, batch, ...options })
    return { sizes: sizes!, seen: seen! }
  }

  test.each([
    ['full', [5]],
    ['stochastic', [1, 1, 1, 1, 1]],
    [2, [2, 2, 1]],
    [5, [5]],
  ] as const)('%s takes each sample once in an epoch', (batch, sizes) => {
    const { sizes: own, seen } = run(batch)
    expect(own).toEqual(sizes)
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4])
  })

  test('keeps the order of full batches, and draws the others from the seed, anew each epoch', () => {
    expect(run('full').seen).toEqual([0, 1, 2, 3, 4])
    expect(run(2, { shuffle: false }).seen).toEqual([0, 1, 2, 3, 4])
    const first = run(1, { epochs: 3, seed: 4 }).seen
    expect(run(1, { epochs: 3, seed: 4 }).seen).toEqual(first)
    expect(run(1, { epochs: 3, seed: 5 }).seen).not.toEqual(first)
    expect(first.slice(0, 5)).not.toEqual(first.slice(5, 10))
  })

  test('gives the mean losses, and ends when it is told', () => {
    const x = leaf([0])
    const loss = (chosen: readonly number[]): Tensor =>
      x.mul(0).add(chosen.reduce((sum, i) => sum + i, 0) / chosen.length)
    const calls: [number, number][] = []
    const losses = descend(new SGD([x]), (chosen) => loss(chosen).sum(), {
      samples: 5,
      batch: 2,
      epochs: 9,
      onEpoch: (epoch, mean) => {
        calls.push([epoch, mean])
        return epoch < 2
      },
    })
    expect(losses).toHaveLength(2)
    for (const value of losses) expect(value).toBeCloseTo(2, 12)
    expect(calls.map(([epoch]) => epoch)).toEqual([1, 2])
  })

  test.each([
    [{ batch: 0 }, 'batch is 0; it must be "full", "stochastic" or a whole number in [1, 5]'],
    [{ batch: 6 }, 'batch is 6; it must be'],
    [{ batch: 'mini' }, 'batch is "mini"; it must be'],
    [{ epochs: 0 }, 'epochs is 0; it must be a whole number > 0'],
    [{ samples: 0 }, 'samples is 0; it must be a whole number > 0'],
  ])('refuses %j', (options, message) => {
    expect(() => run('full', options)).toThrow(`descend: ${message}`)
  })
})

describe('topEigenvalue', () => {
  /** ½xᵀAx over two parameters, with a matrix of known eigenvalues. */
  const quadratic = (values: readonly number[]): { params: Tensor[]; loss: () => Tensor } => {
    // A rotation in three planes, so that no axis is an eigenvector.
    const turn = [
      [2 / 3, -1 / 3, 2 / 3],
      [2 / 3, 2 / 3, -1 / 3],
      [-1 / 3, 2 / 3, 2 / 3],
    ]
    const a = turn.map((row) =>
      turn.map((_, j) => values.reduce((sum, value, k) => sum + row[k]! * value * turn[j]![k]!, 0)),
    )
    const [p, q] = [leaf([0.3, -1]), leaf([2])]
    const loss = (): Tensor => {
      const x = [p.slice({ start: 0, end: 1 }), p.slice({ start: 1, end: 2 }), q]
      return x
        .flatMap((one, i) => x.map((other, j) => one.mul(other).mul(a[i]![j]! / 2)))
        .reduce((sum, term) => sum.add(term))
        .sum()
    }
    return { params: [p, q], loss }
  }

  test.each([
    [[5, 2, 1], 5],
    [[1, 2, -7], -7],
    [[0, 0, 3], 3],
  ])('of eigenvalues %j is %f', (values, expected) => {
    const { params, loss } = quadratic(values)
    const result = topEigenvalue(params, loss, { tolerance: 1e-12, iterations: 500 })
    expect(result.value).toBeCloseTo(expected, 8)
    expect(result.converged).toBe(true)
  })

  test('says when it has not converged, and is 0 for a linear loss', () => {
    const { params, loss } = quadratic([5, 4.9, 1])
    const result = topEigenvalue(params, loss, { tolerance: 1e-12, iterations: 3 })
    expect(result).toMatchObject({ iterations: 3, converged: false })
    expect(topEigenvalue(params, () => params[0]!.sum())).toEqual({
      value: 0,
      iterations: 1,
      converged: true,
    })
  })

  test('leaves parameters, gradients and memory as they are', () => {
    const { params, loss } = quadratic([5, 2, 1])
    params[0]!.grad = tensor([7, 7])
    const buffers = device.memory().buffers
    topEigenvalue(params, loss)
    ascentSharpness(params, loss)
    expect(device.memory().buffers).toBe(buffers)
    expect([...params[0]!.grad.dataSync()]).toEqual([7, 7])
    expect(params.map((p) => [...p.dataSync()])).toEqual([[0.3, -1], [2]])
  })

  test('refuses what it cannot do', () => {
    const x = [leaf([1])]
    const loss = (): Tensor => x[0]!.square().sum()
    expect(() => topEigenvalue([], loss)).toThrow('topEigenvalue: no parameters came')
    expect(() => topEigenvalue(x, loss, { iterations: 0 })).toThrow('iterations is 0')
    expect(() => topEigenvalue(x, loss, { tolerance: -1 })).toThrow('tolerance is -1')
    expect(() => ascentSharpness([], loss)).toThrow('ascentSharpness: no parameters came')
    expect(() => ascentSharpness(x, loss, { rho: -1 })).toThrow('rho is -1; it must be >= 0')
  })
})

test('ascentSharpness is the rise along the gradient', () => {
  const x = leaf([3, 4])
  // From 12.5 at a distance of 5 to that of 5.5; nothing at the bottom.
  expect(ascentSharpness([x], () => x.square().sum().mul(0.5), { rho: 0.5 })).toBeCloseTo(
    (5.5 ** 2 - 5 ** 2) / 2,
    12,
  )
  const zero = leaf([0])
  expect(ascentSharpness([zero], () => zero.square().sum())).toBe(0)
})

/**
 * The minima of (uv - ȳ)² lie on a curve, all equally low; how sharp they are, u² + v², differs. Full
 * batches stop where they meet it. The noise of small batches goes on along the curve, to where it is
 * flat. One run of one sample at a time still fluctuates, so sharpness is averaged over seeds.
 */
test('large batches find sharp minima, and small ones flat minima', () => {
  const samples = 16
  const updates = 960
  const run = (batch: Batch, seed: number): { sharpness: number; loss: number; floor: number } => {
    const generator = new Generator(100 + seed)
    const labels = Array.from(randn([samples], { generator }).dataSync(), (e) => 1 + 0.5 * e)
    const [u, v] = [leaf([2.5]), leaf([0.1])]
    const loss = (chosen: readonly number[]): Tensor =>
      u
        .mul(v)
        .sub(tensor(chosen.map((i) => labels[i]!)))
        .square()
        .mean()
        .mul(0.5)
    const size = batch === 'full' ? samples : batch === 'stochastic' ? 1 : batch
    const epochs = Math.ceil((updates * size) / samples)
    descend(new SGD([u, v], { lr: 0.1 }), loss, { samples, batch, epochs, seed })
    const whole = (): Tensor => loss([...labels.keys()])
    const mean = labels.reduce((a, b) => a + b) / samples
    return {
      sharpness: topEigenvalue([u, v], whole).value,
      loss: whole().itemSync(),
      floor: labels.reduce((sum, y) => sum + (y - mean) ** 2, 0) / samples / 2,
    }
  }
  const over = (batch: Batch): { sharpness: number; excess: number } => {
    const runs = [0, 1, 2, 3].map((seed) => run(batch, seed))
    const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b) / x.length
    return {
      sharpness: mean(runs.map(({ sharpness }) => sharpness)),
      excess: mean(runs.map(({ loss, floor }) => loss - floor)),
    }
  }
  const [full, mini, stochastic] = [over('full'), over(4), over('stochastic')]
  // All are at the bottom; the noise of the labels alone makes about 0.1.
  for (const { excess } of [full, mini, stochastic]) expect(excess).toBeLessThan(0.01)
  expect(full.sharpness).toBeGreaterThan(mini.sharpness + 0.3)
  expect(mini.sharpness).toBeGreaterThan(stochastic.sharpness + 1)
})
