/** Nelder-Mead and CMA-ES against transcriptions of their sources on plain arrays. */
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
import { CMAES, NelderMead } from '../src/index.ts'

interface Stepping {
  step(closure: () => Tensor): Tensor
}

type Vector = number[]

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const f = (x: Vector): number =>
  x.slice(1).reduce((sum, b, i) => sum + (1 - x[i]!) ** 2 + 100 * (b - x[i]! ** 2) ** 2, 0)

/** Rosenbrock's valley over two parameters of different shapes. */
const make = (x: Vector): Tensor[] => [
  tensor([x[0]!], { requiresGrad: true }),
  tensor(x.slice(1), { shape: [x.length - 1, 1], requiresGrad: true }),
]
const values = (params: readonly Tensor[]): Vector => params.flatMap((p) => [...p.dataSync()])
const lossOf = (params: readonly Tensor[]): Tensor => tensor(f(values(params)))
const run = (optimizer: Stepping, params: readonly Tensor[], steps: number): number => {
  let last = Number.NaN
  for (let i = 0; i < steps; i++) {
    const loss = optimizer.step(() => lossOf(params))
    last = loss.itemSync()
    loss.dispose()
  }
  return last
}

const close = (actual: Vector, expected: Vector, digits: number): void => {
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits)
  })
}

describe('NelderMead', () => {
  /** Lagarias et al. (1998), section 2, on [x, f] pairs. */
  function* paper(x0: Vector, adaptive: boolean): globalThis.Generator<Vector> {
    const n = x0.length
    const [alpha, beta] = [1, adaptive ? 1 + 2 / n : 2]
    const gamma = adaptive ? 0.75 - 1 / (2 * n) : 0.5
    const delta = adaptive ? 1 - 1 / n : 0.5
    let simplex = [
      x0,
      ...x0.map((_, i) => x0.map((v, k) => (k !== i ? v : v === 0 ? 2.5e-4 : v * 1.05))),
    ]
    for (;;) {
      simplex.sort((a, b) => f(a) - f(b))
      const [first, last, second] = [simplex[0]!, simplex[n]!, simplex[n - 1]!]
      const m = x0.map((_, i) => simplex.slice(0, n).reduce((s, x) => s + x[i]!, 0) / n)
      const mix = (a: Vector, t: number, b: Vector): Vector => a.map((v, i) => v + t * (b[i]! - v))
      const r = mix(m, -alpha, last)
      if (f(r) < f(first)) {
        const e = mix(m, beta, r)
        simplex[n] = f(e) < f(r) ? e : r
      } else if (f(r) < f(second)) simplex[n] = r
      else {
        const outside = f(r) < f(last)
        const c = outside ? mix(m, gamma, r) : mix(m, gamma, last)
        if (outside ? f(c) <= f(r) : f(c) < f(last)) simplex[n] = c
        else simplex = simplex.map((x, i) => (i === 0 ? x : mix(first, delta, x)))
      }
      simplex.sort((a, b) => f(a) - f(b))
      yield simplex[0]!
    }
  }

  test.each([
    [[-1.2, 1], false],
    [[-1.2, 1, 0], false],
    [[-1.2, 1, 0, 0.5], true],
  ] as [Vector, boolean][])('follows its source from %j, adaptive: %s', (start, adaptive) => {
    const x = make(start)
    const optimizer = new NelderMead(x, { adaptive })
    const expected = paper(start, adaptive)
    for (let i = 0; i < 60; i++) {
      const loss = run(optimizer, x, 1)
      const best = expected.next().value
      close(values(x), best, 9)
      expect(loss).toBeCloseTo(f(best), 9)
    }
  })

  test('finds the end of the valley', () => {
    const x = make([-1.2, 1])
    expect(run(new NelderMead(x), x, 120)).toBeLessThan(1e-8)
    const y = make([-1.2, 1, 1, -0.5, 0.3, 1.1, 0.8, 1.2])
    expect(run(new NelderMead(y, { adaptive: true }), y, 2500)).toBeLessThan(1e-6)
  })

  test('takes NaN for the worst', () => {
    const x = tensor([1], { requiresGrad: true })
    const optimizer = new NelderMead([x])
    for (let i = 0; i < 60; i++) optimizer.step(() => x.log().sub(0.1).square().sum())
    expect(x.itemSync()).toBeCloseTo(Math.exp(0.1), 6)
  })
})

describe('CMAES', () => {
  /** A power of a symmetric matrix by its eigenvectors, which are found by rotations. */
  function symmetricPower(a: Vector[], exponent: number): Vector[] {
    const n = a.length
    const s = a.map((row) => [...row])
    const v: Vector[] = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)))
    for (let sweep = 0; sweep < 40; sweep++)
      for (let p = 0; p < n; p++)
        for (let q = p + 1; q < n; q++) {
          const angle = 0.5 * Math.atan2(2 * s[p]![q]!, s[q]![q]! - s[p]![p]!)
          const [c, d] = [Math.cos(angle), Math.sin(angle)]
          for (const m of [s, v])
            for (const row of m) {
              const [x, y] = [row[p]!, row[q]!]
              row[p] = c * x - d * y
              row[q] = d * x + c * y
            }
          const [rowP, rowQ] = [[...s[p]!], [...s[q]!]]
          s[p] = rowP.map((x, k) => c * x - d * rowQ[k]!)
          s[q] = rowP.map((x, k) => d * x + c * rowQ[k]!)
        }
    return a.map((_, i) =>
      a.map((_, j) =>
        a.reduce((sum, _, k) => sum + v[i]![k]! * s[k]![k]! ** exponent * v[j]![k]!, 0),
      ),
    )
  }
  const times = (a: Vector[], x: Vector): Vector =>
    a.map((row) => row.reduce((sum, value, i) => sum + value * x[i]!, 0))

  /** The tutorial's algorithm, figure 6, with weights of the better half alone. */
  function* paper(
    x0: Vector,
    sigma0: number,
    lambda: number,
    seed: number,
  ): globalThis.Generator<Vector> {
    const n = x0.length
    const mu = Math.floor(lambda / 2)
    const raw = Array.from({ length: mu }, (_, i) => Math.log((lambda + 1) / 2) - Math.log(i + 1))
    const w = raw.map((value) => value / raw.reduce((a, b) => a + b))
    const mueff = 1 / w.reduce((sum, value) => sum + value ** 2, 0)
    const cs = (mueff + 2) / (n + mueff + 5)
    const ds = 1 + 2 * Math.max(0, Math.sqrt((mueff - 1) / (n + 1)) - 1) + cs
    const cc = (4 + mueff / n) / (n + 4 + (2 * mueff) / n)
    const c1 = 2 / ((n + 1.3) ** 2 + mueff)
    const cmu = Math.min(1 - c1, (2 * (mueff - 2 + 1 / mueff)) / ((n + 2) ** 2 + mueff))
    const chi = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n ** 2))
    let m = x0
    let sigma = sigma0
    let c: Vector[] = x0.map((_, i) => x0.map((_, j) => (i === j ? 1 : 0)))
    let ps: Vector = x0.map(() => 0)
    let pc: Vector = x0.map(() => 0)
    for (let g = 1; ; g++) {
      // The noise is an input: the library's, of the same seed.
      const generator = new Generator(seed)
      generator.state = { seed, draws: g }
      const z = [...randn([lambda, n], { generator }).dataSync()]
      const root = symmetricPower(c, 0.5)
      const inverse = symmetricPower(c, -0.5)
      const ys = Array.from({ length: lambda }, (_, k) => times(root, z.slice(k * n, (k + 1) * n)))
      const at = (y: Vector): Vector => m.map((v, i) => v + sigma * y[i]!)
      ys.sort((a, b) => f(at(a)) - f(at(b)))
      const mean = m.map((_, i) => w.reduce((sum, value, k) => sum + value * ys[k]![i]!, 0))
      m = at(mean)
      const turned = times(inverse, mean)
      ps = ps.map((v, i) => (1 - cs) * v + Math.sqrt(cs * (2 - cs) * mueff) * turned[i]!)
      const size = Math.hypot(...ps)
      const h = size / Math.sqrt(1 - (1 - cs) ** (2 * g)) / chi < 1.4 + 2 / (n + 1) ? 1 : 0
      pc = pc.map((v, i) => (1 - cc) * v + h * Math.sqrt(cc * (2 - cc) * mueff) * mean[i]!)
      c = c.map((row, i) =>
        row.map(
          (v, j) =>
            (1 - c1 - cmu) * v +
            c1 * (pc[i]! * pc[j]! + (1 - h) * cc * (2 - cc) * v) +
            cmu * w.reduce((sum, value, k) => sum + value * ys[k]![i]! * ys[k]![j]!, 0),
        ),
      )
      sigma *= Math.exp((cs / ds) * (size / chi - 1))
      yield m
    }
  }

  test.each([
    [[-1.2, 1], 0.3, null],
    [[-1.2, 1, 0, 2], 0.5, 9],
    // So small a step-size grows fast, which holds the path of C back (h = 0).
    [[5, 5, -5], 1e-3, null],
  ] as [Vector, number, number | null][])('follows its source from %j', (start, sigma, size) => {
    const x = make(start)
    const optimizer = new CMAES(x, { sigma, populationSize: size, seed: 5 })
    const expected = paper(start, sigma, size ?? 4 + Math.floor(3 * Math.log(start.length)), 5)
    for (let i = 0; i < 25; i++) {
      run(optimizer, x, 1)
      close(values(x), expected.next().value, 8)
    }
  })

  test('finds the end of the valley', () => {
    const x = make([-1.2, 1, 0, 0.5])
    expect(run(new CMAES(x, { seed: 1 }), x, 300)).toBeLessThan(1e-8)
  })

  test('has points in the distribution of its state', () => {
    const x = tensor(new Float64Array(1), { requiresGrad: true })
    const seen: number[] = []
    new CMAES([x], { sigma: 2, populationSize: 4000, seed: 3 }).step(() => {
      seen.push(x.itemSync())
      return x.square().sum()
    })
    const variance = seen.reduce((sum, v) => sum + v * v, 0) / seen.length
    expect(Math.abs(variance / 4 - 1)).toBeLessThan(0.09)
  })
})

describe.each([
  ['NelderMead', (x: Tensor[]) => new NelderMead(x, { adaptive: true })],
  ['CMAES', (x: Tensor[]) => new CMAES(x, { seed: 9 })],
] as [string, (x: Tensor[]) => NelderMead | CMAES][])('%s', (name, create) => {
  test('goes on from a stored state bit for bit, in float32 too', () => {
    for (const dtype of ['f32', 'f64'] as const) {
      setDefaultDType(dtype)
      const whole = make([-1.2, 1, 0])
      run(create(whole), whole, 30)
      const first = make([-1.2, 1, 0])
      const half = create(first)
      run(half, first, 13)
      const second = make(values(first))
      const resumed = create(second)
      resumed.loadStateDict(half.stateDict())
      run(resumed, second, 17)
      expect(values(second)).toEqual(values(whole))
    }
  })

  test('leaves nothing behind', () => {
    const buffers = device.memory().buffers
    const x = make([-1.2, 1])
    const optimizer = create(x)
    run(optimizer, x, 4)
    optimizer.dispose()
    for (const one of x) one.dispose()
    expect(device.memory().buffers).toBe(buffers)
  })

  test('says what it needs', () => {
    expect(() => create(make([1, 2])).step()).toThrow(
      `${name}: step() came without a function; it needs step(() => loss)`,
    )
  })
})
