/** Kernels of `map`: loops around one program. */

import type { Instruction, Program } from '@nablajs/tensor/backend'
import { step } from '@nablajs/tensor/backend'
import { Body, type Lanes, type Leaf } from './body.ts'
import { counterKey } from './counters.ts'
import { type GeneratedKernel, ModuleBuilder } from './module.ts'
import { op } from './opcodes.ts'
import { nest, type OperandSpec, Operands, type Pointers } from './operands.ts'
import { FunctionBuilder, type Local, type MemoryType } from './wasm.ts'

/** Longer programs hide their latencies themselves and would only grow. */
const unrollUpTo = 12

/**
 * What a kernel depends on. `specs` are the program's inputs, its outputs, then its counters (in
 * the order of `counters`); the last loop is the one that goes into the lanes.
 */
export interface MapSpec {
  /** Lowered. */
  readonly program: Program
  readonly counters: readonly string[]
  readonly specs: readonly OperandSpec[]
  readonly rank: number
}

export function buildMap(
  spec: MapSpec,
  memory: WebAssembly.Memory,
  type: MemoryType,
): GeneratedKernel {
  const { program, counters, specs, rank } = spec
  const module = new ModuleBuilder()
  const f = new FunctionBuilder(['i32', 'i32', 'i32'])
  const [descriptor, start, end] = [0, 1, 2]
  const inner = rank - 1
  const operands = new Operands(f, descriptor, specs, program.scalars.length, rank, inner)
  const inputs = program.inputs.length
  const firstCounter = inputs + program.outputs.length
  let current: Pointers = []

  const leafOf = (line: Instruction): Leaf => {
    if (line.op === 'scalar') return operands.scalarLeaf(line.value)
    const counter = firstCounter + counters.indexOf(counterKey(line))
    return operands.leaf(line.op === 'input' ? line.value : counter, () => current, true)
  }
  const body = new Body(f, module, program, leafOf)
  const strided = specs.some(({ kind }) => kind === step.strided)
  const unroll = strided || body.size > unrollUpTo ? 1 : 4

  const vector = (lanes: Lanes): void => {
    body.emit(2, lanes)
    for (let i = 0; i < program.outputs.length; i++)
      operands.store(inputs + i, current, lanes, () => body.output(i))
  }
  const run = (pointers: Pointers, count: Local): void => {
    current = operands.copy(pointers)
    body.emit(1)
    if (unroll > 1)
      f.countDown(count, 4 * unroll, () => {
        for (let copy = 0; copy < unroll; copy++) vector(copy)
        operands.advance(current, inner, 4 * unroll)
      })
    f.countDown(count, 4, () => {
      vector(0)
      operands.advance(current, inner, 4)
    })
    f.countDown(count, 1, () => {
      vector('single')
      operands.advance(current, inner, 1)
    })
  }

  const pointers = operands.start()
  operands.advance(pointers, 0, { local: start })
  const count = f.local('i32')
  f.get(end)
  f.get(start)
  f.op(op.i32Sub)
  f.set(count)
  body.emit(0)
  if (rank === 1) run(pointers, count)
  else
    f.repeat(() => {
      nest(f, operands, pointers, 1, inner, (at) => run(at, operands.extent(inner)))
      operands.advance(pointers, 0, 1)
      f.get(count)
      f.i32(1)
      f.op(op.i32Sub)
      f.tee(count)
    })
  return module.compile(f, memory, type)
}
