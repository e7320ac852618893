/** Tensors on one memory in two libraries. */
import { setDevice, tensor } from '@nablajs/tensor'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type WebGpuBackend, webgpu } from '../src/index.ts'
import { connectTfjs, fromTfjs, toTfjs } from '../src/tfjs/index.ts'
import { describeOnGpu } from './gpu.ts'

describeOnGpu('tfjs', () => {
  let device: WebGpuBackend

  beforeAll(async () => {
    device = await webgpu()
    setDevice(device)
  })
  afterAll(() => {
    expect(device.gpuErrors).toBe(0)
    setDevice(undefined)
    device.dispose()
  })

  it('says that the device has to be connected first', () => {
    const x = tensor([1])
    expect(() => toTfjs(x)).toThrowErrorMatchingInlineSnapshot(
      `[DeviceError: toTfjs: the tensor's device (webgpu) is not connected; await connectTfjs(device) first]`,
    )
    x.dispose()
  })

  it('connects once', async () => {
    const backend = await connectTfjs(device)
    expect(await connectTfjs(device)).toBe(backend)
    expect(tf.getBackend()).toBe('webgpu')
    expect(backend.device).toBe(device.device)
  })

  it('takes a tensor to tfjs and back without a copy', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const dispatches = device.stats.dispatches
    const theirs = toTfjs(x)
    expect(theirs.shape).toEqual([2, 3])
    const squared = tf.square(theirs)
    const ours = fromTfjs(squared)
    expect(device.stats.dispatches).toBe(dispatches)
    expect(ours.shape).toEqual([2, 3])
    expect([...(await ours.data())]).toEqual([1, 4, 9, 16, 25, 36])
    // A buffer is rounded up; what tfjs reads is not.
    expect([...(await theirs.data())]).toEqual([1, 2, 3, 4, 5, 6])
    for (const t of [x, theirs, squared, ours]) t.dispose()
  })

  it('keeps the order of work of both', async () => {
    let x = tensor([1, 2, 3, 4])
    for (let round = 0; round < 5; round++) {
      const theirs = toTfjs(x.mul(3))
      const next = tf.add(theirs, 1)
      x = fromTfjs(next).sub(1)
      theirs.dispose()
      next.dispose()
    }
    expect([...(await x.data())]).toEqual([243, 486, 729, 972])
  })

  it('makes views dense first', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const turned = toTfjs(x.transpose())
    const last = toTfjs(x.slice({ start: 1 }))
    expect(await turned.array()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ])
    expect([...(await last.data())]).toEqual([4, 5, 6])
    for (const t of [x, turned, last]) t.dispose()
  })

  it('carries integers and bools, and refuses what the other does not have', async () => {
    const i = toTfjs(tensor([1, -2], { dtype: 'i32' }))
    expect(i.dtype).toBe('int32')
    expect([...(await fromTfjs(i).data())]).toEqual([1, -2])
    const b = toTfjs(tensor([1, 2, 3]).gt(1.5))
    expect(b.dtype).toBe('bool')
    expect([...(await b.data())]).toEqual([0, 1, 1])
    expect(() => toTfjs(tensor([1], { dtype: 'u32' }))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: toTfjs: TensorFlow.js has no u32; cast to i32]`,
    )
    expect(() => fromTfjs(tf.tensor(['a']))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: fromTfjs: string came; float32, int32 and bool can be shared]`,
    )
  })

  it('keeps the memory until both let go', async () => {
    const before = device.memory().buffers
    const x = tensor([1, 2, 3, 4])
    const theirs = toTfjs(x)
    x.dispose()
    expect(device.memory().buffers).toBe(before + 1)
    // Memory that went back would be taken by these.
    const others = [tensor([9, 9, 9, 9]), tensor([8, 8, 8, 8])]
    expect([...(await theirs.data())]).toEqual([1, 2, 3, 4])
    theirs.dispose()
    for (const t of others) t.dispose()
    expect(device.memory().buffers).toBe(before)

    const a = tf.square(tf.tensor([1, 2, 3]))
    const tensors = tf.memory().numTensors
    const ours = fromTfjs(a)
    a.dispose()
    expect([...(await ours.mul(2).data())]).toEqual([2, 8, 18])
    ours.dispose()
    expect(tf.memory().numTensors).toBe(tensors - 1)
  })
})
