import { beforeAll, describe, expect, it } from 'vitest'
import {
  bernoulli,
  defaultGenerator,
  dropout,
  Generator,
  manualSeed,
  normal,
  ones,
  rand,
  randint,
  randn,
  reference,
  setDevice,
  type Tensor,
  tensor,
  uniform,
} from '../index.ts'

beforeAll(() => setDevice(reference()))

const seeded = (seed: number) => ({ generator: new Generator(seed) })
const valuesOf = (t: Tensor) => Array.from(t.dataSync())

function moments(t: Tensor): { mean: number; std: number } {
  const values = valuesOf(t)
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length)
  return { mean, std }
}

describe('generators', () => {
  it('draw what Philox says: word 0 of block 0 under the key [seed, stream]', () => {
    // The known answer for counter 0 and key 0 starts with 6627e8d5.
    expect(rand([1], seeded(0)).itemSync()).toBe((0x6627e8d5 >>> 8) * 2 ** -24)
  })

  it('repeat themselves from a seed or a state, and nothing else', () => {
    const generator = new Generator(7)
    const first = valuesOf(rand([5], { generator }))
    const { state } = generator
    const second = valuesOf(rand([5], { generator }))
    expect(second).not.toEqual(first)
    generator.state = state
    expect(valuesOf(rand([5], { generator }))).toEqual(second)
    expect(valuesOf(rand([5], seeded(7)))).toEqual(first)
    expect(valuesOf(rand([5], seeded(8)))).not.toEqual(first)
  })

  it('are shared where none is named', () => {
    manualSeed(3)
    const first = valuesOf(rand([4]))
    expect(defaultGenerator().state).toEqual({ seed: 3, draws: 1 })
    manualSeed(3)
    expect(valuesOf(rand([4]))).toEqual(first)
  })

  it('give the same numbers in any shape', () => {
    expect(valuesOf(rand([2, 6], seeded(1)))).toEqual(valuesOf(rand([12], seeded(1))))
    expect(valuesOf(rand([12], { ...seeded(1), dtype: 'f64' }))).toEqual(
      valuesOf(rand([12], seeded(1))),
    )
  })
})

const many = [20_000]
/** Five standard errors of a mean of that many. */
const slack = (std: number) => (5 * std) / Math.sqrt(many[0]!)

describe('distributions', () => {
  it('uniform', () => {
    const { mean, std } = moments(uniform(many, -1, 3, seeded(1)))
    expect(Math.abs(mean - 1)).toBeLessThan(slack(4 / Math.sqrt(12)))
    expect(std).toBeCloseTo(4 / Math.sqrt(12), 1)
    const values = valuesOf(rand(many, seeded(2)))
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThan(1)
  })

  it('normal', () => {
    const { mean, std } = moments(normal(many, 2, 0.5, seeded(1)))
    expect(Math.abs(mean - 2)).toBeLessThan(slack(0.5))
    expect(Math.abs(std - 0.5)).toBeLessThan(slack(0.5))
    const values = valuesOf(randn(many, seeded(4)))
    // A normal number is within one standard deviation with probability 0.6827.
    const inside = values.filter((v) => Math.abs(v) < 1).length / values.length
    expect(Math.abs(inside - 0.6827)).toBeLessThan(slack(0.5))
    expect(values.every(Number.isFinite)).toBe(true)
  })

  it('bernoulli', () => {
    const draw = bernoulli(many, 0.3, seeded(1))
    expect(draw.dtype).toBe('bool')
    expect(Math.abs(moments(draw).mean - 0.3)).toBeLessThan(slack(0.5))
    expect(valuesOf(bernoulli([100], 0, seeded(1)))).not.toContain(1)
    expect(valuesOf(bernoulli([100], 1, seeded(1)))).not.toContain(0)
  })

  it('whole numbers, each as often as the others', () => {
    const values = valuesOf(randint(many, -2, 3, seeded(1)))
    for (let k = -2; k < 3; k++) {
      const share = values.filter((v) => v === k).length / values.length
      expect(Math.abs(share - 0.2)).toBeLessThan(slack(0.5))
    }
    expect(new Set(values).size).toBe(5)
  })
})

describe('dropout', () => {
  it('drops a share p and scales the rest, so that the mean stays', () => {
    const values = valuesOf(dropout(ones(many, { dtype: 'f64' }), 0.2, new Generator(1)))
    expect(new Set(values)).toEqual(new Set([0, 1.25]))
    const dropped = values.filter((v) => v === 0).length / values.length
    expect(Math.abs(dropped - 0.2)).toBeLessThan(slack(0.5))
  })

  it('keeps an element when its number is not below p', () => {
    const p = 0.4
    const kept = valuesOf(rand([50], seeded(9))).map((v) => (v >= Math.fround(p) ? 1 : 0))
    const values = valuesOf(dropout(ones([50]), p, new Generator(9)))
    expect(values.map((v) => (v === 0 ? 0 : 1))).toEqual(kept)
  })

  it('sends the gradient through the same mask', () => {
    const x = tensor(new Float64Array(40).fill(2), { requiresGrad: true })
    const y = dropout(x, 0.5, new Generator(3))
    y.sum().backward()
    expect(valuesOf(x.grad!)).toEqual(valuesOf(y).map((v) => v / 2))
  })

  it('is nothing at p = 0, and all at p = 1', () => {
    const x = ones([4])
    expect(dropout(x, 0)).toBe(x)
    expect(valuesOf(dropout(x, 1))).toEqual([0, 0, 0, 0])
  })
})
