/**
 * The gradient of a convolution for its weight, as a product: row = tap and channel, column = output
 * channel, depth = all output pixels of all images. Deep and thin, so the depth is cut into parts that
 * are added afterwards, in order.
 */

import type { Kernels } from '@nablajs/tensor/backend'
import { convSizes, isPointwise } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { depthwiseGradWeight, isDepthwise } from './depthwise.ts'
import { product, sideOf } from './matmul.ts'
import { defineProduct, read, valueType } from './product.ts'
import { dedent, dividesFast, divideText, divisor, divisorParams, zero } from './wgsl.ts'

interface Variant {
  /** Whether the depth can be divided by multiplying. */
  readonly fast: boolean
}

const correlate = defineProduct<Variant>(({ fast }, { a, b }) => ({
  name: 'conv2dGradWeight',
  about: 'c[tap and channel, column] = sum over pixels of a[window of the pixel] b[pixel, column].',
  params: [
    ...['a_first', 'a_group', 'a_image', 'a_pixel', 'height', 'width'],
    ...['stride_h', 'stride_w', 'top', 'left', 'dilation_h', 'dilation_w'],
    ...['b_first', 'b_pixel', 'c_first', 'c_down', 'column_group', 'channels', 'taps'],
    ...divisorParams('grid_height', 'grid_width'),
  ],
  functions: dedent(`
    ${divideText(fast)}
    fn start(group: u32) -> vec3<i32> {
      let g = i32(group);
      let columns = g * p.column_group;
      return vec3<i32>(p.a_first + g * p.a_group, p.b_first + columns, p.c_first + columns);
    }
    // The channel, and where the tap lies from the corner of a window.
    fn a_lane(row: u32, start: i32) -> vec4<i32> {
      let tap = row / u32(p.channels);
      let y = i32(tap / u32(p.taps)) * p.dilation_h - p.top;
      let x = i32(tap % u32(p.taps)) * p.dilation_w - p.left;
      return vec4<i32>(start + i32(row % u32(p.channels)), y, x, 0);
    }
    // The corner of the pixel's window, and its image.
    fn a_step(depth: u32) -> vec4<i32> {
      let line = divide(depth, p.grid_width, p.grid_width_inverse);
      let image = divide(line, p.grid_height, p.grid_height_inverse);
      let top = (i32(line) - i32(image) * p.grid_height) * p.stride_h;
      let left = (i32(depth) - i32(line) * p.grid_width) * p.stride_w;
      return vec4<i32>(i32(image) * p.a_image, top, left, 0);
    }
    fn a_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(a)} {
      let y = lane.y + step.y;
      let x = lane.z + step.z;
      // Negative numbers are large as u32. What lies outside is read elsewhere, and left out.
      let inside = u32(y) < u32(p.height) && u32(x) < u32(p.width);
      let at = select(0, lane.x + step.x + (y * p.width + x) * p.a_pixel, inside);
      return select(${valueType(a)}(), ${read('a', a, 'at')}, inside);
    }
    fn b_lane(column: u32, start: i32) -> vec4<i32> {
      return vec4<i32>(start + i32(column), 0, 0, 0);
    }
    fn b_step(depth: u32) -> vec4<i32> {
      return vec4<i32>(i32(depth) * p.b_pixel, 0, 0, 0);
    }
    fn b_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(b)} {
      return ${read('b', b, 'lane.x + step.x')};
    }
    fn c_at(row: u32, column: u32, start: i32) -> i32 {
      return start + i32(row) * p.c_down + i32(column);
    }
  `),
}))

/** {@link Kernels.conv2dGradWeight} for f32 and f16. */
export function conv2dGradWeightKernel(runtime: Runtime): Kernels['conv2dGradWeight'] {
  return (x, dy, dw, geometry) => {
    const sizes = convSizes(x, dw, dy, geometry)
    const { n, h, w, c, r, s, cg, k, kg, oh, ow } = sizes
    const { groups, stride, padding, dilation } = geometry
    if (r * s * cg * k === 0) return
    if (n * h * w * oh * ow === 0) return zero(runtime, dw)
    if (isDepthwise(sizes, geometry)) return depthwiseGradWeight(runtime, x, dy, dw, geometry)
    if (isPointwise(sizes, geometry))
      return product(
        runtime,
        dw.dtype,
        [cg, kg, n * h * w],
        [groups],
        { buffer: x.buffer, offset: x.offset, down: 1, across: c, steps: [cg] },
        { buffer: dy.buffer, offset: dy.offset, down: k, across: 1, steps: [kg] },
        { buffer: dw.buffer, offset: dw.offset, down: k, across: 1, steps: [kg] },
      )
    correlate(
      runtime,
      { fast: dividesFast(n * oh * ow) },
      {
        ...{ rows: r * s * cg, columns: kg, depth: n * oh * ow, batch: groups },
        a: { buffer: x.buffer, side: sideOf(cg, 1, 2, c, [x.offset]) },
        b: { buffer: dy.buffer, side: sideOf(kg, 1, 2, k, [dy.offset, kg]) },
        c: {
          ...{ buffer: dw.buffer, dtype: dw.dtype, offset: dw.offset },
          ...{ shape: [groups, r * s * cg, kg], strides: [kg, k, 1] },
        },
        params: {
          ...{ ...divisor('grid_height', oh), ...divisor('grid_width', ow), channels: cg, taps: s },
          ...{ a_first: x.offset, a_group: cg, a_image: h * w * c, a_pixel: c },
          ...{ height: h, width: w, stride_h: stride[0], stride_w: stride[1] },
          ...{ top: padding[0], left: padding[1] },
          ...{ dilation_h: dilation[0], dilation_w: dilation[1] },
          ...{ b_first: dy.offset, b_pixel: k },
          ...{ c_first: dw.offset, c_down: k, column_group: kg },
        },
      },
    )
  }
}
