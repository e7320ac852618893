/** Optimizers that look at matrices, against transcriptions of their papers on nested arrays. */
import { reference, setDefaultDType, setDevice, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { Adafactor, AdamP, AdamW, Muon } from '../src/index.ts'
import { each, flip, gradientAt, type Matrix, product, start } from './matrices.ts'

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length
const rms = (a: Matrix): number => Math.sqrt(mean(a.flat().map((x) => x * x)))

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

function follow(
  optimizer: { step(closure: () => ReturnType<typeof tensor>): unknown },
  x: ReturnType<typeof tensor>,
  paper: (p: Matrix, g: Matrix, t: number) => Matrix,
  p0: Matrix,
): void {
  let expected = p0
  for (let t = 1; t <= 8; t++) {
    const g = p0.length === 2 ? gradientAt(t) : flip(gradientAt(t))
    optimizer.step(() => x.mul(tensor(g)).sum())
    expected = paper(expected, g, t)
    x.dataSync().forEach((value, i) => {
      expect(value, `step ${t}`).toBeCloseTo(expected.flat()[i]!, 11)
    })
  }
}

describe('Adafactor', () => {
  test.each([0, 0.1])('follows its paper, weight decay %f', (weightDecay) => {
    const x = tensor(start, { requiresGrad: true })
    let r = [0, 0]
    let c = [0, 0, 0]
    follow(
      new Adafactor([x], { lr: 0.05, weightDecay }),
      x,
      (p, g, t) => {
        const keep = 1 - t ** -0.8
        r = r.map((old, i) => keep * old + (1 - keep) * mean(g[i]!.map((y) => y * y)))
        c = c.map((old, j) => keep * old + (1 - keep) * mean(g.map((row) => row[j]! ** 2)))
        const u = g.map((row, i) => row.map((y, j) => y / Math.sqrt((r[i]! * c[j]!) / mean(r))))
        const alpha = Math.max(1e-3, rms(p)) * Math.min(0.05, 1 / Math.sqrt(t))
        const clip = Math.max(1, rms(u))
        return each((q, v) => q * (1 - 0.05 * weightDecay) - (alpha * v) / clip, p, u)
      },
      start,
    )
  })

  test('keeps rows and columns of a matrix, and all of a vector', () => {
    const [matrix, vector] = [
      tensor(start, { requiresGrad: true }),
      tensor([1, 2], { requiresGrad: true }),
    ]
    const optimizer = new Adafactor([matrix, vector])
    optimizer.step(() => matrix.square().sum().add(vector.square().sum()))
    expect(String(optimizer.stateDict().state['0']!['row_var'])).toContain('[2, 1]')
    expect(String(optimizer.stateDict().state['0']!['col_var'])).toContain('[1, 3]')
    expect(String(optimizer.stateDict().state['1']!['variance'])).toContain('[2]')
    // The first step of a vector goes by lr times its size, by the sign of the gradient.
    const size = Math.sqrt(2.5)
    vector.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(i + 1 - 0.01 * size, 12)
    })
  })
})

describe('Muon', () => {
  const iterate = (g: Matrix): Matrix => {
    let x = each((y) => y / Math.sqrt(g.flat().reduce((sum, z) => sum + z * z, 0)), g)
    for (let i = 0; i < 5; i++) {
      const a = product(x, flip(x))
      const b = each((p, q) => -4.775 * p + 2.0315 * q, a, product(a, a))
      x = each((p, q) => 3.4445 * p + q, x, product(b, x))
    }
    return x
  }

  test.each([
    ['a wide matrix', start, 1],
    ['a tall one', flip(start), Math.sqrt(1.5)],
  ])('follows its paper on %s', (_, from, ratio) => {
    const x = tensor(from, { requiresGrad: true })
    let b = each(() => 0, from)
    follow(
      new Muon([x], { lr: 0.1, weightDecay: 0.2 }),
      x,
      (p, g) => {
        b = each((old, y) => 0.95 * old + 0.05 * y, b, g)
        const step = each((y, v) => 0.05 * y + 0.95 * v, g, b)
        const o = from.length === 2 ? iterate(step) : flip(iterate(flip(step)))
        return each((q, v) => (1 - 0.1 * 0.2) * q - 0.1 * ratio * v, p, o)
      },
      from,
    )
  })

  test('fits the rate to that of AdamW', () => {
    const x = tensor(start, { requiresGrad: true })
    const y = tensor(start, { requiresGrad: true })
    new Muon([x], { lr: 0.1, weightDecay: 0 }).step(() => x.square().sum())
    new Muon([y], { lr: 0.1, weightDecay: 0, adjustLrFn: 'match_rms_adamw' }).step(() =>
      y.square().sum(),
    )
    const moved = (t: typeof x): number => t.dataSync()[0]! - 0.5
    expect(moved(y) / moved(x)).toBeCloseTo(0.2 * Math.sqrt(3), 12)
  })

  test('takes matrices only', () => {
    expect(() => new Muon([tensor([1, 2], { requiresGrad: true })])).toThrow(
      'Muon: parameter 0 is Tensor(f64 [2] on reference, requiresGrad); it must be a matrix; give the others to AdamW',
    )
  })
})

describe('AdamP', () => {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0)
  const length = (a: readonly number[]): number => Math.sqrt(dot(a, a))

  /** The gradients of a point are turned so that they are nearly at a right angle to it, or not. */
  const turn = (p: Matrix, g: Matrix, how: 'rows' | 'layer' | 'none'): Matrix => {
    if (how === 'none') return g
    if (how === 'rows')
      return g.map((row, i) => {
        const along = dot(row, p[i]!) / dot(p[i]!, p[i]!)
        return row.map((y, j) => y - along * p[i]![j]!)
      })
    const along = dot(g.flat(), p.flat()) / dot(p.flat(), p.flat())
    return each((y, q) => y - along * q, g, p)
  }

  test.each(['rows', 'layer', 'none'] as const)('follows its paper, right angles: %s', (how) => {
    const x = tensor(start, { requiresGrad: true })
    const optimizer = new AdamP([x], { lr: 0.05, weightDecay: 0.2, nesterov: how === 'layer' })
    let p = start
    let m = each(() => 0, start)
    let v = m
    for (let t = 1; t <= 6; t++) {
      const g = turn(p, gradientAt(t), how)
      optimizer.step(() => x.mul(tensor(g)).sum())
      m = each((old, y) => 0.9 * old + 0.1 * y, m, g)
      v = each((old, y) => 0.999 * old + 0.001 * y * y, v, g)
      const top = how === 'layer' ? each((a, y) => 0.9 * a + 0.1 * y, m, g) : m
      let u = each((a, b) => a / (1 - 0.9 ** t) / (Math.sqrt(b / (1 - 0.999 ** t)) + 1e-8), top, v)
      const cosines = p.map((row, i) => Math.abs(dot(row, g[i]!)) / length(row) / length(g[i]!))
      const whole = Math.abs(dot(p.flat(), g.flat())) / length(p.flat()) / length(g.flat())
      let decay = 0.2
      if (Math.max(...cosines) < 0.1 / Math.sqrt(3)) {
        u = u.map((row, i) => {
          const along = dot(row, p[i]!) / dot(p[i]!, p[i]!)
          return row.map((y, j) => y - along * p[i]![j]!)
        })
        decay *= 0.1
      } else if (whole < 0.1 / Math.sqrt(6)) {
        const along = dot(u.flat(), p.flat()) / dot(p.flat(), p.flat())
        u = each((y, q) => y - along * q, u, p)
        decay *= 0.1
      }
      expect(decay < 0.2).toBe(how !== 'none')
      p = each((q, y) => q * (1 - 0.05 * decay) - 0.05 * y, p, u)
      x.dataSync().forEach((value, i) => {
        expect(value, `step ${t}`).toBeCloseTo(p.flat()[i]!, 7)
      })
    }
  })

  test('steps vectors as AdamW does', () => {
    const [x, y] = [tensor([1, 2], { requiresGrad: true }), tensor([1, 2], { requiresGrad: true })]
    const options = { lr: 0.1, weightDecay: 0.1 }
    const [a, b] = [new AdamP([x], options), new AdamW([y], options)]
    for (let i = 0; i < 4; i++) {
      a.step(() => x.square().sum())
      b.step(() => y.square().sum())
    }
    x.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(y.dataSync()[i]!, 12)
    })
  })
})
