/** Parameters and networks of 16 bits. */
import {
  autocast,
  type HalfDType,
  manualSeed,
  matmul,
  noGrad,
  rand,
  randn,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Adam,
  Chain,
  chain,
  clipByGlobalNorm,
  clipGradNorm,
  GradScaler,
  getTotalNorm,
  SAM,
  SGD,
  scaleByLearningRate,
} from '../src/index.ts'
import { every } from './every.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f32')
})

const halves: readonly HalfDType[] = ['f16', 'bf16']

/** What is not for parameters of 16 bits, and why. */
const refused: Readonly<Record<string, string>> = {
  'SOAP f16': 'the squares that it decomposes leave the range of f16',
}

describe.each(halves)('parameters of %s', (dtype) => {
  const names = Object.keys(every).filter((name) => !(`${name} ${dtype}` in refused))

  test.each(names)('%s comes down', (name) => {
    const x = tensor([1, -0.5, 2, 0.4, -1, 0.8], { shape: [2, 3], dtype, requiresGrad: true })
    const loss = (): Tensor => x.cast('f32').square().sum()
    const before = noGrad(() => loss().itemSync())
    const optimizer = new every[name]!([x])
    for (let i = 0; i < 20; i++) optimizer.step(loss)
    expect(x.dtype).toBe(dtype)
    const after = noGrad(() => loss().itemSync())
    // Rates as small as some defaults are lost in 16 bits; nothing may become worse or NaN.
    expect(after).toBeLessThanOrEqual(before)
  })
})

describe.each(halves)('sums over parameters of %s', (dtype) => {
  /** A parameter whose gradient has a length that an f16 holds, of squares that it does not. */
  const steep = (): Tensor => {
    const p = tensor([1, 2], { dtype, requiresGrad: true })
    p.grad = tensor([3000, -4000], { dtype })
    return p
  }
  const ulp = dtype === 'f16' ? 2 ** -11 : 2 ** -8

  test('the norm of gradients is an f32, and clips as in f32', () => {
    for (const [normType, due] of [
      [1, 7000],
      [2, 5000],
      [3, 4497.94],
      [Number.POSITIVE_INFINITY, 4000],
    ] as const) {
      const p = steep()
      const length = clipGradNorm([p], 1, { normType })
      expect(length.dtype).toBe('f32')
      expect(Math.abs(length.itemSync() / due - 1)).toBeLessThan(ulp)
      expect(p.grad!.dtype).toBe(dtype)
      expect(Math.abs((p.grad!.dataSync()[0]! * due) / 3000 - 1)).toBeLessThan(2 * ulp)
    }
    // Not only where all are halves.
    const wide = tensor([0], { requiresGrad: true })
    wide.grad = tensor([12_000])
    expect(getTotalNorm([steep(), wide]).itemSync()).toBeCloseTo(13_000, -3)
    expect(getTotalNorm([wide, steep()]).dtype).toBe('f32')
  })

  test('chains that clip by the length of all gradients', () => {
    const recipe = chain('clipped', [clipByGlobalNorm, scaleByLearningRate])
    const p = steep()
    new Chain([p], recipe, { maxNorm: 1, lr: 1 }).step()
    const [x, y] = p.dataSync()
    expect(x).toBeCloseTo(0.4, 2)
    expect(y).toBeCloseTo(2.8, 1)
  })

  test('SAM climbs by rho, however steep it is', () => {
    const p = tensor([100, 100], { dtype, requiresGrad: true })
    const seen: number[] = []
    const sam = new SAM(new SGD([p], { lr: 0 }), { rho: 8 })
    sam.step(() => {
      seen.push(p.dataSync()[0]!)
      return p.cast('f32').mul(4000).sum()
    })
    expect(seen[0]).toBe(100)
    expect(Math.abs(seen[1]! - (100 + 8 * Math.SQRT1_2))).toBeLessThan(200 * ulp)
  })
})

describe.each(halves)('mixed precision in %s', (dtype) => {
  /** The losses of a small network that learns whether two numbers have the same sign. */
  function losses(mixed: boolean): number[] {
    manualSeed(7)
    const x = rand([64, 2]).mul(2).sub(1)
    const y = x.slice(null, 0).mul(x.slice(null, 1)).gt(0).cast('f32').reshape([64, 1])
    const parameters = [randn([2, 16]), randn([16, 1]).mul(0.3)].map((t) => {
      t.requiresGrad = true
      return t
    })
    const optimizer = new Adam(parameters, { lr: 0.1 })
    const scaler = new GradScaler({ enabled: mixed && dtype === 'f16' })
    const forward = (): Tensor => {
      const hidden = matmul(x, parameters[0]!).relu()
      return matmul(hidden, parameters[1]!).sigmoid().sub(y).square().mean()
    }
    return Array.from({ length: 120 }, () =>
      scope(() => {
        optimizer.zeroGrad()
        const loss = mixed ? autocast(dtype, forward) : forward()
        scaler.scale(loss.cast('f32')).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.itemSync()
      }),
    )
  }

  test('learns as f32 does', () => {
    const [full, half] = [losses(false), losses(true)]
    expect(full.at(-1)).toBeLessThan(0.1)
    full.forEach((loss, i) => {
      expect(Math.abs(half[i]! - loss), `step ${i}`).toBeLessThan(dtype === 'f16' ? 0.01 : 0.03)
    })
  })
})

test('GradScaler finds the scale at which gradients of f16 do not overflow', () => {
  const x = tensor([1, 1], { requiresGrad: true })
  const optimizer = new SGD([x], { lr: 0.1 })
  const scaler = new GradScaler({ initScale: 2 ** 20 })
  const stepped = Array.from({ length: 8 }, () => {
    optimizer.zeroGrad()
    // The gradient of a half is a half: 2^20 is beyond 65504.
    scaler.scale(x.cast('f16').sum().cast('f32')).backward()
    const done = scaler.step(optimizer)
    scaler.update()
    return done
  })
  expect(stepped).toEqual([false, false, false, false, false, true, true, true])
  expect(x.dataSync()[0]).toBeCloseTo(0.7, 6)
})
