/**
 * Hangs the ops on the tensor class: `relu(x)` is also `x.relu()`. The methods and their types come
 * from the op files themselves, whose every export takes a tensor first; nothing is listed twice.
 */
import * as binary from './ops/binary.ts'
import * as casts from './ops/cast.ts'
import * as movement from './ops/movement.ts'
import * as reduce from './ops/reduce.ts'
import * as single from './ops/single.ts'
import * as softmax from './ops/softmax.ts'
import * as unary from './ops/unary.ts'
import { Tensor } from './tensor.ts'

/** A function of a tensor as a method of that tensor. */
type Method<F> = F extends (
  x: Tensor,
  ...rest: infer Rest extends readonly unknown[]
) => infer Result
  ? (...rest: Rest) => Result
  : never

type Methods<Ops> = { [Name in keyof Ops]: Method<Ops[Name]> }

export interface TensorMethods
  extends Methods<typeof unary>,
    Methods<typeof binary>,
    Methods<typeof casts>,
    Methods<typeof movement>,
    Methods<typeof reduce>,
    Methods<typeof softmax>,
    Methods<typeof single> {}

for (const group of [unary, binary, casts, movement, reduce, softmax, single])
  for (const [name, op] of Object.entries(group)) {
    const apply = op as (x: Tensor, ...rest: unknown[]) => unknown
    Object.defineProperty(Tensor.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Tensor, ...rest: unknown[]) {
        return apply(this, ...rest)
      },
    })
  }

export { Tensor } from './tensor.ts'
