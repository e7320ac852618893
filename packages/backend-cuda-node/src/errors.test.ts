import { expect, test } from 'vitest'
import { startDriver } from './errors.ts'

/** A driver that answers `cuInit` with a code, and knows no words for it. */
const failing = (code: number) => ({
  cuInit: () => code,
  cuGetErrorName: () => 1,
  cuGetErrorString: () => 1,
})

test('a driver that starts has no problem', () => {
  expect(startDriver(failing(0), {})).toBeUndefined()
})

test('a driver that does not start: what it said, and what would do', () => {
  expect(startDriver(failing(100), { CUDA_VISIBLE_DEVICES: '' })).toBe(
    'cuda: the driver does not start: error 100 (no explanation): no GPU is visible to this process, ' +
      'and CUDA_VISIBLE_DEVICES is ""',
  )
  expect(startDriver(failing(100), {})).not.toContain('CUDA_VISIBLE_DEVICES')
  expect(startDriver(failing(802), {})).toContain('nvidia-fabricmanager')
  expect(startDriver(failing(803), {})).toContain('restart the machine after an update')
  expect(startDriver(failing(34), {})).toContain('NABLA_CUDA_DRIVER')
  expect(startDriver(failing(2), {})).toBe(
    'cuda: the driver does not start: error 2 (no explanation)',
  )
})
