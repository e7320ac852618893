import { beforeEach, describe, expect, test } from 'vitest'
import { gradCheck } from './gradcheck.ts'
import {
  checkpoint,
  dropout,
  grad,
  gradients,
  hessian,
  hvp,
  jacobian,
  manualSeed,
  matmul,
  noGrad,
  reference,
  scope,
  setDevice,
  type Tensor,
  tensor,
  uniform,
} from './index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
  manualSeed(1)
})

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, { dtype: 'f64' })

describe('jacobian', () => {
  test('has a row for each output', () => {
    expect(jacobian((x) => x.square())(f64([1, 2])).toArraySync()).toEqual([
      [2, 0],
      [0, 4],
    ])
    const a = f64([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(jacobian((x) => matmul(a, x))(f64([1, 1, 1])).toArraySync()).toEqual(a.toArraySync())
    expect(jacobian((x) => x.sum(0))(f64([[1, 2]])).shape).toEqual([2, 1, 2])
    expect(jacobian((x) => x.sum())(f64([1, 2])).toArraySync()).toEqual([1, 1])
  })

  test('is zero for what is constant', () => {
    const constant = f64([1, 2])
    expect(jacobian(() => constant)(f64([5])).toArraySync()).toEqual([[0], [0]])
  })

  test('can be differentiated, and leaves nothing behind', () => {
    gradCheck((x) => jacobian((t) => t.pow(3))(x!), [f64([0.5, -1])])
    const x = f64([1, 2])
    const before = device.memory().buffers
    scope(() => {
      jacobian((t) => t.exp())(x)
    })
    expect(device.memory().buffers).toBe(before)
  })
})

describe('hessian and hvp', () => {
  const f = (x: Tensor) => x.pow(3).sum().add(x.prod())

  test('agree', () => {
    const [x, v] = [f64([1, 2]), f64([3, -1])]
    const h = hessian(f)(x)
    expect(h.toArraySync()).toEqual([
      [6, 1],
      [1, 12],
    ])
    expect(hvp(f)(x, v).toArraySync()).toEqual([17, -9])
    gradCheck((t) => hvp(f)(t!, v), [x])
  })

  test('are zero for linear functions', () => {
    expect(hessian((x) => x.mul(2).sum())(f64([1, 2])).toArraySync()).toEqual([
      [0, 0],
      [0, 0],
    ])
    expect(hvp((x) => x.mul(2).sum())(f64([1]), f64([1])).toArraySync()).toEqual([0])
    expect(() => hvp(f)(f64([1, 2]), f64([1]))).toThrow(
      'hvp: x is [2], the vector [1]; they must be equal',
    )
  })
})

describe('checkpoint', () => {
  const weight = () => {
    const w = uniform([3, 3], -1, 1, { dtype: 'f64' })
    w.requiresGrad = true
    return w
  }

  test('gives the gradients of inputs and of parameters', () => {
    const w = weight()
    const block = (x: Tensor) => x.matmul(w).tanh().matmul(w)
    const x = uniform([2, 3], -1, 1, { dtype: 'f64', requiresGrad: true })
    const y = checkpoint(block, x)
    expect(y.toArraySync()).toEqual(block(x).toArraySync())
    const [plain, saved] = [block(x), y].map((out) => gradients(out.square().sum(), [x, w]))
    expect(saved!.map((g) => g.toArraySync())).toEqual(plain!.map((g) => g.toArraySync()))
    const points = [x.detach(), w.detach()]
    gradCheck((a, b) => checkpoint((p, q) => p.matmul(q).tanh(), a!, b!), points, { order: 2 })
    gradCheck((a, b) => checkpoint((p) => p.matmul(b!).tanh(), a!), points)
  })

  test('keeps less', () => {
    const chain = (x: Tensor) => {
      for (let i = 0; i < 8; i++) x = x.sin()
      return x
    }
    const x = uniform([1000], 0, 1, { dtype: 'f64', requiresGrad: true })
    const held = (run: (x: Tensor) => Tensor): number => {
      const before = device.memory().bytes
      const y = run(x)
      const bytes = device.memory().bytes - before
      y.dispose()
      return bytes
    }
    expect(held((t) => checkpoint(chain, t))).toBe(8000)
    expect(held((t) => scope(() => chain(t)))).toBeGreaterThan(8 * 8000 - 1)
    const before = device.memory().buffers
    scope(() => checkpoint(chain, x).sum().backward())
    x.grad!.dispose()
    expect(device.memory().buffers).toBe(before)
  })

  test('draws the same numbers again', () => {
    const x = uniform([50], 1, 2, { dtype: 'f64', requiresGrad: true })
    const y = checkpoint((t) => dropout(t, 0.5), x)
    y.sum().backward()
    const factors = y.detach().div(x.detach())
    expect(x.grad!.toArraySync()).toEqual((factors.toArraySync() as number[]).map(Math.round))
  })

  test('refuses what was computed outside', () => {
    const x = uniform([2], 1, 2, { requiresGrad: true })
    const outside = x.exp()
    expect(() => checkpoint((t) => t.mul(outside), x)).toThrow(
      'checkpoint: the function uses a tensor that exp made outside of it; pass it as an input',
    )
    expect(checkpoint((t) => t.mul(2), f64([1])).requiresGrad).toBe(false)
    expect(noGrad(() => checkpoint((t) => t.mul(outside), x)).requiresGrad).toBe(false)
    expect(
      grad((t: Tensor) => checkpoint((s) => s.square(), t).sum())(f64([3])).toArraySync(),
    ).toEqual([6])
  })
})
