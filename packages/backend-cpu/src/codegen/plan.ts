/**
 * From the shapes and strides of a call to the loops of a kernel: axes merged where all operands
 * allow it, and the axis chosen that goes into the lanes. One object is used again for every call,
 * so that planning allocates nothing that lasts.
 */
import { type OperandSpec, type StepKind, step } from './operands.ts'

/** What a lane by lane access costs, next to 1 for a vector load or an instruction. */
const stridedLoad = 4
const stridedStore = 5

const lineElements = 16

/** Steps of a tile: as many cache lines as the smallest first-level caches hold comfortably. */
const tileSteps = 16

/** 3^28 kernels for each of 2^8 loop nests are below 2^53. */
export const maxNumberedOperands = 28

export class Plan {
  /** Extents of the merged axes; `order` says which of them each loop is. */
  readonly extents: number[] = []
  /** `strides[operand][axis]`, in elements. */
  readonly strides: number[][] = []
  readonly reduced: boolean[] = []
  readonly order: number[] = []
  operands = 0

  /** The same as `collapse` of the contract, into this object. */
  merge(
    shape: readonly number[],
    strides: readonly (readonly number[])[],
    reduced?: readonly boolean[],
  ): void {
    this.operands = strides.length
    this.extents.length = 0
    this.reduced.length = 0
    this.order.length = 0
    while (this.strides.length < strides.length) this.strides.push([])
    for (let o = 0; o < strides.length; o++) this.strides[o]!.length = 0
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis]!
      if (extent === 1) continue
      const last = this.extents.length - 1
      const kind = reduced?.[axis] ?? false
      if (last >= 0 && this.reduced[last] === kind && this.#follows(strides, axis, extent)) {
        this.extents[last]! *= extent
        for (let o = 0; o < strides.length; o++) this.strides[o]![last] = strides[o]![axis]!
      } else this.#push(extent, strides, axis, kind)
    }
  }

  /** A loop of one step, for when all axes are gone. */
  addLoop(reduced: boolean): void {
    this.extents.push(1)
    this.reduced.push(reduced)
    for (let o = 0; o < this.operands; o++) this.strides[o]!.push(0)
  }

  /** What an operand does along an axis; where there is one step, all operands are alike. */
  kind(operand: number, axis: number): StepKind {
    const stride = this.strides[operand]![axis]!
    if (this.extents[axis] === 1 || stride === 1) return step.unit
    return stride === 0 ? step.fixed : step.strided
  }

  /**
   * The cost of each element with this axis in the lanes, in instructions; the first `inputs`
   * operands are read and the next `outputs` written.
   */
  cost(axis: number, inputs: number, outputs: number, body: number): number {
    let each = body
    for (let o = 0; o < inputs + outputs; o++) {
      const kind = this.kind(o, axis)
      if (kind === step.unit) each += 1
      else if (kind === step.strided) each += o < inputs ? stridedLoad : stridedStore
    }
    const extent = this.extents[axis]!
    const rounds = (extent >> 2) + (extent & 3)
    return (each * rounds + 12) / extent
  }

  /** The axis of a kind that costs least in the lanes; of equal ones the last. */
  cheapest(reduced: boolean, inputs: number, outputs: number, body: number): number {
    let best = -1
    let lowest = Number.POSITIVE_INFINITY
    for (let axis = this.extents.length - 1; axis >= 0; axis--) {
      if (this.reduced[axis] !== reduced) continue
      const cost = this.cost(axis, inputs, outputs, body)
      if (cost < lowest) {
        lowest = cost
        best = axis
      }
    }
    return best
  }

  /** Appends the axes of a kind to the loops, in their order but with `last` as the last. */
  addToOrder(reduced: boolean, last: number): void {
    for (let axis = 0; axis < this.extents.length; axis++)
      if (this.reduced[axis] === reduced && axis !== last) this.order.push(axis)
    this.order.push(last)
  }

  /**
   * Names a kernel among those of one program: `loops`, and what each operand does along `axis`. A
   * plain number as long as one can hold it.
   */
  kernelKey(loops: number, axis: number): number | string {
    if (this.operands > maxNumberedOperands)
      return `${loops} ${this.specs(axis, 0).map(({ kind }) => kind)}`
    let key = loops
    for (let o = 0; o < this.operands; o++) key = key * 3 + this.kind(o, axis)
    return key
  }

  /** The same as a list; the last operands are counters. */
  specs(axis: number, counters: number): OperandSpec[] {
    return Array.from({ length: this.operands }, (_, o) => ({
      counter: o >= this.operands - counters,
      kind: this.kind(o, axis),
    }))
  }

  /**
   * Cuts the last loop into tiles where an operand jumps along it but runs along another axis (a
   * transposed view): loops over the tiles outside, that axis, then a tile, so that cache lines are
   * used up before they go. Returns how many steps of the axis are left over.
   */
  tile(views: number): number {
    const axis = this.order[this.order.length - 1]!
    const extent = this.extents[axis]!
    if (this.order.length < 2 || extent < 4 * tileSteps) return 0
    const across = this.order.findIndex((other, loop) => {
      if (loop === this.order.length - 1 || this.extents[other]! < 2 * lineElements) return false
      for (let o = 0; o < views; o++) {
        const own = this.strides[o]!
        if (Math.abs(own[axis]!) >= lineElements && Math.abs(own[other]!) === 1) return true
      }
      return false
    })
    if (across < 0) return 0
    const rest = extent % tileSteps
    const tiles = this.extents.push(Math.floor(extent / tileSteps)) - 1
    this.reduced.push(false)
    for (let o = 0; o < this.operands; o++) {
      const own = this.strides[o]!
      own.push(own[axis]! * tileSteps)
    }
    this.extents[axis] = tileSteps
    const [other] = this.order.splice(across, 1)
    this.order.splice(-1, 0, tiles, other!)
    return rest
  }

  /** After the tiles: one of `rest` steps, `words` being where the operands start. */
  moveToRest(rest: number, words: Int32Array<ArrayBufferLike>, at: number, counters: number): void {
    const axis = this.order[this.order.length - 1]!
    const tiles = this.extents.length - 1
    for (let o = 0; o < this.operands; o++) {
      const unit = o < this.operands - counters ? 4 : 1
      words[at + o]! += this.strides[o]![tiles]! * this.extents[tiles]! * unit
    }
    this.extents[axis] = rest
    this.extents[tiles] = 1
  }

  /** Writes extents and strides of the loops as {@link descriptorLayout} has them. */
  write(words: Int32Array<ArrayBufferLike>, at: number, counters: number): void {
    for (const axis of this.order) words[at++] = this.extents[axis]!
    for (let o = 0; o < this.operands; o++) {
      const unit = o < this.operands - counters ? 4 : 1
      const own = this.strides[o]!
      for (const axis of this.order) words[at++] = own[axis]! * unit
    }
  }

  #follows(strides: readonly (readonly number[])[], axis: number, extent: number): boolean {
    const last = this.extents.length - 1
    for (let o = 0; o < strides.length; o++)
      if (this.strides[o]![last] !== strides[o]![axis]! * extent) return false
    return true
  }

  #push(
    extent: number,
    strides: readonly (readonly number[])[],
    axis: number,
    kind: boolean,
  ): void {
    this.extents.push(extent)
    this.reduced.push(kind)
    for (let o = 0; o < strides.length; o++) this.strides[o]!.push(strides[o]![axis]!)
  }
}
