/** What the tests of layers and losses share. */
import { type Tensor, tensor, uniform } from '@nablajs/tensor'
import { gradCheck } from '@nablajs/tensor/gradcheck'
import { expect } from 'vitest'
import type { AnyModule, Module } from '../src/index.ts'

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

/** Checks the gradients of a layer for its input and for each of its parameters, twice over. */
export function checkLayerGradients(layer: Module, input: Tensor, order: 1 | 2 = 2): void {
  checkParameters(layer, (x) => layer.forward(x!), [input], order)
}

/** The same for what `run` does with the module: it gets the inputs, and gives some outputs. */
export function checkParameters(
  module: AnyModule,
  run: (...inputs: Tensor[]) => Tensor | Tensor[],
  inputs: readonly Tensor[],
  order: 1 | 2 = 2,
): void {
  const places = module.modules().flatMap(placesOf)
  const points = places.map(({ holder, field }) => holder[field]!.detach().copy())
  const substitute = (given: readonly Tensor[]): Tensor | Tensor[] => {
    const before = places.map(({ holder, field }) => holder[field]!)
    const put = (list: readonly Tensor[]): void =>
      places.forEach(({ holder, field }, i) => {
        holder[field] = list[i]!
      })
    put(given.slice(inputs.length))
    try {
      return run(...given.slice(0, inputs.length))
    } finally {
      put(before)
    }
  }
  gradCheck((...given) => substitute(given), [...inputs, ...points], { order })
}

/** The fields of a module that hold parameters. */
function placesOf(module: AnyModule): { holder: Record<string, Tensor>; field: string }[] {
  const holder = module as unknown as Record<string, Tensor>
  const parameters = new Set(module.parameters())
  return Object.keys(holder)
    .filter((field) => parameters.has(holder[field]!))
    .map((field) => ({ holder, field }))
}
