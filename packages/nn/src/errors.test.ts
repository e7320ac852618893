/** What layers say of input that does not fit, where no other test has it. */
import { reference, setDevice, zeros } from '@nablajs/tensor'
import { beforeAll, expect, test } from 'vitest'
import { batchNorm, LSTM, LSTMCell } from './index.ts'

beforeAll(() => setDevice(reference()))

test('batchNorm takes both running statistics or none', () => {
  expect(() => batchNorm(zeros([4, 2]), { runningMean: zeros([2]) })).toThrow(
    'batchNorm: runningMean and runningVar come together or not at all',
  )
})

test('states of recurrent layers and cells have a shape', () => {
  const states: [ReturnType<typeof zeros>, ReturnType<typeof zeros>] = [
    zeros([1, 2, 4]),
    zeros([1, 2, 3]),
  ]
  expect(() => new LSTM(3, 4).forward(zeros([5, 2, 3]), states)).toThrow(
    'c0 is [1, 2, 3]; it must be [1, 2, 4]',
  )
  expect(() => new LSTMCell(3, 4).forward(zeros([2, 3]), [zeros([2, 4]), zeros([2, 5])])).toThrow(
    'c is [2, 5]; it must be [2, 4]',
  )
})
