import { expect, test } from 'vitest'
import { gradCheck } from '../gradcheck.ts'
import { reference, setDevice, tensor } from '../index.ts'
import { program } from '../program/program.ts'
import { sumOf } from './sum.ts'

setDevice(reference())

const weighted = program({ name: 'weighted', inputs: ['f64', 'f64', 'f64'] }, (x, center, w) => {
  const distance = x!.sub(center!)
  return distance.mul(distance).mul(w!)
})
const x = tensor(
  [
    [1, 2, 4],
    [0, -1, 3],
  ],
  { dtype: 'f64' },
)
const center = tensor([[0.5], [1.5]], { dtype: 'f64' })
const w = tensor([0.2, 0.3, 0.5], { dtype: 'f64' })

test('sumOf sums a program of inputs that broadcast', () => {
  const total = sumOf(weighted, [x, center, w], [2, 3], [1])
  expect(total.shape).toEqual([2, 1])
  const [first, second] = total.dataSync()
  expect(first).toBeCloseTo(0.2 * 0.25 + 0.3 * 2.25 + 0.5 * 12.25, 12)
  expect(second).toBeCloseTo(0.2 * 2.25 + 0.3 * 6.25 + 0.5 * 2.25, 12)
})

test('its gradients for whole and for repeated inputs are right to second order', () => {
  for (const axes of [[0], [1], [0, 1]])
    gradCheck((a, b, c) => sumOf(weighted, [a!, b!, c!], [2, 3], axes), [x, center, w], {
      order: 2,
    })
})

test('the gradient of a repeated input makes no tensor of the full size', () => {
  const device = reference()
  const far = (values: number[][]) => tensor(values, { dtype: 'f64', device })
  const rows = Array.from({ length: 64 }, (_, i) => [i, i + 1])
  const [input, repeated, one] = [far(rows), far([[1, 2]]), far([[1, 1]])]
  repeated.requiresGrad = true
  const total = sumOf(weighted, [input, repeated, one], [64, 2], [0, 1])
  const before = device.memory().bytes
  device.resetPeak()
  total.backward()
  expect(device.memory().peakBytes - before).toBeLessThan(64 * 2 * 8)
})
