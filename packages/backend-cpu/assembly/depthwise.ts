/**
 * Convolution in which each channel has its own single filter, images as N, H, W, C.
 *
 *     C[pixel, c] = sum over taps of A[pixel under the tap, c] * B[tap, c]
 *
 * Nothing is shared between channels, so there is no matrix product in it: vectors run along the
 * channels, sixteen at a time, and the taps of a window are a list of address pairs. The list stays
 * the same along a row of windows until a window meets an edge. Taps outside the image are left out.
 *
 * The job is the one of `convolve.ts` with one column, so the same code gives the gradient for the
 * input too; the gradient for the weight follows below.
 */
import { Convolution } from './convolve'
import { zeroFloats } from './floats'
import { fma } from './simd'
import { WeightGradient } from './weights'
import { firstInside, lastInside } from './windows'

/** Bytes of scratch for the list: an offset in the image and an address in B for each tap. */
export function depthwiseScratch(c: Convolution): i32 {
  return c.tapsH * c.tapsW * 8
}

/** Computes the output rows `first .. last`, counted through all images. */
export function depthwise(c: Convolution, first: i32, last: i32): void {
  const line = <usize>c.width * c.pitch
  for (let row = first; row < last; row++) {
    const image = row / c.gridH
    const u = row % c.gridH
    const top = u * c.strideH - c.top
    const r0 = firstInside(top, c.dilationH)
    const r1 = lastInside(top, c.dilationH, c.height, c.tapsH)
    // May point before the image; the offsets of the taps inside lead back.
    let window = c.images + <usize>(image * c.height + top) * line - <usize>c.left * c.pitch
    let target = c.c + <usize>image * c.cImage + <usize>u * c.cRow
    let listed0 = -1
    let listed1 = -1
    let taps = 0
    for (let v = 0; v < c.gridW; v++) {
      const left = v * c.strideW - c.left
      const s0 = firstInside(left, c.dilationW)
      const s1 = lastInside(left, c.dilationW, c.width, c.tapsW)
      if (s0 != listed0 || s1 != listed1) {
        taps = listTaps(c, r0, r1, s0, s1)
        listed0 = s0
        listed1 = s1
      }
      sumTaps(c.scratch, taps, window, target, c.channels)
      window += <usize>c.strideW * c.pitch
      target += c.cPixel
    }
  }
}

function listTaps(c: Convolution, r0: i32, r1: i32, s0: i32, s1: i32): i32 {
  let list = c.scratch
  for (let r = r0; r < r1; r++)
    for (let s = s0; s < s1; s++) {
      store<usize>(list, <usize>(r * c.dilationH * c.width + s * c.dilationW) * c.pitch)
      store<usize>(list, c.b + <usize>r * c.tapDown + <usize>s * c.tapAcross, 4)
      list += 8
    }
  return <i32>((list - c.scratch) >> 3)
}

function sumTaps(list: usize, taps: i32, a: usize, c: usize, channels: i32): void {
  const end = list + (<usize>taps << 3)
  let offset: usize = 0
  for (; channels >= 16; channels -= 16) {
    let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
    for (let tap = list; tap < end; tap += 8) {
      const ap = a + load<usize>(tap) + offset
      const bp = load<usize>(tap, 4) + offset
      c0 = fma(v128.load(ap), v128.load(bp), c0)
      c1 = fma(v128.load(ap, 16), v128.load(bp, 16), c1)
      c2 = fma(v128.load(ap, 32), v128.load(bp, 32), c2)
      c3 = fma(v128.load(ap, 48), v128.load(bp, 48), c3)
    }
    v128.store(c + offset, c0)
    v128.store(c + offset, c1, 16)
    v128.store(c + offset, c2, 32)
    v128.store(c + offset, c3, 48)
    offset += 64
  }
  for (; channels >= 4; channels -= 4) {
    let sum = f32x4.splat(0)
    for (let tap = list; tap < end; tap += 8)
      sum = fma(v128.load(a + load<usize>(tap) + offset), v128.load(load<usize>(tap, 4) + offset), sum)
    v128.store(c + offset, sum)
    offset += 16
  }
  for (; channels > 0; channels--) {
    let sum: f32 = 0
    for (let tap = list; tap < end; tap += 8)
      sum += f32.load(a + load<usize>(tap) + offset) * f32.load(load<usize>(tap, 4) + offset)
    f32.store(c + offset, sum)
    offset += 4
  }
}

/**
 * The gradient for the weight: each row of windows is summed by itself, then added to W. Computes the
 * channels `first .. last`.
 */
export function depthwiseWeight(g: WeightGradient, first: i32, last: i32): void {
  const offset = <usize>first << 2
  const channels = last - first
  for (let tap = 0; tap < g.tapsH * g.tapsW; tap++)
    zeroFloats(g.w + <usize>tap * g.wPitch + offset, channels)
  const line = <usize>g.width * g.pitch
  for (let row = 0; row < g.count * g.gridH; row++) {
    const top = row % g.gridH * g.strideH - g.top
    const r1 = lastInside(top, g.dilationH, g.height, g.tapsH)
    for (let r = firstInside(top, g.dilationH); r < r1; r++) {
      const y = row / g.gridH * g.height + top + r * g.dilationH
      for (let s = 0; s < g.tapsW; s++) {
        // Windows v0 .. v1 have tap s inside the image: it lies at v * strideW + shift.
        const shift = s * g.dilationW - g.left
        const v0 = firstInside(shift, g.strideW)
        const v1 = lastInside(shift, g.strideW, g.width, g.gridW)
        if (v0 >= v1) continue
        const a = g.images + <usize>y * line + <usize>(v0 * g.strideW + shift) * g.pitch
        const d = g.d + <usize>(row * g.gridW + v0) * g.dPitch
        const w = g.w + <usize>(r * g.tapsW + s) * g.wPitch
        sumWindows(g, a + offset, d + offset, v1 - v0, w + offset, channels)
      }
    }
  }
}

function sumWindows(
  g: WeightGradient, a: usize, d: usize, count: i32, w: usize, channels: i32,
): void {
  const step = <usize>g.strideW * g.pitch
  const dStep = g.dPitch
  for (; channels >= 16; channels -= 16) {
    let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0)
    let ap = a
    let dp = d
    for (let v = 0; v < count; v++) {
      c0 = fma(v128.load(ap), v128.load(dp), c0)
      c1 = fma(v128.load(ap, 16), v128.load(dp, 16), c1)
      c2 = fma(v128.load(ap, 32), v128.load(dp, 32), c2)
      c3 = fma(v128.load(ap, 48), v128.load(dp, 48), c3)
      ap += step
      dp += dStep
    }
    v128.store(w, f32x4.add(v128.load(w), c0))
    v128.store(w, f32x4.add(v128.load(w, 16), c1), 16)
    v128.store(w, f32x4.add(v128.load(w, 32), c2), 32)
    v128.store(w, f32x4.add(v128.load(w, 48), c3), 48)
    a += 64
    d += 64
    w += 64
  }
  for (; channels >= 4; channels -= 4) {
    let sum = f32x4.splat(0)
    let ap = a
    let dp = d
    for (let v = 0; v < count; v++) {
      sum = fma(v128.load(ap), v128.load(dp), sum)
      ap += step
      dp += dStep
    }
    v128.store(w, f32x4.add(v128.load(w), sum))
    a += 16
    d += 16
    w += 16
  }
  for (; channels > 0; channels--) {
    let sum: f32 = 0
    let ap = a
    let dp = d
    for (let v = 0; v < count; v++) {
      sum += f32.load(ap) * f32.load(dp)
      ap += step
      dp += dStep
    }
    f32.store(w, f32.load(w) + sum)
    a += 4
    d += 4
    w += 4
  }
}
