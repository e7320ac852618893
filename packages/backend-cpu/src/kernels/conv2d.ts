/**
 * Convolution and its gradients for f32, as jobs for the WebAssembly kernels: which images the
 * windows slide over, where a tap's weights are, where results go. See `assembly/convolve.ts`,
 * `assembly/winograd.ts` and `assembly/depthwise.ts`.
 */
import {
  type ConvGeometry,
  type ConvPhase,
  type ConvSizes,
  convPhases,
  convSizes,
  isPointwise,
  type Kernels,
  sizeOf,
} from '@nablajs/tensor/backend'
import { product } from './matmul.ts'
import { type Context, deal, zero } from './runtime.ts'
import { type Source, sourceFields } from './source.ts'

/** Whether each channel has a single filter of its own. */
export function isDepthwise({ cg, kg }: ConvSizes, { groups }: ConvGeometry): boolean {
  return groups > 1 && cg === 1 && kg === 1
}

/** x as the windows of the forward pass see it, from the address of its first channel on. */
export function windows(
  sizes: ConvSizes,
  geometry: ConvGeometry,
  images: number,
  channels: number,
): Source {
  return {
    images,
    count: sizes.n,
    size: [sizes.h, sizes.w],
    pitch: sizes.c * 4,
    channels,
    padding: geometry.padding,
    grid: [sizes.oh, sizes.ow],
    stride: geometry.stride,
    taps: [sizes.r, sizes.s],
    dilation: geometry.dilation,
  }
}

/**
 * Whether Winograd's way takes less time: 3 x 3 taps side by side, whole vectors of channels, and
 * enough tiles of 2 x 2 outputs to repay the transforms of the taps. See `assembly/winograd.ts`.
 */
export function isForWinograd(
  { count, channels, grid, stride, taps, dilation }: Source,
  columns: number,
): boolean {
  const plain = stride[0] * stride[1] * dilation[0] * dilation[1] === 1
  const whole = channels % 4 === 0 && columns % 4 === 0 && Math.min(channels, columns) >= 8
  const tiles = count * Math.ceil(grid[0] / 2) * Math.ceil(grid[1] / 2)
  return plain && whole && taps[0] === 3 && taps[1] === 3 && tiles >= 32
}

/** The right operand and the result of a convolution job, in bytes; see `Convolution` in `assembly/convolve.ts`. */
interface Operands {
  readonly columns: number
  readonly b: number
  readonly tapDown: number
  readonly tapAcross: number
  readonly bDown: number
  readonly bAcross: number
  readonly c: number
  readonly cImage: number
  readonly cRow: number
  readonly cPixel: number
}

function convolve(context: Context, source: Source, o: Operands, depthwise: boolean): void {
  const { wasm } = context
  const rows = source.count * source.grid[0]
  const { columns, b, tapDown, tapAcross, bDown, bAcross, c, cImage, cRow, cPixel } = o
  const operands = [columns, b, tapDown, tapAcross, bDown, bAcross, c, cImage, cRow, cPixel]
  const { grid, taps, channels } = source
  const work = rows * grid[1] * taps[0] * taps[1] * channels * columns
  const fields = [...sourceFields(source), ...operands, 0, 0]
  const packed = fields.length - 2
  const scratch = fields.length - 1
  if (depthwise) {
    const bytes = wasm.depthwiseScratch
    deal(context, 'depthwise', { fields, scratch: { field: scratch, bytes }, end: rows, work })
    return
  }
  const tiled = isForWinograd(source, columns)
  // The record's sizes tell how much the packed operand takes; the kernel reads it on all threads.
  let shared = 0
  deal(context, tiled ? 'winograd' : 'convolve', {
    fields,
    scratch: { field: scratch, bytes: tiled ? wasm.winogradScratch : wasm.convolutionScratch },
    end: tiled ? source.count * Math.ceil(grid[0] / 2) : rows,
    // Each part goes through all of the packed operand: fewer parts where there are few pixels.
    parts: rows * grid[1] < 2048 ? 1 : 4,
    work,
    prepare(records, pitch, threads) {
      shared = context.scratch((tiled ? wasm.winogradPacked : wasm.convolutionPacked)(records))
      const words = new Uint32Array(context.memory.buffer)
      for (let t = 0; t < threads; t++) words[(records + t * pitch) / 4 + packed] = shared
      if (tiled) wasm.winogradPack(records)
      else wasm.convolutionPack(records)
    },
    finish: () => context.release(shared),
  })
}

/**
 * {@link Kernels.conv2d} for f32. The padding's zeros are multiplied like any input, except where
 * each channel has its own filter: there they are left out.
 */
export function conv2dKernel(context: Context): Kernels['conv2d'] {
  return (x, weight, out, geometry) => {
    if (sizeOf(out.shape) === 0) return
    const sizes = convSizes(x, weight, out, geometry)
    const { n, h, w, c, s, cg, k, kg, oh, ow } = sizes
    const from = context.pointer(x)
    const filter = context.pointer(weight)
    const to = context.pointer(out)
    if (sizeOf(weight.shape) === 0) return zero(context, to, sizeOf(out.shape))
    const depthwise = isDepthwise(sizes, geometry)
    for (let group = 0; group < (depthwise ? 1 : geometry.groups); group++) {
      const images = from + group * cg * 4
      const b = filter + group * kg * 4
      const c0 = to + group * kg * 4
      if (isPointwise(sizes, geometry) && !depthwise)
        product(
          context,
          n * h * w,
          kg,
          cg,
          { at: images, down: c * 4, across: 4 },
          { at: b, down: k * 4, across: 4 },
          { at: c0, down: k * 4, across: 4 },
        )
      else
        convolve(
          context,
          windows(sizes, geometry, images, depthwise ? c : cg),
          {
            columns: kg,
            b,
            tapDown: s * cg * k * 4,
            tapAcross: cg * k * 4,
            bDown: k * 4,
            bAcross: 4,
            c: c0,
            cImage: oh * ow * k * 4,
            cRow: ow * k * 4,
            cPixel: k * 4,
          },
          depthwise,
        )
    }
  }
}

/** Multiply-adds that writing or adding one float of a product's result is worth. */
const RESULT = 4

/**
 * Whether adding whole windows to the input takes less time than a convolution over the outputs, by
 * their multiply-adds per image; panels of the product have eight columns. See `assembly/spread.ts`.
 */
function spreads(
  sizes: ConvSizes,
  rows: readonly ConvPhase[],
  columns: readonly ConvPhase[],
): boolean {
  const { r, s, cg, kg, oh, ow } = sizes
  const panels = (width: number) => Math.ceil(width / 8) * 8
  const reads = (phases: readonly ConvPhase[]) =>
    phases.reduce((sum, { grid, taps }) => sum + grid * taps, 0)
  const gathering = reads(rows) * reads(columns) * kg * panels(cg)
  const spreading = oh * ow * panels(r * s * cg) * (kg + 2 * RESULT)
  return spreading < gathering
}

/** {@link Kernels.conv2dGradInput} for f32. */
export function conv2dGradInputKernel(context: Context): Kernels['conv2dGradInput'] {
  const { wasm } = context
  return (dy, weight, dx, geometry) => {
    if (sizeOf(dx.shape) === 0) return
    const sizes = convSizes(dx, weight, dy, geometry)
    const { n, h, w, c, r, s, cg, k, kg, oh, ow } = sizes
    const { stride, padding, dilation, groups } = geometry
    const from = context.pointer(dy)
    const filter = context.pointer(weight)
    const to = context.pointer(dx)
    if (sizeOf(dy.shape) === 0 || r === 0 || s === 0) return zero(context, to, sizeOf(dx.shape))

    const rows = convPhases(h, r, stride[0], padding[0], dilation[0])
    const columns = convPhases(w, s, stride[1], padding[1], dilation[1])
    // Inputs that no output reads.
    if ([...rows, ...columns].some(({ taps }) => taps === 0)) zero(context, to, sizeOf(dx.shape))

    const depthwise = isDepthwise(sizes, geometry)
    for (let group = 0; group < (depthwise ? 1 : groups); group++) {
      const images = from + group * kg * 4
      const b = filter + group * kg * 4
      const c0 = to + group * cg * 4
      if (isPointwise(sizes, geometry) && !depthwise) {
        product(
          context,
          n * h * w,
          cg,
          kg,
          { at: images, down: k * 4, across: 4 },
          { at: b, down: 4, across: k * 4 },
          { at: c0, down: c * 4, across: 4 },
        )
        continue
      }
      if (!depthwise && spreads(sizes, rows, columns)) {
        const source = windows(sizes, geometry, c0, cg)
        const fields = [...sourceFields(source), images, k * 4, kg, b, k * 4, 0]
        deal(context, 'spread', {
          fields,
          scratch: { field: fields.length - 1, bytes: wasm.spreadScratch },
          end: n,
          work: sizeOf(dy.shape) * r * s * cg,
        })
        continue
      }
      for (const [i, row] of rows.entries())
        for (const [j, column] of columns.entries())
          if (row.taps > 0 && column.taps > 0)
            convolve(
              context,
              {
                images,
                count: n,
                size: [oh, ow],
                pitch: k * 4,
                channels: depthwise ? k : kg,
                padding: [row.padding, column.padding],
                grid: [row.grid, column.grid],
                stride: [1, 1],
                taps: [row.taps, column.taps],
                dilation: [row.dilation, column.dilation],
              },
              {
                columns: cg,
                b: b + (row.last * s + column.last) * cg * k * 4,
                tapDown: -row.every * s * cg * k * 4,
                tapAcross: -column.every * cg * k * 4,
                bDown: 4,
                bAcross: k * 4,
                c: c0 + (i * w + j) * c * 4,
                cImage: h * w * c * 4,
                cRow: stride[0] * w * c * 4,
                cPixel: stride[1] * c * 4,
              },
              depthwise,
            )
    }
  }
}
