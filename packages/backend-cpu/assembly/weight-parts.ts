/**
 * The gradient of a convolution for a small weight, in parts of the images.
 *
 * Rows of a weight are independent (`weights.ts`, `winograd-weights.ts`), but each range of them reads
 * and packs all of x and dy, which costs as much as the products where rows are few. So a small
 * weight is summed for parts of the images, and the sums are added in order. The parts follow from
 * the sizes alone: who computes them changes no bit.
 */
import { addFloats, copyFloats } from './floats'
import { min32 } from './simd'
import { WeightGradient, weightGradient } from './weights'
import { winogradWeights } from './winograd-weights'

/** JavaScript writes the fields in this order. All strides in bytes. */
@unmanaged
export class WeightParts extends WeightGradient {
  /** Whether by Winograd's way. */
  tiled: i32
  /** Images of a part. */
  each: i32
  /** Where the sums of the parts go, weight after weight, dense. */
  sums: usize
}

// @ts-ignore: decorator
@inline
function rowsOf(g: WeightParts): i32 {
  return g.tapsH * g.tapsW * g.channels
}

/** Computes the sums of the parts `first .. last`. */
export function weightParts(g: WeightParts, first: i32, last: i32): void {
  const images = g.images
  const count = g.count
  const d = g.d
  const w = g.w
  const wPitch = g.wPitch
  const rows = rowsOf(g)
  g.wPitch = <usize>g.columns << 2
  for (let part = first; part < last; part++) {
    const image = part * g.each
    g.count = min32(g.each, count - image)
    g.images = images + <usize>(image * g.height * g.width) * g.pitch
    g.d = d + <usize>(image * g.gridH * g.gridW) * g.dPitch
    g.w = g.sums + <usize>(part * rows) * g.wPitch
    if (g.tiled) winogradWeights(g, 0, g.channels)
    else weightGradient(g, 0, rows)
  }
  g.images = images
  g.count = count
  g.d = d
  g.w = w
  g.wPitch = wPitch
}

/** Adds the sums of `parts` parts into the weight. */
export function addWeightParts(g: WeightParts, parts: i32): void {
  const rows = rowsOf(g)
  const bytes = <usize>g.columns << 2
  for (let part = 0; part < parts; part++)
    for (let row = 0; row < rows; row++) {
      const to = g.w + <usize>row * g.wPitch
      const from = g.sums + <usize>(part * rows + row) * bytes
      if (part == 0) copyFloats(to, from, g.columns)
      else addFloats(to, from, g.columns)
    }
}
