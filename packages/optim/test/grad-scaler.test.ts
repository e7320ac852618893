/** The loss scaler, with a loss that overflows when its scale is too large. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { clipGradNorm, GradScaler, SGD } from '../src/index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f32')
})

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true })

/** Backward of a scaled loss with slope g. */
function backward(scaler: GradScaler, x: Tensor, g: number): void {
  x.grad = undefined
  scaler.scale(x.mul(g).sum()).backward()
}

test('updates are those without it', () => {
  const [a, b] = [leaf([1, -2]), leaf([1, -2])]
  const [with_, without] = [new SGD([a], { lr: 0.5 }), new SGD([b], { lr: 0.5 })]
  const scaler = new GradScaler()
  for (let t = 1; t <= 5; t++) {
    backward(scaler, a, 0.3 * t)
    expect(a.grad!.dataSync()[0]).toBeCloseTo(65536 * 0.3 * t, 1)
    expect(scaler.step(with_)).toBe(true)
    scaler.update()
    without.step(() => b.mul(0.3 * t).sum())
  }
  expect([...a.dataSync()]).toEqual([...b.dataSync()])
})

test('keeps gradients that f16 would lose, when the machine computes with its numbers', () => {
  // The smallest f16 above 0 is 2^-24; a gradient of 2^-30 survives with the scale alone.
  const toHalf = (value: number): number => Math.round(value / 2 ** -24) * 2 ** -24
  const x = leaf([1])
  const run = (scaler: GradScaler): number => {
    backward(scaler, x, 2 ** -30)
    x.grad = tensor([toHalf(x.grad!.itemSync())])
    scaler.unscale(new SGD([x]))
    return x.grad!.itemSync()
  }
  expect(run(new GradScaler({ enabled: false }))).toBe(0)
  expect(run(new GradScaler())).toBe(2 ** -30)
})

test('leaves out what is not finite, backs off, and grows again', () => {
  const x = leaf([1])
  const optimizer = new SGD([x], { lr: 1, momentum: 0.5 })
  const scaler = new GradScaler({
    initScale: 8,
    growthInterval: 2,
    growthFactor: 4,
    backoffFactor: 0.25,
  })
  const seen = [1, Number.POSITIVE_INFINITY, Number.NaN, 1, 1, 1, 1].map((g) => {
    backward(scaler, x, g)
    const updated = scaler.step(optimizer)
    scaler.update()
    return [updated, scaler.getScale()]
  })
  expect(seen).toEqual([
    [true, 8],
    [false, 2],
    [false, 0.5],
    [true, 0.5],
    [true, 2],
    [true, 2],
    [true, 8],
  ])
  expect(optimizer.stateDict().state['0']!.step).toBe(5)
})

test('clipping sees the gradients as they are', () => {
  const x = leaf([0, 0])
  const scaler = new GradScaler({ initScale: 1024 })
  const optimizer = new SGD([x], { lr: 1 })
  scaler.scale(x.mul(tensor([3, 4])).sum()).backward()
  scaler.unscale(optimizer)
  expect(clipGradNorm([x], 1).itemSync()).toBeCloseTo(5, 5)
  scaler.step(optimizer)
  expect(x.dataSync()[0]).toBeCloseTo(-0.6, 5)
})

test('one bad optimizer of two shrinks the scale, and the other one updates', () => {
  const [a, b] = [leaf([1]), leaf([1])]
  const [good, bad] = [new SGD([a], { lr: 1 }), new SGD([b], { lr: 1 })]
  const scaler = new GradScaler({ initScale: 4 })
  scaler.scale(a.sum().add(b.mul(Number.POSITIVE_INFINITY).sum())).backward()
  expect([scaler.step(good), scaler.step(bad)]).toEqual([true, false])
  scaler.update()
  expect([a.itemSync(), b.itemSync(), scaler.getScale()]).toEqual([0, 1, 2])
})

test('stops growing where losses would be infinite', () => {
  const x = leaf([1])
  const scaler = new GradScaler({ initScale: 2 ** 127, growthInterval: 1 })
  backward(scaler, x, 0)
  scaler.step(new SGD([x]))
  scaler.update()
  expect(scaler.getScale()).toBe(2 ** 127)
})

test('goes on from a stored state, in the layout of PyTorch', () => {
  const x = leaf([1])
  const scaler = new GradScaler({ initScale: 4, growthInterval: 3 })
  backward(scaler, x, 1)
  scaler.step(new SGD([x]))
  scaler.update()
  const state = scaler.stateDict()
  expect(state).toEqual({
    scale: 4,
    growth_factor: 2,
    backoff_factor: 0.5,
    growth_interval: 3,
    _growth_tracker: 1,
  })
  const resumed = new GradScaler()
  resumed.loadStateDict(JSON.parse(JSON.stringify(state)))
  expect(resumed.stateDict()).toEqual(state)
  expect(new GradScaler({ enabled: false }).stateDict()).toEqual({})
})

test('passes everything on where it is not enabled', () => {
  const x = leaf([1])
  const scaler = new GradScaler({ enabled: false })
  const loss = x.sum()
  expect(scaler.scale(loss)).toBe(loss)
  loss.backward()
  expect(scaler.step(new SGD([x], { lr: 1 }))).toBe(true)
  scaler.update()
  expect([x.itemSync(), scaler.getScale()]).toEqual([0, 1])
})

describe('says what is wrong', () => {
  test.each([
    [{ initScale: 0 }, 'initScale is 0; it must be > 0'],
    [{ growthFactor: 1 }, 'growthFactor is 1; it must be > 1'],
    [{ backoffFactor: 1 }, 'backoffFactor is 1; it must be in (0, 1)'],
    [{ growthInterval: 0 }, 'growthInterval is 0; it must be a whole number > 0'],
  ])('%j', (options, message) => {
    expect(() => new GradScaler(options)).toThrow(`GradScaler: ${message}`)
  })

  test('calls in the wrong order', () => {
    const x = leaf([1])
    const optimizer = new SGD([x])
    const scaler = new GradScaler()
    expect(() => scaler.update()).toThrow('GradScaler: update() came before step()')
    backward(scaler, x, 1)
    scaler.unscale(optimizer)
    expect(() => scaler.unscale(optimizer)).toThrow('GradScaler: unscale() came twice')
    scaler.step(optimizer)
    expect(() => scaler.step(optimizer)).toThrow('GradScaler: step() came twice')
    expect(() => scaler.unscale(optimizer)).toThrow('GradScaler: unscale() came after step()')
    expect(() => scaler.update(-1)).toThrow('GradScaler: newScale is -1; it must be > 0')
    expect(() => scaler.loadStateDict({})).toThrow('GradScaler: the state has no scale')
  })
})
