/** Runs samples on a device. */
import {
  type Backend,
  type DType,
  type FloatDType,
  getDefaultDType,
  gradients,
  type Shape,
  scope,
  setDefaultDType,
  Tensor,
  type TypedArray,
  tensor,
  withDevice,
} from '@nablajs/tensor'
import { isFloat } from '@nablajs/tensor/backend'
import type { Input, Sample } from './sample.ts'

export interface Result {
  readonly dtype: DType
  readonly shape: Shape
  readonly values: TypedArray
}

function withDefaults<T>(device: Backend, float: FloatDType, body: () => T): T {
  const before = getDefaultDType()
  setDefaultDType(float)
  try {
    return withDevice(device, body)
  } finally {
    setDefaultDType(before)
  }
}

/** The memory of an input as a leaf, and the view of it that the op gets. */
function makeInput(input: Input, float: FloatDType, gradient: boolean): [Tensor, Tensor] {
  const dtype = input.dtype === 'float' ? float : input.dtype
  const leaf = tensor(Float64Array.from(input.values), { dtype, shape: input.shape })
  if (gradient && isFloat(dtype) && !input.constant) leaf.requiresGrad = true
  return [leaf, input.view?.(leaf) ?? leaf]
}

function outputsOf(sample: Sample, inputs: readonly Tensor[]): readonly Tensor[] {
  const result = sample.run(...inputs)
  return result instanceof Tensor ? [result] : result
}

async function read(tensors: readonly Tensor[]): Promise<Result[]> {
  const results: Result[] = []
  for (const t of tensors) {
    results.push({ dtype: t.dtype, shape: t.shape, values: await t.data() })
    t.dispose()
  }
  return results
}

/** The outputs of a sample. */
export function runForward(sample: Sample, device: Backend, float: FloatDType): Promise<Result[]> {
  const outputs = withDefaults(device, float, () =>
    scope(() => {
      const inputs = sample.inputs.map((input) => makeInput(input, float, false)[1])
      // Handles of their own: an op may give back its input, which ends with the scope.
      return outputsOf(sample, inputs).map((output) => output.detach())
    }),
  )
  return read(outputs)
}

/** All different, and exact in f32; `fit` makes them exact in less. */
function cotangent(like: Tensor, fit: (value: number) => number): Tensor {
  const golden = (Math.sqrt(5) - 1) / 2
  const values = Float64Array.from({ length: like.size }, (_, i) =>
    fit(0.5 + (((i + 1) * golden) % 1)),
  )
  return tensor(values, { dtype: like.dtype, shape: like.shape })
}

/**
 * The gradients of a weighted sum of a sample's outputs, for each float input; undefined when no
 * output has a gradient.
 */
export async function runBackward(
  sample: Sample,
  device: Backend,
  float: FloatDType,
  fit: (value: number) => number = Math.fround,
): Promise<Result[] | undefined> {
  const slopes = withDefaults(device, float, () =>
    scope(() => {
      const made = sample.inputs.map((input) => makeInput(input, float, true))
      const leaves = made.map(([leaf]) => leaf).filter((leaf) => leaf.requiresGrad)
      const outputs = outputsOf(
        sample,
        made.map(([, view]) => view),
      )
      const parts = outputs
        .filter((output) => output.requiresGrad)
        .map((output) => output.mul(cotangent(output, fit)).sum())
      if (parts.length === 0) return undefined
      const total = parts.reduce((sum, part) => sum.add(part))
      return gradients(total, leaves)
    }),
  )
  return slopes && read(slopes)
}
