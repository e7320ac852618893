import { type Kernels, type PoolGeometry, sizeOf, type View } from '@nablajs/tensor/backend'
import { type Context, deal, zero } from './runtime.ts'
import { type Source, sourceFields } from './source.ts'

/** The windows of a pooling from `image` `[N, H, W, C]` to `pooled` `[N, OH, OW, C]`. */
function windows(context: Context, image: View, pooled: View, geometry: PoolGeometry): Source {
  const [n, h, w, c] = image.shape as [number, number, number, number]
  const [, oh, ow] = pooled.shape as [number, number, number, number]
  return {
    images: context.pointer(image),
    count: n,
    size: [h, w],
    pitch: c * 4,
    channels: c,
    padding: geometry.padding,
    grid: [oh, ow],
    stride: geometry.stride,
    taps: geometry.kernel,
    dilation: geometry.dilation,
  }
}

function rowsOf({ count, grid }: Source): number {
  return count * grid[0]
}

/** Values that are read, each worth about two multiply-adds. */
function workOf({ count, grid, taps, channels }: Source): number {
  return 2 * count * grid[0] * grid[1] * taps[0] * taps[1] * channels
}

/** {@link Kernels.maxPool2d} for f32. A window without any input gives -Infinity and index 0. */
export function maxPool2dKernel(context: Context): Kernels['maxPool2d'] {
  return (x, values, indices, geometry) => {
    if (sizeOf(values.shape) === 0) return
    const source = windows(context, x, values, geometry)
    const fields = [...sourceFields(source), context.pointer(values), context.pointer(indices)]
    deal(context, 'maxPool', { fields, end: rowsOf(source), work: 2 * workOf(source) })
  }
}

/** {@link Kernels.sumPool2d} for f32. */
export function sumPool2dKernel(context: Context): Kernels['sumPool2d'] {
  return (x, out, geometry) => {
    if (sizeOf(out.shape) === 0) return
    const source = windows(context, x, out, geometry)
    const fields = [...sourceFields(source), context.pointer(out), 0]
    deal(context, 'sumPool', { fields, end: rowsOf(source), work: workOf(source) })
  }
}

/** {@link Kernels.sumPool2dGrad} for f32. */
export function sumPool2dGradKernel(context: Context): Kernels['sumPool2dGrad'] {
  return (dy, dx, geometry) => {
    if (sizeOf(dx.shape) === 0) return
    const source = windows(context, dx, dy, geometry)
    if (sizeOf(dy.shape) === 0) return zero(context, source.images, sizeOf(dx.shape))
    const fields = [...sourceFields(source), context.pointer(dy), 0]
    deal(context, 'sumPoolGrad', { fields, end: source.count, work: 2 * workOf(source) })
  }
}
