/**
 * Stable sorting along an axis. Each element becomes a pair (key, position): keys are integers that
 * order as the elements do, and positions break ties, so that no two pairs are equal.
 *
 * A workgroup sorts runs of up to `RUN` pairs in its memory (bitonic, Batcher 1968), several short lines
 * or one piece of a long line. Longer lines are merged, two runs at a time: a pair's place in the merged
 * run is its place in its own run plus the number of smaller pairs in the other, found by bisection.
 *
 * A software GPU has few threads and slow barriers: there a thread merges two runs from one end to the
 * other, beginning with runs of one pair.
 */
import { type DeviceBuffer, type Kernels, sizeOf, type View } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  lineFunction,
  orderText,
  THREADS,
  walk,
  walkParams,
  without,
  withScratch,
} from './wgsl.ts'

/** Pairs that a workgroup sorts; two for each compare and exchange of a thread. */
const RUN = 1024
const SORTERS = 256

interface Variant {
  readonly dtype: View['dtype']
  /** Axes that tell the lines apart. */
  readonly rank: number
  /** Where the result goes: dense pairs, or positions in the strided `out`. */
  readonly to: 'pairs' | 'out'
}

const before = dedent(`
  fn before(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.x < b.x || (a.x == b.x && a.y < b.y);
  }
`)

const result = (to: Variant['to']) =>
  to === 'pairs'
    ? ({ element: 'vec2<u32>', access: 'write' } as const)
    : ({ element: 'i32', access: 'write' } as const)

/** Text that stores `pair` at place `i` of `line`. */
const storeText = (to: Variant['to']) =>
  to === 'pairs'
    ? 'store_out(i32(line) * p.length + i, pair);'
    : 'store_out(out_line(line) + i * p.out_step, i32(pair.y));'

/** Where `p.turn` is all ones keys are turned over, and the sort with them, but not ties. */
const runs = defineKernel<Variant>(({ dtype, rank, to }) => ({
  name: 'sort',
  about: `Sorts runs of up to ${RUN} elements; equal elements stay in order.`,
  memory: { x: { element: 'u32' }, out: result(to) },
  params: [
    ...['lines', 'length', 'run', 'runs', 'turn', 'x_step'],
    ...(to === 'out' ? ['out_step', ...walkParams(rank, ['x', 'out'])] : walkParams(rank, ['x'])),
  ],
  threads: SORTERS,
  declarations: [
    `var<workgroup> pairs: array<vec2<u32>, ${RUN}>;`,
    orderText(dtype),
    before,
    lineFunction(rank, 'x'),
    ...(to === 'out' ? [lineFunction(rank, 'out')] : []),
  ].join('\n\n'),
  main: [
    dedent(`
      let run = u32(p.run);
      let first_run = group * (${RUN}u / run);
      for (var slot = thread; slot < ${RUN}u; slot += ${SORTERS}u) {
        let number = first_run + slot / run;
        let line = number / u32(p.runs);
        let i = i32(number % u32(p.runs) * run + slot % run);
        // What fills up a run comes after everything.
        var pair = vec2<u32>(0xffffffffu, 0xffffffffu);
        if (line < u32(p.lines) && i < p.length) {
          let key = order(load_x(x_line(line) + i * p.x_step));
          pair = vec2<u32>(key ^ u32(p.turn), u32(i));
        }
        pairs[slot] = pair;
      }
      workgroupBarrier();
      // Sorted stretches of 2, 4, 8 ... pairs; every second one is sorted downwards until it is merged.
      for (var size = 2u; size <= run; size *= 2u) {
        for (var step = size / 2u; step > 0u; step /= 2u) {
          for (var i = thread; i < ${RUN / 2}u; i += ${SORTERS}u) {
            let low = 2u * i - i % step;
            let high = low + step;
            let upwards = (low & size) == 0u || size == run;
            let a = pairs[low];
            let b = pairs[high];
            if (before(b, a) == upwards) {
              pairs[low] = b;
              pairs[high] = a;
            }
          }
          workgroupBarrier();
        }
      }
      for (var slot = thread; slot < ${RUN}u; slot += ${SORTERS}u) {
        let number = first_run + slot / run;
        let line = number / u32(p.runs);
        let i = i32(number % u32(p.runs) * run + slot % run);
        if (line < u32(p.lines) && i < p.length) {
          let pair = pairs[slot];
          ${storeText(to)}
        }
      }
    `),
  ].join('\n'),
}))

const merge = defineKernel<Pick<Variant, 'rank' | 'to'>>(({ rank, to }) => ({
  name: 'sort',
  about: 'Merges neighbouring sorted runs of each line, two at a time.',
  memory: { sorted: { element: 'vec2<u32>' }, out: result(to) },
  params: [
    ...['count', 'length', 'run'],
    ...(to === 'out' ? ['out_step', ...walkParams(rank, ['out'])] : []),
  ],
  threads: THREADS,
  declarations: [before, ...(to === 'out' ? [lineFunction(rank, 'out')] : [])].join('\n\n'),
  main: [
    eachThread,
    dedent(`
      let line = number / u32(p.length);
      let line_first = i32(line) * p.length;
      let own = i32(number) - line_first;
      let pair = load_sorted(i32(number));
      // Where both runs begin, and where the other one does.
      let first = own / (2 * p.run) * (2 * p.run);
      let is_left = own < first + p.run;
      let other = select(first, first + p.run, is_left);
      var low = min(other, p.length);
      var high = min(other + p.run, p.length);
      let other_first = low;
      while (low < high) {
        let middle = (low + high) / 2;
        if (before(load_sorted(line_first + middle), pair)) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      let own_first = select(first + p.run, first, is_left);
      let i = first + (own - own_first) + (low - other_first);
      ${storeText(to)}
    `),
  ].join('\n'),
}))

const keys = defineKernel<Variant>(({ dtype, rank, to }) => ({
  name: 'sort',
  about: 'Each element as a pair of key and position.',
  memory: { x: { element: 'u32' }, out: result(to) },
  params: [
    ...['count', 'length', 'turn', 'x_step'],
    ...(to === 'out' ? ['out_step', ...walkParams(rank, ['x', 'out'])] : walkParams(rank, ['x'])),
  ],
  threads: THREADS,
  declarations: [
    orderText(dtype),
    lineFunction(rank, 'x'),
    ...(to === 'out' ? [lineFunction(rank, 'out')] : []),
  ].join('\n\n'),
  main: [
    eachThread,
    dedent(`
      let line = number / u32(p.length);
      let i = i32(number) - i32(line) * p.length;
      let key = order(load_x(x_line(line) + i * p.x_step));
      let pair = vec2<u32>(key ^ u32(p.turn), u32(i));
      ${storeText(to)}
    `),
  ].join('\n'),
}))

const mergeInTurn = defineKernel<Pick<Variant, 'rank' | 'to'>>(({ rank, to }) => ({
  name: 'sort',
  about: 'Merges neighbouring sorted runs of each line, a thread two of them.',
  memory: { sorted: { element: 'vec2<u32>' }, out: result(to) },
  params: [
    ...['count', 'length', 'run', 'merges'],
    ...(to === 'out' ? ['out_step', ...walkParams(rank, ['out'])] : []),
  ],
  threads: THREADS,
  declarations: [before, ...(to === 'out' ? [lineFunction(rank, 'out')] : [])].join('\n\n'),
  main: [
    eachThread,
    dedent(`
      let line = number / u32(p.merges);
      let line_first = i32(line) * p.length;
      let first = (i32(number) - i32(line) * p.merges) * 2 * p.run;
      let middle = min(first + p.run, p.length);
      let end = min(middle + p.run, p.length);
      var a = first;
      var b = middle;
      for (var i = first; i < end; i++) {
        let left = load_sorted(line_first + min(a, middle - 1));
        let right = load_sorted(line_first + min(b, end - 1));
        let from_left = b >= end || (a < middle && before(left, right));
        let pair = select(right, left, from_left);
        a += select(0, 1, from_left);
        b += select(1, 0, from_left);
        ${storeText(to)}
      }
    `),
  ].join('\n'),
}))

/**
 * Sorts the lines of x along an axis. The result goes to `indices`, or, where that is a buffer, as dense
 * pairs `[line, place]` of key and position.
 */
function sortLines(
  runtime: Runtime,
  x: View,
  axis: number,
  descending: boolean,
  out: { view: View } | { pairs: DeviceBuffer },
): void {
  const count = sizeOf(x.shape)
  const length = x.shape[axis]!
  const lines = count / length
  const { software } = runtime.features
  const run = software ? 1 : Math.min(RUN, 2 ** Math.ceil(Math.log2(Math.max(2, length))))
  const pieces = Math.ceil(length / run)
  const final = 'view' in out ? 'out' : 'pairs'
  const target = 'view' in out ? out.view.buffer : out.pairs
  const own = { strides: without(x.strides, axis), offset: x.offset }
  const other =
    'view' in out
      ? { out: { strides: without(out.view.strides, axis), offset: out.view.offset } }
      : {}
  // One walk for both, so that they count the lines alike.
  const { rank, params } = walk(without(x.shape, axis), { x: own, ...other })
  const shared = {
    ...{ ...params, lines, length, count, x_step: x.strides[axis]! },
    out_step: 'view' in out ? out.view.strides[axis]! : 0,
  }
  const step = (from: DeviceBuffer | undefined, to: DeviceBuffer, size: number, last: boolean) => {
    const variant = { dtype: x.dtype, rank, to: last ? final : 'pairs' } as const
    const turn = descending ? -1 : 0
    if (!from) {
      const buffers = { x: x.buffer, out: to }
      if (software)
        keys(runtime, variant, { buffers, params: { ...shared, turn }, groups: groupsFor(count) })
      else
        runs(runtime, variant, {
          buffers,
          params: { ...shared, run, runs: pieces, turn },
          groups: Math.ceil((lines * pieces * run) / RUN),
        })
      return
    }
    const buffers = { sorted: from, out: to }
    const merges = Math.ceil(length / (2 * size))
    const threads = software ? lines * merges : count
    const join = software ? mergeInTurn : merge
    join(
      runtime,
      { rank, to: variant.to },
      {
        buffers,
        params: { ...shared, run: size, merges, count: threads },
        groups: groupsFor(threads),
      },
    )
  }
  if (pieces === 1) {
    step(undefined, target, run, true)
    return
  }
  withScratch(runtime, count * 8, (even) =>
    withScratch(runtime, count * 8, (odd) => {
      step(undefined, even, run, false)
      let [from, to] = [even, odd]
      for (let size = run; size < length; size *= 2) {
        const last = size * 2 >= length
        step(from, last ? target : to, size, last)
        ;[from, to] = [to, from]
      }
    }),
  )
}

/** Dense pairs (key, position along the axis) of each line of an i32 view, sorted. */
export function sortedPairs(runtime: Runtime, x: View, axis: number, pairs: DeviceBuffer): void {
  sortLines(runtime, x, axis, false, { pairs })
}

/** {@link Kernels.sort} for elements of 32 bits. */
export function sortKernel(runtime: Runtime): Kernels['sort'] {
  return (x, indices, axis, descending) => {
    if (sizeOf(x.shape) > 0) sortLines(runtime, x, axis, descending, { view: indices })
  }
}
