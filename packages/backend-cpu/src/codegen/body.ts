/**
 * The instructions of one program inside a kernel.
 *
 * Each value is computed at the outermost place where it is known: constants and scalars once per
 * call, what depends on broadcast inputs once per inner loop, the rest for each vector.
 */
import type { DType, Instruction, Program } from '@nablajs/tensor/backend'
import {
  emitConstant,
  emitInstruction,
  type Operand,
  type Place,
  type StepOp,
} from './instructions.ts'
import { rare } from './math/parts.ts'
import type { ModuleBuilder } from './module.ts'
import { simd } from './opcodes.ts'
import type { FunctionBuilder } from './wasm.ts'

/** Where a value is computed: 0 once per call, 1 before each inner loop, 2 for each vector. */
export type Level = 0 | 1 | 2

/** Which elements: vector number 0, 1, ... of an unrolled loop, or a single one in all lanes. */
export type Lanes = number | 'single'

/** An input, scalar, index or position: how to push its 32-bit words. */
export interface Leaf {
  readonly level: Level
  push(lanes: Lanes): void
}

interface Step {
  readonly op: StepOp
  readonly dtype: DType
  readonly args: readonly number[]
  readonly value: number
  readonly level: Level
  readonly leaf: Leaf | undefined
  readonly place: Place
  /** The condition under which alone the value is needed (see `rarely` in `math/parts.ts`). */
  readonly onlyIf: number | undefined
}

const leafOps: ReadonlySet<string> = new Set(['input', 'scalar', 'index', 'position'])

export class Body {
  readonly #f: FunctionBuilder
  readonly #module: ModuleBuilder
  readonly #steps: readonly (Step | undefined)[]
  readonly #outputs: readonly number[]

  /** `program` is lowered; `leafOf` says where its inputs, scalars and indices come from. */
  constructor(
    f: FunctionBuilder,
    module: ModuleBuilder,
    program: Program,
    leafOf: (line: Instruction) => Leaf,
  ) {
    this.#f = f
    this.#module = module
    this.#outputs = program.outputs
    const lines = program.code.map((_, i) => simplify(program.code, i))
    const used = new Set(program.outputs)
    for (let i = lines.length - 1; i >= 0; i--)
      if (used.has(i)) for (const arg of lines[i]!.args) used.add(arg)
    const conditions = rareConditions(program)
    const steps: (Step | undefined)[] = []
    for (const [i, { op, args }] of lines.entries()) {
      if (!used.has(i)) {
        steps.push(undefined)
        continue
      }
      const line = program.code[i]!
      const leaf = leafOps.has(op) ? leafOf(line) : undefined
      let level = leaf?.level ?? 0
      for (const arg of args) if (steps[arg]!.level > level) level = steps[arg]!.level
      const first = f.local('v128')
      // The two halves of an f64 constant are equal.
      const place =
        line.dtype === 'f64' ? [first, op === 'constant' ? first : f.local('v128')] : [first]
      const onlyIf = conditions.get(i)
      steps.push({ op, dtype: line.dtype, args, value: line.value, level, leaf, place, onlyIf })
    }
    this.#steps = steps
  }

  /** How many instructions run for each vector. */
  get size(): number {
    return this.#steps.filter((step) => step?.level === 2).length
  }

  /** Computes everything that belongs at this level. */
  emit(level: Level, lanes: Lanes = 0): void {
    const waiting = new Map<number, Step[]>()
    for (const step of this.#steps) {
      if (step?.level !== level) continue
      if (step.onlyIf !== undefined && level > 0) {
        const steps = waiting.get(step.onlyIf) ?? []
        waiting.set(step.onlyIf, [...steps, step])
        continue
      }
      if (isRare(step)) this.#emitRare(waiting, step.args[0]!, lanes)
      this.#emitStep(step, lanes)
    }
    // What a later level waits for.
    for (const steps of waiting.values()) for (const step of steps) this.#emitStep(step, lanes)
  }

  /** What waits for a condition, in a branch that is taken if it holds in any lane. */
  #emitRare(waiting: Map<number, Step[]>, condition: number, lanes: Lanes): void {
    const steps = waiting.get(condition)
    if (!steps) return
    waiting.delete(condition)
    this.#f.get(this.#steps[condition]!.place[0]!)
    this.#f.simd(simd.anyTrue)
    this.#f.if(() => {
      for (const step of steps) this.#emitStep(step, lanes)
    })
  }

  /** Pushes an output as memory holds it. */
  output(i: number): void {
    const step = this.#steps[this.#outputs[i]!]!
    this.#f.get(step.place[0]!)
    if (step.dtype !== 'bool') return
    this.#f.i32(31)
    this.#f.simd(simd.i32ShrU)
  }

  #emitStep(step: Step, lanes: Lanes): void {
    const f = this.#f
    if (step.leaf) {
      step.leaf.push(lanes)
      if (step.dtype === 'bool') f.simd(simd.i32Neg)
    } else if (step.op === 'constant') {
      emitConstant(f, step.dtype, step.value)
    } else {
      const args = step.args.map((arg): Operand => {
        const { dtype, place, level } = this.#steps[arg]!
        return { dtype, place, uniform: level === 0 }
      })
      emitInstruction(f, this.#module, step.op, step.dtype, args)
      if (step.place.length === 2) f.set(step.place[1]!)
    }
    f.set(step.place[0]!)
  }
}

function isRare({ op, value }: { readonly op: StepOp; readonly value: number }): boolean {
  return op === 'select' && value === rare
}

/** The lines that only the first sides of rare choices by one condition need, with that condition. */
function rareConditions({ code, outputs }: Program): Map<number, number> {
  const usual = new Set(outputs)
  const found = new Map<number, number>()
  for (let i = code.length - 1; i >= 0; i--) {
    const { args } = code[i]!
    const own = usual.has(i) ? undefined : found.get(i)
    for (const [side, arg] of args.entries()) {
      const condition = isRare(code[i]!) && side === 1 ? args[0]! : own
      if (condition === undefined || (found.get(arg) ?? condition) !== condition) usual.add(arg)
      else found.set(arg, condition)
    }
  }
  for (const i of usual) found.delete(i)
  return found
}

/**
 * One machine instruction instead of two where the pattern allows: a choice with zero is a mask, a
 * choice by comparison of the same two values is pmin or pmax, and so are `min` and `max` with a
 * constant that is a number (the proper ones cost eight instructions on x86; a NaN on the other
 * side still comes through).
 */
function simplify(
  code: readonly Instruction[],
  i: number,
): { readonly op: StepOp; readonly args: readonly number[] } {
  const { op, dtype, args, value } = code[i]!
  const isConstant = (line: number): boolean =>
    code[line]!.op === 'constant' && !Number.isNaN(code[line]!.value)
  const isZero = (line: number): boolean => isConstant(line) && Object.is(code[line]!.value, 0)
  const [a, b, c] = args as [number, number, number]
  if ((op === 'min' || op === 'max') && dtype === 'f32') {
    // pmin(x, k) is "k if k < x else x".
    if (isConstant(b)) return { op: `p${op}`, args: [a, b] }
    if (isConstant(a)) return { op: `p${op}`, args: [b, a] }
  }
  if (op === 'select' && value !== rare) {
    const condition = code[a]!
    if (condition.op === 'lt' && dtype === 'f32') {
      const [left, right] = condition.args
      if (b === left && c === right) return { op: 'pmin', args: [c, b] }
      if (b === right && c === left) return { op: 'pmax', args: [c, b] }
    }
    if (isZero(c)) return { op: 'mask', args: [a, b] }
    if (isZero(b)) return { op: 'maskNot', args: [a, c] }
  }
  return { op, args }
}
