/**
 * The gradient of a convolution for its weight, as a product: row = tap and channel, column = output
 * channel, depth = all output pixels of all images. Deep and thin, so the depth is cut into parts that
 * are added afterwards, in order.
 */
import type { Kernels } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { depthwiseGradWeight } from './depthwise.ts'
import { product, sideOf } from './matmul.ts'
import { defineProduct, read, valueType } from './product.ts'
import { dedent, zero } from './wgsl.ts'
import { isDepthwise, isPointwise, sizesOf } from './windows.ts'

interface Variant {
  /** Channels of a group and taps along a row, by which the row divides. */
  readonly channels: number
  readonly taps: number
  /** The output's size, by which the depth divides into image, row and column. */
  readonly height: number
  readonly width: number
}

const correlate = defineProduct<Variant>(({ channels, taps, height, width }, a, b) => ({
  name: 'conv2dGradWeight',
  about: 'c[tap and channel, column] = sum over pixels of a[window of the pixel] b[pixel, column].',
  params: [
    ...['a_first', 'a_group', 'a_image', 'a_pixel', 'height', 'width'],
    ...['stride_h', 'stride_w', 'top', 'left', 'dilation_h', 'dilation_w'],
    ...['b_first', 'b_pixel', 'c_first', 'c_down', 'column_group'],
  ],
  constants: { CHANNELS: channels, TAPS: taps, GRID_HEIGHT: height, GRID_WIDTH: width },
  functions: dedent(`
    fn start(group: u32) -> vec3<i32> {
      let g = i32(group);
      let columns = g * p.column_group;
      return vec3<i32>(p.a_first + g * p.a_group, p.b_first + columns, p.c_first + columns);
    }
    // The channel, and where the tap lies from the corner of a window.
    fn a_lane(row: u32, start: i32) -> vec4<i32> {
      let tap = row / CHANNELS;
      let y = i32(tap / TAPS) * p.dilation_h - p.top;
      let x = i32(tap % TAPS) * p.dilation_w - p.left;
      return vec4<i32>(start + i32(row % CHANNELS), y, x, 0);
    }
    fn a_load(lane: vec4<i32>, depth: u32) -> ${valueType(a)} {
      let line = depth / GRID_WIDTH;
      let y = i32(line % GRID_HEIGHT) * p.stride_h + lane.y;
      let x = i32(depth % GRID_WIDTH) * p.stride_w + lane.z;
      // Negative numbers are large as u32.
      if (u32(y) >= u32(p.height) || u32(x) >= u32(p.width)) {
        return ${valueType(a)}();
      }
      let image = i32(line / GRID_HEIGHT) * p.a_image;
      return ${read('a', a, 'lane.x + image + (y * p.width + x) * p.a_pixel')};
    }
    fn b_lane(column: u32, start: i32) -> vec4<i32> {
      return vec4<i32>(start + i32(column), 0, 0, 0);
    }
    fn b_load(lane: vec4<i32>, depth: u32) -> ${valueType(b)} {
      return ${read('b', b, 'lane.x + i32(depth) * p.b_pixel')};
    }
    fn c_at(row: u32, column: u32, start: i32) -> i32 {
      return start + i32(row) * p.c_down + i32(column);
    }
  `),
}))

/** {@link Kernels.conv2dGradWeight} for f32. */
export function conv2dGradWeightKernel(runtime: Runtime): Kernels['conv2dGradWeight'] {
  return (x, dy, dw, geometry) => {
    const sizes = sizesOf(x, dw, dy, geometry)
    const { n, h, w, c, r, s, cg, k, kg, oh, ow } = sizes
    const { groups, stride, padding, dilation } = geometry
    if (r * s * cg * k === 0) return
    if (n * h * w * oh * ow === 0) return zero(runtime, dw)
    if (isDepthwise(sizes, geometry)) return depthwiseGradWeight(runtime, x, dy, dw, geometry)
    if (isPointwise(sizes, geometry))
      return product(
        runtime,
        [cg, kg, n * h * w],
        [groups],
        { buffer: x.buffer, offset: x.offset, down: 1, across: c, steps: [cg] },
        { buffer: dy.buffer, offset: dy.offset, down: k, across: 1, steps: [kg] },
        { buffer: dw.buffer, offset: dw.offset, down: k, across: 1, steps: [kg] },
      )
    correlate(
      runtime,
      { channels: cg, taps: s, height: oh, width: ow },
      {
        ...{ rows: r * s * cg, columns: kg, depth: n * oh * ow, batch: groups },
        a: { buffer: x.buffer, side: sideOf(cg, 1, 2, c, [x.offset]) },
        b: { buffer: dy.buffer, side: sideOf(kg, 1, 2, k, [dy.offset, kg]) },
        c: {
          ...{ buffer: dw.buffer, dtype: 'f32', offset: dw.offset },
          ...{ shape: [groups, r * s * cg, kg], strides: [kg, k, 1] },
        },
        params: {
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
