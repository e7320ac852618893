/**
 * Tensors, scalar programs and gradients.
 *
 * @packageDocumentation
 */

export { autocast, noAutocast } from './autocast.ts'
export {
  type BackwardOptions,
  enableGrad,
  isGradEnabled,
  noGrad,
  type Rule,
} from './autograd.ts'
export type { Backend, MemoryInfo } from './backend.ts'
export { checkpoint } from './checkpoint.ts'
export { type CustomForward, customGrad } from './custom-grad.ts'
export { hessian, hvp, jacobian } from './derivatives.ts'
export { getDevice, setDevice, withDevice } from './device.ts'
export {
  computeType,
  type DType,
  type FloatDType,
  getDefaultDType,
  type HalfDType,
  isFloat,
  isHalf,
  setDefaultDType,
  type TypedArray,
} from './dtype.ts'
export {
  ArgumentError,
  DeviceError,
  DTypeError,
  FormatError,
  GraphError,
  NablaError,
  ShapeError,
  showShape,
} from './errors.ts'
export { type GradOptions, grad, gradients, valueAndGrad } from './grad.ts'
export { type FileDType, fromHost, type HostTensor, type LoadOptions, toHost } from './io/host.ts'
export {
  decodeSafetensors,
  encodeSafetensors,
  loadTensors,
  type SafetensorsFile,
  saveTensors,
} from './io/safetensors.ts'
export { type Conv2dOptions, conv2d, type Pair } from './kernels/conv2d.ts'
export { gather, scatterAdd } from './kernels/gather.ts'
export { addmm, matmul } from './kernels/matmul.ts'
export {
  type AvgPool2dOptions,
  avgPool2d,
  type MaxPool2dOptions,
  maxPool2d,
  maxPool2dWithIndices,
  type Pool2dOptions,
} from './kernels/pool2d.ts'
export type { Shape } from './layout.ts'
export { dispose, type Holder, keep, release, Scope, scope } from './memory.ts'
export { Tensor } from './methods.ts'
export * from './ops/activations.ts'
export * from './ops/adaptive.ts'
export * from './ops/arrange.ts'
export * from './ops/binary.ts'
export * from './ops/cast.ts'
export * from './ops/conv.ts'
export * from './ops/create.ts'
export * from './ops/cumulative.ts'
export * from './ops/diagonal.ts'
export * from './ops/distance.ts'
export * from './ops/einsum.ts'
export {
  type Binary,
  type Elementwise,
  type ElementwiseRow,
  elementwise,
  type Operand,
  type Unary,
} from './ops/elementwise.ts'
export * from './ops/fold.ts'
export * from './ops/grid-sample.ts'
export * from './ops/indexing.ts'
export * from './ops/interpolate.ts'
export * from './ops/join.ts'
export * from './ops/meshgrid.ts'
export * from './ops/movement.ts'
export * from './ops/norm.ts'
export * from './ops/pad.ts'
export * from './ops/pixels.ts'
export * from './ops/pool.ts'
export * from './ops/random.ts'
export * from './ops/reduce.ts'
export * from './ops/softmax.ts'
export * from './ops/sort.ts'
export * from './ops/unary.ts'
export { assign } from './ops/update.ts'
export { reference } from './reference/reference.ts'
export type { NestedArray } from './tensor.ts'
