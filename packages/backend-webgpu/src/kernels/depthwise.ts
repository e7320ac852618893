/**
 * Convolutions whose filters see one channel each (with one or several filters to a channel). Nothing
 * is shared between channels, so there is no matrix product: a thread sums one result, and neighbouring
 * threads have neighbouring channels. Taps in the padding are left out.
 */

import type { View } from '@nablajs/tensor/backend'
import { type ConvGeometry, type ConvSizes, convSizes } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  sumParts,
  THREADS,
  withScratch,
} from './wgsl.ts'

/** Whether each filter sees a single channel. */
export function isDepthwise({ cg }: ConvSizes, { groups }: ConvGeometry): boolean {
  return groups > 1 && cg === 1
}

const geometryParams = [
  ...['x_first', 'weight_first', 'y_first', 'height', 'width', 'channels', 'filters'],
  ...['multiplier', 'taps_h', 'taps_w', 'grid_height', 'grid_width'],
  ...['stride_h', 'stride_w', 'top', 'left', 'dilation_h', 'dilation_w'],
]

interface Variant {
  /** Channels that a thread computes at once: 4 where memory lies so that they are one `vec4<f32>`. */
  readonly each: 1 | 4
}

function variantOf(x: View, weight: View, y: View, geometry: ConvGeometry): Variant {
  const { c, kg } = convSizes(x, weight, y, geometry)
  const places = [c, x.offset, weight.offset, y.offset]
  return { each: kg === 1 && places.every((place) => place % 4 === 0) ? 4 : 1 }
}

const elementOf = ({ each }: Variant) => (each === 4 ? 'vec4<f32>' : 'f32')

/** Channels, and with them all places in memory, are counted in what a thread computes at once. */
function paramsOf(
  { each }: Variant,
  x: View,
  weight: View,
  y: View,
  geometry: ConvGeometry,
): Record<string, number> {
  const { h, w, c, r, s, k, kg, oh, ow } = convSizes(x, weight, y, geometry)
  const { stride, padding, dilation } = geometry
  return {
    ...{ x_first: x.offset / each, weight_first: weight.offset / each, y_first: y.offset / each },
    ...{ height: h, width: w, channels: c / each, filters: k / each, multiplier: kg },
    ...{ taps_h: r, taps_w: s, grid_height: oh, grid_width: ow },
    ...{ stride_h: stride[0], stride_w: stride[1], top: padding[0], left: padding[1] },
    ...{ dilation_h: dilation[0], dilation_w: dilation[1] },
  }
}

/** Text that divides `number` into image, row, column and channel of an image of the named sizes. */
const pixelText = (height: string, width: string, channels: string) =>
  dedent(`
    let channel = i32(number % u32(p.${channels}));
    let pixel = number / u32(p.${channels});
    let column = i32(pixel % u32(p.${width}));
    let line = pixel / u32(p.${width});
    let row = i32(line % u32(p.${height}));
    let image = i32(line / u32(p.${height}));
  `)

const forward = defineKernel<Variant>((variant) => ({
  name: 'conv2d',
  about:
    'Depthwise convolution: y[n, i, j, k] = sum over taps of x[n, window, channel of k] weight[tap, k].',
  memory: {
    x: { element: elementOf(variant) },
    weight: { element: elementOf(variant) },
    y: { element: elementOf(variant), access: 'write' },
  },
  params: ['count', ...geometryParams],
  threads: THREADS,
  main: [
    eachThread,
    pixelText('grid_height', 'grid_width', 'filters'),
    dedent(`
      let top = row * p.stride_h - p.top;
      let left = column * p.stride_w - p.left;
      var sum = ${elementOf(variant)}();
      for (var r = 0; r < p.taps_h; r++) {
        let y = top + r * p.dilation_h;
        if (y < 0 || y >= p.height) { continue; }
        for (var s = 0; s < p.taps_w; s++) {
          let x = left + s * p.dilation_w;
          if (x < 0 || x >= p.width) { continue; }
          let pixel_at = ((image * p.height + y) * p.width + x) * p.channels;
          sum += load_x(p.x_first + pixel_at + channel / p.multiplier)
            * load_weight(p.weight_first + (r * p.taps_w + s) * p.filters + channel);
        }
      }
      store_y(p.y_first + i32(number), sum);
    `),
  ].join('\n'),
}))

const backward = defineKernel<Variant>((variant) => ({
  name: 'conv2dGradInput',
  about:
    'The gradient of a depthwise convolution for its images: each pixel gathers from the windows it is in.',
  memory: {
    y: { element: elementOf(variant) },
    weight: { element: elementOf(variant) },
    x: { element: elementOf(variant), access: 'write' },
  },
  params: ['count', ...geometryParams],
  threads: THREADS,
  main: [
    eachThread,
    pixelText('height', 'width', 'channels'),
    dedent(`
      var sum = ${elementOf(variant)}();
      for (var r = 0; r < p.taps_h; r++) {
        let y = row + p.top - r * p.dilation_h;
        let u = y / p.stride_h;
        if (y < 0 || u * p.stride_h != y || u >= p.grid_height) { continue; }
        for (var s = 0; s < p.taps_w; s++) {
          let x = column + p.left - s * p.dilation_w;
          let v = x / p.stride_w;
          if (x < 0 || v * p.stride_w != x || v >= p.grid_width) { continue; }
          let y_at = p.y_first + ((image * p.grid_height + u) * p.grid_width + v) * p.filters;
          let weight_at = p.weight_first + (r * p.taps_w + s) * p.filters;
          for (var k = channel * p.multiplier; k < (channel + 1) * p.multiplier; k++) {
            sum += load_y(y_at + k) * load_weight(weight_at + k);
          }
        }
      }
      store_x(p.x_first + i32(number), sum);
    `),
  ].join('\n'),
}))

const weightParts = defineKernel<Variant>((variant) => ({
  name: 'conv2dGradWeight',
  about:
    'Parts of the gradient of a depthwise convolution for its weight: one tap and filter over some rows of the output.',
  memory: {
    x: { element: elementOf(variant) },
    y: { element: elementOf(variant) },
    parts: { element: elementOf(variant), access: 'write' },
  },
  params: ['count', 'lines', 'chunk', ...geometryParams],
  threads: THREADS,
  main: [
    eachThread,
    dedent(`
      let k = i32(number % u32(p.filters));
      var rest = number / u32(p.filters);
      let s = i32(rest % u32(p.taps_w));
      rest /= u32(p.taps_w);
      let r = i32(rest % u32(p.taps_h));
      let first = i32(rest / u32(p.taps_h)) * p.chunk;
      let last = min(first + p.chunk, p.lines);
      var sum = ${elementOf(variant)}();
      for (var line = first; line < last; line++) {
        let y = line % p.grid_height * p.stride_h - p.top + r * p.dilation_h;
        if (y < 0 || y >= p.height) { continue; }
        let x_line = (line / p.grid_height * p.height + y) * p.width;
        var line_sum = ${elementOf(variant)}();
        for (var v = 0; v < p.grid_width; v++) {
          let x = v * p.stride_w - p.left + s * p.dilation_w;
          if (x < 0 || x >= p.width) { continue; }
          line_sum += load_x(p.x_first + (x_line + x) * p.channels + k / p.multiplier)
            * load_y(p.y_first + (line * p.grid_width + v) * p.filters + k);
        }
        sum += line_sum;
      }
      store_parts(i32(number), sum);
    `),
  ].join('\n'),
}))

/** {@link Kernels.conv2d} for one channel per group. */
export function depthwise(
  runtime: Runtime,
  x: View,
  weight: View,
  y: View,
  geometry: ConvGeometry,
): void {
  const { n, oh, ow, k } = convSizes(x, weight, y, geometry)
  const variant = variantOf(x, weight, y, geometry)
  const count = (n * oh * ow * k) / variant.each
  forward(runtime, variant, {
    buffers: { x: x.buffer, weight: weight.buffer, y: y.buffer },
    params: { ...paramsOf(variant, x, weight, y, geometry), count },
    groups: groupsFor(count),
  })
}

/** {@link Kernels.conv2dGradInput} for one channel per group. */
export function depthwiseGradInput(
  runtime: Runtime,
  y: View,
  weight: View,
  x: View,
  geometry: ConvGeometry,
): void {
  const { n, h, w, c } = convSizes(x, weight, y, geometry)
  const variant = variantOf(x, weight, y, geometry)
  const count = (n * h * w * c) / variant.each
  backward(runtime, variant, {
    buffers: { y: y.buffer, weight: weight.buffer, x: x.buffer },
    params: { ...paramsOf(variant, x, weight, y, geometry), count },
    groups: groupsFor(count),
  })
}

/** Threads that keep a device busy, and the most parts of one sum. */
const BUSY = 65536
const MOST_PARTS = 256

/** {@link Kernels.conv2dGradWeight} for one channel per group. */
export function depthwiseGradWeight(
  runtime: Runtime,
  x: View,
  y: View,
  weight: View,
  geometry: ConvGeometry,
): void {
  const { n, r, s, k, oh } = convSizes(x, weight, y, geometry)
  const variant = variantOf(x, weight, y, geometry)
  const results = (r * s * k) / variant.each
  const lines = n * oh
  const wanted = Math.min(lines, MOST_PARTS, Math.max(1, Math.floor(BUSY / results)))
  const chunk = Math.ceil(lines / wanted)
  const parts = Math.ceil(lines / chunk)
  withScratch(runtime, parts * r * s * k * 4, (partial) => {
    weightParts(runtime, variant, {
      buffers: { x: x.buffer, y: y.buffer, parts: partial },
      params: {
        ...paramsOf(variant, x, weight, y, geometry),
        count: parts * results,
        lines,
        chunk,
      },
      groups: groupsFor(parts * results),
    })
    sumParts(runtime, partial, parts, weight)
  })
}
