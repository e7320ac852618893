/**
 * For authors of ops, losses, optimizers and random transforms: scalar programs and how to run them
 * on tensors. Published as `@nablajs/tensor/program`.
 *
 * @packageDocumentation
 */
export { preciseType, productType } from './autocast.ts'
export { type FusedArguments, fuse } from './ops/fuse.ts'
export { mapProgram } from './ops/map.ts'
export { sumOf } from './ops/sum.ts'
export { updateInPlace } from './ops/update.ts'
export { gaussian, philox, randomWords, unit } from './program/philox.ts'
export { type Program, program, showProgram } from './program/program.ts'
export {
  constant,
  index,
  position,
  Scalar,
  type ScalarLike,
  select,
} from './program/scalar.ts'
