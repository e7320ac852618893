/** Sliding windows of images as numbers of their own, and the way back. */
import { record } from '../autograd.ts'
import type { View } from '../backend.ts'
import { ShapeError, showShape } from '../errors.ts'
import { type Pair, pair } from '../kernels/conv2d.ts'
import { type Shape, windowCount } from '../layout.ts'
import { program } from '../program/program.ts'
import { Tensor } from '../tensor.ts'
import { copyInto, fillInto } from './fill.ts'
import { slice } from './movement.ts'
import { pad } from './pad.ts'

export interface FoldOptions {
  /** Step between windows. Default 1. */
  stride?: Pair
  /** Zeros on each side. Default 0. */
  padding?: Pair
  /** Distance between the taps of a window. Default 1. */
  dilation?: Pair
}

interface Windows {
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number]
  readonly dilation: readonly [number, number]
}

type Six = [n: number, oh: number, ow: number, r: number, s: number, c: number]

function resolve(op: string, options: FoldOptions): Windows {
  return {
    stride: pair(op, 'stride', options.stride ?? 1, 1),
    padding: pair(op, 'padding', options.padding ?? 0, 0),
    dilation: pair(op, 'dilation', options.dilation ?? 1, 1),
  }
}

/** How many windows fit on both axes. */
function counts(
  op: string,
  [h, w]: readonly number[],
  [r, s]: readonly number[],
  windows: Windows,
) {
  const { stride, padding, dilation } = windows
  const oh = windowCount(h!, r!, stride[0], 2 * padding[0], dilation[0])
  const ow = windowCount(w!, s!, stride[1], 2 * padding[1], dilation[1])
  if (oh < 1 || ow < 1)
    throw new ShapeError(`${op}: a window of ${r} x ${s} does not fit an image of ${h} x ${w}`)
  return [oh, ow] as const
}

/** All windows of an image without padding, `[N, OH, OW, R, S, C]`: pixels occur as often as windows see them. */
function windowView(image: Tensor, shape: Six, { stride, dilation }: Windows): View {
  const [sn, sh, sw, sc] = image.strides as [number, number, number, number]
  const strides = [sn, sh * stride[0], sw * stride[1], sh * dilation[0], sw * dilation[1], sc]
  const { buffer, dtype, offset } = image
  return { buffer, dtype, shape, strides, offset }
}

function spreadOut(x: Tensor, shape: Six, windows: Windows): Tensor {
  const out = Tensor.make(x.device, x.dtype, shape)
  copyInto(x.device, windowView(x, shape, windows), out)
  const from = x.shape
  return record('unfold', out, [x], [], (g) => [addUp(g, from, windows)])
}

/** The transpose of {@link spreadOut}: one tap of all windows after the other, which do not overlap. */
function addUp(x: Tensor, shape: Shape, windows: Windows): Tensor {
  const out = Tensor.make(x.device, x.dtype, shape)
  fillInto(x.device, out, 0)
  const six = x.shape as Six
  const target = windowView(out, six, windows)
  const add = program({ name: 'fold', inputs: [x.dtype, x.dtype] }, (a, b) => a!.add(b!))
  const tap = (view: View, r: number, s: number): View => {
    const { strides, offset, ...rest } = view
    const keep = (list: readonly number[]) => [...list.slice(0, 3), list[5]!]
    const at = offset + r * strides[3]! + s * strides[4]!
    return { ...rest, shape: keep(six), strides: keep(strides), offset: at }
  }
  const { buffer, dtype, strides, offset } = x
  const source: View = { buffer, dtype, shape: six, strides, offset }
  for (let r = 0; r < six[3]; r++)
    for (let s = 0; s < six[4]; s++) {
      const to = tap(target, r, s)
      x.device.map(add, [to, tap(source, r, s)], [to])
    }
  return record('fold', out, [x], [], (g) => [spreadOut(g, six, windows)])
}

/**
 * The windows of an image, `[N, OH, OW, R, S, C]` (im2col). PyTorch's layout is
 * `[N, C R S, OH OW]`: `permute([0, 5, 3, 4, 1, 2])`, then reshape.
 *
 * @param x Images `[N, H, W, C]`.
 * @param window Its size: one number, or `[height, width]`.
 */
export function unfold(x: Tensor, window: Pair, options: FoldOptions = {}): Tensor {
  if (x.rank !== 4) throw new ShapeError(`unfold: ${showShape(x.shape)}: images are [N, H, W, C]`)
  const taps = pair('unfold', 'the window', window, 1)
  const windows = resolve('unfold', options)
  const [oh, ow] = counts('unfold', x.shape.slice(1, 3), taps, windows)
  const [ph, pw] = windows.padding
  const padded = pad(x, [
    [0, 0],
    [ph, ph],
    [pw, pw],
    [0, 0],
  ])
  return spreadOut(padded, [x.shape[0]!, oh, ow, ...taps, x.shape[3]!], windows)
}

/**
 * The sum of windows `[N, OH, OW, R, S, C]` in their places of an image `[N, H, W, C]` (col2im): the
 * transpose of {@link unfold}.
 *
 * @param size H and W of the image.
 */
export function fold(
  x: Tensor,
  size: readonly [number, number],
  options: FoldOptions = {},
): Tensor {
  const windows = resolve('fold', options)
  const [n, oh, ow, r, s, c] = x.shape as Six
  const fits = x.rank === 6 && counts('fold', size, [r, s], windows).join() === `${oh},${ow}`
  if (!fits)
    throw new ShapeError(
      `fold: ${showShape(x.shape)} for an image of ${size.join(' x ')}: windows are [N, OH, OW, R, S, C]`,
    )
  const [h, w] = size
  const [ph, pw] = windows.padding
  const image = addUp(x, [n, h + 2 * ph, w + 2 * pw, c], windows)
  return slice(image, null, { start: ph, end: ph + h }, { start: pw, end: pw + w })
}
