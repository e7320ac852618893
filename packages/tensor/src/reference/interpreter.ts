/**
 * Runs a scalar program over one block of elements at a time: each instruction is a loop over the
 * block, and each register a row of float64 numbers, fitted to the instruction's dtype after every
 * step, so an f32 program rounds where a real device rounds.
 */
import { dtypes } from '../dtype.ts'
import type { Program } from '../program/program.ts'
import { meaning } from './primitives.ts'

export const BLOCK = 512

export interface Block {
  readonly count: number
  /** Row-major number of the block's first element in the iteration space. */
  readonly start: number
  /** The values of each input. */
  readonly inputs: readonly Float64Array[]
  /** The extent and the row-major stride of each axis, for `index`. */
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

export type Runner = (block: Block, scalars: readonly number[]) => Float64Array[]

const runners = new Map<number, Runner>()

export function runnerOf(program: Program): Runner {
  let runner = runners.get(program.id)
  if (!runner) {
    runner = prepare(program)
    runners.set(program.id, runner)
  }
  return runner
}

function prepare({ code, outputs, scalars: scalarTypes }: Program): Runner {
  const registers = code.map(() => new Float64Array(BLOCK))
  const empty = new Float64Array(BLOCK)
  const steps = code.map((line, number): ((block: Block, scalars: readonly number[]) => void) => {
    const out = registers[number]!
    const { fit } = dtypes[line.dtype]
    const { value } = line
    switch (line.op) {
      case 'input':
        return ({ inputs, count }) => out.set(inputs[value]!.subarray(0, count))
      case 'scalar':
        return (_, scalars) => out.fill(dtypes[scalarTypes[value]!].fit(scalars[value]!))
      case 'constant':
        return () => out.fill(value)
      case 'position':
        return ({ start, count }) => {
          for (let i = 0; i < count; i++) out[i] = start + i
        }
      case 'index':
        return ({ start, count, shape, strides }) => {
          for (let i = 0; i < count; i++)
            out[i] = Math.floor((start + i) / strides[value]!) % shape[value]!
        }
      default: {
        const f = meaning(line, code[line.args.at(-1)!]!)
        const [a, b, c] = line.args.map((arg) => registers[arg]!)
        const [x, y, z] = [a!, b ?? empty, c ?? empty]
        return ({ count }) => {
          for (let i = 0; i < count; i++) out[i] = fit(f(x[i]!, y[i]!, z[i]!))
        }
      }
    }
  })
  const results = outputs.map((output) => registers[output]!)
  return (block, scalars) => {
    for (const step of steps) step(block, scalars)
    return results
  }
}
