import { webgpu } from '@nablajs/backend-webgpu'
import { expect, test } from 'vitest'
import { losses, temporaryFolder, tiny, train } from './command.ts'

const cwd = temporaryFolder()
const args = [...tiny, '--epochs', '1', '--json', '--out', 'run.safetensors']

/** Why there is no GPU here, or undefined. */
const missing = await webgpu().then(
  (device) => device.dispose(),
  (error: Error) => error.message,
)

test('--backend webgpu says what is missing where there is no GPU', async () => {
  const env = { VK_ICD_FILENAMES: '/there/is/no/driver.json' }
  const { code, stderr } = await train([...args, '--backend', 'webgpu'], { cwd, env })
  // A machine may have a GPU that is not found by this variable.
  if (code === 0) return
  expect(code).toBe(2)
  expect(stderr).toContain('error: --backend webgpu: webgpu: there is no GPU that WebGPU can use')
})

test.skipIf(missing !== undefined)(
  `--backend webgpu trains as the CPU does, and ends${missing ? ` (${missing})` : ''}`,
  { timeout: 300_000 },
  async () => {
    const { code, stderr, events } = await train([...args, '--backend', 'webgpu'], { cwd })
    expect([code, stderr]).toEqual([0, ''])
    expect(events[0]).toMatchObject({ backend: 'webgpu' })
    const cpu = await train(args, { cwd })
    const expected = losses(cpu.events) as number[]
    losses(events).forEach((loss, step) => {
      expect(Math.abs((loss as number) - expected[step]!), `step ${step}`).toBeLessThan(1e-3)
    })
  },
)
