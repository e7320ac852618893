/** What the tests of layers and losses share. */
import { gradCheck, type Tensor, tensor, uniform } from '@nablajs/tensor'
import { expect } from 'vitest'
import type { Module } from '../src/index.ts'

/** Numbers as f64. */
export function f64(values: Parameters<typeof tensor>[0]): Tensor {
  return tensor(values, { dtype: 'f64' })
}

/** Class numbers. */
export function labels(values: Parameters<typeof tensor>[0]): Tensor {
  return tensor(values, { dtype: 'i32' })
}

/** Random numbers as f64, the same for the same shape order in a file. */
export function random(shape: readonly number[], low = -2, high = 2): Tensor {
  return uniform(shape, low, high, { dtype: 'f64' })
}

export function expectClose(actual: Tensor, expected: readonly number[], digits = 10): void {
  const values = [...actual.dataSync()]
  expect(values).toHaveLength(expected.length)
  values.forEach((value, i) => {
    expect(value, `element ${i}`).toBeCloseTo(expected[i]!, digits)
  })
}

/** Checks the gradients of a layer for its input and for each of its own parameters, twice over. */
export function checkLayerGradients(layer: Module, input: Tensor, order: 1 | 2 = 2): void {
  const fields = layer as unknown as Record<string, Tensor>
  const names = layer.namedParameters().map(([name]) => name)
  const parameters = layer.parameters()
  const run = (x: Tensor, ...given: Tensor[]): Tensor => {
    names.forEach((name, i) => {
      fields[name] = given[i]!
    })
    try {
      return layer.forward(x)
    } finally {
      names.forEach((name, i) => {
        fields[name] = parameters[i]!
      })
    }
  }
  const points = parameters.map((t) => t.detach().copy())
  gradCheck((x, ...given) => run(x!, ...given), [input, ...points], { order })
}
