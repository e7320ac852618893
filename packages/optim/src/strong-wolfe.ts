/**
 * A line search for the strong Wolfe conditions: far enough down (c₁), and flat enough (c₂).
 *
 * Source: J. Nocedal and S. Wright, "Numerical Optimization", 2nd ed., algorithms 3.5 and 3.6, with
 * the safeguards of PyTorch's and M. Schmidt's minFunc.
 */

/** A point on the line. */
export interface LinePoint<Gradient> {
  readonly t: number
  readonly loss: number
  readonly gradient: Gradient
  /** The derivative along the line. */
  readonly slope: number
}

const C1 = 1e-4
const C2 = 0.9

type Knot = Omit<LinePoint<unknown>, 'gradient'>

/** The lowest point of the cubic through two points with their slopes, kept within bounds. */
function cubicMinimum(a: Knot, b: Knot, bounds?: readonly [number, number]): number {
  const [left, right] = a.t <= b.t ? [a, b] : [b, a]
  const [least, most] = bounds ?? [left.t, right.t]
  const d1 = left.slope + right.slope - (3 * (left.loss - right.loss)) / (left.t - right.t)
  const square = d1 * d1 - left.slope * right.slope
  // `!` also catches a NaN, which no comparison holds for.
  if (!(square >= 0)) return (least + most) / 2
  const d2 = Math.sqrt(square)
  const back = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2)
  return Math.min(Math.max(right.t - (right.t - left.t) * back, least), most)
}

/**
 * @param start The point to go from, at t = 0.
 * @param first The first t to try.
 * @param at Evaluates the point at t.
 * @param size The largest element of the direction: brackets narrower than `tolerance` in it end the search.
 * @param most How many points may be evaluated after the first one; the best one so far is the result then.
 */
export function strongWolfe<Gradient>(
  start: LinePoint<Gradient>,
  first: number,
  at: (t: number) => LinePoint<Gradient>,
  size: number,
  tolerance: number,
  most: number,
): { readonly point: LinePoint<Gradient>; readonly evaluations: number } {
  type Point = LinePoint<Gradient>
  const isHigh = ({ t, loss }: Point): boolean => loss > start.loss + C1 * t * start.slope
  const isFlat = ({ slope }: Point): boolean => Math.abs(slope) <= -C2 * start.slope

  let point = at(first)
  let before = start
  let evaluations = 1
  let rounds = 0
  let bracket: [Point, Point] | undefined
  // Outwards, until a minimum lies between two points.
  while (rounds < most) {
    if (isHigh(point) || (rounds > 1 && point.loss >= before.loss)) bracket = [before, point]
    else if (isFlat(point)) return { point, evaluations }
    else if (point.slope >= 0) bracket = [before, point]
    if (bracket) break
    const bounds = [point.t + 0.01 * (point.t - before.t), point.t * 10] as const
    const next = at(cubicMinimum(before, point, bounds))
    before = point
    point = next
    evaluations++
    rounds++
  }
  bracket ??= [start, point]

  // Inwards, keeping the lower end first in `low`.
  const sorted = ([a, b]: [Point, Point]): [Point, Point] => (a.loss <= b.loss ? [a, b] : [b, a])
  let [low, high] = sorted(bracket)
  let slow = false
  while (rounds < most && Math.abs(high.t - low.t) * size >= tolerance) {
    let t = cubicMinimum(low, high)
    const [left, right] = low.t < high.t ? [low.t, high.t] : [high.t, low.t]
    const margin = 0.1 * (right - left)
    if (Math.min(right - t, t - left) < margin) {
      // Twice at an end is no progress: step inside.
      if (slow || t >= right || t <= left) {
        t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin
        slow = false
      } else slow = true
    } else slow = false
    point = at(t)
    evaluations++
    rounds++
    if (isHigh(point) || point.loss >= low.loss) {
      ;[low, high] = sorted([low, point])
      continue
    }
    const done = isFlat(point)
    if (!done && point.slope * (high.t - low.t) >= 0) high = low
    low = point
    if (done) break
  }
  return { point: low, evaluations }
}
