/**
 * f16 and bf16 for code that thinks of everything as 32-bit words: around a call, halves are widened
 * into f32 scratch memory before, and narrowed from there after.
 */
import {
  checkBounds,
  checkShape,
  contiguousStrides,
  type HalfDType,
  isContiguous,
  isHalf,
  type Program,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { convert } from '../kernels/convert.ts'
import type { Context } from '../kernels/runtime.ts'
import { CpuBuffer, type Memory } from '../memory.ts'

/** Whether a program reads or writes halves. */
export function hasHalves({ inputs, outputs, code }: Program): boolean {
  return inputs.some(isHalf) || outputs.some((output) => isHalf(code[output]!.dtype))
}

/** A view of halves, and how its f32 are to lie: the elements that it reaches, each once. */
interface Copy {
  readonly dtype: HalfDType
  /** The address of the first half to convert, and the order to convert them in. */
  readonly half: number
  readonly order: readonly number[]
  readonly steps: readonly number[]
  /** The view of the f32; its buffer is still to come. */
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

export class Halves {
  readonly #memory: Memory
  #context: Context | undefined

  constructor(memory: Memory, context: Context) {
    this.#memory = memory
    this.#context = context
  }

  /** Runs `body` on f32 in the place of the views that are halves. */
  run(
    name: string,
    inputs: readonly View[],
    outputs: readonly View[],
    body: (inputs: readonly View[], outputs: readonly View[]) => void,
  ): void {
    const views = [...inputs, ...outputs]
    // Whatever is wrong with a view is found before there is scratch memory.
    const copies = views.map((view) => this.#copyOf(view, name))
    const floats: number[] = []
    try {
      for (const copy of copies)
        floats.push(copy ? this.#memory.scratch(4 * sizeOf(copy.order), name) : 0)
      const wide = views.map((view, i) => this.#floats(view, copies[i], floats[i]!))
      for (let i = 0; i < inputs.length; i++) this.#convert('float', copies[i], floats[i]!)
      body(wide.slice(0, inputs.length), wide.slice(inputs.length))
      for (let i = inputs.length; i < views.length; i++)
        this.#convert('half', copies[i], floats[i]!)
    } finally {
      for (const address of floats) if (address !== 0) this.#memory.release(address)
    }
  }

  /** Casts halves to f32 or back without a copy, where the f32 lie dense; false elsewhere. */
  cast(from: View, to: View, name: string): boolean {
    const [half, float] = isHalf(from.dtype) ? [from, to] : [to, from]
    const { dtype, shape, strides } = half
    if (!isHalf(dtype) || float.dtype !== 'f32' || !isContiguous(float.shape, float.strides))
      return false
    checkShape(half, float.shape, name)
    if (sizeOf(shape) > 0) for (const view of [half, float]) checkBounds(view, name)
    convert(this.#context!, float === to ? 'float' : 'half', {
      dtype,
      half: this.#memory.addressOf(half.buffer, name) + 2 * half.offset,
      shape,
      strides,
      float: this.#memory.addressOf(float.buffer, name) + 4 * float.offset,
    })
    return true
  }

  clear(): void {
    this.#context = undefined
  }

  #copyOf(view: View, name: string): Copy | undefined {
    const { buffer, dtype, shape, strides, offset } = view
    if (!isHalf(dtype)) return undefined
    const address = this.#memory.addressOf(buffer, name)
    if (sizeOf(shape) === 0)
      return { dtype, half: address, order: [0], steps: [1], shape, strides, offset: 0 }
    checkBounds(view, name)
    const axes = shape.map((_, axis) => axis).filter((a) => shape[a] !== 1 && strides[a] !== 0)
    let [first, last] = [0, 0]
    for (const axis of axes) {
      const reach = (shape[axis]! - 1) * strides[axis]!
      if (reach < 0) first += reach
      else last += reach
    }
    const span = last - first + 1
    // Without gaps, turned or overlapping: the same layout again.
    if (span <= axes.reduce((count, axis) => count * shape[axis]!, 1)) {
      const half = address + 2 * (offset + first)
      return { dtype, half, order: [span], steps: [1], shape, strides, offset: -first }
    }
    axes.sort((a, b) => Math.abs(strides[b]!) - Math.abs(strides[a]!))
    const order = axes.map((axis) => shape[axis]!)
    const dense = contiguousStrides(order)
    return {
      dtype,
      half: address + 2 * offset,
      order,
      steps: axes.map((axis) => strides[axis]!),
      shape,
      strides: shape.map((_, axis) => dense[axes.indexOf(axis)] ?? 0),
      offset: 0,
    }
  }

  /** The view itself, or the f32 in its place. */
  #floats(view: View, copy: Copy | undefined, address: number): View {
    if (!copy) return view
    const { order, shape, strides, offset } = copy
    const buffer = new CpuBuffer(this.#memory, address, 4 * sizeOf(order))
    return { buffer, dtype: 'f32', shape, strides, offset }
  }

  #convert(to: 'float' | 'half', copy: Copy | undefined, float: number): void {
    if (!copy) return
    const { dtype, half, order, steps } = copy
    convert(this.#context!, to, { dtype, half, shape: order, strides: steps, float })
  }
}
