/** The discrete Fourier transform on plain numbers, `Σⱼ xⱼ e^(-2πi jk / n)`, in O(n log n) for every n. */

/** Replaces complex numbers by their transform. With the two arguments swapped: by the inverse, times n. */
export type Transform = (real: Float64Array, imag: Float64Array) => void

/** `bits` binary digits in reverse. */
function reversed(value: number, bits: number): number {
  let result = 0
  for (let i = 0; i < bits; i++) result |= ((value >> i) & 1) << (bits - 1 - i)
  return result
}

/**
 * For powers of two: Cooley and Tukey's recursion, from pairs up, after sorting by reversed bits.
 *
 * Source: Cooley & Tukey, An algorithm for the machine calculation of complex Fourier series, 1965.
 */
function radix2(n: number): Transform {
  const bits = Math.log2(n)
  const places = Int32Array.from({ length: n }, (_, i) => reversed(i, bits))
  // Each from the library's functions: a recurrence would add up its rounding.
  const cosines = Float64Array.from({ length: n / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / n))
  const sines = Float64Array.from({ length: n / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / n))

  return (real, imag) => {
    for (let i = 0; i < n; i++) {
      const j = places[i]!
      if (j <= i) continue
      const [re, im] = [real[i]!, imag[i]!]
      real[i] = real[j]!
      imag[i] = imag[j]!
      real[j] = re
      imag[j] = im
    }
    for (let half = 1; half < n; half *= 2) {
      const step = n / (2 * half)
      for (let start = 0; start < n; start += 2 * half)
        for (let k = 0; k < half; k++) {
          const [a, b] = [start + k, start + k + half]
          const [c, s] = [cosines[k * step]!, sines[k * step]!]
          const re = real[b]! * c + imag[b]! * s
          const im = imag[b]! * c - real[b]! * s
          real[b] = real[a]! - re
          imag[b] = imag[a]! - im
          real[a]! += re
          imag[a]! += im
        }
    }
  }
}

/**
 * For any n: with `jk = (j² + k² - (k - j)²) / 2` the transform is a convolution with a chirp, which
 * is done by transforms of a power of two.
 *
 * Source: Bluestein, A linear filtering approach to the computation of the discrete Fourier
 * transform, 1970.
 */
function bluestein(n: number): Transform {
  const size = 2 ** Math.ceil(Math.log2(2 * n - 1))
  const inner = radix2(size)
  const chirp = (part: (angle: number) => number): Float64Array =>
    // e^(iπ k² / n) repeats after 2n; without the remainder, large angles would be inexact.
    Float64Array.from({ length: n }, (_, k) => part((Math.PI * ((k * k) % (2 * n))) / n))
  const [cosines, sines] = [chirp(Math.cos), chirp(Math.sin)]
  const [filterReal, filterImag] = [new Float64Array(size), new Float64Array(size)]
  for (let k = 0; k < n; k++) {
    for (const at of [k, (size - k) % size]) {
      filterReal[at] = cosines[k]!
      filterImag[at] = sines[k]!
    }
  }
  inner(filterReal, filterImag)
  const [re, im] = [new Float64Array(size), new Float64Array(size)]

  return (real, imag) => {
    re.fill(0)
    im.fill(0)
    for (let k = 0; k < n; k++) {
      const [c, s] = [cosines[k]!, sines[k]!]
      re[k] = real[k]! * c + imag[k]! * s
      im[k] = imag[k]! * c - real[k]! * s
    }
    inner(re, im)
    for (let k = 0; k < size; k++) {
      const [a, b] = [re[k]!, im[k]!]
      re[k] = (a * filterReal[k]! - b * filterImag[k]!) / size
      im[k] = (a * filterImag[k]! + b * filterReal[k]!) / size
    }
    inner(im, re)
    for (let k = 0; k < n; k++) {
      const [c, s] = [cosines[k]!, sines[k]!]
      real[k] = re[k]! * c + im[k]! * s
      imag[k] = im[k]! * c - re[k]! * s
    }
  }
}

/** The transform of length n >= 1. */
export function transformOf(n: number): Transform {
  return Number.isInteger(Math.log2(n)) ? radix2(n) : bluestein(n)
}
