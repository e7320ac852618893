/**
 * Which taps of a window lie inside the image, on one axis: `from <= tap < until`, for a window that
 * begins at `start` (before the image where negative) with taps `dilation` apart.
 */
import { max32 } from './simd'

// @ts-ignore: decorator
@inline
export function firstInside(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0
}

// @ts-ignore: decorator
@inline
export function lastInside(start: i32, dilation: i32, size: i32, taps: i32): i32 {
  // Mostly the whole window is inside, and there is nothing to divide.
  if (start + (taps - 1) * dilation < size) return taps
  return max32(0, (size - start + dilation - 1) / dilation)
}
