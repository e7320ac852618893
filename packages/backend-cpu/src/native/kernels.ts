/** Matrix products and convolutions by native libraries where they can, by our own kernels where not. */
import { type ConvGeometry, collapse, sizeOf, type View } from '@nablajs/tensor/backend'
import type { CpuKernels } from '../kernels/index.ts'
import type { Matrix, Native, Pass } from './types.ts'

type Address = (view: View) => number

/** Our kernels with those before them that a library has a way for. */
export function withNative(kernels: CpuKernels, native: Native, address: Address): CpuKernels {
  if (typeof native.blas === 'string' && typeof native.oneDnn === 'string') return kernels
  const convolution = (pass: Pass, x: View, weight: View, y: View, geometry: ConvGeometry) =>
    sizeOf(x.shape) > 0 &&
    sizeOf(weight.shape) > 0 &&
    sizeOf(y.shape) > 0 &&
    native.convolution(pass, {
      x: x.shape,
      weight: weight.shape,
      y: y.shape,
      geometry,
      xAt: address(x),
      weightAt: address(weight),
      yAt: address(y),
    })
  return {
    ...kernels,
    matmul(a, b, out) {
      if (!multiply(native, address, a, b, out)) kernels.matmul(a, b, out)
    },
    conv2d(x, weight, out, geometry) {
      if (!convolution('forward', x, weight, out, geometry))
        kernels.conv2d(x, weight, out, geometry)
    },
    conv2dGradInput(dy, weight, dx, geometry) {
      if (!convolution('gradInput', dx, weight, dy, geometry))
        kernels.conv2dGradInput(dy, weight, dx, geometry)
    },
    conv2dGradWeight(x, dy, dw, geometry) {
      if (!convolution('gradWeight', x, dw, dy, geometry))
        kernels.conv2dGradWeight(x, dy, dw, geometry)
    },
  }
}

/** All products of a batch, or none: they differ only in their addresses. */
function multiply(native: Native, address: Address, a: View, b: View, out: View): boolean {
  const rank = out.shape.length
  const n = out.shape[rank - 1]!
  const depth = a.shape[rank - 1]!
  if (sizeOf(out.shape) === 0 || depth === 0) return false
  // The rows count as one more batch axis along which b repeats, so that batches that meet the same
  // b merge with the rows where memory allows, and become one larger product.
  const { shape, strides } = collapse(out.shape.slice(0, -1), [
    a.strides.slice(0, -1),
    [...b.strides.slice(0, -2), 0],
    out.strides.slice(0, -1),
  ])
  const [aSteps, bSteps, outSteps] = strides as [number[], number[], number[]]
  const last = shape.length - 1
  const merged = bSteps[last] === 0
  const rows = merged ? shape[last]! : 1
  const batch = merged ? shape.slice(0, -1) : shape
  const matrix = (view: View, down: number): Matrix => ({
    at: address(view),
    down: 4 * down,
    across: 4 * view.strides[rank - 1]!,
  })
  const x = matrix(a, merged ? aSteps[last]! : 0)
  const y = matrix(b, b.strides[rank - 2]!)
  const z = matrix(out, merged ? outSteps[last]! : 0)
  let done = true
  const each = (axis: number, xAt: number, yAt: number, zAt: number) => {
    if (axis === batch.length)
      done = native.product(rows, n, depth, { ...x, at: xAt }, { ...y, at: yAt }, { ...z, at: zAt })
    else
      for (let i = 0; i < batch[axis]! && done; i++)
        each(
          axis + 1,
          xAt + 4 * i * aSteps[axis]!,
          yAt + 4 * i * bSteps[axis]!,
          zAt + 4 * i * outSteps[axis]!,
        )
  }
  each(0, x.at, y.at, z.at)
  return done
}
