/**
 * The gradient of a convolution for its weight, for f32; see `assembly/weights.ts`,
 * `assembly/weight-parts.ts`, `assembly/winograd-weights.ts` and `assembly/depthwise.ts`.
 */
import { convSizes, isPointwise, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import { isDepthwise, isForWinograd, windows } from './conv2d.ts'
import { product } from './matmul.ts'
import { type Context, deal, zero } from './runtime.ts'
import { sourceFields } from './source.ts'

/** The most floats of a weight whose gradient is summed in parts of the images, and the most parts. */
const SMALL_WEIGHT = 1 << 15
const IMAGE_PARTS = 8

/** Multiply-adds of a part at least. */
const PART_WORK = 1 << 20

/** How many images to sum at a time; see `assembly/weight-parts.ts`. It depends on the sizes alone. */
function imagesOfPart(images: number, weight: number, work: number): number {
  if (weight > SMALL_WEIGHT) return images
  return Math.ceil(images / Math.max(1, Math.min(IMAGE_PARTS, Math.floor(work / PART_WORK))))
}

/** {@link Kernels.conv2dGradWeight} for f32. The sums are taken in one order, whatever the threads. */
export function conv2dGradWeightKernel(context: Context): Kernels['conv2dGradWeight'] {
  const { wasm } = context
  return (x, dy, dw, geometry) => {
    if (sizeOf(dw.shape) === 0) return
    const sizes = convSizes(x, dw, dy, geometry)
    const { n, h, w, c, r, s, cg, k, kg } = sizes
    const from = context.pointer(x)
    const gradient = context.pointer(dy)
    const to = context.pointer(dw)
    if (sizeOf(dy.shape) === 0) return zero(context, to, sizeOf(dw.shape))
    if (isDepthwise(sizes, geometry)) {
      const fields = [
        ...sourceFields(windows(sizes, geometry, from, c)),
        ...[k, gradient, k * 4, to, k * 4, 0],
      ]
      deal(context, 'depthwiseWeight', {
        fields,
        end: k,
        granule: 16,
        work: sizeOf(dy.shape) * r * s,
      })
      return
    }
    for (let group = 0; group < geometry.groups; group++) {
      const images = from + group * cg * 4
      const d = gradient + group * kg * 4
      const w0 = to + group * kg * 4
      if (isPointwise(sizes, geometry))
        product(
          context,
          cg,
          kg,
          n * h * w,
          { at: images, down: 4, across: c * 4 },
          { at: d, down: k * 4, across: 4 },
          { at: w0, down: k * 4, across: 4 },
        )
      else {
        const source = windows(sizes, geometry, images, cg)
        const fields = [...sourceFields(source), ...[kg, d, k * 4, w0, k * 4, 0]]
        const tiled = isForWinograd(source, kg)
        const bytes = tiled ? wasm.winogradWeightsScratch : wasm.weightGradientScratch
        const work = sizeOf(dy.shape) * (r * s * cg)
        const each = imagesOfPart(n, r * s * cg * kg, work / geometry.groups)
        if (each < n) {
          const parts = Math.ceil(n / each)
          const sums = context.scratch(4 * parts * r * s * cg * kg)
          deal(context, 'weightParts', {
            fields: [...fields, tiled ? 1 : 0, each, sums],
            scratch: { field: fields.length - 1, bytes },
            end: parts,
            work,
            finish: (record) => wasm.addWeightParts(record, parts),
          })
          context.release(sums)
          continue
        }
        deal(context, tiled ? 'winogradWeights' : 'weightGradient', {
          fields,
          scratch: { field: fields.length - 1, bytes },
          // Channels in whole vectors, or rows of a tile. Each part packs all of dy for itself.
          end: tiled ? cg : r * s * cg,
          granule: tiled ? 4 : 6,
          parts: 1,
          work,
        })
      }
    }
  }
}
