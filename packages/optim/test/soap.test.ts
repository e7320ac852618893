/** SOAP against a transcription of its algorithm on nested arrays, with its own eigenvectors and QR. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { AdamW, SOAP, type SOAPOptions } from '../src/index.ts'
import { each, flip, gradientAt, type Matrix, product, start } from './matrices.ts'

const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0))

/** Orthonormal columns, by Gram and Schmidt. */
function orthonormal(a: Matrix): Matrix {
  const columns: number[][] = []
  for (const column of flip(a)) {
    let rest = column
    for (const q of columns) {
      const along = q.reduce((sum, x, i) => sum + x * rest[i]!, 0)
      rest = rest.map((x, i) => x - along * q[i]!)
    }
    const length = Math.hypot(...rest)
    columns.push(rest.map((x) => x / length))
  }
  return flip(columns)
}

/** Eigenvectors of a symmetric matrix, largest eigenvalues first, by very many QR iterations. */
function eigenvectors(a: Matrix): Matrix {
  // The shift keeps the vectors, and those of the eigenvalue 0 from being rounding alone.
  const shifted = a.map((row, i) => row.map((x, j) => (i === j ? x + 0.01 : x)))
  let q: Matrix = a.map((row, i) => row.map((_, j) => (i === j ? 1 : 0)))
  for (let i = 0; i < 5000; i++) q = orthonormal(product(shifted, q))
  return q
}

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

/** L gets full rank only after some gradients; a rank of 2 in R makes its last vector arbitrary. */
function paper(options: { betas: [number, number]; beta: number; f: number }): Matrix[] {
  const { betas, beta, f } = options
  let p = start
  let [m, v] = [zeros(2, 3), zeros(2, 3)]
  let [left, right] = [zeros(2, 2), zeros(3, 3)]
  let [ql, qr]: [Matrix, Matrix] = [[], []]
  const path: Matrix[] = []
  for (let t = 0; t < 9; t++) {
    const g = gradientAt(t + 1)
    const turn = (x: Matrix): Matrix => product(product(flip(ql), x), qr)
    if (t > 0) {
      m = each((a, b) => betas[0] * a + (1 - betas[0]) * b, m, g)
      v = each((a, b) => betas[1] * a + (1 - betas[1]) * b * b, v, turn(g))
      const n = each(
        (a, b) => a / (1 - betas[0] ** t) / (Math.sqrt(b / (1 - betas[1] ** t)) + 1e-3),
        turn(m),
        v,
      )
      const back = product(product(ql, n), flip(qr))
      p = each((a, b) => a * (1 - 0.1 * 0.2) - 0.1 * b, p, back)
    }
    left = each((a, b) => beta * a + (1 - beta) * b, left, product(g, flip(g)))
    right = each((a, b) => beta * a + (1 - beta) * b, right, product(flip(g), g))
    if (t === 0) [ql, qr] = [eigenvectors(left), eigenvectors(right)]
    else if (t % f === 0)
      [ql, qr] = [orthonormal(product(left, ql)), orthonormal(product(right, qr))]
    path.push(p)
  }
  return path
}

describe('SOAP', () => {
  test.each([
    [{ betas: [0.9, 0.8] as [number, number], beta: 0.8, f: 2 }, null],
    [{ betas: [0.95, 0.95] as [number, number], beta: 0.5, f: 3 }, 0.5],
  ])('follows its paper: %j', (setting, shampooBeta) => {
    const x = tensor(start, { requiresGrad: true })
    const optimizer = new SOAP([x], {
      lr: 0.1,
      weightDecay: 0.2,
      eps: 1e-3,
      betas: setting.betas,
      shampooBeta,
      preconditionFrequency: setting.f,
    })
    for (const [t, expected] of paper(setting).entries()) {
      optimizer.step(() => x.mul(tensor(gradientAt(t + 1))).sum())
      x.dataSync().forEach((value, i) => {
        expect(value, `step ${t}`).toBeCloseTo(expected.flat()[i]!, 9)
      })
    }
  })

  const trained = (options: Partial<SOAPOptions>, shape: number[], steps: number): number[] => {
    const size = shape.reduce((a, b) => a * b, 1)
    const x = tensor(
      Array.from({ length: size }, (_, i) => Math.sin(i + 1)),
      { requiresGrad: false },
    ).reshape(shape)
    const p = tensor(x.dataSync(), { shape, requiresGrad: true })
    const optimizer = new SOAP([p], options)
    const loss = (): Tensor => p.square().mul(x.abs().add(0.1)).sum()
    for (let i = 0; i < steps; i++) optimizer.step(loss)
    return [...p.dataSync()]
  }

  test('climbs with maximize', () => {
    const up = trained({ lr: 0.1, maximize: true, weightDecay: 0 }, [2, 2], 5)
    const before = [1, 2, 3, 4].map(Math.sin)
    up.forEach((value, i) => {
      expect(Math.abs(value)).toBeGreaterThan(Math.abs(before[i]!) - 0.2)
    })
    expect(Math.hypot(...up)).toBeGreaterThan(Math.hypot(...before))
  })

  test('comes down, with kernels of four axes too', () => {
    for (const shape of [[4, 3], [2, 3, 2, 3], [5]]) {
      const p = trained({ lr: 0.05, weightDecay: 0, preconditionFrequency: 2 }, shape, 200)
      expect(Math.hypot(...p)).toBeLessThan(0.2)
    }
  })

  test('is AdamW, one step late, where no axis has a basis', () => {
    for (const [shape, options] of [
      [[3], {}],
      [[2, 3], { maxPrecondDim: 1 }],
    ] as const) {
      const make = (): Tensor =>
        tensor(
          Array.from({ length: shape.reduce((a: number, b) => a * b, 1) }, (_, i) => i - 1.5),
          { shape: [...shape], requiresGrad: true },
        )
      const [a, b] = [make(), make()]
      const common = { lr: 0.1, betas: [0.9, 0.95], weightDecay: 0.1 } as const
      const soap = new SOAP([a], { ...common, ...options })
      const adamw = new AdamW([b], common)
      for (let i = 0; i < 5; i++) {
        soap.step(() => a.square().sum())
        if (i > 0) adamw.step(() => b.square().sum())
        a.dataSync().forEach((value, k) => {
          expect(value).toBeCloseTo(b.dataSync()[k]!, 12)
        })
      }
    }
  })

  test('keeps a basis for each axis that is short enough', () => {
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { requiresGrad: true },
    )
    const optimizer = new SOAP([x], { maxPrecondDim: 2 })
    optimizer.step(() => x.square().sum())
    expect(Object.keys(optimizer.stateDict().state['0']!)).toEqual([
      'step',
      'exp_avg',
      'exp_avg_sq',
      'GG_0',
      'Q_0',
    ])
    const vector = tensor([1, 2], { requiresGrad: true })
    const other = new SOAP([vector], { precondition1d: true })
    other.step(() => vector.square().sum())
    expect(Object.keys(other.stateDict().state['0']!)).toContain('Q_0')
  })

  test('goes on from a stored state bit for bit', () => {
    const make = (values: ArrayLike<number>): Tensor =>
      tensor(Array.from(values), { shape: [2, 3], requiresGrad: true })
    const options = { lr: 0.1, preconditionFrequency: 2 }
    const run = (p: Tensor, optimizer: SOAP, from: number, to: number): number[] => {
      for (let t = from; t <= to; t++) optimizer.step(() => p.mul(tensor(gradientAt(t))).sum())
      return [...p.dataSync()]
    }
    const whole = make(start.flat())
    const end = run(whole, new SOAP([whole], options), 1, 8)
    const first = make(start.flat())
    const half = new SOAP([first], options)
    const second = make(run(first, half, 1, 3))
    const resumed = new SOAP([second], options)
    resumed.loadStateDict(half.stateDict())
    expect(run(second, resumed, 4, 8)).toEqual(end)
  })

  test('leaves nothing behind', () => {
    const device = reference()
    setDevice(device)
    const x = tensor(start, { requiresGrad: true })
    const optimizer = new SOAP([x], { preconditionFrequency: 1 })
    for (let t = 1; t < 4; t++) optimizer.step(() => x.square().sum()).dispose()
    optimizer.zeroGrad()
    optimizer.dispose()
    x.dispose()
    expect(device.memory().buffers).toBe(0)
  })
})
