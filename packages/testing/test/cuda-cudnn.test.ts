/** Convolutions through cuDNN, cuBLAS and by own kernels, at swept shapes, against sums in double precision. */
import { type CudaBackend, cuda, describe as tell } from '@nablajs/backend-cuda-node'
import { type Conv2dOptions, conv2d, grad, type Tensor, tensor } from '@nablajs/tensor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { because, emulated, emulatorAlone } from './emulated.ts'

const found = emulated()
const { missing, controls } = found
const alone = emulatorAlone(found)

interface Shape extends Conv2dOptions {
  /** N H W C */
  readonly image: readonly [number, number, number, number]
  /** R S K */
  readonly kernel: readonly [number, number, number]
  /** Whether it is not cuDNN's: it is as a rule. */
  readonly own?: boolean
}

const shapes: readonly Shape[] = [
  { image: [1, 1, 1, 1], kernel: [1, 1, 1], padding: 1 },
  // Products of matrices as they are.
  { image: [1, 1, 1, 1], kernel: [1, 1, 1], own: true },
  { image: [3, 5, 4, 7], kernel: [1, 1, 6], own: true },
  { image: [2, 6, 5, 4], kernel: [1, 1, 3], stride: 2 },
  { image: [2, 8, 9, 3], kernel: [3, 3, 8], stride: 2, padding: 1 },
  { image: [1, 10, 9, 2], kernel: [3, 2, 3], dilation: [2, 3], padding: [2, 0] },
  { image: [2, 7, 10, 4], kernel: [3, 5, 2], stride: [2, 1], padding: [1, 2] },
  { image: [2, 6, 6, 10], kernel: [3, 3, 6], padding: 1, groups: 2 },
  { image: [1, 9, 9, 24], kernel: [3, 3, 20], stride: 2, dilation: 2, padding: 3, groups: 4 },
  // Groups that are narrower than the tiles of a library.
  { image: [1, 6, 7, 6], kernel: [3, 3, 6], padding: 1, groups: 6, own: true },
  { image: [1, 9, 9, 8], kernel: [3, 3, 4], stride: 2, padding: 3, groups: 4, own: true },
  { image: [1, 12, 12, 33], kernel: [3, 3, 40], padding: 1 },
  { image: [2, 8, 8, 4], kernel: [3, 3, 4], padding: 'same' },
  // Zeros below or to the right alone.
  { image: [1, 8, 8, 2], kernel: [2, 4, 3], padding: 'same', own: true },
]

const numbers = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 12.9898 * i) * 2)

const shown = ({ image, kernel, own: _, ...rest }: Shape): string =>
  `[${image}] by [${kernel}] ${JSON.stringify(rest)}`

const pair = (value: number | readonly number[] | undefined, none: number): number[] =>
  value === undefined ? [none, none] : typeof value === 'number' ? [value, value] : [...value]

/** The convolution and both gradients, of the sum of its products with `dy`. */
async function onDevice(device: CudaBackend, shape: Shape, dy?: Float32Array) {
  const { image, kernel, own: _, ...options } = shape
  const [r, s, k] = kernel
  const c = image[3] / (shape.groups ?? 1)
  const x = tensor(
    numbers(
      image.reduce((n, e) => n * e),
      1,
    ),
    { device },
  ).reshape([...image])
  const w = tensor(numbers(r * s * c * k, 2), { device }).reshape([r, s, c, k])
  const y = conv2d(x, w, undefined, options)
  const factors = tensor(dy ?? numbers(y.size, 3), { device }).reshape([...y.shape])
  const loss = (a: Tensor, b: Tensor) => conv2d(a, b, undefined, options).mul(factors).sum()
  const dx = grad((v: Tensor) => loss(v, w))(x)
  const dw = grad((v: Tensor) => loss(x, v))(w)
  const values = await Promise.all(
    [y, dx, dw].map(async (each) => [...(await each.data())].map(Number)),
  )
  return { values, shape: y.shape }
}

/** The same sums by hand. */
function byHand(shape: Shape, [n, oh, ow, k]: readonly number[]): number[][] {
  const [, h, w, c] = shape.image
  const [r, s] = shape.kernel
  const groups = shape.groups ?? 1
  const of = c / groups
  const [sh, sw] = pair(shape.stride, 1) as [number, number]
  const [dh, dw] = pair(shape.dilation, 1) as [number, number]
  // "same" puts the larger half below and to the right.
  const before = (size: number, out: number, stride: number, taps: number, dilation: number) =>
    Math.max(0, Math.floor(((out - 1) * stride + dilation * (taps - 1) + 1 - size) / 2))
  const [ph, pw] =
    shape.padding === 'same'
      ? [before(h, oh!, sh, r, dh), before(w, ow!, sw, s, dw)]
      : (pair(shape.padding as number | readonly number[] | undefined, 0) as [number, number])
  const x = numbers(n! * h * w * c, 1)
  const weight = numbers(r * s * of * k!, 2)
  const dy = numbers(n! * oh! * ow! * k!, 3)
  const results = [dy, x, weight].map(({ length }) => new Float64Array(length))
  const [y, gx, gw] = results as [Float64Array, Float64Array, Float64Array]
  for (let place = 0; place < dy.length; place++) {
    const o = place % k!
    const j = Math.floor(place / k!) % ow!
    const i = Math.floor(place / k! / ow!) % oh!
    const image = Math.floor(place / k! / ow! / oh!)
    for (let tap = 0; tap < r * s * of; tap++) {
      const row = i * sh - ph + Math.floor(tap / of / s) * dh
      const column = j * sw - pw + (Math.floor(tap / of) % s) * dw
      if (row < 0 || column < 0 || row >= h || column >= w) continue
      const from =
        ((image * h + row) * w + column) * c + Math.floor(o / (k! / groups)) * of + (tap % of)
      const at = tap * k! + o
      y[place]! += x[from]! * weight[at]!
      gx[from]! += dy[place]! * weight[at]!
      gw[at]! += dy[place]! * x[from]!
    }
  }
  return results.map((values) => [...values])
}

/** A device opened with cuDNN, or without. */
async function opened(variables: Record<string, string> = {}, options = {}): Promise<CudaBackend> {
  const before = { ...process.env }
  Object.assign(process.env, variables)
  try {
    return await cuda(options)
  } finally {
    process.env = before
  }
}

describe.skipIf(missing !== undefined)(`convolutions by cuDNN${because(missing)}`, () => {
  let dnn: CudaBackend
  let own: CudaBackend
  beforeAll(async () => {
    dnn = await opened()
    own = await opened({ NABLA_CUDA_CUDNN: 'off' })
  })
  afterAll(() => {
    dnn.dispose()
    own.dispose()
  })
  /** Runs, and expects that cuDNN computes so many convolutions meanwhile; a real one does not tell. */
  async function counting<T>(calls: number, run: () => Promise<T>): Promise<T> {
    const before = controls?.convolutions()
    const result = await run()
    if (before !== undefined) expect(controls!.convolutions() - before).toBe(calls)
    return result
  }

  test.each(shapes.map((shape) => [shown(shape), shape] as const))('%s', async (_, shape) => {
    // Three times forward, and each gradient.
    const { values, shape: extents } = await counting(shape.own ? 0 : 5, () => onDevice(dnn, shape))
    const wanted = byHand(shape, extents)
    const mine = await counting(0, () => onDevice(own, shape))
    for (const results of [values, mine.values])
      results.forEach((result, i) => {
        expect(result).toHaveLength(wanted[i]!.length)
        result.forEach((value, j) => {
          expect(Math.abs(value - wanted[i]![j]!)).toBeLessThan(1e-4)
        })
      })
    // A plan is used again.
    expect((await onDevice(dnn, shape)).values).toEqual(values)
  })

  test.skipIf(!controls)(
    `in any order, late and in guarded memory: the same bits${alone}`,
    async () => {
      const shape = shapes.find(({ image }) => image[3] === 33)!
      const { values } = await onDevice(dnn, shape)
      /** On a device of its own. */
      const again = async (variables: Record<string, string> = {}) => {
        const device = await opened(variables)
        const result = await onDevice(device, shape)
        device.dispose()
        expect(result.values).toEqual(values)
      }
      for (const order of ['reverse', 'random'] as const) {
        controls!.setOrder(order)
        await again().finally(() => controls!.setOrder('forward'))
      }
      controls!.setLazy(true)
      await again().finally(() => controls!.setLazy(false))
      controls!.setStrict(true)
      await again({ NABLA_CUDA_NO_POOL: '1' }).finally(() => controls!.setStrict(false))
    },
  )

  test('views that start anywhere go to own kernels', async () => {
    const rest = tensor(numbers(1 + 36 * 4, 1), { device: dnn })
      .slice({ start: 1 })
      .reshape([1, 6, 6, 4])
    const w = tensor(numbers(36 * 4, 2), { device: dnn }).reshape([3, 3, 4, 4])
    const aligned = tensor(await rest.data(), { device: dnn }).reshape([1, 6, 6, 4])
    const values = await counting(1, () =>
      Promise.all([rest, aligned].map(async (x) => [...(await conv2d(x, w).data())].map(Number))),
    )
    values[0]!.forEach((value, i) => {
      expect(Math.abs(value - values[1]![i]!)).toBeLessThan(1e-4)
    })
  })

  // A capture takes its buffers from the pool: the driver gives no memory then.
  const poolOff = process.env['NABLA_CUDA_NO_POOL'] ? ' (NABLA_CUDA_NO_POOL is set)' : ''
  test.skipIf(poolOff !== '')(`in a captured graph${poolOff}`, async () => {
    const x = tensor(numbers(2 * 36 * 4, 1), { device: dnn }).reshape([2, 6, 6, 4])
    const w = tensor(numbers(36 * 4, 2), { device: dnn }).reshape([3, 3, 4, 4])
    const graph = dnn.capture(() => conv2d(x, w, undefined, { padding: 1 }).sum())
    const other = numbers(2 * 36 * 4, 5)
    dnn.write(x.buffer, other)
    const result = await counting(1, async () => {
      graph.replay()
      return graph.result.item()
    })
    const again = tensor(other, { device: own }).reshape([2, 6, 6, 4])
    const weight = tensor(numbers(36 * 4, 2), { device: own }).reshape([3, 3, 4, 4])
    const wanted = await conv2d(again, weight, undefined, { padding: 1 }).sum().item()
    expect(Math.abs(result - wanted)).toBeLessThan(1e-2)
    graph.dispose()
  })

  test.skipIf(!controls)(`is told about, with what computes in its place${alone}`, async () => {
    expect(tell().libraries.cudnn).toMatchObject({ version: '9.13' })
    expect(tell({ ...process.env, NABLA_CUDA_CUDNN: 'off' }).libraries.cudnn).toBe(
      'not found (own kernels compute convolutions); tried NABLA_CUDA_CUDNN is off',
    )
  })
})
