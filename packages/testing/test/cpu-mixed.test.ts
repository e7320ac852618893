/** A network trains on the CPU in mixed precision nearly as it does in f32. */
import { type CpuBackend, cpu } from '@nablajs/backend-cpu'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DigitsRun, trainDigits } from '../src/digits-cnn.ts'

const steps = 150

describe('mixed precision on the cpu', () => {
  let device: CpuBackend
  let full: DigitsRun
  beforeAll(async () => {
    device = await cpu()
    full = await trainDigits(device, steps)
  })
  afterAll(() => device.dispose())

  test.each(['bf16', 'f16'] as const)('%s', async (dtype) => {
    const run = await trainDigits(device, steps, dtype)
    expect(run.accuracy).toBeGreaterThan(full.accuracy - 0.03)
    // It did compute in 16 bits, and the first steps hardly differ for it.
    expect(run.losses).not.toEqual(full.losses)
    for (const [i, loss] of run.losses.slice(0, 10).entries())
      expect(Math.abs(loss - full.losses[i]!), `step ${i}`).toBeLessThan(0.05)
  })
})
