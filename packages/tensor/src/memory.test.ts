import { beforeEach, describe, expect, it } from 'vitest'
import type { Backend } from './backend.ts'
import {
  dispose,
  gradients,
  keep,
  reference,
  release,
  scope,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from './index.ts'

let device: Backend
beforeEach(() => {
  device = reference()
  setDevice(device)
})

const buffers = () => device.memory().buffers

describe('scope', () => {
  it('frees what was made inside but the result', () => {
    const y = scope(() => tensor([1, 2]).mul(2).add(1))
    expect(buffers()).toBe(1)
    expect(y.toArraySync()).toEqual([3, 5])
    y.dispose()
    expect(buffers()).toBe(0)
  })

  it('keeps results in arrays, objects, maps and nested ones', () => {
    const result = scope(() => ({
      list: [zeros([1]), zeros([2])],
      deep: { map: new Map([['a', zeros([3])]]) },
      lost: null,
    }))
    expect(buffers()).toBe(3)
    dispose(result)
    expect(buffers()).toBe(0)
  })

  it('hands results to the scope around it', () => {
    scope(() => {
      const inner = scope(() => zeros([2]))
      expect(buffers()).toBe(1)
      expect(inner.disposed).toBe(false)
    })
    expect(buffers()).toBe(0)
  })

  it('leaves tensors of others alone', () => {
    const outside = zeros([2])
    scope(() => {
      outside.add(1)
    })
    expect(outside.disposed).toBe(false)
    expect(buffers()).toBe(1)
  })

  it('frees when the body throws', () => {
    expect(() =>
      scope(() => {
        zeros([2])
        throw new Error('out')
      }),
    ).toThrow('out')
    expect(buffers()).toBe(0)
    zeros([1])
    expect(buffers()).toBe(1)
  })

  it('works as a block', () => {
    let y: Tensor
    {
      using s = scope()
      const x = zeros([4])
      y = s.keep(x.add(1))
    }
    expect(buffers()).toBe(1)
    expect(y.disposed).toBe(false)
  })

  it('refuses asynchronous bodies', () => {
    expect(() => scope(async () => zeros([2]))).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: scope: the function is asynchronous; await outside, or open a scope around each synchronous part]`,
    )
  })

  it('frees views and their memory independently', () => {
    const view = scope(() => tensor([1, 2, 3, 4]).slice({ start: 2 }))
    expect(buffers()).toBe(1)
    expect(view.toArraySync()).toEqual([3, 4])
    view.dispose()
    expect(buffers()).toBe(0)
  })

  it('says what is wrong with a tensor that is used too late', () => {
    let lost: Tensor | undefined
    scope(() => {
      lost = zeros([2, 3])
    })
    expect(() => lost!.add(1)).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: a tensor [2, 3] was used after it was disposed; its scope has ended: return it from the scope, or keep() it]`,
    )
    expect(() => lost!.dataSync()).toThrowErrorMatchingInlineSnapshot(
      `[GraphError: a tensor [2, 3] was used after it was disposed; its scope has ended: return it from the scope, or keep() it]`,
    )
  })
})

describe('keep and dispose', () => {
  it('take a tensor out of all scopes', () => {
    const kept = scope(() => {
      scope(() => {
        keep(zeros([2]))
      })
      return undefined
    })
    expect(kept).toBeUndefined()
    expect(buffers()).toBe(1)
  })

  it('dispose twice without harm', () => {
    const x = zeros([2])
    x.dispose()
    x.dispose()
    expect(buffers()).toBe(0)
    expect(x.disposed).toBe(true)
  })

  it('find tensors in containers that say what they hold', () => {
    const parts = [zeros([1]), zeros([2])]
    dispose({ held: () => parts })
    expect(buffers()).toBe(0)
  })

  it('release early what the scope would free anyway', () => {
    const outside = zeros([1])
    scope(() => {
      const inside = outside.add(1)
      release([inside, outside])
      expect(inside.disposed).toBe(true)
      expect(buffers()).toBe(1)
    })
    expect(outside.disposed).toBe(false)
  })

  it('dispose the gradient with its leaf', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    scope(() => x.square().sum().backward())
    expect(buffers()).toBe(2)
    x.dispose()
    expect(buffers()).toBe(0)
  })
})

describe('gradients in scopes', () => {
  it('belong to the scope they are computed in', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const [slope] = scope(() => gradients(x.square().sum(), [x]))
    expect(slope!.toArraySync()).toEqual([2, 4])
    expect(buffers()).toBe(2)
  })

  it('of backward stay with their leaves', () => {
    const x = tensor([1, 2], { requiresGrad: true })
    scope(() => x.square().sum().backward())
    expect(x.grad!.toArraySync()).toEqual([2, 4])
  })
})

it('counts bytes and their peak', () => {
  const before = device.memory().bytes
  device.resetPeak()
  const x = zeros([100])
  scope(() => {
    x.add(1).add(1)
  })
  expect(device.memory().bytes - before).toBe(400)
  expect(device.memory().peakBytes - before).toBe(1200)
  x.dispose()
})
