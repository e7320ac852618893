/** Pooling: a thread looks at the window of one result, neighbouring threads at neighbouring channels. */
import { type Kernels, type PoolGeometry, sizeOf, type View } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { halvesOf } from './memory.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  indent,
  orderText,
  THREADS,
  zero,
} from './wgsl.ts'

const params = [
  ...['count', 'x_first', 'y_first', 'indices_first', 'height', 'width', 'channels'],
  ...['taps_h', 'taps_w', 'grid_height', 'grid_width'],
  ...['stride_h', 'stride_w', 'top', 'left', 'dilation_h', 'dilation_w'],
]

interface Variant {
  /** Channels that a thread computes at once: 4 where memory lies so that they are one `vec4<f32>`. */
  readonly each: 1 | 4
  /** Taps of a row that are written out one after the other: all of a short row. */
  readonly written: number
}

/** The longest row of a window that is written out. */
const SHORT = 8

function variantOf({ kernel }: PoolGeometry, ...views: readonly View[]): Variant {
  const fits = views.every(({ shape, offset }) => shape[3]! % 4 === 0 && offset % 4 === 0)
  return { each: fits ? 4 : 1, written: kernel[1] <= SHORT ? kernel[1] : 1 }
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
const eachTap = (
  { written }: Variant,
  body: string,
  row: { before?: string; after?: string } = {},
): string => {
  const tap = (k: number) => [
    '{',
    `  let x = left + (s + ${k}) * p.dilation_w;`,
    '  // Negative numbers are large as u32.',
    '  if (u32(x) < u32(p.width)) {',
    '    let x_at = line_at + x * p.channels;',
    indent(body, 4),
    '  }',
    '}',
  ]
  return [
    dedent(`
      let pixel = i32(number / u32(p.channels));
      let channel = i32(number) - pixel * p.channels;
      let line = i32(u32(pixel) / u32(p.grid_width));
      let left = (pixel - line * p.grid_width) * p.stride_w - p.left;
      let n = i32(u32(line) / u32(p.grid_height));
      let top = (line - n * p.grid_height) * p.stride_h - p.top;
      let image = n * p.height;
      for (var r = 0; r < p.taps_h; r++) {
        let y = top + r * p.dilation_h;
        if (u32(y) >= u32(p.height)) { continue; }
        let line_at = p.x_first + (image + y) * p.width * p.channels + channel;
    `),
    ...(row.before ? [`  ${row.before}`] : []),
    `  for (var s = 0; s < p.taps_w; s += ${written}) {`,
    ...Array.from({ length: written }, (_, k) => indent(tap(k).join('\n'), 4)),
    '  }',
    ...(row.after ? [`  ${row.after}`] : []),
    '}',
  ].join('\n')
}

const largest = defineKernel<Variant>((variant) => {
  const vector = variant.each === 4
  const [bits, index] = vector ? (['vec4<u32>', 'vec4<i32>'] as const) : (['u32', 'i32'] as const)
  return {
    name: 'maxPool2d',
    about:
      'The first of the largest values of each window, and where it is; a window of nothing gives -Infinity.',
    // Bits are compared, so that NaN is what it is and subnormal numbers stay.
    memory: {
      x: { element: bits },
      y: { element: bits, access: 'write' },
      indices: { element: index, access: 'write' },
    },
    params,
    threads: THREADS,
    declarations: orderText('f32', bits),
    main: [
      eachThread,
      dedent(`
        var best = ${bits}();
        var value = ${bits}(0xff800000u); // -Infinity
        var place = ${index}();
      `),
      eachTap(
        variant,
        dedent(`
          let bits = load_x(x_at);
          let key = order(bits);
          let wins = key > best;
          best = select(best, key, wins);
          value = select(value, bits, wins);
          place = select(place, ${index}(y * p.width + x), wins);
        `),
      ),
      'store_y(p.y_first + i32(number), value);',
      'store_indices(p.indices_first + i32(number), place);',
    ].join('\n'),
  }
})

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
    eachTap(variant, 'row_sum += load_x(x_at);', {
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
      let pixel = i32(number / u32(p.channels));
      let channel = i32(number) - pixel * p.channels;
      let line = i32(u32(pixel) / u32(p.width));
      let column = pixel - line * p.width;
      let n = i32(u32(line) / u32(p.height));
      let row = line - n * p.height;
      let image = n * p.grid_height;
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
    const variant = variantOf(geometry, x, values, indices)
    const { each } = variant
    largest(runtime, variant, {
      buffers: { x: x.buffer, y: values.buffer, indices: indices.buffer },
      halves: halvesOf(x.dtype, 'x', 'y'),
      params: {
        ...paramsOf(variant, x, values, geometry),
        indices_first: indices.offset / each,
        count: count / each,
      },
      groups: groupsFor(count / each),
    })
  }
}

/** {@link Kernels.sumPool2d} for f32 and f16. */
export function sumPool2dKernel(runtime: Runtime): Kernels['sumPool2d'] {
  return (x, out, geometry) => {
    const count = sizeOf(out.shape)
    if (count === 0) return
    if (sizeOf(x.shape) === 0) return zero(runtime, out)
    const variant = variantOf(geometry, x, out)
    sum(runtime, variant, {
      buffers: { x: x.buffer, y: out.buffer },
      halves: halvesOf(x.dtype, 'x', 'y'),
      params: { ...paramsOf(variant, x, out, geometry), count: count / variant.each },
      groups: groupsFor(count / variant.each),
    })
  }
}

/** {@link Kernels.sumPool2dGrad} for f32 and f16. */
export function sumPool2dGradKernel(runtime: Runtime): Kernels['sumPool2dGrad'] {
  return (dy, dx, geometry) => {
    const count = sizeOf(dx.shape)
    if (count === 0) return
    if (sizeOf(dy.shape) === 0) return zero(runtime, dx)
    const variant = variantOf(geometry, dx, dy)
    spread(runtime, variant, {
      buffers: { y: dy.buffer, x: dx.buffer },
      halves: halvesOf(dy.dtype, 'x', 'y'),
      params: { ...paramsOf(variant, dx, dy, geometry), count: count / variant.each },
      groups: groupsFor(count / variant.each),
    })
  }
}
