/**
 * Adding by index along one axis. Integers are added atomically. Floats that meet at one place must be
 * added in the order of their index, so that results do not depend on timing; where there are lines
 * enough a thread takes a whole line, else indices are sorted first (stably), and a thread sums each
 * run of equal ones.
 */
import { isFloat, type Kernels, sizeOf, type View } from '@nablajs/tensor/backend'
import type { Runtime } from '../runtime/kernel.ts'
import { sortedPairs } from './sort.ts'
import {
  dedent,
  defineKernel,
  eachThread,
  groupsFor,
  indent,
  THREADS,
  walk,
  walkParams,
  walkText,
  without,
  withScratch,
} from './wgsl.ts'

const names = ['index', 'src', 'out']

const atomically = defineKernel<{ rank: number }>(({ rank }) => ({
  name: 'scatterAdd',
  about: 'out[.., index[.., i, ..], ..] += src[.., i, ..] for integers, in any order.',
  memory: {
    index: { element: 'i32' },
    src: { element: 'u32' },
    out: { element: 'u32', access: 'add' },
  },
  params: ['count', 'out_step', ...walkParams(rank, names)],
  threads: THREADS,
  main: [
    eachThread,
    walkText(rank, names),
    'add_out(out_at + load_index(index_at) * p.out_step, load_src(src_at));',
  ].join('\n'),
}))

const byLine = defineKernel<{ rank: number }>(({ rank }) => ({
  name: 'scatterAdd',
  about: 'out[.., index[.., i, ..], ..] += src[.., i, ..]: a thread adds all of a line, in order.',
  memory: {
    index: { element: 'i32' },
    src: { element: 'f32' },
    out: { element: 'f32', access: 'write' },
  },
  params: ['count', 'length', 'index_step', 'src_step', 'out_step', ...walkParams(rank, names)],
  threads: THREADS,
  main: [
    eachThread,
    walkText(rank, names),
    dedent(`
      var i = 0;
      // Four loads at once, then four additions, one after the other.
      for (; i + 3 < p.length; i += 4) {
        var to: array<i32, 4>;
        var values: array<f32, 4>;
        for (var k = 0; k < 4; k++) {
          to[k] = out_at + load_index(index_at + (i + k) * p.index_step) * p.out_step;
          values[k] = load_src(src_at + (i + k) * p.src_step);
        }
        for (var k = 0; k < 4; k++) {
          store_out(to[k], load_out(to[k]) + values[k]);
        }
      }
      for (; i < p.length; i++) {
        let to = out_at + load_index(index_at + i * p.index_step) * p.out_step;
        store_out(to, load_out(to) + load_src(src_at + i * p.src_step));
      }
    `),
  ].join('\n'),
}))

const bySorted = defineKernel<{ sortedRank: number; rank: number }>(({ sortedRank, rank }) => ({
  name: 'scatterAdd',
  about: 'Adds what has equal indices, in order: a thread where a run of equal indices begins.',
  memory: {
    pairs: { element: 'vec2<u32>' },
    src: { element: 'f32' },
    out: { element: 'f32', access: 'write' },
  },
  params: [
    ...['count', 'length', 'sorted_lines', 'shared_lines', 'src_step', 'out_step'],
    ...walkParams(sortedRank, ['src', 'out']),
    ...walkParams(rank, ['src', 'out']).map((name) => `shared_${name}`),
  ],
  threads: THREADS,
  declarations: [
    '// Where a line with an index of its own begins in src and out.',
    'fn sorted_line(number: u32) -> vec2<i32> {',
    indent(walkText(sortedRank, ['src', 'out'])),
    '  return vec2<i32>(src_at, out_at);',
    '}',
    '// Where one of the lines that share an index lies from there.',
    'fn shared_line(number: u32) -> vec2<i32> {',
    indent(walkText(rank, ['src', 'out']).replaceAll('p.', 'p.shared_')),
    '  return vec2<i32>(src_at, out_at);',
    '}',
  ].join('\n'),
  main: [
    eachThread,
    dedent(`
      // Lines that share an index run fastest.
      let shared_number = number % u32(p.shared_lines);
      let sorted = number / u32(p.shared_lines);
      let line = sorted / u32(p.length);
      var i = i32(sorted % u32(p.length));
      let line_pairs = i32(line) * p.length;
      let key = load_pairs(line_pairs + i).x;
      if (i > 0 && load_pairs(line_pairs + i - 1).x == key) {
        return;
      }
      let begin = sorted_line(line) + shared_line(shared_number);
      let to = begin.y + bitcast<i32>(key ^ 0x80000000u) * p.out_step;
      var sum = load_out(to);
      loop {
        let pair = load_pairs(line_pairs + i);
        if (pair.x != key) { break; }
        sum += load_src(begin.x + i32(pair.y) * p.src_step);
        i++;
        if (i >= p.length) { break; }
      }
      store_out(to, sum);
    `),
  ].join('\n'),
}))

/** Steps of a line that one thread may take, however few the lines. */
const SHORT = 256
/** With this many lines, a thread for each is done before their indices are sorted. */
const BUSY = 1024

/** {@link Kernels.scatterAdd} for elements of 32 bits; integers wrap. */
export function scatterAddKernel(runtime: Runtime): Kernels['scatterAdd'] {
  return (out, index, src, axis) => {
    const count = sizeOf(index.shape)
    if (count === 0) return
    const onto = { strides: out.strides.with(axis, 0), offset: out.offset }
    const out_step = out.strides[axis]!
    const buffers = { src: src.buffer, out: out.buffer }
    if (!isFloat(out.dtype)) {
      const { rank, params } = walk(index.shape, { index, src, out: onto })
      atomically(
        runtime,
        { rank },
        {
          buffers: { index: index.buffer, ...buffers },
          params: { ...params, count, out_step },
          groups: groupsFor(count),
        },
      )
      return
    }
    const length = index.shape[axis]!
    const lines = count / length
    // The barriers of sorting are dearer to a software GPU than lines that few threads take.
    if (length > SHORT && lines < BUSY && !runtime.features.software)
      return addSorted(runtime, out, index, src, axis)
    const along = (view: View) => ({ strides: without(view.strides, axis), offset: view.offset })
    const { rank, params } = walk(without(index.shape, axis), {
      ...{ index: along(index), src: along(src), out: along(out) },
    })
    byLine(
      runtime,
      { rank },
      {
        buffers: { index: index.buffer, ...buffers },
        params: {
          ...{ ...params, count: lines, length, out_step },
          ...{ index_step: index.strides[axis]!, src_step: src.strides[axis]! },
        },
        groups: groupsFor(lines),
      },
    )
  }
}

/** Lines along which the index repeats (stride 0) share one sort. */
function addSorted(runtime: Runtime, out: View, index: View, src: View, axis: number): void {
  const length = index.shape[axis]!
  const shape = index.shape.map((extent, a) => (index.strides[a] === 0 && a !== axis ? 1 : extent))
  const { buffer, dtype, strides, offset } = index
  const distinct: View = { buffer, dtype, shape, strides, offset }
  const count = sizeOf(shape)
  const lines = count / length
  const repeats = index.shape.map((extent, a) => (a === axis || shape[a] === extent ? 1 : extent))
  const start = (view: View, offset: number) => ({ strides: without(view.strides, axis), offset })
  const sorted = walk(without(shape, axis), {
    ...{ src: start(src, src.offset), out: start(out, out.offset) },
  })
  const shared = walk(without(repeats, axis), { src: start(src, 0), out: start(out, 0) })
  const threads = count * sizeOf(repeats)
  withScratch(runtime, count * 8, (pairs) => {
    sortedPairs(runtime, distinct, axis, pairs)
    bySorted(
      runtime,
      { sortedRank: sorted.rank, rank: shared.rank },
      {
        buffers: { pairs, src: src.buffer, out: out.buffer },
        params: {
          ...{ ...sorted.params, count: threads, length },
          ...{ sorted_lines: lines, shared_lines: sizeOf(repeats) },
          ...{ src_step: src.strides[axis]!, out_step: out.strides[axis]! },
          ...Object.fromEntries(
            Object.entries(shared.params).map(([name, value]) => [`shared_${name}`, value]),
          ),
        },
        groups: groupsFor(threads),
      },
    )
  })
}
