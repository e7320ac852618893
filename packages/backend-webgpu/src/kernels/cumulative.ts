/**
 * Running sums, products and extrema along an axis. A line is cut into pieces: their totals are scanned in
 * turn, and a thread runs along each piece from the total of those before it. On GPUs, where neighbouring
 * elements of a line are neighbours in memory, a workgroup scans them together instead.
 */
import {
  contiguousStrides,
  type DeviceBuffer,
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
            return select(0u - key, key & 0x7fffffffu, key >= 0x80000000u);
          }
        `)
      : 'fn encode(key: T) -> u32 { return order(key); }'
  return `${orderText(dtype)}\n${decode}\n${encode}`
}

const memory = {
  x: { element: 'u32' },
  out: { element: 'u32', access: 'write' },
} as const

/** Elements that a thread loads at once, and joins among themselves before it joins them to what was before. */
const AT_ONCE = 8

/** Neighbouring threads have neighbouring lines. The first element of a piece is joined to none. */
const startText = dedent(`
  let line = number % u32(p.lines);
  let piece = i32(number / u32(p.lines));
  var i = piece * p.each;
  let end = min(i + p.each, p.length);
`)

/** Text that joins the elements after the first of a piece to `sofar`; `store` gives a line for each of them. */
function alongText(store?: (at: string, value: string) => string): string {
  const turn = Array.from({ length: AT_ONCE }, (_, k) => k)
  const stored = (at: string, value: string) => (store ? [`  ${store(at, value)}`] : [])
  return [
    'i++;',
    `for (; i + ${AT_ONCE - 1} < end; i += ${AT_ONCE}) {`,
    ...turn.map((k) => `  let x${k} = decode(load_x(x_at + (i + ${k}) * p.x_step));`),
    ...turn.flatMap((k) => [
      k === 0 ? '  var own = x0;' : `  own = join(own, x${k});`,
      ...stored(`(i + ${k})`, 'join(sofar, own)'),
    ]),
    '  sofar = join(sofar, own);',
    '}',
    'for (; i < end; i++) {',
    '  sofar = join(sofar, decode(load_x(x_at + i * p.x_step)));',
    ...stored('i', 'sofar'),
    '}',
  ].join('\n')
}

const totals = defineKernel<Variant>((variant) => ({
  name: 'cumulative',
  about: `The ${variant.scan} of each piece of each line.`,
  memory: { x: memory.x, totals: { element: 'u32', access: 'write' } },
  params: ['count', 'lines', 'length', 'each', 'x_step', ...walkParams(variant.rank, ['x'])],
  threads: THREADS,
  declarations: elementText(variant),
  main: [
    eachThread,
    startText,
    walkText(variant.rank, ['x'], 'line'),
    'var sofar = decode(load_x(x_at + i * p.x_step));',
    alongText(),
    'store_totals(i32(number), encode(sofar));',
  ].join('\n'),
}))

const along = defineKernel<Variant & { readonly pieces: boolean }>(({ pieces, ...variant }) => ({
  name: 'cumulative',
  about: `A running ${variant.scan} of each ${pieces ? 'piece, after the total of those before it' : 'line'}.`,
  memory: { ...memory, ...(pieces ? { totals: { element: 'u32' } } : {}) },
  params: [
    ...['count', 'lines', 'length', 'each', 'x_step', 'out_step'],
    ...walkParams(variant.rank, ['x', 'out']),
  ],
  threads: THREADS,
  declarations: elementText(variant),
  main: [
    eachThread,
    startText,
    walkText(variant.rank, ['x', 'out'], 'line'),
    'var sofar = decode(load_x(x_at + i * p.x_step));',
    ...(pieces
      ? [
          dedent(`
            if (piece > 0) {
              sofar = join(decode(load_totals(i32(number) - p.lines)), sofar);
            }
          `),
        ]
      : []),
    'store_out(out_at + i * p.out_step, encode(sofar));',
    alongText((at, value) => `store_out(out_at + ${at} * p.out_step, encode(${value}));`),
  ].join('\n'),
}))

/** Elements of a thread, and of a block that a workgroup scans. */
const EACH = 8
const BLOCK = EACH * THREADS

interface BlockVariant extends Variant {
  /** Neighbouring threads that exchange values without memory, being in one subgroup; 1 without subgroups. */
  readonly cluster: number
}

/** Text that joins `total` to those of the threads before it in its cluster (Hillis and Steele 1986). */
function clusterText(cluster: number): string {
  const lines: string[] = []
  for (let step = 1; step < cluster; step *= 2)
    lines.push(
      `let before${step} = subgroupShuffleUp(total, ${step}u);`,
      `if (thread % ${cluster}u >= ${step}u) { total = join(before${step}, total); }`,
    )
  return lines.join('\n')
}

const blocks = defineKernel<BlockVariant>(({ cluster, ...variant }) => ({
  name: 'cumulative',
  about: `A running ${variant.scan} in blocks of ${BLOCK}, and the total of each block.`,
  ...(cluster > 1 ? { extensions: ['subgroups'] } : {}),
  memory: { ...memory, totals: { element: 'u32', access: 'write' } },
  params: ['length', 'blocks', 'x_step', 'out_step', ...walkParams(variant.rank, ['x', 'out'])],
  threads: THREADS,
  declarations: [
    elementText(variant),
    lineFunction(variant.rank, 'x'),
    lineFunction(variant.rank, 'out'),
    `var<workgroup> sums: array<T, ${THREADS}>;`,
  ].join('\n\n'),
  main: [
    dedent(`
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
      var total = own[${EACH - 1}];
    `),
    ...(cluster > 1 ? [clusterText(cluster)] : []),
    dedent(`
      sums[thread] = total;
      workgroupBarrier();
      // The total of what lies before the thread: of each cluster, and of the threads in its own.
      var before = sums[${cluster - 1}];
      let start = thread / ${cluster}u * ${cluster}u;
      for (var i = ${2 * cluster - 1}u; i < start; i += ${cluster}u) {
        before = join(before, sums[i]);
      }
      ${
        cluster > 1
          ? `if (start == 0u) {
        before = sums[max(thread, 1u) - 1u];
      } else if (thread > start) {
        before = join(before, sums[thread - 1u]);
      }`
          : ''
      }
      for (var i = 0; i < ${EACH}; i++) {
        if (thread > 0u) {
          own[i] = join(before, own[i]);
        }
        if (first + i < p.length) {
          store_out(out_at + (first + i) * p.out_step, encode(own[i]));
        }
      }
      if (thread == ${THREADS - 1}u) {
        store_totals(i32(group), encode(own[${EACH - 1}]));
      }
    `),
  ].join('\n'),
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

/** Threads that keep a device busy, and elements that each should have before a line is cut. */
const gpu = { busy: 16384, worth: 32 }
const processor = { busy: 1024, worth: 64 }

function scanLines(runtime: Runtime, x: View, out: View, axis: number, scan: Scan): void {
  const { software, subgroups, subgroupMinSize } = runtime.features
  const length = x.shape[axis]!
  const lines = sizeOf(x.shape) / length
  const own = (view: View) => ({ strides: without(view.strides, axis), offset: view.offset })
  const { rank, params } = walk(without(x.shape, axis), { x: own(x), out: own(out) })
  const variant = { dtype: x.dtype, scan, rank }
  const steps = { x_step: x.strides[axis]!, out_step: out.strides[axis]! }
  const buffers = { x: x.buffer, out: out.buffer }
  /** Scans the totals, [outer, inner], along one of the axes. */
  const scanTotals = (totals: DeviceBuffer, shape: [number, number], along: 0 | 1) => {
    const view: View = {
      ...{ buffer: totals, dtype: x.dtype, shape, strides: contiguousStrides(shape), offset: 0 },
    }
    scanLines(runtime, view, view, along, scan)
  }

  // Where elements of a line lie together, threads that run along their own lines do not read what does.
  if (!software && Math.abs(steps.x_step) === 1 && length > BLOCK / 4) {
    const pieces = Math.ceil(length / BLOCK)
    const cluster = subgroups ? Math.min(THREADS, subgroupMinSize) : 1
    withScratch(runtime, lines * pieces * 4, (sums) => {
      const call = { ...params, ...steps, length, blocks: pieces }
      blocks(
        runtime,
        { ...variant, cluster },
        { buffers: { ...buffers, totals: sums }, params: call, groups: lines * pieces },
      )
      if (pieces === 1) return
      scanTotals(sums, [lines, pieces], 1)
      const count = lines * length
      carry(runtime, variant, {
        buffers: { totals: sums, out: out.buffer },
        params: { ...call, count },
        groups: groupsFor(count),
      })
    })
    return
  }

  const { busy, worth } = software ? processor : gpu
  const wanted = Math.min(Math.ceil(busy / lines), Math.floor(length / worth))
  const each = Math.ceil(length / Math.max(1, wanted))
  const pieces = Math.ceil(length / each)
  const count = lines * pieces
  const call = {
    params: { ...params, ...steps, count, lines, length, each },
    groups: groupsFor(count),
  }
  if (pieces === 1) {
    along(runtime, { ...variant, pieces: false }, { ...call, buffers })
    return
  }
  withScratch(runtime, count * 4, (sums) => {
    totals(runtime, variant, { ...call, buffers: { x: x.buffer, totals: sums } })
    scanTotals(sums, [pieces, lines], 0)
    along(runtime, { ...variant, pieces: true }, { ...call, buffers: { ...buffers, totals: sums } })
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
