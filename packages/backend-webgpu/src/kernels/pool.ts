/** Pooling: a thread looks at the window of one result, neighbouring threads at neighbouring channels. */
import { type Kernels, type PoolGeometry, sizeOf, type View } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { dedent, defineKernel, eachThread, groupsFor, orderText, THREADS, zero } from './wgsl.ts'

const params = [
  ...['count', 'x_first', 'y_first', 'indices_first', 'height', 'width', 'channels'],
  ...['taps_h', 'taps_w', 'grid_height', 'grid_width'],
  ...['stride_h', 'stride_w', 'top', 'left', 'dilation_h', 'dilation_w'],
]

interface Variant {
  /** Channels that a thread computes at once: 4 where memory lies so that they are one `vec4<f32>`. */
  readonly each: 1 | 4
}

function variantOf(x: View, y: View): Variant {
  return { each: [x.shape[3]!, x.offset, y.offset].every((n) => n % 4 === 0) ? 4 : 1 }
}

const elementOf = ({ each }: Variant) => (each === 4 ? 'vec4<f32>' : 'f32')

/** The windows of a pooling from `x` `[N, H, W, C]` to `y` `[N, OH, OW, C]`. */
function paramsOf(
  { each }: Variant,
  x: View,
  y: View,
  geometry: PoolGeometry,
): Record<string, number> {
  const [, h, w, c] = x.shape as [number, number, number, number]
  const [, oh, ow] = y.shape as [number, number, number, number]
  const { kernel, stride, padding, dilation } = geometry
  return {
    ...{ x_first: x.offset / each, y_first: y.offset / each, indices_first: 0 },
    ...{ height: h, width: w, channels: c / each, taps_h: kernel[0], taps_w: kernel[1] },
    ...{ grid_height: oh, grid_width: ow },
    ...{ stride_h: stride[0], stride_w: stride[1], top: padding[0], left: padding[1] },
    ...{ dilation_h: dilation[0], dilation_w: dilation[1] },
  }
}

/** Text that runs `body` for every tap inside of the image: `y`, `x` and `x_at`, the element. */
const eachTap = (body: string, row: { before?: string; after?: string } = {}): string =>
  dedent(`
    let channel = i32(number % u32(p.channels));
    let pixel = number / u32(p.channels);
    let left = i32(pixel % u32(p.grid_width)) * p.stride_w - p.left;
    let line = pixel / u32(p.grid_width);
    let top = i32(line % u32(p.grid_height)) * p.stride_h - p.top;
    let image = i32(line / u32(p.grid_height)) * p.height;
    for (var r = 0; r < p.taps_h; r++) {
      let y = top + r * p.dilation_h;
      if (y < 0 || y >= p.height) { continue; }${row.before ? `\n      ${row.before}` : ''}
      for (var s = 0; s < p.taps_w; s++) {
        let x = left + s * p.dilation_w;
        if (x < 0 || x >= p.width) { continue; }
        let x_at = p.x_first + ((image + y) * p.width + x) * p.channels + channel;
        ${body}
      }${row.after ? `\n      ${row.after}` : ''}
    }
  `)

const largest = defineKernel<null>(() => ({
  name: 'maxPool2d',
  about:
    'The first of the largest values of each window, and where it is; a window of nothing gives -Infinity.',
  // Bits are compared, so that NaN is what it is and subnormal numbers stay.
  memory: {
    x: { element: 'u32' },
    y: { element: 'u32', access: 'write' },
    indices: { element: 'i32', access: 'write' },
  },
  params,
  threads: THREADS,
  declarations: orderText('f32'),
  main: [
    eachThread,
    dedent(`
      var best = 0u;
      var value = 0xff800000u; // -Infinity
      var place = 0;
    `),
    eachTap(
      'let bits = load_x(x_at); if (order(bits) > best) { best = order(bits); value = bits; place = y * p.width + x; }',
    ),
    'store_y(p.y_first + i32(number), value);',
    'store_indices(p.indices_first + i32(number), place);',
  ].join('\n'),
}))

const sum = defineKernel<Variant>((variant) => ({
  name: 'sumPool2d',
  about: 'The sum of each window, row by row.',
  memory: {
    x: { element: elementOf(variant) },
    y: { element: elementOf(variant), access: 'write' },
  },
  params,
  threads: THREADS,
  main: [
    eachThread,
    `var sum = ${elementOf(variant)}();`,
    eachTap('row_sum += load_x(x_at);', {
      before: `var row_sum = ${elementOf(variant)}();`,
      after: 'sum += row_sum;',
    }),
    'store_y(p.y_first + i32(number), sum);',
  ].join('\n'),
}))

const spread = defineKernel<Variant>((variant) => ({
  name: 'sumPool2dGrad',
  about: 'The gradient of the sums of windows: each pixel sums the windows it is in.',
  memory: {
    y: { element: elementOf(variant) },
    x: { element: elementOf(variant), access: 'write' },
  },
  params,
  threads: THREADS,
  main: [
    eachThread,
    dedent(`
      let channel = i32(number % u32(p.channels));
      let pixel = number / u32(p.channels);
      let column = i32(pixel % u32(p.width));
      let line = pixel / u32(p.width);
      let row = i32(line % u32(p.height));
      let image = i32(line / u32(p.height)) * p.grid_height;
      var sum = ${elementOf(variant)}();
      for (var r = 0; r < p.taps_h; r++) {
        let y = row + p.top - r * p.dilation_h;
        let u = y / p.stride_h;
        if (y < 0 || u * p.stride_h != y || u >= p.grid_height) { continue; }
        for (var s = 0; s < p.taps_w; s++) {
          let x = column + p.left - s * p.dilation_w;
          let v = x / p.stride_w;
          if (x < 0 || v * p.stride_w != x || v >= p.grid_width) { continue; }
          sum += load_y(p.y_first + ((image + u) * p.grid_width + v) * p.channels + channel);
        }
      }
      store_x(p.x_first + i32(number), sum);
    `),
  ].join('\n'),
}))

/** {@link Kernels.maxPool2d} for f32. A window without any input gives -Infinity and index 0. */
export function maxPool2dKernel(runtime: Runtime): Kernels['maxPool2d'] {
  return (x, values, indices, geometry) => {
    const count = sizeOf(values.shape)
    if (count === 0) return
    largest(runtime, null, {
      buffers: { x: x.buffer, y: values.buffer, indices: indices.buffer },
      params: {
        ...paramsOf({ each: 1 }, x, values, geometry),
        indices_first: indices.offset,
        count,
      },
      groups: groupsFor(count),
    })
  }
}

/** {@link Kernels.sumPool2d} for f32. */
export function sumPool2dKernel(runtime: Runtime): Kernels['sumPool2d'] {
  return (x, out, geometry) => {
    const count = sizeOf(out.shape)
    if (count === 0) return
    if (sizeOf(x.shape) === 0) return zero(runtime, out)
    const variant = variantOf(x, out)
    sum(runtime, variant, {
      buffers: { x: x.buffer, y: out.buffer },
      params: { ...paramsOf(variant, x, out, geometry), count: count / variant.each },
      groups: groupsFor(count / variant.each),
    })
  }
}

/** {@link Kernels.sumPool2dGrad} for f32. */
export function sumPool2dGradKernel(runtime: Runtime): Kernels['sumPool2dGrad'] {
  return (dy, dx, geometry) => {
    const count = sizeOf(dx.shape)
    if (count === 0) return
    if (sizeOf(dy.shape) === 0) return zero(runtime, dx)
    const variant = variantOf(dx, dy)
    spread(runtime, variant, {
      buffers: { y: dy.buffer, x: dx.buffer },
      params: { ...paramsOf(variant, dx, dy, geometry), count: count / variant.each },
      groups: groupsFor(count / variant.each),
    })
  }
}
