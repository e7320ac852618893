/**
 * What a backend author needs: the contract, the scalar programs and the arithmetic of layouts.
 * Published as `@nablajs/tensor/backend`.
 *
 * @packageDocumentation
 */
export type {
  Backend,
  Combine,
  ConvGeometry,
  DeviceBuffer,
  Kernels,
  MemoryInfo,
  PoolGeometry,
  Reduction,
  Scan,
  View,
} from './backend.ts'
export {
  type ConvPhase,
  type ConvSizes,
  convPhases,
  convSizes,
  isPointwise,
} from './convolution.ts'
export {
  bytesOf,
  computeType,
  type DType,
  dtypes,
  type HalfDType,
  isFloat,
  isHalf,
  type StoredArray,
  stored,
  type TypedArray,
  viewAs,
} from './dtype.ts'
export { ArgumentError, DeviceError, DTypeError, ShapeError, showShape } from './errors.ts'
export { collapse, contiguousStrides, isContiguous, type Loops, sizeOf } from './layout.ts'
export { Storage } from './memory.ts'
export {
  checkBounds,
  checkScalars,
  checkShape,
  checkView,
  checkViews,
  combinedType,
  flatKind,
  reducedAxes,
  type StepKind,
  step,
} from './operands.ts'
export { type Instruction, inline, type Program, program, showProgram } from './program/program.ts'
export {
  arity,
  constant,
  index,
  type Primitive,
  position,
  Scalar,
  select,
} from './program/scalar.ts'
