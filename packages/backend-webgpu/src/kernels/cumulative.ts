/**
 * Running sums, products and extrema along an axis. Where lines are short or many, a thread runs along
 * each. Else a workgroup scans a block of a line, the totals of the blocks are scanned in turn, and each
 * block is joined with the total of those before it: no number is then joined more than a few dozen
 * times, which also keeps rounding errors small.
 */
import {
  contiguousStrides,
  DTypeError,
  type Kernels,
  type Scan,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
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
  walkText,
  without,
  withScratch,
} from './wgsl.ts'

interface Variant {
  readonly dtype: View['dtype']
  readonly scan: Scan
  readonly rank: number
}

/** Joins `a` and what comes after it, `b`. */
const joins: Readonly<Record<Scan, string>> = {
  sum: 'fn join(a: T, b: T) -> T { return a + b; }',
  prod: 'fn join(a: T, b: T) -> T { return a * b; }',
  max: 'fn join(a: T, b: T) -> T { return max(a, b); }',
  min: 'fn join(a: T, b: T) -> T { return min(a, b); }',
  logsumexp: dedent(`
    fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
    fn join(a: T, b: T) -> T {
      if (is_nan(a)) { return a; }
      if (is_nan(b)) { return b; }
      // Equal infinities, whose difference would be NaN, come with all that are equal.
      if (a == b) { return a + 0.6931471805599453; }
      return max(a, b) + log(1.0 + exp(-abs(a - b)));
    }
  `),
}

const isExtremum = (scan: Scan) => scan === 'max' || scan === 'min'

/**
 * The type in which elements are joined, and the functions from and to their bits. Extrema compare
 * keys that order as the elements do, with NaN at the winning end; a key says all of its element but
 * for the sign of zero and which NaN it was.
 */
function elementText({ dtype, scan }: Variant): string {
  const type = isExtremum(scan) ? 'u32' : dtype
  return [
    `alias T = ${type};`,
    ...(isExtremum(scan) ? [extremumText(dtype, scan)] : [valueText(dtype)]),
    joins[scan],
  ].join('\n')
}

function valueText(dtype: View['dtype']): string {
  return dedent(`
    fn decode(bits: u32) -> T { return bitcast<${dtype}>(bits); }
    fn encode(value: T) -> u32 { return bitcast<u32>(value); }
  `)
}

function extremumText(dtype: View['dtype'], scan: Scan): string {
  // The smallest key is free: NaN takes it where the smallest wins.
  const nan = scan === 'min' ? 'select(key, 0u, key == 0xffffffffu)' : 'key'
  const lost = scan === 'min' ? '0u' : '0xffffffffu'
  const decode =
    dtype === 'f32'
      ? `fn decode(bits: u32) -> T { let key = order(bits); return ${nan}; }`
      : 'fn decode(bits: u32) -> T { return order(bits); }'
  const encode =
    dtype === 'f32'
      ? dedent(`
          fn encode(key: T) -> u32 {
            if (key == ${lost}) {
              return 0x7fc00000u; // NaN
            }
            return select(~key, key & 0x7fffffffu, key >= 0x80000000u);
          }
        `)
      : 'fn encode(key: T) -> u32 { return order(key); }'
  return `${orderText(dtype)}\n${decode}\n${encode}`
}

const memory = {
  x: { element: 'u32' },
  out: { element: 'u32', access: 'write' },
} as const

const byLine = defineKernel<Variant>((variant) => ({
  name: 'cumulative',
  about: `A running ${variant.scan} of each line, one thread to a line.`,
  memory,
  params: ['count', 'length', 'x_step', 'out_step', ...walkParams(variant.rank, ['x', 'out'])],
  threads: THREADS,
  declarations: elementText(variant),
  main: [
    eachThread,
    walkText(variant.rank, ['x', 'out']),
    dedent(`
      var sofar = decode(load_x(x_at));
      store_out(out_at, encode(sofar));
      for (var i = 1; i < p.length; i++) {
        sofar = join(sofar, decode(load_x(x_at + i * p.x_step)));
        store_out(out_at + i * p.out_step, encode(sofar));
      }
    `),
  ].join('\n'),
}))

/** Elements of a thread, and of a block. */
const EACH = 4
const SCANNERS = 256
const BLOCK = EACH * SCANNERS

const blocks = defineKernel<Variant>((variant) => ({
  name: 'cumulative',
  about: `A running ${variant.scan} in blocks of ${BLOCK}, and the total of each block.`,
  memory: { ...memory, totals: { element: 'u32', access: 'write' } },
  params: ['length', 'blocks', 'x_step', 'out_step', ...walkParams(variant.rank, ['x', 'out'])],
  threads: SCANNERS,
  declarations: [
    elementText(variant),
    lineFunction(variant.rank, 'x'),
    lineFunction(variant.rank, 'out'),
    `var<workgroup> sums: array<T, ${SCANNERS}>;`,
  ].join('\n\n'),
  main: dedent(`
    let line = group / u32(p.blocks);
    let first = i32(group % u32(p.blocks) * ${BLOCK}u + thread * ${EACH}u);
    let x_at = x_line(line);
    let out_at = out_line(line);
    // What lies beyond the end comes after everything, so it may be anything: the last element again.
    var own: array<T, ${EACH}>;
    for (var i = 0; i < ${EACH}; i++) {
      let value = decode(load_x(x_at + min(first + i, p.length - 1) * p.x_step));
      if (i == 0) {
        own[i] = value;
      } else {
        own[i] = join(own[i - 1], value);
      }
    }
    // The threads' totals, joined with those 1, 2, 4 ... threads before (Hillis and Steele 1986).
    var total = own[${EACH - 1}];
    for (var step = 1u; step < ${SCANNERS}u; step *= 2u) {
      sums[thread] = total;
      workgroupBarrier();
      if (thread >= step) {
        total = join(sums[thread - step], total);
      }
      workgroupBarrier();
    }
    sums[thread] = total;
    workgroupBarrier();
    for (var i = 0; i < ${EACH}; i++) {
      if (first + i < p.length) {
        var value = own[i];
        if (thread > 0u) {
          value = join(sums[thread - 1u], value);
        }
        store_out(out_at + (first + i) * p.out_step, encode(value));
      }
    }
    if (thread == ${SCANNERS - 1}u) {
      store_totals(i32(group), encode(total));
    }
  `),
}))

const carry = defineKernel<Variant>((variant) => ({
  name: 'cumulative',
  about: `Joins each block with the running ${variant.scan} of the blocks before it.`,
  memory: { totals: { element: 'u32' }, out: { element: 'u32', access: 'write' } },
  params: ['count', 'length', 'blocks', 'out_step', ...walkParams(variant.rank, ['out'])],
  threads: THREADS,
  declarations: [elementText(variant), lineFunction(variant.rank, 'out')].join('\n\n'),
  main: [
    eachThread,
    dedent(`
      let line = number / u32(p.length);
      let i = i32(number % u32(p.length));
      let block = i / ${BLOCK};
      if (block > 0) {
        let at = out_line(line) + i * p.out_step;
        let sofar = decode(load_totals(i32(line) * p.blocks + block - 1));
        store_out(at, encode(join(sofar, decode(load_out(at)))));
      }
    `),
  ].join('\n'),
}))

/** A line this short is a thread's; so are lines, of any length, when there are this many. */
const SHORT = 64
const BUSY = 8192

function scanLines(runtime: Runtime, x: View, out: View, axis: number, scan: Scan): void {
  const length = x.shape[axis]!
  const count = sizeOf(x.shape)
  const lines = count / length
  const along = (view: View) => ({ strides: without(view.strides, axis), offset: view.offset })
  const { rank, params } = walk(without(x.shape, axis), { x: along(x), out: along(out) })
  const variant = { dtype: x.dtype, scan, rank }
  const steps = { x_step: x.strides[axis]!, out_step: out.strides[axis]! }
  const buffers = { x: x.buffer, out: out.buffer }
  if (length <= SHORT || lines >= BUSY) {
    byLine(runtime, variant, {
      buffers,
      params: { ...params, ...steps, count: lines, length },
      groups: groupsFor(lines),
    })
    return
  }
  const pieces = Math.ceil(length / BLOCK)
  withScratch(runtime, lines * pieces * 4, (totals) => {
    blocks(runtime, variant, {
      buffers: { ...buffers, totals },
      params: { ...params, ...steps, length, blocks: pieces },
      groups: lines * pieces,
    })
    if (pieces === 1) return
    const shape = [lines, pieces]
    const strides = contiguousStrides(shape)
    const sums: View = { buffer: totals, dtype: x.dtype, shape, strides, offset: 0 }
    scanLines(runtime, sums, sums, 1, scan)
    carry(runtime, variant, {
      buffers: { totals, out: out.buffer },
      params: { ...params, ...steps, count, length, blocks: pieces },
      groups: groupsFor(count),
    })
  })
}

/** {@link Kernels.cumulative} for f32, i32 and u32. */
export function cumulativeKernel(runtime: Runtime): Kernels['cumulative'] {
  return (x, out, axis, combine) => {
    if (x.dtype !== 'f32' && combine === 'logsumexp')
      throw new DTypeError(`cumulative: a logsumexp of ${x.dtype}; cast to f32 first`)
    if (sizeOf(x.shape) > 0) scanLines(runtime, x, out, axis, combine)
  }
}
