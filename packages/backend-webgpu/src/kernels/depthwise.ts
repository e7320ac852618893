/**
 * Convolutions whose filters see one channel each (with one or several filters to a channel). Nothing
 * is shared between channels, so there is no matrix product: a thread sums some neighbouring results of a
 * row, which share what they read, and neighbouring threads have neighbouring channels.
 */

import type { View } from '@nablajs/tensor/backend'
import { type ConvGeometry, type ConvSizes, convSizes } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { halvesOf } from './memory.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  indent,
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

/** Taps of a row and output columns that are written out one after the other, and how they step over the image. */
interface RowVariant extends Variant {
  readonly taps: number
  readonly columns: number
  readonly stride: number
  readonly dilation: number
}

/** The longest row of taps that is written out, and the columns of a thread then. */
const SHORT = 8
const COLUMNS = 4

function rowVariantOf(variant: Variant, taps: number, geometry: ConvGeometry): RowVariant {
  const short = taps <= SHORT
  const [stride, dilation] = [geometry.stride[1], geometry.dilation[1]]
  return short
    ? { ...variant, taps, columns: COLUMNS, stride, dilation }
    : { ...variant, taps: 1, columns: 1, stride: 0, dilation: 0 }
}

/**
 * Text that loads what some columns and taps read of an image's row, each once: `x0` is `left`. Where a row
 * of taps is long, there is one column and one tap, `left` itself.
 */
function rowText({ taps, columns, stride, dilation }: RowVariant): string {
  const offsets = new Set<number>()
  for (let column = 0; column < columns; column++)
    for (let tap = 0; tap < taps; tap++) offsets.add(column * stride + tap * dilation)
  return [...offsets]
    .sort((a, b) => a - b)
    .map((at) => `let x${at} = x_load(line_at, left + ${at});`)
    .join('\n')
}

const loadText = (variant: Variant) =>
  dedent(`
    // Padding is zeros. Negative numbers are large as u32.
    fn x_load(line_at: i32, x: i32) -> ${elementOf(variant)} {
      if (u32(x) >= u32(p.width)) {
        return ${elementOf(variant)}();
      }
      return load_x(line_at + x * p.channels);
    }
  `)

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

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

interface ForwardVariant extends RowVariant {
  readonly name: 'conv2d' | 'conv2dGradInput'
}

const forward = defineKernel<ForwardVariant>(({ name, ...variant }) => ({
  name,
  about:
    'Depthwise convolution: y[n, i, j, k] = sum over taps of x[n, window, channel of k] weight[tap, k].',
  memory: {
    x: { element: elementOf(variant) },
    weight: { element: elementOf(variant) },
    y: { element: elementOf(variant), access: 'write' },
  },
  params: ['count', 'blocks', 'weight_row', 'weight_tap', ...geometryParams],
  threads: THREADS,
  declarations: loadText(variant),
  main: [
    eachThread,
    dedent(`
      let block = i32(number / u32(p.filters));
      let channel = i32(number) - block * p.filters;
      let line = i32(u32(block) / u32(p.blocks));
      let column = (block - line * p.blocks) * ${variant.columns};
      let image = i32(u32(line) / u32(p.grid_height));
      let top = (line - image * p.grid_height) * p.stride_h - p.top;
      let x_at = p.x_first + image * p.height * p.width * p.channels + channel / p.multiplier;
    `),
    ...count(variant.columns).map((c) => `var sum${c} = ${elementOf(variant)}();`),
    dedent(`
      for (var r = 0; r < p.taps_h; r++) {
        let y = top + r * p.dilation_h;
        if (u32(y) >= u32(p.height)) { continue; }
        let line_at = x_at + y * p.width * p.channels;
        for (var s = 0; s < p.taps_w; s += ${variant.taps}) {
          let left = column * p.stride_w - p.left + s * p.dilation_w;
          let weight_at = p.weight_first + r * p.weight_row + s * p.weight_tap + channel;
    `),
    indent(rowText(variant), 4),
    ...count(variant.taps).map(
      (t) => `    let w${t} = load_weight(weight_at + ${t} * p.weight_tap);`,
    ),
    ...count(variant.columns).flatMap((c) =>
      count(variant.taps).map(
        (t) => `    sum${c} += x${c * variant.stride + t * variant.dilation} * w${t};`,
      ),
    ),
    '  }',
    '}',
    'let y_at = p.y_first + (line * p.grid_width + column) * p.filters + channel;',
    ...count(variant.columns).map(
      (c) => `if (column + ${c} < p.grid_width) { store_y(y_at + ${c} * p.filters, sum${c}); }`,
    ),
  ].join('\n'),
}))

/** Runs {@link forward} from x to y, with steps between the weights of a row of taps, and between rows. */
function run(
  runtime: Runtime,
  name: ForwardVariant['name'],
  [x, weight, y]: readonly [View, View, View],
  geometry: ConvGeometry,
  first: number,
  steps: { readonly weight_row: number; readonly weight_tap: number },
): void {
  const { n, s, oh, ow, k } = convSizes(x, weight, y, geometry)
  const variant = rowVariantOf(variantOf(x, weight, y, geometry), s, geometry)
  const blocks = Math.ceil(ow / variant.columns)
  const count = (n * oh * blocks * k) / variant.each
  const params = paramsOf(variant, x, weight, y, geometry)
  const weight_first = params['weight_first']! + first / variant.each
  const weight_row = steps.weight_row / variant.each
  const weight_tap = steps.weight_tap / variant.each
  forward(
    runtime,
    { ...variant, name },
    {
      buffers: { x: x.buffer, weight: weight.buffer, y: y.buffer },
      halves: halvesOf(y.dtype, 'x', 'weight', 'y'),
      params: { ...params, weight_first, weight_row, weight_tap, count, blocks },
      groups: groupsFor(count),
    },
  )
}

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
    dedent(`
      let pixel = i32(number / u32(p.channels));
      let channel = i32(number) - pixel * p.channels;
      let line = i32(u32(pixel) / u32(p.width));
      let column = pixel - line * p.width;
      let image = i32(u32(line) / u32(p.height));
      let row = line - image * p.height;
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

const weightParts = defineKernel<RowVariant>((variant) => ({
  name: 'conv2dGradWeight',
  about:
    'Parts of the gradient of a depthwise convolution for its weight: a row of taps and a filter over some rows of the output.',
  memory: {
    x: { element: elementOf(variant) },
    y: { element: elementOf(variant) },
    parts: { element: elementOf(variant), access: 'write' },
  },
  params: ['count', 'lines', 'chunk', 'turns', ...geometryParams],
  threads: THREADS,
  declarations: loadText(variant),
  main: [
    eachThread,
    dedent(`
      var rest = i32(number / u32(p.filters));
      let k = i32(number) - rest * p.filters;
      let turn = rest % p.turns;
      rest /= p.turns;
      let r = rest % p.taps_h;
      let first = rest / p.taps_h * p.chunk;
      let last = min(first + p.chunk, p.lines);
      let s = turn * ${variant.taps};
    `),
    ...count(variant.taps).map((t) => `var sum${t} = ${elementOf(variant)}();`),
    dedent(`
      for (var line = first; line < last; line++) {
        let image = line / p.grid_height;
        let y = (line - image * p.grid_height) * p.stride_h - p.top + r * p.dilation_h;
        if (u32(y) >= u32(p.height)) { continue; }
        let line_at = p.x_first + (image * p.height + y) * p.width * p.channels + k / p.multiplier;
        let y_at = p.y_first + line * p.grid_width * p.filters + k;
    `),
    ...count(variant.taps).map((t) => `  var line_sum${t} = ${elementOf(variant)}();`),
    dedent(`
      for (var column = 0; column < p.grid_width; column += ${variant.columns}) {
        let left = column * p.stride_w - p.left + s * p.dilation_w;
    `).replace(/^/gm, '  '),
    indent(rowText(variant), 4),
    ...count(variant.columns).flatMap((c) => [
      `    if (column + ${c} < p.grid_width) {`,
      `      let y${c} = load_y(y_at + (column + ${c}) * p.filters);`,
      ...count(variant.taps).map(
        (t) => `      line_sum${t} += x${c * variant.stride + t * variant.dilation} * y${c};`,
      ),
      '    }',
    ]),
    '  }',
    ...count(variant.taps).map((t) => `  sum${t} += line_sum${t};`),
    '}',
    'let part_at = ((rest * p.taps_w) + s) * p.filters + k;',
    ...count(variant.taps).map((t) => `store_parts(part_at + ${t} * p.filters, sum${t});`),
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
  const { s, k } = convSizes(x, weight, y, geometry)
  run(runtime, 'conv2d', [x, weight, y], geometry, 0, { weight_row: s * k, weight_tap: k })
}

/** {@link Kernels.conv2dGradInput} for one channel per group. */
export function depthwiseGradInput(
  runtime: Runtime,
  y: View,
  weight: View,
  x: View,
  geometry: ConvGeometry,
): void {
  const { n, h, w, c, r, s, k, kg } = convSizes(x, weight, y, geometry)
  const { stride, dilation, padding } = geometry
  if (kg === 1 && stride[0] === 1 && stride[1] === 1) {
    // A convolution with the taps in opposite order.
    const turned = [dilation[0] * (r - 1) - padding[0], dilation[1] * (s - 1) - padding[1]] as const
    const steps = { weight_row: -s * k, weight_tap: -k }
    const own = { ...geometry, padding: turned }
    run(runtime, 'conv2dGradInput', [y, weight, x], own, (r * s - 1) * k, steps)
    return
  }
  const variant = variantOf(x, weight, y, geometry)
  const count = (n * h * w * c) / variant.each
  backward(runtime, variant, {
    buffers: { y: y.buffer, weight: weight.buffer, x: x.buffer },
    halves: halvesOf(y.dtype, 'y', 'weight', 'x'),
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
  const variant = rowVariantOf(variantOf(x, weight, y, geometry), s, geometry)
  const turns = s / variant.taps
  const results = (r * turns * k) / variant.each
  const lines = n * oh
  const wanted = Math.min(lines, MOST_PARTS, Math.max(1, Math.floor(BUSY / results)))
  const chunk = Math.ceil(lines / wanted)
  const parts = Math.ceil(lines / chunk)
  withScratch(runtime, parts * r * s * k * 4, (partial) => {
    weightParts(runtime, variant, {
      buffers: { x: x.buffer, y: y.buffer, parts: partial },
      halves: halvesOf(y.dtype, 'x', 'y'),
      params: {
        ...paramsOf(variant, x, weight, y, geometry),
        count: parts * results,
        ...{ lines, chunk, turns },
      },
      groups: groupsFor(parts * results),
    })
    sumParts(runtime, partial, parts, weight)
  })
}
