import { expect, test } from 'vitest'
import { reference, setDevice, tensor } from './index.ts'

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
