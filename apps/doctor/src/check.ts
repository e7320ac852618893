/** Whether a device computes: a small layer with its gradient, compared with the reference device. */
import { type Backend, matmul, reference, tanh, tensor } from '@nablajs/tensor'
import { type Line, reason } from './section.ts'

/** The line for a device; an error of the device is a line too. */
export async function check(device: Backend): Promise<Line> {
  const name = 'check'
  const truth = reference()
  try {
    const [actual, expected] = [await compute(device), await compute(truth)]
    const off = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)))
    // NaN fails too.
    return off < 1e-4
      ? { name, text: 'computes a layer and its gradient rightly' }
      : { name, text: `computes a layer and its gradient WRONGLY: off by ${off}` }
  } catch (error) {
    return { name, text: `FAILS: ${reason(error, device.name)}` }
  } finally {
    truth.dispose()
  }
}

async function compute(device: Backend): Promise<number[]> {
  const [rows, inner, columns] = [20, 30, 10]
  const values = (count: number) => Array.from({ length: count }, (_, i) => Math.sin(i + 1))
  const x = tensor(values(rows * inner), { shape: [rows, inner], device })
  const w = tensor(values(inner * columns), { shape: [inner, columns], device, requiresGrad: true })
  const y = tanh(matmul(x, w))
  y.sum().backward()
  return [...(await y.data()), ...(await w.grad!.data())].map(Number)
}
