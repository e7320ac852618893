/**
 * Adding by index along one axis, in the order of the sources whoever runs first: every place of the
 * output gets the list of the sources that point to it, and a thread that adds them up in order.
 */
import { isFloat, isHalf, type Kernels, sizeOf, type View } from '@nablajs/tensor/backend'
import { type Storage, type StoredFloat, storage } from '../codegen/storage.ts'
import type { Device } from '../device.ts'
import {
  blockThreads,
  countable,
  lineParameters,
  lineStarts,
  linesOf,
  putLines,
  putViews,
  quotientFunction,
} from './lines.ts'

/** Up to so many sources are added one after the other: lists are three kernels, and memory. */
const shortAxis = 16

/** The most memory for lists, in bytes; beyond it they are made for a part of the lines at a time. */
const mostLists = 2 ** 28

/** Sources of a place that are brought in order at once; for more all sources are looked through. */
const ordered = 8

/** A thread for each line adds one source after the other. */
const serialSource = (entry: string, loops: number, type: string): string => `${quotientFunction}
extern "C" __global__ void ${entry}(${type} *out, const int *index, const ${type} *src, unsigned int count, unsigned int length, long long out_step, long long index_step, long long src_step, ${lineParameters(loops, 3).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 3).join('\n  ')}
  for (unsigned int j = 0; j < length; j++) {
    const long long at = line0 + index[line1 + j * index_step] * out_step;
    out[at] = out[at] + src[line2 + j * src_step];
  }
}
`

/** C for what is added up. */
interface Element extends Storage {
  /** The type of a sum. */
  readonly sum: string
}

/** Of integers: unsigned sums wrap as signed ones do. */
const word: Element = {
  type: 'unsigned int',
  sum: 'unsigned int',
  definitions: [],
  suffix: '_u32',
  read: (own) => own,
  write: (own) => own,
}

/** No place has a source yet. */
const clearSource =
  (): string => `extern "C" __global__ void scatterAdd_clear(int *heads, unsigned int count) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number < count) heads[number] = -1;
}
`

/** Puts each source in front of the list of its place. Views: index, heads, next, and the source's number. */
const linkSource = (entry: string, loops: number): string => `${quotientFunction}
extern "C" __global__ void ${entry}(const int *index, int *heads, int *next, unsigned int count, long long heads_step, ${lineParameters(loops, 4).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 4).join('\n  ')}
  next[line2] = atomicExch(heads + line1 + index[line0] * heads_step, (int)line3);
}
`

/**
 * A thread for each place of the output. Lists come in any order; their members are sorted in
 * registers. Views: out, heads, next, src, index, and the number of the place.
 */
const sumSource = (
  entry: string,
  loops: number,
  { type, sum, definitions, read, write }: Element,
): string => `${[quotientFunction, ...definitions].join('\n')}
extern "C" __global__ void ${entry}(${type} *out, const int *heads, const int *next, const ${type} *src, const int *index, unsigned int count, int length, long long next_step, long long src_step, long long index_step, ${lineParameters(loops, 6).join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  ${lineStarts('number', loops, 6).join('\n  ')}
  int source = heads[line1];
  if (source < 0) return;
  int sources[${ordered}];
  #pragma unroll
  for (int i = 0; i < ${ordered}; i++) sources[i] = 0x7fffffff;
  int found = 0;
  for (; source >= 0 && found < ${ordered}; found++) {
    int moved = source;
    #pragma unroll
    for (int i = 0; i < ${ordered}; i++) {
      const int other = sources[i];
      sources[i] = other < moved ? other : moved;
      moved = other < moved ? moved : other;
    }
    source = next[line2 + source * next_step];
  }
  ${sum} sum = ${read('out[line0]')};
  if (source < 0) {
    #pragma unroll
    for (int i = 0; i < ${ordered}; i++)
      if (i < found) sum += ${read('src[line3 + sources[i] * src_step]')};
  } else {
    const int place = (int)line5;
    for (int j = 0; j < length; j++)
      if (index[line4 + j * index_step] == place) sum += ${read('src[line3 + j * src_step]')};
  }
  out[line0] = ${write('sum')};
}
`

/** The dense strides of an array over the axes of `shape`, without those that `skipped` tells. */
function denseStrides(shape: readonly number[], skipped: readonly boolean[]): number[] {
  const strides = new Array<number>(shape.length).fill(0)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (skipped[axis]) continue
    strides[axis] = stride
    stride *= shape[axis]!
  }
  return strides
}

const sizeWithout = (shape: readonly number[], skipped: readonly boolean[]): number =>
  shape.reduce((size, extent, axis) => (skipped[axis] ? size : size * extent), 1)

const only = (axis: number, rank: number): number[] =>
  Array.from({ length: rank }, (_, own) => Number(own === axis))

/** A call, with all that is said about its dtype. */
interface Scatter {
  readonly out: View
  readonly index: View
  readonly src: View
  readonly axis: number
  readonly element: Element
}

function runSerial(device: Device, { out, index, src, axis, element }: Scatter): void {
  const { type } = element
  const lines = linesOf(index.shape, axis, [out.strides, index.strides, src.strides])
  countable('scatterAdd', lines.count)
  const loops = lines.extents.length
  const entry = `scatterAdd${element.suffix}_${loops}`
  const kernel = device.cached(entry, 'scatterAdd', () => serialSource(entry, loops, type))
  const { context } = device
  context.begin()
  putViews(device, [out, index, src], 'scatterAdd')
  context.int(lines.count)
  context.int(index.shape[axis]!)
  for (const view of [out, index, src]) context.long(view.strides[axis]!)
  putLines(device, lines)
  context.launch(kernel, Math.ceil(lines.count / blockThreads), 1, 1, blockThreads)
}

function runLists(device: Device, scatter: Scatter): void {
  const { out, index, src, axis, element } = scatter
  const { context } = device
  const rank = index.shape.length
  const length = index.shape[axis]!
  const places = index.shape.with(axis, out.shape[axis]!)
  countable('scatterAdd', sizeOf(places))
  // Where the index repeats, one list serves all.
  const shared = index.strides.map((stride, own) => own !== axis && stride === 0)
  const unique = index.shape.map((extent, own) => (shared[own] ? 1 : extent))
  const [headCount, nextCount] = [sizeWithout(places, shared), sizeWithout(index.shape, shared)]
  countable('scatterAdd', Math.max(headCount, nextCount))
  const headStrides = denseStrides(places, shared)
  const nextStrides = denseStrides(index.shape, shared)
  const without = (strides: readonly number[]): number[] => strides.with(axis, 0)

  device.pool.scratch(4 * (headCount + nextCount), (heads) => {
    const next = heads + 4 * headCount
    context.begin()
    context.address(heads)
    context.int(headCount)
    const clear = device.cached('scatterAdd_clear', 'scatterAdd', clearSource)
    context.launch(clear, Math.ceil(headCount / blockThreads), 1, 1, blockThreads)

    const sources = linesOf(unique, -1, [
      index.strides,
      without(headStrides),
      nextStrides,
      only(axis, rank),
    ])
    const linkEntry = `scatterAdd_link${sources.extents.length}`
    const link = device.cached(linkEntry, 'scatterAdd', () =>
      linkSource(linkEntry, sources.extents.length),
    )
    context.begin()
    putViews(device, [index], 'scatterAdd')
    context.address(heads)
    context.address(next)
    context.int(nextCount)
    context.long(headStrides[axis]!)
    putLines(device, sources)
    context.launch(link, Math.ceil(nextCount / blockThreads), 1, 1, blockThreads)

    const targets = linesOf(places, -1, [
      out.strides,
      headStrides,
      without(nextStrides),
      without(src.strides),
      without(index.strides),
      only(axis, rank),
    ])
    const sumEntry = `scatterAdd_sum${element.suffix}_${targets.extents.length}`
    const sum = device.cached(sumEntry, 'scatterAdd', () =>
      sumSource(sumEntry, targets.extents.length, element),
    )
    context.begin()
    putViews(device, [out], 'scatterAdd')
    context.address(heads)
    context.address(next)
    putViews(device, [src, index], 'scatterAdd')
    context.int(targets.count)
    context.int(length)
    context.long(nextStrides[axis]!)
    context.long(src.strides[axis]!)
    context.long(index.strides[axis]!)
    putLines(device, targets)
    context.launch(sum, Math.ceil(targets.count / blockThreads), 1, 1, blockThreads)
  })
}

/** A view of `count` numbers of an axis, from `start` on. */
const part = (view: View, axis: number, start: number, count: number): View => ({
  ...view,
  shape: view.shape.with(axis, count),
  offset: view.offset + start * view.strides[axis]!,
})

/** {@link Kernels.scatterAdd} for elements of 32 bits and halves; integers wrap. */
export function scatterAddKernel(device: Device): Kernels['scatterAdd'] {
  const run = (scatter: Scatter): void => {
    const { out, index, src, axis } = scatter
    const length = index.shape[axis]!
    countable('scatterAdd', length)
    // One after the other, halves would be rounded after each.
    if (length <= shortAxis && !isHalf(out.dtype)) {
      runSerial(device, scatter)
      return
    }
    // The longest axis along which lines lie is cut where the lists of all need too much memory.
    const shared = index.strides.map((stride, own) => own === axis || stride === 0)
    const lists = 4 * (length + out.shape[axis]!) * sizeWithout(index.shape, shared)
    const extents = index.shape.map((extent, own) => (shared[own] ? 1 : extent))
    const longest = Math.max(...extents)
    if (lists <= mostLists || longest === 1) {
      runLists(device, scatter)
      return
    }
    const cut = extents.indexOf(longest)
    const each = Math.max(1, Math.floor((longest * mostLists) / lists))
    for (let start = 0; start < longest; start += each) {
      const count = Math.min(each, longest - start)
      const [o, i, s] = [out, index, src].map((view) => part(view, cut, start, count))
      run({ ...scatter, out: o!, index: i!, src: s! })
    }
  }
  return (out, index, src, axis) => {
    if (sizeOf(src.shape) === 0) return
    const { dtype } = out
    const element = isFloat(dtype) ? { ...storage[dtype as StoredFloat], sum: 'float' } : word
    run({ out, index, src, axis, element })
  }
}
