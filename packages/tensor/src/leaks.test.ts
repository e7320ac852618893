import { expect, test } from 'vitest'
import { dispose, keep, reference, release, scope, setDevice, tensor } from './index.ts'

/** How many buffers stay behind when `body` runs outside of any scope and disposes what it is given. */
function buffersAfter(body: () => void): number {
  const device = reference()
  setDevice(device)
  body()
  return device.memory().buffers
}

test('backward leaves nothing behind but the gradients', () => {
  const left = buffersAfter(() => {
    const w = tensor([3], { requiresGrad: true })
    const loss = w.square()
    loss.backward()
    expect(w.grad!.toArraySync()).toEqual([6])
    for (const t of [loss, w]) t.dispose()
  })
  expect(left).toBe(0)
})

test('reading a strided view of a tensor with gradients leaves nothing behind', () => {
  const left = buffersAfter(() => {
    const w = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    )
    const view = w.transpose()
    expect(view.toArraySync()).toEqual([
      [1, 3],
      [2, 4],
    ])
    for (const t of [view, w]) t.dispose()
  })
  expect(left).toBe(0)
})

test('release frees what the innermost scope made, and nothing else', () => {
  const device = reference()
  setDevice(device)
  const outside = tensor([1])
  scope(() => {
    const outer = tensor([2])
    scope(() => {
      const [own, kept] = [tensor([3]), keep(tensor([4]))]
      release([own, kept, outer, outside])
      expect([own, kept, outer, outside].map((t) => t.disposed)).toEqual([
        true,
        false,
        false,
        false,
      ])
      kept.dispose()
    })
  })
  release(outside)
  expect(outside.disposed).toBe(false)
  expect(device.memory().buffers).toBe(1)
})

test('a holder is looked into, whatever its fields are called', () => {
  const device = reference()
  setDevice(device)
  const holder = { home: 'here', dispose() {}, inside: tensor([1]), held: () => [holder.inside] }
  scope(() => keep(holder))
  dispose(holder)
  expect(device.memory().buffers).toBe(0)
})
