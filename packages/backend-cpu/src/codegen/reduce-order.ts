/** How a reduction goes over its elements: which loop is in the lanes, and in what parts. */
import { lineElements, type Plan } from './plan.ts'

/**
 * Orders the loops: the last reduced one or the last kept one goes into the lanes. Across a reduced axis the lanes must be
 * joined for each output; along a kept axis every output runs through all its elements.
 */
export function addLoops(plan: Plan, inputs: number, body: number, ordered: boolean): boolean {
  const elements = plan.size(true)
  // The first of equal values is known by its order, which must stay for argmax and argmin.
  const lastReduced = plan.lastAxis(true)
  const reducedAxis = ordered ? lastReduced : plan.cheapest(true, inputs, 0, body)
  const keptAxis = plan.cheapest(false, inputs, 0, body)
  const costAcross = plan.cost(reducedAxis, inputs, 0, body) + joining / elements
  // Along a kept axis the lanes begin once, and then go down all reduced elements.
  const costAlong = plan.cost(keptAxis, inputs, 0, body + stepping, 0) + finishing / elements
  const across = costAcross < costAlong
  plan.addLoops(false, across ? plan.lastAxis(false) : keptAxis)
  plan.addLoops(true, across ? reducedAxis : lastReduced)
  return across
}

/** Instructions for one output: to join its lanes, or its share where each lane is an output. */
const joining = 40
const finishing = 3

/** Instructions to move on to the next row of lanes. */
const stepping = 1

/** Elements that stay in a second-level cache (128 KiB). */
const cachedElements = 1 << 15

/** Distance in elements at which rows fall into the same cache sets, of which there are 8 ways. */
const conflictingStride = 512
const ways = 8

/**
 * How many steps of the last loop to reduce at a time, or 0 for all. It depends on the sizes alone:
 * the order of a sum is the same for every number of threads.
 */
export function partOf(plan: Plan, lanes: number, inputs: number, across: boolean): number {
  const cached = across ? 0 : rowsOfPart(plan, lanes, inputs)
  if (cached > 0) return cached
  // Threads cannot share few outputs. Along the lanes sixteen of them are one step.
  const parts = Math.min(mostParts, Math.floor(plan.size() / partElements))
  if (plan.size(false) > (across ? fewOutputs : lineElements * fewOutputs) || parts < 4) return 0
  const count = plan.extents[plan.innermost]!
  return count < lineElements * parts ? 0 : Math.floor(count / parts)
}

const fewOutputs = 8

/** Elements of a part at least, and parts at most. */
const partElements = 1 << 15
const mostParts = 16

/**
 * How many rows of a matrix to reduce at a time, or 0 for all. A pass goes down the rows on one
 * cache line's width of columns. Over many narrow rows the next pass would find the matrix gone from
 * the cache; and of rows at large powers of two a cache holds only a few lines.
 */
function rowsOfPart(plan: Plan, lanes: number, inputs: number): number {
  const { extents, strides, innermost: rows } = plan
  const count = extents[rows]!
  if (extents[lanes]! < 2 * lineElements) return 0
  for (let i = 0; i < inputs; i++) {
    const stride = Math.abs(strides[i]![rows]!)
    if (strides[i]![lanes] !== 1 || stride === 0) continue
    if (stride % conflictingStride === 0) return count < 4 * ways ? 0 : ways
    if (stride < conflictingStride && count * stride > 4 * cachedElements)
      return Math.floor(cachedElements / stride)
  }
  return 0
}
