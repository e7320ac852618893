/**
 * Convolutions of images and their gradients: cuBLAS's where they are products of matrices as they
 * are, cuDNN's, or products of matrices that are never written down.
 */
import type { ConvGeometry, Kernels, View } from '@nablajs/tensor/backend'
import { divisorParameters, putDivisor } from '../codegen/divide.ts'
import { byStorage, type Storage, type StoredFloat } from '../codegen/storage.ts'
import type { Dnn } from '../cudnn.ts'
import type { Device } from '../device.ts'
import type { Blas } from './blas.ts'
import { runProduct } from './product.ts'
import type { ProductForm } from './product-source.ts'

type Four = readonly [number, number, number, number]

/** Sizes and geometry, in the order in which {@link putGeometry} gives them. */
const geometryParameters = [
  ...['height', 'width', 'channels', 'channels_of_group'].map((name) => `unsigned int ${name}`),
  ...['out_height', 'out_width'].map((name) => `unsigned int ${name}`),
  'unsigned int out_channels',
  'unsigned int out_of_group',
  ...['pad_h', 'pad_w', 'dilation_h', 'dilation_w'].map((name) => `int ${name}`),
  ...['stride_h', 'stride_w'].flatMap(divisorParameters),
]

function putGeometry(
  { context }: Device,
  x: View,
  weight: View,
  y: View,
  { stride, padding, dilation, groups }: ConvGeometry,
): void {
  const [, h, w, c] = x.shape as Four
  const [, oh, ow, k] = y.shape as Four
  const [, , cg] = weight.shape as Four
  for (const value of [h, w, c, cg, oh, ow, k, k / groups]) context.int(value)
  for (const value of [...padding, ...dilation]) context.int(value)
  for (const value of stride) putDivisor(context, value)
}

/** Takes a number of two inner axes apart: `[i0, i1, i2] = number` over extents `[.., d1, d2]`. */
const split = (
  number: string,
  names: readonly [string, string, string],
  d1: string,
  d2: string,
) => [
  `const unsigned int ${names[0]}_${names[1]} = quotient(${number}, ${d2}_mul, ${d2}_shift);`,
  `const unsigned int ${names[2]} = ${number} - ${names[0]}_${names[1]} * ${d2};`,
  `const unsigned int ${names[0]} = quotient(${names[0]}_${names[1]}, ${d1}_mul, ${d1}_shift);`,
  `const unsigned int ${names[1]} = ${names[0]}_${names[1]} - ${names[0]} * ${d1};`,
]

/** The pixel of x under tap (r, s) of the window at (oh, ow), or 0 in the padding. */
const pixel = ({ read }: Storage): string[] => [
  'const int h = (int)(oh * stride_h + r * dilation_h) - pad_h;',
  'const int w = (int)(ow * stride_w + s * dilation_w) - pad_w;',
  'if (h < 0 || w < 0 || h >= (int)height || w >= (int)width) return 0.0f;',
  `return ${read('x[((size_t)(image * height + h) * width + w) * channels + g * channels_of_group + c]')};`,
]

const forward = byStorage(
  (element): ProductForm => ({
    name: `conv2d${element.suffix}`,
    element,
    parameters: [
      `const ${element.type} *x`,
      `const ${element.type} *weight`,
      `${element.type} *out`,
      ...geometryParameters,
      ...['oh_extent', 'ow_extent', 's_extent', 'c_extent'].flatMap(divisorParameters),
    ],
    a: [
      ...split('m', ['image', 'oh', 'ow'], 'oh_extent', 'ow_extent'),
      ...split('k', ['r', 's', 'c'], 's_extent', 'c_extent'),
      ...pixel(element),
    ],
    b: [`return ${element.read('weight[(size_t)k * out_channels + g * out_of_group + n]')};`],
    c: 'out[(size_t)m * out_channels + g * out_of_group + n]',
    aAlongDepth: true,
    bAlongDepth: false,
  }),
)

const gradInput = byStorage(
  (element): ProductForm => ({
    name: `conv2dGradInput${element.suffix}`,
    element,
    parameters: [
      `const ${element.type} *dy`,
      `const ${element.type} *weight`,
      `${element.type} *dx`,
      ...geometryParameters,
      ...['h_extent', 'w_extent', 's_extent', 'k_extent'].flatMap(divisorParameters),
    ],
    a: [
      ...split('m', ['image', 'h', 'w'], 'h_extent', 'w_extent'),
      ...split('k', ['r', 's', 'out'], 's_extent', 'k_extent'),
      // The window whose tap (r, s) lies on this pixel, if there is one.
      'const int down = (int)h + pad_h - (int)r * dilation_h;',
      'const int right = (int)w + pad_w - (int)s * dilation_w;',
      'if (down < 0 || right < 0) return 0.0f;',
      'const unsigned int oh = quotient(down, stride_h_mul, stride_h_shift);',
      'const unsigned int ow = quotient(right, stride_w_mul, stride_w_shift);',
      'if (oh * stride_h != (unsigned int)down || ow * stride_w != (unsigned int)right) return 0.0f;',
      'if (oh >= out_height || ow >= out_width) return 0.0f;',
      `return ${element.read('dy[((size_t)(image * out_height + oh) * out_width + ow) * out_channels + g * out_of_group + out]')};`,
    ],
    b: [
      'const unsigned int tap = quotient(k, k_extent_mul, k_extent_shift);',
      'const unsigned int out = k - tap * k_extent;',
      `return ${element.read('weight[((size_t)tap * channels_of_group + n) * out_channels + g * out_of_group + out]')};`,
    ],
    c: 'dx[(size_t)m * channels + g * channels_of_group + n]',
    aAlongDepth: true,
    bAlongDepth: true,
  }),
)

const gradWeight = byStorage(
  (element): ProductForm => ({
    name: `conv2dGradWeight${element.suffix}`,
    element,
    parameters: [
      `const ${element.type} *x`,
      `const ${element.type} *dy`,
      `${element.type} *dw`,
      ...geometryParameters,
      ...['oh_extent', 'ow_extent', 's_extent', 'c_extent'].flatMap(divisorParameters),
    ],
    a: [
      ...split('k', ['image', 'oh', 'ow'], 'oh_extent', 'ow_extent'),
      ...split('m', ['r', 's', 'c'], 's_extent', 'c_extent'),
      ...pixel(element),
    ],
    b: [`return ${element.read('dy[(size_t)k * out_channels + g * out_of_group + n]')};`],
    c: 'dw[(size_t)m * out_channels + g * out_of_group + n]',
    aAlongDepth: false,
    bAlongDepth: false,
  }),
)

/** The libraries that may compute a convolution. */
interface Libraries {
  readonly blas: Blas | undefined
  readonly dnn: Dnn | undefined
}

/** Channels of a group up to which libraries, whose tiles are larger, waste most of their work. */
const fewChannels = 4

/** Whether groups are so narrow that a thread for each result does better. */
const isNarrow = (weight: View, { groups }: ConvGeometry): boolean => {
  const [, , cg, k] = weight.shape as Four
  return groups > 1 && Math.max(cg, k / groups) <= fewChannels
}

/** Whether each pixel is multiplied by one matrix: a product of matrices as they lie in memory. */
const isPointwise = (image: View, weight: View, result: View, geometry: ConvGeometry): boolean => {
  const [r, s] = weight.shape as Four
  return (
    geometry.groups === 1 &&
    r === 1 &&
    s === 1 &&
    geometry.padding.every((pad) => pad === 0) &&
    geometry.stride.every((stride) => stride === 1) &&
    image.shape.slice(0, 3).every((extent, axis) => extent === result.shape[axis])
  )
}

/**
 * `out = left right` of dense row-major matrices, of which either may be the transpose of what lies there;
 * false, with nothing done, where cuBLAS does not have it.
 */
function multiplyDense(
  blas: Blas,
  [rows, depth, columns]: readonly [rows: number, depth: number, columns: number],
  left: { readonly address: number; readonly transposed?: boolean },
  right: { readonly address: number; readonly transposed?: boolean },
  out: number,
  dtype: StoredFloat,
  op: string,
): boolean {
  const matrix = (
    { address, transposed = false }: { readonly address: number; readonly transposed?: boolean },
    down: number,
    across: number,
  ) => ({ address, transposed, leading: transposed ? down : across, step: 0 })
  const a = matrix(right, depth, columns)
  const b = matrix(left, rows, depth)
  const c = matrix({ address: out }, rows, columns)
  return blas.multiply({ dtype, m: columns, n: rows, k: depth, count: 1, a, b, c, adds: false }, op)
}

/** {@link Kernels.conv2d} for f32 and halves. */
export function conv2dKernel(device: Device, { blas, dnn }: Libraries): Kernels['conv2d'] {
  return (x, weight, out, geometry) => {
    const addresses = [x, weight, out].map((view) => device.address(view, 'conv2d'))
    const [from, by, to] = addresses as [number, number, number]
    const [n, oh, ow, k] = out.shape as Four
    const [r, s, cg] = weight.shape as Four
    const rows = n * oh * ow
    const dtype = x.dtype as StoredFloat
    if (blas && isPointwise(x, weight, out, geometry) && rows * cg * k > 0) {
      const [left, right] = [{ address: from }, { address: by }]
      if (multiplyDense(blas, [rows, cg, k], left, right, to, dtype, 'conv2d')) return
    }
    if (!isNarrow(weight, geometry))
      if (dnn?.run('conv2d', { image: x, weight, result: out }, geometry)) return
    const size = { rows, columns: k / geometry.groups, depth: r * s * cg }
    runProduct(device, forward[dtype], { ...size, groups: geometry.groups }, () => {
      for (const address of addresses) device.context.address(address)
      putGeometry(device, x, weight, out, geometry)
      for (const extent of [oh, ow, s, cg]) putDivisor(device.context, extent)
    })
  }
}

/** {@link Kernels.conv2dGradInput} for f32 and halves. */
export function conv2dGradInputKernel(
  device: Device,
  { blas, dnn }: Libraries,
): Kernels['conv2dGradInput'] {
  return (dy, weight, dx, geometry) => {
    const addresses = [dy, weight, dx].map((view) => device.address(view, 'conv2dGradInput'))
    const [from, by, to] = addresses as [number, number, number]
    const [n, h, w] = dx.shape as Four
    const [r, s, cg, k] = weight.shape as Four
    const { groups } = geometry
    const rows = n * h * w
    const dtype = dx.dtype as StoredFloat
    if (blas && isPointwise(dx, weight, dy, geometry) && rows * cg * k > 0) {
      const [left, turned] = [{ address: from }, { address: by, transposed: true }]
      if (multiplyDense(blas, [rows, k, cg], left, turned, to, dtype, 'conv2dGradInput')) return
    }
    if (!isNarrow(weight, geometry))
      if (dnn?.run('conv2dGradInput', { image: dx, weight, result: dy }, geometry)) return
    const size = { rows, columns: cg, depth: (r * s * k) / groups }
    runProduct(device, gradInput[dtype], { ...size, groups }, () => {
      for (const address of addresses) device.context.address(address)
      putGeometry(device, dx, weight, dy, geometry)
      for (const extent of [h, w, s, k / groups]) putDivisor(device.context, extent)
    })
  }
}

/** {@link Kernels.conv2dGradWeight} for f32 and halves. */
export function conv2dGradWeightKernel(
  device: Device,
  { blas, dnn }: Libraries,
): Kernels['conv2dGradWeight'] {
  return (x, dy, dw, geometry) => {
    const addresses = [x, dy, dw].map((view) => device.address(view, 'conv2dGradWeight'))
    const [left, right, to] = addresses as [number, number, number]
    const [n, oh, ow, k] = dy.shape as Four
    const [r, s, cg] = dw.shape as Four
    const { groups } = geometry
    const depth = n * oh * ow
    const dtype = dw.dtype as StoredFloat
    if (blas && isPointwise(x, dw, dy, geometry) && depth * cg * k > 0) {
      const [turned, plain] = [{ address: left, transposed: true }, { address: right }]
      if (multiplyDense(blas, [cg, depth, k], turned, plain, to, dtype, 'conv2dGradWeight')) return
    }
    if (!isNarrow(dw, geometry))
      if (dnn?.run('conv2dGradWeight', { image: x, weight: dw, result: dy }, geometry)) return
    const size = { rows: r * s * cg, columns: k / groups, depth }
    runProduct(device, gradWeight[dtype], { ...size, groups }, () => {
      for (const address of addresses) device.context.address(address)
      putGeometry(device, x, dw, dy, geometry)
      for (const extent of [oh, ow, s, cg]) putDivisor(device.context, extent)
    })
  }
}
