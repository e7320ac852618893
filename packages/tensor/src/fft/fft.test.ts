import { beforeEach, describe, expect, it } from 'vitest'
import { gradCheck } from '../gradcheck.ts'
import {
  type Backend,
  manualSeed,
  randn,
  reference,
  scope,
  setDevice,
  type Tensor,
  tensor,
} from '../index.ts'
import {
  type Complex,
  complexAbs,
  complexAngle,
  complexMul,
  fft,
  fft2,
  fftfreq,
  fftn,
  fftshift,
  ifft,
  ifft2,
  ifftn,
  ifftshift,
  irfft,
  irfft2,
  irfftn,
  rfft,
  rfft2,
  rfftfreq,
  rfftn,
} from './index.ts'

beforeEach(() => {
  setDevice(reference())
  manualSeed(11)
})

/** A device as those that answer only later. */
function slowReader(): Backend {
  const device = reference()
  Object.defineProperty(device, 'readSync', { value: undefined })
  return device
}

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, { dtype: 'f64' })
const random = (...shape: number[]) => randn(shape, { dtype: 'f64' })
const randomComplex = (...shape: number[]): Complex => ({
  real: random(...shape),
  imag: random(...shape),
})
const numbers = (t: Tensor): number[] => Array.from(t.dataSync())

function near(a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-12): void {
  expect(a.length).toBe(b.length)
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(tolerance)
}
function nearComplex(a: Complex, b: Complex, tolerance = 1e-12): void {
  expect(a.real.shape).toEqual(b.real.shape)
  near(numbers(a.real), numbers(b.real), tolerance)
  near(numbers(a.imag), numbers(b.imag), tolerance)
}

/** The definition, for vectors. */
function slow({ real, imag }: Complex): Complex {
  const [re, im] = [numbers(real), numbers(imag)]
  const n = re.length
  const sums = (part: (j: number, c: number, s: number) => number): Tensor =>
    f64(
      Array.from({ length: n }, (_, k) =>
        re.reduce((sum, __, j) => {
          const angle = (2 * Math.PI * ((j * k) % n)) / n
          return sum + part(j, Math.cos(angle), Math.sin(angle))
        }, 0),
      ),
    )
  return {
    real: sums((j, c, s) => re[j]! * c + im[j]! * s),
    imag: sums((j, c, s) => im[j]! * c - re[j]! * s),
  }
}

describe('fft', () => {
  it('gives values by hand', () => {
    nearComplex(fft(f64([1, 2, 3, 4])), { real: f64([10, -2, -2, -2]), imag: f64([0, 2, 0, -2]) })
    nearComplex(fft({ real: f64([0, 0]), imag: f64([1, 3]) }), {
      real: f64([0, 0]),
      imag: f64([4, -2]),
    })
    expect(fft(tensor([1, 2], { dtype: 'i32' })).real.dtype).toBe('f32')
  })

  it.each([1, 2, 3, 5, 6, 7, 8, 12, 17, 30, 64, 97, 100])(
    'is its definition for length %i',
    (n) => {
      const x = randomComplex(n)
      const y = fft(x)
      nearComplex(y, slow(x), 1e-11)
      nearComplex(ifft(y), x)
      nearComplex(fft(x, { norm: 'forward' }), { real: y.real.div(n), imag: y.imag.div(n) })
      nearComplex(ifft(fft(x, { norm: 'ortho' }), { norm: 'ortho' }), x)
      nearComplex(ifft(fft(x, { norm: 'forward' }), { norm: 'forward' }), x)
    },
  )

  it('keeps its accuracy for long signals of awkward lengths', () => {
    for (const n of [4096, 4099, 6000]) {
      const x = randomComplex(n)
      nearComplex(ifft(fft(x)), x, 1e-12)
    }
    const tone = f64(Array.from({ length: 4099 }, (_, j) => Math.cos((2 * Math.PI * 5 * j) / 4099)))
    const { real, imag } = fft(tone)
    near(
      numbers(real),
      Array.from({ length: 4099 }, (_, k) => (k === 5 || k === 4094 ? 2049.5 : 0)),
      1e-9,
    )
    near(numbers(imag), new Float64Array(4099), 1e-9)
  })

  it('cuts off, fills up, and works along any axis', () => {
    const x = random(3, 4, 2)
    const columns = fft(x, { axis: 1, n: 6 })
    expect(columns.real.shape).toEqual([3, 6, 2])
    const one = (t: Tensor) => t.slice(1, null, 1)
    const filled = fft(f64([...numbers(one(x)), 0, 0]))
    nearComplex({ real: one(columns.real), imag: one(columns.imag) }, filled)
    nearComplex(fft(f64([1, 2, 3, 4, 5]), { n: 4 }), fft(f64([1, 2, 3, 4])))
  })

  it('says what does not fit', () => {
    expect(() => fft(random(4), { n: 0 })).toThrow(
      'fft: the length is 0 on axis 0 of [4]; it must be a whole number >= 1',
    )
    expect(() => ifft(random(4), { axis: 1 })).toThrow(
      'ifft: axis 1 is not an axis of a tensor with 1 axes',
    )
    expect(() => fft({ real: random(4), imag: random(3) })).toThrow(
      'fft: the real part is [4], the imaginary part [3]; they must be equal',
    )
    expect(() => irfft(random(1))).toThrow('irfft: the length is 0 on axis 0 of [1]')
    expect(() => fft2(random(4))).toThrow('fft2: axis -2 is not an axis')
    expect(() => fftn(random(4, 4), { axes: [0, -2] })).toThrow('fftn: axis 0 is named twice')
    expect(() => fftn(random(4, 4), { sizes: [2], axes: [0, 1] })).toThrow(
      'fftn: 1 sizes for 2 axes',
    )
  })
})

describe('transforms of real numbers', () => {
  it.each([1, 2, 5, 8, 9])('halve and restore length %i', (n) => {
    const x = random(2, n)
    const [half, full] = [rfft(x), fft(x)]
    const kept = Math.floor(n / 2) + 1
    expect(half.real.shape).toEqual([2, kept])
    nearComplex(half, {
      real: full.real.slice(null, { end: kept }),
      imag: full.imag.slice(null, { end: kept }),
    })
    near(numbers(irfft(half, { n })), numbers(x))
  })

  it('ignore imaginary parts that no real signal has', () => {
    const half = { real: f64([4, 1, 2]), imag: f64([7, 3, 9]) }
    near(numbers(irfft(half)), numbers(irfft({ real: half.real, imag: f64([0, 3, 0]) })))
  })

  it('convolve in a circle', () => {
    const product = complexMul(rfft(f64([1, 2, 3, 4])), rfft(f64([1, 0, 0, -1])))
    near(numbers(irfft(product)), [-1, -1, -1, 3])
  })
})

describe('several axes', () => {
  it('are one after the other, and invertible', () => {
    const x = randomComplex(2, 3, 4)
    nearComplex(fft2(x), fft(fft(x, { axis: 1 }), { axis: 2 }))
    nearComplex(fftn(x), fft(fft2(x), { axis: 0 }))
    nearComplex(ifft2(fft2(x)), x)
    nearComplex(ifftn(fftn(x, { norm: 'ortho' }), { norm: 'ortho' }), x)
    nearComplex(fftn(x, { sizes: [5] }), fft(x, { n: 5 }))
    const image = random(2, 3, 5)
    expect(rfft2(image).real.shape).toEqual([2, 3, 3])
    near(numbers(irfft2(rfft2(image), { sizes: [3, 5] })), numbers(image))
    expect(rfftn(image, { axes: [2, 0] }).real.shape).toEqual([2, 3, 5])
    near(numbers(irfftn(rfftn(image), { sizes: [2, 3, 5] })), numbers(image))
  })
})

it('gives frequencies, and moves 0 to the middle and back', () => {
  expect(numbers(fftfreq(5, 0.5, { dtype: 'f64' }))).toEqual([0, 0.4, 0.8, -0.8, -0.4])
  expect(numbers(rfftfreq(4))).toEqual([0, 0.25, 0.5])
  expect(numbers(fftshift(fftfreq(4)))).toEqual([-0.5, -0.25, 0, 0.25])
  const x = random(3, 4)
  near(numbers(ifftshift(fftshift(x))), numbers(x))
  const z = randomComplex(5)
  nearComplex(ifftshift(fftshift(z, 0), 0), z)
})

it('knows absolute values and angles', () => {
  const z = { real: f64([3, 0, -1]), imag: f64([4, 2, 0]) }
  near(numbers(complexAbs(z)), [5, 2, 1])
  near(numbers(complexAngle(z)), [Math.atan2(4, 3), Math.PI / 2, Math.PI])
})

it('has gradients of first and second order', () => {
  const both = (z: Complex): Tensor[] => [z.real, z.imag]
  for (const n of [4, 5]) {
    gradCheck((real, imag) => both(fft({ real, imag })), [random(2, n), random(2, n)])
    gradCheck((real, imag) => both(ifft({ real, imag }, { axis: 0 })), [random(n, 2), random(n, 2)])
    gradCheck((real, imag) => irfft({ real, imag }, { n }), [random(3), random(3)])
    gradCheck((x) => complexAbs(rfft(x, { norm: 'ortho' })), [random(n)], { order: 2 })
  }
  gradCheck((x) => complexAbs(rfft2(x)).square(), [random(3, 4)], { order: 2 })
})

it('is a matrix product on a device that cannot be read at once', async () => {
  const x = randomComplex(3, 6)
  const [expected, back] = [fft(x, { norm: 'ortho' }), ifft(x, { axis: 0 })]
  const device = slowReader()
  const moved = { real: await x.real.to(device), imag: await x.imag.to(device) }
  const there = fft(moved, { norm: 'ortho' })
  near(await there.real.data(), numbers(expected.real))
  near(await there.imag.data(), numbers(expected.imag))
  near(await ifft(moved, { axis: 0 }).imag.data(), numbers(back.imag))
  setDevice(device)
  expect(() => fft(random(1025))).toThrow(
    'fft: the reference device cannot be read at once, so lengths up to 1024 are possible; this is 1025',
  )
})

it('leaves no memory behind', () => {
  const device = reference()
  setDevice(device)
  scope(() => {
    const x = random(2, 6)
    x.requiresGrad = true
    complexAbs(rfft2(x)).sum().backward()
    irfft(rfft(x)).sum().backward()
  })
  expect(device.memory().buffers).toBe(0)
  const out = fft(tensor([1, 2, 3]))
  expect(device.memory().buffers).toBeLessThanOrEqual(2)
  out.real.dispose()
  out.imag.dispose()
})
