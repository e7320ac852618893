/**
 * From the shapes and strides of a call to the loops of a kernel: axes merged where all operands
 * allow it, and the axis chosen that goes into the lanes. One object is used again for every call,
 * so that planning allocates nothing.
 */
import { type StepKind, step } from '@nablajs/tensor/backend'
import type { OperandSpec } from './operands.ts'

/** What a lane by lane access costs, next to 1 for a vector load or an instruction. */
const stridedLoad = 4
const stridedStore = 5

/** Elements of a cache line. */
export const lineElements = 16

/** Steps of a tile: as many cache lines as fit even where all fall into the same cache set. */
const tileSteps = 16

/** 3^27 kernels for each of 2^10 loop nests are below 2^53. */
export const maxNumberedOperands = 27

/** The lists below may be longer than what is in use: the first `axes` or `loops` entries count. */
export class Plan {
  axes = 0
  loops = 0
  operands = 0
  readonly extents: number[] = []
  readonly reduced: boolean[] = []
  /** `strides[operand][axis]`, in elements. */
  readonly strides: number[][] = []
  /** The axis of each loop, the outermost first. */
  readonly order: number[] = []

  /** The same as `collapse` of the contract, into this object. */
  merge(
    shape: readonly number[],
    strides: readonly (readonly number[])[],
    reduced?: readonly boolean[],
  ): void {
    this.axes = 0
    this.loops = 0
    this.operands = strides.length
    while (this.strides.length < strides.length) this.strides.push([])
    for (let axis = 0; axis < shape.length; axis++) {
      const extent = shape[axis]!
      if (extent === 1) continue
      const last = this.axes - 1
      const kind = reduced !== undefined && reduced[axis]!
      if (last >= 0 && this.reduced[last] === kind && this.#follows(strides, axis, extent)) {
        this.extents[last]! *= extent
        for (let o = 0; o < strides.length; o++) this.strides[o]![last] = strides[o]![axis]!
      } else {
        const own = this.#addAxis(extent, kind)
        for (let o = 0; o < strides.length; o++) this.strides[o]![own] = strides[o]![axis]!
      }
    }
  }

  /** An axis of one step, for when there is none of a kind. */
  addAxisUnlessAny(reduced: boolean): void {
    if (this.lastAxis(reduced) >= 0) return
    const axis = this.#addAxis(1, reduced)
    for (let o = 0; o < this.operands; o++) this.strides[o]![axis] = 0
  }

  /** The last axis of a kind, or -1. */
  lastAxis(reduced: boolean): number {
    let axis = this.axes - 1
    while (axis >= 0 && this.reduced[axis] !== reduced) axis--
    return axis
  }

  /** Number of elements, of one kind of axes or all. */
  size(reduced?: boolean): number {
    let size = 1
    for (let axis = 0; axis < this.axes; axis++)
      if (reduced === undefined || this.reduced[axis] === reduced) size *= this.extents[axis]!
    return size
  }

  /** What an operand does along an axis; where there is one step, all operands are alike. */
  kind(operand: number, axis: number): StepKind {
    const stride = this.strides[operand]![axis]!
    if (this.extents[axis] === 1 || stride === 1) return step.unit
    return stride === 0 ? step.fixed : step.strided
  }

  /**
   * The cost of each element with this axis in the lanes, in instructions; the first `inputs`
   * operands are read and the next `outputs` written. `begin` is what each run along the axis costs.
   */
  cost(axis: number, inputs: number, outputs: number, body: number, begin: number = 12): number {
    let each = body
    for (let o = 0; o < inputs + outputs; o++) {
      const kind = this.kind(o, axis)
      if (kind === step.unit) each += 1
      else if (kind === step.strided) each += o < inputs ? stridedLoad : stridedStore
    }
    const extent = this.extents[axis]!
    const rounds = (extent >> 2) + (extent & 3)
    return (each * rounds + begin) / extent
  }

  /** The axis of a kind that costs least in the lanes; of equal ones the last. */
  cheapest(reduced: boolean, inputs: number, outputs: number, body: number): number {
    let best = -1
    let lowest = Number.POSITIVE_INFINITY
    for (let axis = this.axes - 1; axis >= 0; axis--) {
      if (this.reduced[axis] !== reduced) continue
      const cost = this.cost(axis, inputs, outputs, body)
      if (cost < lowest) {
        lowest = cost
        best = axis
      }
    }
    return best
  }

  /** Makes loops of the axes of a kind, in their order but with `last` as the last. */
  addLoops(reduced: boolean, last: number): void {
    for (let axis = 0; axis < this.axes; axis++)
      if (this.reduced[axis] === reduced && axis !== last) this.order[this.loops++] = axis
    this.order[this.loops++] = last
  }

  /** The axis of the last loop. */
  get innermost(): number {
    return this.order[this.loops - 1]!
  }

  /**
   * Names a kernel among those of one program: `nest`, a number for the loops, and what each operand
   * does along `axis`. A plain number as long as one can hold it.
   */
  kernelKey(nest: number, axis: number): number | string {
    if (this.operands > maxNumberedOperands)
      return `${nest} ${this.specs(axis, 0).map(({ kind }) => kind)}`
    let key = nest
    for (let o = 0; o < this.operands; o++) key = key * 3 + this.kind(o, axis)
    return key
  }

  /** What each operand does along an axis; the last operands are counters. */
  specs(axis: number, counters: number): OperandSpec[] {
    return Array.from({ length: this.operands }, (_, o) => ({
      counter: o >= this.operands - counters,
      kind: this.kind(o, axis),
    }))
  }

  /**
   * Cuts the last loop into tiles where an operand jumps along it but runs along another axis (a
   * transposed view): a loop over the tiles, that axis, then a tile, so that cache lines are used up
   * before they go. Returns how many steps of the axis are left over.
   */
  tile(views: number): number {
    const axis = this.innermost
    const extent = this.extents[axis]!
    if (this.loops < 2 || extent < 4 * tileSteps) return 0
    const loop = this.#loopToTile(axis, views)
    if (loop < 0) return 0
    const tiles = this.#addAxis(Math.floor(extent / tileSteps), false)
    for (let o = 0; o < this.operands; o++) {
      const own = this.strides[o]!
      own[tiles] = own[axis]! * tileSteps
    }
    this.extents[axis] = tileSteps
    const other = this.order[loop]!
    for (let i = loop; i < this.loops - 2; i++) this.order[i] = this.order[i + 1]!
    this.order[this.loops - 2] = tiles
    this.order[this.loops - 1] = other
    this.order[this.loops++] = axis
    return extent % tileSteps
  }

  /** After the tiles: one of `rest` steps. The operands start at word `at`, and are moved on. */
  moveToRest(rest: number, words: Int32Array<ArrayBufferLike>, at: number, counters: number): void {
    const tiles = this.axes - 1
    for (let o = 0; o < this.operands; o++) {
      const unit = o < this.operands - counters ? 4 : 1
      words[at + o]! += this.strides[o]![tiles]! * this.extents[tiles]! * unit
    }
    this.extents[this.innermost] = rest
    this.extents[tiles] = 1
  }

  /** Writes extents and strides of the loops as `descriptorLayout` has them. */
  write(words: Int32Array<ArrayBufferLike>, at: number, counters: number): void {
    for (let loop = 0; loop < this.loops; loop++) words[at++] = this.extents[this.order[loop]!]!
    for (let o = 0; o < this.operands; o++) {
      const unit = o < this.operands - counters ? 4 : 1
      const own = this.strides[o]!
      for (let loop = 0; loop < this.loops; loop++) words[at++] = own[this.order[loop]!]! * unit
    }
  }

  /** A long loop along which some operand runs that jumps along `axis`. */
  #loopToTile(axis: number, views: number): number {
    for (let loop = 0; loop < this.loops - 1; loop++) {
      const other = this.order[loop]!
      if (this.extents[other]! < 2 * lineElements) continue
      for (let o = 0; o < views; o++) {
        const own = this.strides[o]!
        if (Math.abs(own[axis]!) >= lineElements && Math.abs(own[other]!) === 1) return loop
      }
    }
    return -1
  }

  #follows(strides: readonly (readonly number[])[], axis: number, extent: number): boolean {
    const last = this.axes - 1
    for (let o = 0; o < strides.length; o++)
      if (this.strides[o]![last] !== strides[o]![axis]! * extent) return false
    return true
  }

  #addAxis(extent: number, reduced: boolean): number {
    this.extents[this.axes] = extent
    this.reduced[this.axes] = reduced
    return this.axes++
  }
}
