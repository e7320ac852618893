/** Trading channels for pixels. Images are `[N, H, W, C]`; the order of channels is PyTorch's. */
import { ShapeError, showShape } from '../errors.ts'
import type { Tensor } from '../tensor.ts'
import { permute, reshape } from './movement.ts'

function sizes(op: string, x: Tensor, fits: (sizes: readonly number[]) => boolean, need: string) {
  if (x.rank !== 4 || !fits(x.shape))
    throw new ShapeError(`${op}: ${showShape(x.shape)}: images are [N, H, W, C], with ${need}`)
  return x.shape as readonly [number, number, number, number]
}

/**
 * `[N, H, W, C r²]` to `[N, H r, W r, C]`: the channels `c r² + i r + j` become the pixel `(i, j)` of a
 * block (Shi et al., 2016).
 */
export function pixelShuffle(x: Tensor, r: number): Tensor {
  const [n, h, w, c] = sizes(
    'pixelShuffle',
    x,
    (s) => s[3]! % (r * r) === 0,
    `C a multiple of ${r}²`,
  )
  const split = reshape(x, [n, h, w, c / (r * r), r, r])
  return reshape(permute(split, [0, 1, 4, 2, 5, 3]), [n, h * r, w * r, c / (r * r)])
}

/** `[N, H r, W r, C]` to `[N, H, W, C r²]`: the inverse of {@link pixelShuffle}. */
export function pixelUnshuffle(x: Tensor, r: number): Tensor {
  const fits = (s: readonly number[]) => s[1]! % r === 0 && s[2]! % r === 0
  const [n, h, w, c] = sizes('pixelUnshuffle', x, fits, `H and W multiples of ${r}`)
  const split = reshape(x, [n, h / r, r, w / r, r, c])
  return reshape(permute(split, [0, 1, 3, 5, 2, 4]), [n, h / r, w / r, c * r * r])
}

/** Deals the channels of G groups out in turn, so that each new group has some of every old one (Zhang et al., 2018). */
export function channelShuffle(x: Tensor, groups: number): Tensor {
  const fits = (s: readonly number[]) => s[3]! % groups === 0
  const [n, h, w, c] = sizes('channelShuffle', x, fits, `C a multiple of ${groups}`)
  const split = reshape(x, [n, h, w, groups, c / groups])
  return reshape(permute(split, [0, 1, 2, 4, 3]), x.shape)
}
