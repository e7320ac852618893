import { beforeEach, describe, expect, test } from 'vitest'
import { gradCheck } from './gradcheck.ts'
import { customGrad, gradients, reference, scope, setDevice, tensor } from './index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
})

const leaf = (values: readonly number[]) => tensor(values, { dtype: 'f64', requiresGrad: true })

/** x y with the right gradient, from what was saved. */
const product = customGrad(
  'product',
  (x, y) => ({ output: x!.mul(y!), saved: [x!, y!] }),
  (g, [x, y], needs) => [needs[0] ? g.mul(y!) : undefined, needs[1] ? g.mul(x!) : undefined],
)

describe('customGrad', () => {
  test('gives the gradient that was written', () => {
    const round = customGrad(
      'round',
      (x) => ({ output: x!.round() }),
      (g) => [g],
    )
    const x = leaf([0.4, 1.6])
    const y = round(x)
    expect(y.toArraySync()).toEqual([0, 2])
    y.mul(tensor([2, 3], { dtype: 'f64' }))
      .sum()
      .backward()
    expect(x.grad!.toArraySync()).toEqual([2, 3])
  })

  test('can hand its input on', () => {
    const reverse = customGrad(
      'reverse',
      (x) => ({ output: x! }),
      (g) => [g.neg()],
    )
    const x = leaf([1, 2])
    const y = reverse(x)
    expect(y).not.toBe(x)
    y.mul(3).add(x).sum().backward()
    expect(x.grad!.toArraySync()).toEqual([-2, -2])
  })

  test('can save its output', () => {
    const exp = customGrad(
      'exp',
      (x) => {
        const output = x!.exp()
        return { output, saved: [output] }
      },
      (g, [y]) => [g.mul(y!)],
    )
    gradCheck((x) => exp(x!), [tensor([0.3, -1], { dtype: 'f64' })], { order: 2 })
  })

  test('is differentiated again through what it saved', () => {
    const inputs = [leaf([0.3, -1]), leaf([2, 0.5])]
    gradCheck((x, y) => product(x!, y!), inputs, { order: 2 })
  })

  test('asks only for what is needed', () => {
    const [x, y] = [leaf([2]), tensor([3], { dtype: 'f64' })]
    expect(gradients(product(x, y), [x])[0]!.toArraySync()).toEqual([3])
    expect(product(y, y).requiresGrad).toBe(false)
  })

  test('frees what it saved', () => {
    const x = leaf([1, 2])
    const before = device.memory().buffers
    scope(() => product(x, x).sum().backward())
    x.grad!.dispose()
    x.grad = undefined
    expect(device.memory().buffers).toBe(before)
    scope(() => {
      product(x, x)
    })
    expect(device.memory().buffers).toBe(before)
  })

  test('refuses gradients that do not fit', () => {
    const wrong = customGrad(
      'wrong',
      (x) => ({ output: x!.sum() }),
      (g) => [g],
    )
    expect(() => wrong(leaf([1, 2])).backward()).toThrow(
      'wrong: backward gave [] for input 0, which is [2]',
    )
    const none = customGrad(
      'none',
      (x) => ({ output: x!.sum() }),
      () => [],
    )
    expect(() => none(leaf([1, 2])).backward()).toThrow(
      'none: backward gave 0 gradients for 1 inputs',
    )
  })
})
