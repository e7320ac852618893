/** Newton-CG against a transcription with gradients and Hessians written out by hand. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { NewtonCG, type NewtonCGOptions } from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

type Point = [number, number]

const f = ([a, b]: Point): number => (1 - a) ** 2 + 100 * (b - a * a) ** 2
const slope = ([a, b]: Point): Point => [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)]
const hessian = ([a, b]: Point): [Point, Point] => [
  [2 - 400 * (b - 3 * a * a), -400 * a],
  [-400 * a, 200],
]
const dot = (a: Point, b: Point): number => a[0] * b[0] + a[1] * b[1]
const plus = (a: Point, t: number, b: Point): Point => [a[0] + t * b[0], a[1] + t * b[1]]

/** Algorithm 7.1 of Nocedal and Wright. */
function paper(p: Point, { lr, damping, c1 }: { lr: number; damping: number; c1: number }): Point {
  const g = slope(p)
  const h = hessian(p)
  const norm = Math.hypot(...g)
  const epsilon = Math.min(0.5, Math.sqrt(norm)) * norm
  let z: Point = [0, 0]
  let r: Point = g
  let d: Point = [-g[0], -g[1]]
  for (let j = 0; j < 50; j++) {
    const hd: Point = [dot(h[0], d) + damping * d[0], dot(h[1], d) + damping * d[1]]
    const bend = dot(d, hd)
    if (bend <= 0) {
      if (j === 0) z = d
      break
    }
    const alpha = dot(r, r) / bend
    z = plus(z, alpha, d)
    const next = plus(r, alpha, hd)
    if (Math.hypot(...next) < epsilon) break
    const beta = dot(next, next) / dot(r, r)
    d = plus([-next[0], -next[1]], beta, d)
    r = next
  }
  for (let t = lr; t > lr * 2 ** -20; t /= 2)
    if (f(plus(p, t, z)) <= f(p) + c1 * t * dot(g, z)) return plus(p, t, z)
  return p
}

const point = (values: Point = [-1.2, 1]): Tensor[] =>
  values.map((value) => tensor([value], { requiresGrad: true }))
const valley = ([a, b]: readonly Tensor[]): Tensor =>
  a!.neg().add(1).square().add(b!.sub(a!.square()).square().mul(100)).sum()
const values = (x: readonly Tensor[]): Point => x.map((one) => one.itemSync()) as Point

describe('NewtonCG', () => {
  test.each([
    [[-1.2, 1], {}],
    [[0, 3], {}],
    [[-1.2, 1], { damping: 20, c1: 0.1 }],
    [[2, -1], { lr: 0.5 }],
  ] as [Point, Partial<NewtonCGOptions>][])('follows its source from %j, %j', (start, options) => {
    const x = point(start)
    const optimizer = new NewtonCG(x, options)
    let p = start
    for (let i = 0; i < 12; i++) {
      const loss = optimizer.step(() => valley(x))
      expect(loss.itemSync()).toBeCloseTo(f(p), 8)
      p = paper(p, { lr: 1, damping: 0, c1: 1e-4, ...options })
      values(x).forEach((value, k) => {
        expect(value, `step ${i}`).toBeCloseTo(p[k]!, 8)
      })
    }
  })

  test('finds the end of the valley, also past negative curvature', () => {
    for (const start of [
      [-1.2, 1],
      [0, 3],
    ] as Point[]) {
      const x = point(start)
      const optimizer = new NewtonCG(x)
      for (let i = 0; i < 70; i++) optimizer.step(() => valley(x))
      expect(valley(x).itemSync()).toBeLessThan(1e-12)
    }
  })

  test('is ever faster on a quadratic', () => {
    const x = tensor([1, -2, 3, 4], { requiresGrad: true })
    const scale = tensor([1, 2, 3, 4])
    const optimizer = new NewtonCG([x])
    for (let i = 0; i < 8; i++) optimizer.step(() => x.square().mul(scale).sum().mul(0.5))
    for (const value of x.dataSync()) expect(Math.abs(value)).toBeLessThan(1e-9)
  })

  test('stays where the loss is flat or linear without a bottom', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    new NewtonCG([x]).step(() => x.mul(0).sum())
    expect([...x.dataSync()]).toEqual([1, 2])
    // No curvature: a step along the negative gradient.
    new NewtonCG([x], { lr: 0.5 }).step(() => x.sum())
    expect([...x.dataSync()]).toEqual([0.5, 1.5])
  })

  test('hooks may call a step off', () => {
    const x = point()
    const optimizer = new NewtonCG(x)
    optimizer.registerStepPreHook(() => false)
    optimizer.step(() => valley(x))
    expect(values(x)).toEqual([-1.2, 1])
  })

  test('leaves nothing behind', () => {
    const buffers = device.memory().buffers
    const x = point()
    const optimizer = new NewtonCG(x)
    for (let i = 0; i < 3; i++) optimizer.step(() => valley(x)).dispose()
    optimizer.dispose()
    for (const one of x) one.dispose()
    expect(device.memory().buffers).toBe(buffers)
  })

  test('says what it needs', () => {
    expect(() => new NewtonCG(point()).step()).toThrow(
      'NewtonCG: step() came without a function; it needs step(() => loss)',
    )
    const groups = point().map((p) => ({ params: [p] }))
    expect(() => new NewtonCG(groups)).toThrow(
      'NewtonCG: 2 groups came; it takes one, whose parameters form one vector',
    )
  })
})
