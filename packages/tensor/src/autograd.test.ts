import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isGradEnabled } from './autograd.ts'
import type { Backend } from './backend.ts'
import {
  enableGrad,
  grad,
  gradients,
  noGrad,
  reference,
  scope,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
  valueAndGrad,
} from './index.ts'
import { assign } from './ops/update.ts'

let device: Backend
beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
})
afterEach(() => setDefaultDType('f32'))

const leaf = (values: number | number[]) => tensor(values, { requiresGrad: true })
const valuesOf = (t: Tensor | undefined) => Array.from(t!.dataSync())

describe('backward', () => {
  it('adds up in grad, over uses and over calls', () => {
    const x = leaf([1, 2, 3])
    x.mul(x).sum().backward()
    expect(valuesOf(x.grad)).toEqual([2, 4, 6])
    x.sum().backward()
    expect(valuesOf(x.grad)).toEqual([3, 5, 7])
  })

  it('may be asked for other inputs of the same op each time', () => {
    for (const [first, second] of [
      [true, false],
      [false, true],
      [true, true],
      [true, false],
    ] as const) {
      const x = tensor([1, 2], { requiresGrad: first })
      const y = tensor([3, 5], { requiresGrad: second })
      x.mul(y).sum().backward()
      expect(x.grad && valuesOf(x.grad)).toEqual(first ? [3, 5] : undefined)
      expect(y.grad && valuesOf(y.grad)).toEqual(second ? [1, 2] : undefined)
    }
  })

  it('reaches a leaf along several paths', () => {
    const x = leaf(3)
    const y = x.mul(2)
    y.mul(x).add(y.square()).backward()
    // 2x² + 4x²
    expect(valuesOf(x.grad)).toEqual([36])
  })

  it('takes the gradient of the output', () => {
    const x = leaf([1, 2])
    x.square().backward(tensor([10, 100]))
    expect(valuesOf(x.grad)).toEqual([20, 400])
  })

  it('leaves out what has no gradients', () => {
    const [x, y] = [leaf([1, 2]), tensor([3, 4])]
    x.mul(y).sum().backward()
    expect(valuesOf(x.grad)).toEqual([3, 4])
    expect(y.grad).toBeUndefined()
  })

  it('walks long chains without deep recursion', () => {
    const x = leaf(1)
    let y: Tensor = x
    for (let i = 0; i < 20_000; i++) y = y.add(0)
    y.backward()
    expect(valuesOf(x.grad)).toEqual([1])
  })

  it('walks twice only over a retained graph', () => {
    const x = leaf([1, 2])
    const y = x.square().sum()
    y.backward(undefined, { retainGraph: true })
    y.backward()
    expect(valuesOf(x.grad)).toEqual([4, 8])
    expect(() => y.backward()).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: backward: the graph behind reshape was freed by an earlier backward; pass retainGraph: true to the first]`,
    )
  })

  it('refuses outputs without gradients and with many numbers', () => {
    expect(() => tensor(1).backward()).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: backward: the tensor does not depend on anything with gradients; set requiresGrad on its inputs, and compute it outside of noGrad]`,
    )
    expect(() => leaf([1, 2]).mul(2).backward()).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: backward: the output is [2]; only a single number has a gradient of its own: reduce it first (sum, mean), or pass the gradient of the output]`,
    )
    expect(() =>
      leaf([1, 2])
        .mul(2)
        .backward(tensor([1])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: backward: the gradient is [1], the output [2]; they must be equal]`,
    )
  })

  it('notices a saved tensor that has changed since', () => {
    const x = leaf([1, 2])
    const y = x.mul(x).sum()
    noGrad(() => assign(x, x.mul(2)))
    expect(() => y.backward()).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: backward: a tensor [2] that mul saved was changed in place since; run backward before the update]`,
    )
  })
})

describe('requiresGrad', () => {
  it('is for floats and for leaves', () => {
    expect(() =>
      tensor([1], { dtype: 'i32', requiresGrad: true }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: requiresGrad: i32 has no gradients; cast to f32]`,
    )
    const y = leaf(1).mul(2)
    expect(() => {
      y.requiresGrad = false
    }).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: requiresGrad: this tensor was made by mul; only leaves can be switched, use detach()]`,
    )
    expect(y.isLeaf).toBe(false)
    expect(y.detach().requiresGrad).toBe(false)
  })

  it('is recorded but inside of noGrad', () => {
    const x = leaf(1)
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false)
    expect(noGrad(() => enableGrad(() => x.mul(2))).requiresGrad).toBe(true)
    expect(() =>
      noGrad(() => {
        throw new Error('out')
      }),
    ).toThrow('out')
    expect(isGradEnabled()).toBe(true)
  })
})

describe('gradients', () => {
  it('gives zeros where nothing depends on the input, and touches no grad', () => {
    const [x, y] = [leaf([1, 2]), leaf([3])]
    const [dx, dy] = gradients(x.square().sum(), [x, y])
    expect(valuesOf(dx)).toEqual([2, 4])
    expect(valuesOf(dy)).toEqual([0])
    expect(x.grad).toBeUndefined()
  })

  it('gives those of tensors in the middle of the graph', () => {
    const x = leaf([1, 2])
    const y = x.mul(3)
    const [dy, dx] = gradients(y.square().sum(), [y, x])
    expect(valuesOf(dy)).toEqual([6, 12])
    expect(valuesOf(dx)).toEqual([18, 36])
  })

  it('records itself for second derivatives, also through a saved output', () => {
    const x = leaf([0.5, 1])
    const [slope] = gradients(x.exp().sum(), [x], { createGraph: true })
    const [curve] = gradients(slope!.sum(), [x])
    expect(valuesOf(curve)).toEqual([Math.exp(0.5), Math.E])
  })

  it('refuses inputs without gradients', () => {
    expect(() => gradients(leaf(1).mul(2), [tensor(1)])).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: gradients: Tensor(f64 [] on reference) has no gradients; set requiresGrad before it is used]`,
    )
  })
})

describe('grad and valueAndGrad', () => {
  it('nest', () => {
    const cube = (x: Tensor) => x.mul(x).mul(x).sum()
    const second = grad((x: Tensor) => grad(cube)(x).sum())
    const third = grad((x: Tensor) => second(x).sum())
    expect(valuesOf(second(tensor([1, 2])))).toEqual([6, 12])
    expect(valuesOf(third(tensor([1, 2])))).toEqual([6, 6])
  })

  it('keep the structure of the first argument', () => {
    const f = ({ w, b }: { w: Tensor; b: Tensor[] }, x: Tensor) => w.mul(x).add(b[0]!).sum()
    const [value, slope] = valueAndGrad(f)({ w: tensor([2, 3]), b: [tensor(1)] }, tensor([5, 7]))
    expect(valuesOf(value)).toEqual([33])
    expect(valuesOf(slope.w)).toEqual([5, 7])
    expect(valuesOf(slope.b[0])).toEqual([2])
    expect(value.requiresGrad).toBe(false)
  })

  it('say what they need', () => {
    expect(() => grad((x: Tensor) => x)(tensor([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gradients: the output is [2]; only a single number has a gradient of its own: reduce it first (sum, mean), or pass the gradient of the output]`,
    )
    expect(() =>
      grad((() => 3) as unknown as (x: Tensor) => Tensor)(tensor(1)),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: grad: the function gave number; it must give a tensor with one element]`,
    )
    expect(() =>
      grad((() => tensor(1)) as unknown as (x: number) => Tensor)(1),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: grad: the first argument holds no tensor]`,
    )
  })
})

describe('memory of the tape', () => {
  it('holds nothing once graph and results are gone', () => {
    const x = leaf([1, 2])
    const before = device.memory().buffers
    scope(() => {
      const y = x.exp().mul(x).sum()
      y.backward()
    })
    x.grad?.dispose()
    x.grad = undefined
    expect(device.memory().buffers).toBe(before)
  })

  it('is let go when the output is, without a walk', () => {
    const x = leaf([1, 2])
    const before = device.memory().buffers
    scope(() => x.exp().mul(x).sum())!.dispose()
    expect(device.memory().buffers).toBe(before)
  })

  it('is let go after second derivatives', () => {
    const x = leaf([1, 2])
    const before = device.memory().buffers
    scope(() => {
      const [slope] = gradients(x.exp().tanh().sum(), [x], { createGraph: true })
      gradients(slope!.square().sum(), [x])
    })
    expect(device.memory().buffers).toBe(before)
  })

  it('falls during the walk', () => {
    const size = 1 << 12
    const x = tensor(new Float64Array(size).fill(0.1), { requiresGrad: true })
    scope(() => {
      let y: Tensor = x
      for (let i = 0; i < 20; i++) y = scope(() => y.tanh())
      const total = y.sum()
      device.resetPeak()
      const { bytes } = device.memory()
      total.backward()
      // A gradient or two beside what was saved, not one for each step.
      expect(device.memory().peakBytes - bytes).toBeLessThan(4 * size * 8)
    })
  })
})
