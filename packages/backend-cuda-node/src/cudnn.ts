/** Convolutions through cuDNN, where it can express them; plans by shape. */
import { type ConvGeometry, DeviceError, isHalf, sizeOf, type View } from '@nablajs/tensor/backend'
import { type Bound, cudnnApi } from './api/index.ts'
import { addressOf } from './cells.ts'
import type { StoredFloat } from './codegen/storage.ts'
import type { Device } from './device.ts'
import { Plans } from './kernels/plans.ts'
import { transposeMatrix } from './kernels/transpose.ts'

const { constants } = cudnnApi

/** The ops that cuDNN may compute. */
export type ConvolutionOp = 'conv2d' | 'conv2dGradInput' | 'conv2dGradWeight'

type Four = readonly [number, number, number, number]

/** The three tensors of a convolution: x or its gradient, the weight or its, the result or its. */
export interface ConvolutionViews {
  readonly image: View
  readonly weight: View
  readonly result: View
}

/** Descriptors of a shape, and how cuDNN computes it. */
interface Plan {
  readonly image: number
  readonly filter: number
  readonly result: number
  readonly convolution: number
  readonly algorithm: number
  /** Bytes. */
  readonly workspace: number
}

/** The library's name of each dtype. */
const types: Readonly<Record<StoredFloat, number>> = {
  f32: constants.CUDNN_DATA_FLOAT,
  f16: constants.CUDNN_DATA_HALF,
  bf16: constants.CUDNN_DATA_BFLOAT16,
}

/** The most workspace that an algorithm may have, in bytes: own kernels are many times slower than one that has it. */
const mostWorkspace = 2 ** 30

/** cuDNN counts elements in 32 bits. */
const mostElements = 2 ** 31 - 1

/** What kernels of cuDNN may read at once, in bytes. */
const alignment = 16

/**
 * The algorithms, the first choice first: those that take channels last and give the same bits every
 * time. ALGO_0 of the gradients adds in any order, and what goes by FFT or Winograd rounds otherwise
 * and takes channels first.
 */
const algorithms: Readonly<Record<ConvolutionOp, readonly number[]>> = {
  conv2d: [
    constants.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
    constants.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
  ],
  conv2dGradInput: [constants.CUDNN_CONVOLUTION_BWD_DATA_ALGO_1],
  conv2dGradWeight: [constants.CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1],
}

/** Whether cuDNN has such a convolution: padding is the same on both sides there. */
export function isExpressible(views: ConvolutionViews, geometry: ConvGeometry): boolean {
  const { stride, padding, dilation } = geometry
  const { image, weight, result } = views
  for (const view of [image, weight, result]) {
    const size = sizeOf(view.shape)
    if (size === 0 || size > mostElements) return false
  }
  return [0, 1].every((axis) => {
    const pad = padding[axis]!
    const span = dilation[axis]! * (weight.shape[axis]! - 1) + 1
    const extent = Math.floor((image.shape[axis + 1]! + 2 * pad - span) / stride[axis]!) + 1
    return pad >= 0 && extent === result.shape[axis + 1]
  })
}

function keyOf(
  op: ConvolutionOp,
  { image, weight, result }: ConvolutionViews,
  { stride, padding, dilation, groups }: ConvGeometry,
): string {
  const shapes = [image.shape, weight.shape, result.shape]
  return `${op} ${image.dtype} ${shapes.join(' ')} ${stride} ${padding} ${dilation} ${groups}`
}

/** Whether cuDNN does not have what was asked. Each reason has a number in the thousand of its kind. */
const isRefusal = (code: number): boolean =>
  code - (code % 1000) === constants.CUDNN_STATUS_NOT_SUPPORTED

export class Dnn {
  readonly #api: Bound<typeof cudnnApi>
  readonly #device: Device
  readonly #allowTF32: boolean
  readonly #factors: Float32Array = Float32Array.of(1, 0)
  readonly #one: number = addressOf(this.#factors)
  readonly #zero: number = this.#one + 4
  /** By op and shape. */
  readonly #plans: Plans<Plan> = new Plans((plan) => this.#destroy(plan))
  #handle = 0

  constructor(api: Bound<typeof cudnnApi>, device: Device, allowTF32: boolean) {
    this.#api = api
    this.#device = device
    this.#allowTF32 = allowTF32
  }

  /** Computes the op; false, with nothing done, where that is left to the kernels of this package. */
  run(op: ConvolutionOp, views: ConvolutionViews, geometry: ConvGeometry): boolean {
    if (!isExpressible(views, geometry)) return false
    const { image, weight, result } = views
    const addresses = [image, weight, result].map((view) => this.#device.address(view, op))
    if (addresses.some((address) => address % alignment !== 0)) return false
    const key = keyOf(op, views, geometry)
    const plan = this.#plans.get(key, () => this.#makePlan(op, views, geometry))
    if (!plan) return false
    const [r, s, c, k] = weight.shape as Four
    const { context, pool } = this.#device
    context.noteLaunch(op)
    const [x, w, y] = addresses as [number, number, number]
    const bytes = isHalf(image.dtype) ? 2 : 4
    // Ours is [R, S, C, K], cuDNN's [K, R, S, C]: a matrix and its transpose.
    const done = pool.scratch(bytes * r * s * c * k, (filter) => {
      const run = (workspace: number): boolean => {
        if (op !== 'conv2dGradWeight') transposeMatrix(this.#device, w, filter, r * s * c, k, bytes)
        const code = this.#call(op, plan, x, filter, y, workspace)
        if (isRefusal(code)) return false
        this.#check(code, op)
        if (op === 'conv2dGradWeight') transposeMatrix(this.#device, filter, w, k, r * s * c, bytes)
        return true
      }
      return plan.workspace === 0 ? run(0) : pool.scratch(plan.workspace, run)
    })
    // That it told the size of a workspace was no promise.
    if (!done) this.#plans.refuse(key)
    return done
  }

  #call(
    op: ConvolutionOp,
    plan: Plan,
    x: number,
    filter: number,
    y: number,
    workspace: number,
  ): number {
    const api = this.#api
    const handle = this.#handle
    const { algorithm } = plan
    // biome-ignore format: one operand to a line
    return op === 'conv2d'
        ? api.cudnnConvolutionForward(
            handle, this.#one,
            plan.image, x,
            plan.filter, filter,
            plan.convolution, algorithm, workspace, plan.workspace, this.#zero,
            plan.result, y,
          )
        : op === 'conv2dGradInput'
          ? api.cudnnConvolutionBackwardData(
              handle, this.#one,
              plan.filter, filter,
              plan.result, y,
              plan.convolution, algorithm, workspace, plan.workspace, this.#zero,
              plan.image, x,
            )
          : api.cudnnConvolutionBackwardFilter(
              handle, this.#one,
              plan.image, x,
              plan.result, y,
              plan.convolution, algorithm, workspace, plan.workspace, this.#zero,
              plan.filter, filter,
            )
  }

  #makePlan(op: ConvolutionOp, views: ConvolutionViews, geometry: ConvGeometry): Plan | undefined {
    this.#open(op)
    const api = this.#api
    const described: Omit<Plan, 'algorithm' | 'workspace'> = {
      image: this.#create(api.cudnnCreateTensorDescriptor, op),
      filter: this.#create(api.cudnnCreateFilterDescriptor, op),
      result: this.#create(api.cudnnCreateTensorDescriptor, op),
      convolution: this.#create(api.cudnnCreateConvolutionDescriptor, op),
    }
    let plan: Plan | undefined
    try {
      this.#describe(op, described, views, geometry)
      plan = this.#choose(op, described)
      return plan
    } finally {
      if (!plan) this.#destroy(described)
    }
  }

  #describe(
    op: ConvolutionOp,
    { image, filter, result, convolution }: Omit<Plan, 'algorithm' | 'workspace'>,
    views: ConvolutionViews,
    { stride, padding, dilation, groups }: ConvGeometry,
  ): void {
    const api = this.#api
    const { CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, CUDNN_CROSS_CORRELATION } = constants
    const dtype = views.image.dtype as StoredFloat
    const type = types[dtype]
    const tensor = (descriptor: number, view: View): void => {
      const [n, h, w, c] = view.shape as Four
      this.#check(
        api.cudnnSetTensor4dDescriptor(descriptor, CUDNN_TENSOR_NHWC, type, n, c, h, w),
        op,
      )
    }
    tensor(image, views.image)
    tensor(result, views.result)
    const [r, s, c, k] = views.weight.shape as Four
    this.#check(api.cudnnSetFilter4dDescriptor(filter, type, CUDNN_TENSOR_NHWC, k, c, r, s), op)
    this.#check(
      api.cudnnSetConvolution2dDescriptor(
        convolution,
        ...padding,
        ...stride,
        ...dilation,
        CUDNN_CROSS_CORRELATION,
        CUDNN_DATA_FLOAT,
      ),
      op,
    )
    this.#check(api.cudnnSetConvolutionGroupCount(convolution, groups), op)
    // Halves go to tensor cores as they are; of f32 the default may round operands to TF32.
    const exact = this.#allowTF32 ? constants.CUDNN_DEFAULT_MATH : constants.CUDNN_FMA_MATH
    const math = isHalf(dtype) ? constants.CUDNN_TENSOR_OP_MATH : exact
    this.#check(api.cudnnSetConvolutionMathType(convolution, math), op)
  }

  /** The first algorithm that takes the shapes, with its workspace. */
  #choose(op: ConvolutionOp, described: Omit<Plan, 'algorithm' | 'workspace'>): Plan | undefined {
    const api = this.#api
    const handle = this.#handle
    const { cells } = this.#device.context
    const { image, filter, result, convolution } = described
    const at = cells.at[0]!
    const ask = (algorithm: number): number => {
      // biome-ignore format: one question to a line
      if (op === 'conv2d')
        return api.cudnnGetConvolutionForwardWorkspaceSize(handle, image, filter, convolution, result, algorithm, at)
      // biome-ignore format: one question to a line
      if (op === 'conv2dGradInput')
        return api.cudnnGetConvolutionBackwardDataWorkspaceSize(handle, filter, result, convolution, image, algorithm, at)
      // biome-ignore format: one question to a line
      return api.cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, image, result, convolution, filter, algorithm, at)
    }
    for (const algorithm of algorithms[op]) {
      cells.put(0, 0)
      const code = ask(algorithm)
      if (isRefusal(code)) continue
      this.#check(code, op)
      const workspace = cells.word(0)
      if (workspace <= mostWorkspace) return { ...described, algorithm, workspace }
    }
    return undefined
  }

  /** Loading cuDNN's kernels takes time and memory of the GPU: only who convolves pays for it. */
  #open(op: ConvolutionOp): void {
    if (this.#handle !== 0) return
    const handle = this.#create(this.#api.cudnnCreate, op)
    this.#check(this.#api.cudnnSetStream(handle, this.#device.context.stream), op)
    this.#handle = handle
  }

  #create(make: (at: number) => number, op: ConvolutionOp): number {
    const { cells } = this.#device.context
    this.#check(make(cells.at[0]!), op)
    return cells.word(0)
  }

  #destroy({ image, filter, result, convolution }: Omit<Plan, 'algorithm' | 'workspace'>): void {
    const api = this.#api
    api.cudnnDestroyTensorDescriptor(image)
    api.cudnnDestroyFilterDescriptor(filter)
    api.cudnnDestroyTensorDescriptor(result)
    api.cudnnDestroyConvolutionDescriptor(convolution)
  }

  dispose(): void {
    this.#plans.clear()
    if (this.#handle !== 0 && this.#device.context.usable) this.#api.cudnnDestroy(this.#handle)
    this.#handle = 0
  }

  #check(code: number, op: ConvolutionOp): void {
    if (code !== constants.CUDNN_STATUS_SUCCESS)
      throw new DeviceError(
        `${op}: cuDNN answered ${this.#api.cudnnGetErrorString(code)} (${code}); with ` +
          'NABLA_CUDA_CUDNN=off convolutions are computed without it',
      )
  }
}
