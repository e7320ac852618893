/** A network trains on CUDA in mixed precision nearly as it does in f32. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { DataLoader, digits } from '@nablajs/data'
import { crossEntropy, type Sequential } from '@nablajs/nn'
import { Adam, GradScaler } from '@nablajs/optim'
import {
  assign,
  autocast,
  type HalfDType,
  keep,
  manualSeed,
  setDevice,
  type Tensor,
} from '@nablajs/tensor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digitsCnn } from '../src/digits-cnn.ts'
import { because, emulated } from './emulated.ts'

const { missing } = emulated()

const steps = 12

interface Batch {
  readonly image: Tensor
  readonly label: Tensor
}

describe.skipIf(missing !== undefined)(`mixed precision on cuda${because(missing)}`, () => {
  let device: CudaBackend
  let full: readonly number[]
  beforeAll(async () => {
    device = await cuda()
    setDevice(device)
    full = await train(undefined, 1)
  }, 600_000)
  afterAll(() => device.dispose())

  async function batches(count: number): Promise<Batch[]> {
    const loader = new DataLoader(digits('train'), { batchSize: 32, shuffle: true, seed: 1 })
    const found: Batch[] = []
    // The loader takes back what nobody keeps when it gives the next one.
    for await (const { image, label } of loader)
      if (found.push(keep({ image, label })) === count) break
    return found
  }

  const lossOf = (model: Sequential, { image, label }: Batch, dtype?: HalfDType): Tensor => {
    const forward = (): Tensor => crossEntropy(model.forward(image), label)
    return dtype ? autocast(dtype, forward) : forward()
  }

  /** The losses of the same steps each time. */
  async function train(dtype: HalfDType | undefined, initScale: number): Promise<number[]> {
    manualSeed(1)
    const model = digitsCnn()
    const optimizer = new Adam(model.parameters(), { lr: 3e-3 })
    const scaler = new GradScaler({ initScale })
    const losses: number[] = []
    for (const batch of await batches(steps)) {
      optimizer.zeroGrad()
      const loss = lossOf(model, batch, dtype)
      scaler.scale(loss).backward()
      expect(scaler.step(optimizer)).toBe(true)
      scaler.update()
      losses.push(await loss.item())
    }
    return losses
  }

  // What is rounded is rounded by up to 2^-11 or 2^-8 of it; in f32, parameters that are off by as much
  // from the start make the same difference, up to four times that in these steps.
  for (const [dtype, rounding, scale] of [
    ['f16', 2 ** -11, 2 ** 16],
    ['bf16', 2 ** -8, 1],
  ] as const)
    test(`${dtype}: a network has nearly the losses of f32`, async () => {
      const losses = await train(dtype, scale)
      losses.forEach((loss, step) => {
        expect(Math.abs(loss - full[step]!)).toBeLessThan(10 * rounding)
      })
      expect(losses).not.toEqual(full)
      expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.3)
    })

  test('f16: scales change nothing where nothing over- or underflows; without one small gradients vanish', async () => {
    const losses = await train('f16', 2 ** 16)
    expect(await train('f16', 2 ** 10)).toEqual(losses)
    expect(await train('f16', 1)).not.toEqual(losses)
  })

  test('f16: a step whose gradients overflow is left out, and the scale shrinks until none does', async () => {
    manualSeed(1)
    const model = digitsCnn()
    const optimizer = new Adam(model.parameters(), { lr: 3e-3 })
    const scaler = new GradScaler({ initScale: 2 ** 26 })
    const [batch] = await batches(1)
    const values = async (): Promise<number[][]> =>
      Promise.all(model.parameters().map(async (p) => [...(await p.data())]))
    const start = await values()
    let skipped = 0
    for (;;) {
      optimizer.zeroGrad()
      scaler.scale(lossOf(model, batch!, 'f16')).backward()
      const stepped = scaler.step(optimizer)
      scaler.update()
      if (stepped) break
      skipped++
      expect(scaler.getScale()).toBe(2 ** (26 - skipped))
      expect(await values()).toEqual(start)
    }
    // The largest gradient of the logits is the scale, by 32 images, by a probability's distance from 0 or 1.
    expect(skipped).toBeGreaterThanOrEqual(26 - 21)
    expect(scaler.getScale()).toBeLessThanOrEqual(2 ** 21)
    const moved = await values()
    expect(moved).not.toEqual(start)
    expect(moved.flat().every(Number.isFinite)).toBe(true)
  })

  test('bf16: a captured step computes the same', async () => {
    const run = async (captures: boolean): Promise<number[]> => {
      manualSeed(1)
      const model = digitsCnn()
      const optimizer = new Adam(model.parameters(), { lr: 3e-3 })
      const [first, ...rest] = await batches(6)
      const step = (): Tensor => optimizer.step(() => lossOf(model, first!, 'bf16'))
      const losses: number[] = []
      if (captures) {
        const graph = device.capture(step)
        losses.push(await graph.result.item())
        for (const batch of rest) {
          for (const name of ['image', 'label'] as const) assign(first![name], batch[name])
          graph.replay()
          losses.push(await graph.result.item())
        }
        graph.dispose()
      } else
        for (const batch of [first!, ...rest]) {
          for (const name of ['image', 'label'] as const)
            if (batch !== first) assign(first![name], batch[name])
          losses.push(await step().item())
        }
      return losses
    }
    expect(await run(true)).toEqual(await run(false))
  })
})
