/** The CPU device on two threads in a cross-origin isolated page, where the caller may not sleep. */
import { cpu } from '@nablajs/backend-cpu'
import { shareEverything } from '@nablajs/backend-cpu/internal'
import { conformance } from '@nablajs/testing'
import { beforeAll, expect, test } from 'vitest'

test('as many threads as the browser names', async () => {
  const device = await cpu()
  expect(device.threads).toBe(Math.min(16, navigator.hardwareConcurrency))
  device.dispose()
})

test('the main thread may not sleep', () => {
  const words = new Int32Array(new SharedArrayBuffer(4))
  expect(() => Atomics.wait(words, 0, 0, 0)).toThrow(TypeError)
})

beforeAll(() => shareEverything())
conformance('cpu in a browser, two threads', () => cpu({ threads: 2 }))
