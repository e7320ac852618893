/**
 * Convolution and its gradient for the images, as products that gather their rows from windows of an
 * image (implicit GEMM): row = output pixel, depth = tap and channel, column = output channel.
 */

import type { ConvGeometry, DeviceBuffer, Kernels, View } from '@nablajs/tensor/backend'
import { type ConvSizes, convPhases, convSizes, isPointwise } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { depthwise, depthwiseGradInput, isDepthwise } from './depthwise.ts'
import { type Matrix, product, sideOf } from './matmul.ts'
import { defineProduct, read, valueType } from './product.ts'
import { dedent, dividesFast, divideText, divisor, divisorParams, zero } from './wgsl.ts'

interface Variant {
  /** Whether the depth can be divided by multiplying. */
  readonly fast: boolean
  /** Whether the weight of depth d is at `d * b_down`, and pixel i of the result at `i * c_pixel`. */
  readonly dense: boolean
}

const convolve = defineProduct<Variant>(({ fast, dense }, { a, b }) => ({
  name: 'conv2d',
  about:
    'c[pixel, column] = sum over taps and channels of a[window of the pixel] b[tap, channel, column].',
  params: [
    ...['a_first', 'a_group', 'a_image', 'a_pixel', 'height', 'width'],
    ...['grid_height', 'grid_width', 'stride_h', 'stride_w', 'top', 'left'],
    ...['dilation_h', 'dilation_w', ...divisorParams('channels', 'taps')],
    ...['b_first', 'b_group', 'b_row', 'b_tap', 'b_down', 'b_across'],
    ...['c_first', 'c_group', 'c_image', 'c_row', 'c_pixel'],
  ],
  functions: dedent(`
    ${divideText(fast)}
    // Row and column of a tap, and the channel.
    fn tap_of(depth: u32) -> vec3<i32> {
      let tap = divide(depth, p.channels, p.channels_inverse);
      let row = divide(tap, p.taps, p.taps_inverse);
      return vec3<i32>(i32(row), i32(tap) - i32(row) * p.taps, i32(depth) - i32(tap) * p.channels);
    }
    fn start(group: u32) -> vec3<i32> {
      let g = i32(group);
      return vec3<i32>(p.a_first + g * p.a_group, p.b_first + g * p.b_group, p.c_first + g * p.c_group);
    }
    // The image, and the first row and column of the window.
    fn a_lane(pixel: u32, start: i32) -> vec4<i32> {
      let v = i32(pixel % u32(p.grid_width));
      let line = pixel / u32(p.grid_width);
      let u = i32(line % u32(p.grid_height));
      let image = i32(line / u32(p.grid_height));
      return vec4<i32>(start + image * p.a_image, u * p.stride_h - p.top, v * p.stride_w - p.left, 0);
    }
    // Where the tap lies from the corner of the window, and the channel. The depth counts channels,
    // then taps along a row, then rows.
    fn a_step(depth: u32) -> vec4<i32> {
      let tap = tap_of(depth);
      return vec4<i32>(0, tap.x * p.dilation_h, tap.y * p.dilation_w, tap.z);
    }
    fn a_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(a)} {
      let y = lane.y + step.y;
      let x = lane.z + step.z;
      // Negative numbers are large as u32. What lies outside is read elsewhere, and left out.
      let inside = u32(y) < u32(p.height) && u32(x) < u32(p.width);
      let at = select(0, lane.x + (y * p.width + x) * p.a_pixel + step.w, inside);
      return select(${valueType(a)}(), ${read('a', a, 'at')}, inside);
    }
    fn b_lane(column: u32, start: i32) -> vec4<i32> {
      return vec4<i32>(start + i32(column) * p.b_across, 0, 0, 0);
    }
    fn b_step(depth: u32) -> vec4<i32> {
      ${
        dense
          ? 'return vec4<i32>(i32(depth) * p.b_down, 0, 0, 0);'
          : `let tap = tap_of(depth);
      return vec4<i32>(tap.x * p.b_row + tap.y * p.b_tap + tap.z * p.b_down, 0, 0, 0);`
      }
    }
    fn b_load(lane: vec4<i32>, step: vec4<i32>) -> ${valueType(b)} {
      return ${read('b', b, 'lane.x + step.x')};
    }
    fn c_at(pixel: u32, column: u32, start: i32) -> i32 {
      ${
        dense
          ? 'return start + i32(pixel) * p.c_pixel + i32(column);'
          : `let v = i32(pixel % u32(p.grid_width));
      let line = pixel / u32(p.grid_width);
      let u = i32(line % u32(p.grid_height));
      let image = i32(line / u32(p.grid_height));
      return start + image * p.c_image + u * p.c_row + v * p.c_pixel + i32(column);`
      }
    }
  `),
}))

/** With fewer channels, neighbouring pixels are closer together than the depth. */
const FEW = 4

/** One convolution job: windows over `image`, a weight of any layout, results on a grid in `out`. */
interface Job {
  readonly groups: number
  readonly n: number
  readonly image: { buffer: DeviceBuffer; offset: number; height: number; width: number }
  /** Channels of a pixel, and of a group. */
  readonly pitch: number
  readonly channels: number
  readonly grid: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
  readonly taps: readonly [number, number]
  readonly dilation: readonly [number, number]
  readonly weight: Weight
  readonly out: Pick<View, 'buffer' | 'dtype' | 'offset'> & {
    readonly image: number
    readonly row: number
    readonly pixel: number
  }
  /** Output channels of a group. */
  readonly columns: number
  readonly dense: boolean
}

/** Strides of a weight from group to group, along the taps, the depth's channels and the columns. */
interface Weight {
  readonly buffer: DeviceBuffer
  readonly offset: number
  readonly group: number
  readonly row: number
  readonly tap: number
  readonly down: number
  readonly across: number
}

function run(runtime: Runtime, job: Job): void {
  const { groups, n, image, pitch, channels, grid, taps, weight, out, columns, dense } = job
  const outSteps = [columns, out.image, out.row, out.pixel, 1]
  convolve(
    runtime,
    { fast: dividesFast(taps[0] * taps[1] * channels), dense },
    {
      rows: n * grid[0] * grid[1],
      columns,
      depth: taps[0] * taps[1] * channels,
      batch: groups,
      a: {
        buffer: image.buffer,
        side:
          channels < FEW
            ? { load: 'single', along: 'lane' }
            : sideOf(1, pitch, channels, 1, [image.offset, pitch, channels]),
      },
      b: {
        buffer: weight.buffer,
        side: sideOf(columns, weight.across, channels, weight.down, [
          ...[weight.offset, weight.group, weight.row, weight.tap],
        ]),
      },
      c: {
        ...{ buffer: out.buffer, dtype: out.dtype, offset: out.offset },
        shape: [groups, n, grid[0], grid[1], columns],
        strides: outSteps,
      },
      params: {
        ...divisor('channels', channels),
        ...divisor('taps', taps[1]),
        ...{ a_first: image.offset, a_group: channels, a_pixel: pitch },
        a_image: image.height * image.width * pitch,
        ...{ height: image.height, width: image.width },
        ...{ grid_height: grid[0], grid_width: grid[1] },
        ...{ stride_h: job.stride[0], stride_w: job.stride[1] },
        ...{ top: job.padding[0], left: job.padding[1] },
        ...{ dilation_h: job.dilation[0], dilation_w: job.dilation[1] },
        ...{ b_first: weight.offset, b_group: weight.group, b_row: weight.row, b_tap: weight.tap },
        ...{ b_down: weight.down, b_across: weight.across },
        ...{ c_first: out.offset, c_group: columns },
        ...{ c_image: out.image, c_row: out.row, c_pixel: out.pixel },
      },
    },
  )
}

/** Pixels as the rows of a matrix for each group of channels. */
function pixels({ buffer, offset }: View, pitch: number, channels: number): Matrix {
  return { buffer, offset, down: pitch, across: 1, steps: [channels] }
}

/** {@link Kernels.conv2d} for f32 and f16. */
export function conv2dKernel(runtime: Runtime): Kernels['conv2d'] {
  return (x, weight, out, geometry) => {
    const sizes = convSizes(x, weight, out, geometry)
    const { n, h, w, c, r, s, cg, k, kg, oh, ow } = sizes
    const { groups } = geometry
    if (n * oh * ow * k === 0) return
    if (n * h * w * c * r * s === 0) return zero(runtime, out)
    if (isDepthwise(sizes, geometry)) return depthwise(runtime, x, weight, out, geometry)
    if (isPointwise(sizes, geometry))
      return product(
        runtime,
        out.dtype,
        [n * h * w, kg, cg],
        [groups],
        pixels(x, c, cg),
        { buffer: weight.buffer, offset: weight.offset, down: k, across: 1, steps: [kg] },
        pixels(out, k, kg),
      )
    run(runtime, {
      ...{ groups, n, pitch: c, channels: cg, columns: kg, dense: true },
      image: { buffer: x.buffer, offset: x.offset, height: h, width: w },
      grid: [oh, ow],
      stride: geometry.stride,
      padding: geometry.padding,
      taps: [r, s],
      dilation: geometry.dilation,
      weight: {
        ...{ buffer: weight.buffer, offset: weight.offset, group: kg },
        ...{ row: s * cg * k, tap: cg * k, down: k, across: 1 },
      },
      out: {
        ...{ buffer: out.buffer, dtype: out.dtype, offset: out.offset },
        ...{ image: oh * ow * k, row: ow * k, pixel: k },
      },
    })
  }
}

/** {@link Kernels.conv2dGradInput} for f32 and f16. */
export function conv2dGradInputKernel(runtime: Runtime): Kernels['conv2dGradInput'] {
  return (dy, weight, dx, geometry) => {
    const sizes = convSizes(dx, weight, dy, geometry)
    const { n, h, w, c, r, s, cg, k, kg, oh, ow } = sizes
    if (n * h * w * c === 0) return
    if (n * oh * ow * k * r * s === 0) return zero(runtime, dx)
    if (isDepthwise(sizes, geometry)) return depthwiseGradInput(runtime, dy, weight, dx, geometry)
    if (isPointwise(sizes, geometry))
      return product(
        runtime,
        dx.dtype,
        [n * h * w, cg, kg],
        [geometry.groups],
        pixels(dy, k, kg),
        { buffer: weight.buffer, offset: weight.offset, down: 1, across: k, steps: [kg] },
        pixels(dx, c, cg),
      )
    gradInputPhases(runtime, dy, weight, dx, geometry, sizes)
  }
}

/** Strided convolutions skip inputs, so the inputs fall into phases, each a convolution of stride 1 over dy. */
function gradInputPhases(
  runtime: Runtime,
  dy: View,
  weight: View,
  dx: View,
  { stride, padding, dilation, groups }: ConvGeometry,
  { n, h, w, c, r, s, cg, k, kg, oh, ow }: ConvSizes,
): void {
  const rows = convPhases(h, r, stride[0], padding[0], dilation[0])
  const columns = convPhases(w, s, stride[1], padding[1], dilation[1])
  // Inputs that no output reads.
  if ([...rows, ...columns].some(({ taps }) => taps === 0)) zero(runtime, dx)
  const [tapRow, tap] = [s * cg * k, cg * k]
  for (const row of rows)
    for (const column of columns)
      if (row.taps > 0 && column.taps > 0)
        run(runtime, {
          ...{ groups, n, pitch: k, channels: kg, columns: cg, dense: false },
          image: { buffer: dy.buffer, offset: dy.offset, height: oh, width: ow },
          grid: [row.grid, column.grid],
          stride: [1, 1],
          padding: [row.padding, column.padding],
          taps: [row.taps, column.taps],
          dilation: [row.dilation, column.dilation],
          weight: {
            buffer: weight.buffer,
            offset: weight.offset + row.last * tapRow + column.last * tap,
            ...{ group: kg, row: -row.every * tapRow, tap: -column.every * tap },
            ...{ down: 1, across: k },
          },
          out: {
            ...{ buffer: dx.buffer, dtype: dx.dtype },
            offset: dx.offset + (row.phase * w + column.phase) * c,
            ...{ image: h * w * c, row: stride[0] * w * c, pixel: stride[1] * c },
          },
        })
}
