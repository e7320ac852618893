/** cuDNN against convolutions by hand. */
import { beforeEach, expect, it } from 'vitest'
import { addressOf, Gpu, opened, suite } from './driver.ts'

const NHWC = 1
const [BAD_PARAM, NOT_SUPPORTED] = [2000, 3000]

/** Sizes and geometry of a convolution with the same in both directions. */
interface Shape {
  readonly n: number
  readonly size: number
  readonly c: number
  readonly k: number
  readonly taps: number
  readonly stride: number
  readonly pad: number
  readonly dilation: number
  readonly groups: number
}

const plain: Shape = {
  n: 2,
  size: 7,
  c: 4,
  k: 6,
  taps: 3,
  stride: 1,
  pad: 1,
  dilation: 1,
  groups: 1,
}
const extentOf = ({ size, taps, stride, pad, dilation }: Shape) =>
  Math.floor((size + 2 * pad - dilation * (taps - 1) - 1) / stride) + 1

suite('cuDNN', () => {
  let gpu: Gpu
  let handle: number
  const alpha = Float32Array.of(1.5)
  const beta = Float32Array.of(0.5)
  const zero = Float32Array.of(0)
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
    handle = gpu.handle((at) => gpu.dnn.cudnnCreate(at))
    gpu.check(gpu.dnn.cudnnSetStream(handle, gpu.stream))
  })

  const random = (count: number, seed: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(i * 7.3 + seed))

  function describeShape(shape: Shape, out = extentOf(shape)) {
    const { dnn } = gpu
    const { n, size, c, k, taps, stride, pad, dilation, groups } = shape
    const x = gpu.handle((at) => dnn.cudnnCreateTensorDescriptor(at))
    const y = gpu.handle((at) => dnn.cudnnCreateTensorDescriptor(at))
    const w = gpu.handle((at) => dnn.cudnnCreateFilterDescriptor(at))
    const convolution = gpu.handle((at) => dnn.cudnnCreateConvolutionDescriptor(at))
    gpu.check(dnn.cudnnSetTensor4dDescriptor(x, NHWC, 0, n, c, size, size))
    gpu.check(dnn.cudnnSetTensor4dDescriptor(y, NHWC, 0, n, k, out, out))
    gpu.check(dnn.cudnnSetFilter4dDescriptor(w, 0, NHWC, k, c / groups, taps, taps))
    gpu.check(
      dnn.cudnnSetConvolution2dDescriptor(
        convolution,
        pad,
        pad,
        stride,
        stride,
        dilation,
        dilation,
        1,
        0,
      ),
    )
    gpu.check(dnn.cudnnSetConvolutionGroupCount(convolution, groups))
    gpu.check(dnn.cudnnSetConvolutionMathType(convolution, 3))
    return { x, y, w, convolution }
  }

  /** Sums by hand: of the result, or of the gradient of the image or the filter. */
  function sums(
    which: 'x' | 'w' | 'y',
    shape: Shape,
    x: Float32Array,
    w: Float32Array,
    y: Float32Array,
  ) {
    const { n, size, c, k, taps, stride, pad, dilation, groups } = shape
    const out = extentOf(shape)
    const [of, perGroup] = [c / groups, k / groups]
    const result = new Float64Array({ x, w, y }[which].length)
    for (let place = 0; place < n * out * out * k; place++) {
      const o = place % k
      const ow = Math.floor(place / k) % out
      const oh = Math.floor(place / k / out) % out
      const image = Math.floor(place / k / out / out)
      for (let tap = 0; tap < taps * taps * of; tap++) {
        const i = tap % of
        const h = oh * stride - pad + Math.floor(tap / of / taps) * dilation
        const v = ow * stride - pad + (Math.floor(tap / of) % taps) * dilation
        if (h < 0 || v < 0 || h >= size || v >= size) continue
        const at = ((image * size + h) * size + v) * c + Math.floor(o / perGroup) * of + i
        const weight = o * taps * taps * of + tap
        if (which === 'y') result[place]! += x[at]! * w[weight]!
        else if (which === 'x') result[at]! += y[place]! * w[weight]!
        else result[weight]! += x[at]! * y[place]!
      }
    }
    return result
  }

  for (const change of [
    {},
    { stride: 2 },
    { dilation: 2, pad: 2 },
    { groups: 2 },
    { groups: 2, c: 2, stride: 3, pad: 0 },
    { taps: 1, pad: 0 },
  ])
    it(`computes all three with ${JSON.stringify(change)}`, () => {
      const shape: Shape = { ...plain, ...change }
      const { dnn } = gpu
      const out = extentOf(shape)
      const data = {
        x: random(shape.n * shape.size ** 2 * shape.c, 1),
        w: random((shape.k * shape.taps ** 2 * shape.c) / shape.groups, 2),
        y: random(shape.n * out ** 2 * shape.k, 3),
      }
      const d = describeShape(shape)
      for (const which of ['y', 'x', 'w'] as const) {
        const at = { x: gpu.upload(data.x), w: gpu.upload(data.w), y: gpu.upload(data.y) }
        const bytes =
          which === 'y'
            ? gpu.handle((to) =>
                dnn.cudnnGetConvolutionForwardWorkspaceSize(
                  handle,
                  d.x,
                  d.w,
                  d.convolution,
                  d.y,
                  1,
                  to,
                ),
              )
            : which === 'x'
              ? gpu.handle((to) =>
                  dnn.cudnnGetConvolutionBackwardDataWorkspaceSize(
                    handle,
                    d.w,
                    d.y,
                    d.convolution,
                    d.x,
                    1,
                    to,
                  ),
                )
              : gpu.handle((to) =>
                  dnn.cudnnGetConvolutionBackwardFilterWorkspaceSize(
                    handle,
                    d.x,
                    d.y,
                    d.convolution,
                    d.w,
                    1,
                    to,
                  ),
                )
        expect(bytes).toBeGreaterThan(0)
        const space = gpu.alloc(bytes)
        const [a, b] = [addressOf(alpha), addressOf(beta)]
        gpu.check(
          which === 'y'
            ? dnn.cudnnConvolutionForward(
                handle,
                a,
                d.x,
                at.x,
                d.w,
                at.w,
                d.convolution,
                1,
                space,
                bytes,
                b,
                d.y,
                at.y,
              )
            : which === 'x'
              ? dnn.cudnnConvolutionBackwardData(
                  handle,
                  a,
                  d.w,
                  at.w,
                  d.y,
                  at.y,
                  d.convolution,
                  1,
                  space,
                  bytes,
                  b,
                  d.x,
                  at.x,
                )
              : dnn.cudnnConvolutionBackwardFilter(
                  handle,
                  a,
                  d.x,
                  at.x,
                  d.y,
                  at.y,
                  d.convolution,
                  1,
                  space,
                  bytes,
                  b,
                  d.w,
                  at.w,
                ),
        )
        const before = data[which]
        const result = gpu.download(at[which], before.length)
        gpu.sync()
        sums(which, shape, data.x, data.w, data.y).forEach((sum, i) => {
          expect(result[i]).toBeCloseTo(1.5 * sum + 0.5 * before[i]!, 4)
        })
      }
      expect(gpu.controls.convolutions()).toBe(3)
    })

  it('reads no result for a beta of 0, and overwrites its workspace', () => {
    const { dnn } = gpu
    const d = describeShape(plain)
    const [x, w] = [gpu.upload(random(2 * 49 * 4, 1)), gpu.upload(random(6 * 9 * 4, 2))]
    const y = gpu.upload(new Float32Array(2 * 49 * 6).fill(Number.NaN))
    const space = gpu.upload(new Float32Array(1000))
    const [a, b] = [addressOf(alpha), addressOf(zero)]
    gpu.check(
      dnn.cudnnConvolutionForward(
        handle,
        a,
        d.x,
        x,
        d.w,
        w,
        d.convolution,
        1,
        space,
        4000,
        b,
        d.y,
        y,
      ),
    )
    expect(gpu.download(y, 2 * 49 * 6).every(Number.isFinite)).toBe(true)
    expect(gpu.download(space, 1)[0]).toBeNaN()
  })

  it('refuses descriptors that do not fit, in the codes of cuDNN', () => {
    const { dnn, controls } = gpu
    const wrong = describeShape(plain, 5)
    const size = new BigUint64Array(1)
    const at = addressOf(size)
    const ask = (d: typeof wrong, algorithm: number, of = handle) =>
      dnn.cudnnGetConvolutionForwardWorkspaceSize(of, d.x, d.w, d.convolution, d.y, algorithm, at)
    expect(ask(wrong, 1)).toBe(BAD_PARAM)
    expect(controls.message()).toContain('make 2 x 7 x 7 x 6, not 2 x 5 x 5 x 6')
    const right = describeShape(plain)
    expect(ask(right, 4)).toBe(NOT_SUPPORTED)
    expect(ask(right, 9)).toBe(BAD_PARAM)
    expect(ask(right, 0, 0)).toBe(1001)
    expect(ask({ ...right, x: right.convolution }, 0)).toBe(BAD_PARAM)
    expect(controls.message()).toContain('is no live tensor descriptor')
    expect(dnn.cudnnSetTensor4dDescriptor(right.x, NHWC, 0, 0, 1, 1, 1)).toBe(BAD_PARAM)
    expect(dnn.cudnnSetTensor4dDescriptor(right.x, 0, 0, 1, 1, 1, 1)).toBe(NOT_SUPPORTED)
    expect(dnn.cudnnSetConvolution2dDescriptor(right.convolution, 0, 0, 0, 1, 1, 1, 1, 0)).toBe(
      BAD_PARAM,
    )
    expect(dnn.cudnnSetConvolutionGroupCount(right.convolution, 0)).toBe(BAD_PARAM)
    expect(dnn.cudnnGetErrorString(BAD_PARAM)).toBe('CUDNN_STATUS_BAD_PARAM')
    gpu.check(dnn.cudnnDestroyTensorDescriptor(right.x))
    expect(dnn.cudnnDestroyTensorDescriptor(right.x)).toBe(BAD_PARAM)
  })

  it('refuses a workspace that is too small, and finds memory that is', () => {
    const { dnn, controls } = gpu
    const d = describeShape(plain)
    const [x, w] = [gpu.upload(random(2 * 49 * 4, 1)), gpu.upload(random(6 * 9 * 4, 2))]
    const short = gpu.alloc(4 * (2 * 49 * 6 - 1))
    const [a, b] = [addressOf(alpha), addressOf(zero)]
    const run = (algorithm: number, space: number, bytes: number) =>
      dnn.cudnnConvolutionForward(
        handle,
        a,
        d.x,
        x,
        d.w,
        w,
        d.convolution,
        algorithm,
        space,
        bytes,
        b,
        d.y,
        short,
      )
    expect(run(1, short, 4)).toBe(BAD_PARAM)
    expect(controls.message()).toContain('a workspace of 4 bytes')
    expect(run(1, 0, 4000)).toBe(BAD_PARAM)
    expect(run(0, 0, 0)).toBe(0)
    expect(gpu.driver.cuStreamSynchronize(gpu.stream)).toBe(700)
    expect(controls.message()).toContain('cudnnConvolutionForward: the 2352 bytes of the result')
  })
})
