/**
 * Sums of products in registers: every thread reads both operands from memory by itself and makes a block
 * of results, without workgroup memory and its barriers. For operands that are hardly used twice, and for
 * software GPUs, where a barrier saves the state of every thread of the workgroup.
 *
 * With the `subgroups` extension the four threads of a quad, whose blocks lie side by side, read a quarter
 * of their common rows each and exchange them. In a *strip* several threads share the depth of a block, and
 * add up at the end: in subgroups as far as they reach, then through workgroup memory.
 *
 * WGSL does not say which threads of a workgroup make a subgroup, or a quad of it. This counts on aligned
 * runs of neighbours being in one, which `runtime/features.ts` makes sure of.
 */
import { BLOCK_THREADS, type Layout, roundUp, runsDeep, STRIP_THREADS } from './plan.ts'
import { axes, BLOCK, count, isWide, type Side, storeFunctions } from './tile.ts'
import { dedent, indent } from './wgsl.ts'

/** What the text of a block depends on. */
export interface BlockVariant {
  readonly plan: Layout
  readonly a: Side
  readonly b: Side
  readonly split: boolean
  /** Whether a matrix is added to the product, where it is stored. */
  readonly term: boolean
  /** Whether a thread's part of the depth is long: sums are then taken in blocks. */
  readonly long: boolean
}

/** Parameters of every block. */
export const blockParams: readonly string[] = [
  ...['rows', 'columns', 'depth', 'blocks_down', 'blocks_across', 'batches'],
  ...['chunk', 'part_groups'],
]

/** Threads of a workgroup, how many of them share a depth, and blocks that it makes. */
function teamOf({ plan }: BlockVariant) {
  if (plan.kind === 'block') return { threads: BLOCK_THREADS, deep: 1, blocks: BLOCK_THREADS }
  return { threads: STRIP_THREADS, deep: plan.deep, blocks: STRIP_THREADS / plan.deep }
}

const lanesOf = ({ plan }: BlockVariant) => (plan.kind === 'strip' ? plan.lanes : 1)
const isShared = ({ plan }: BlockVariant) => plan.kind === 'block' && plan.shared

/** How many blocks and workgroups there are: the parameters of {@link blockParams} that tell. */
export function blockCounts(
  variant: BlockVariant,
  rows: number,
  columns: number,
  batches: number,
): { blocks_down: number; blocks_across: number; batches: number; part_groups: number } {
  const { rows: high, quads } = variant.plan.block
  const down = Math.ceil(rows / high)
  const least = Math.ceil(columns / (quads * 4))
  // A quad must not reach from one row of blocks into the next.
  const across = isShared(variant) ? roundUp(least, 4) : least
  const part_groups = Math.ceil((down * across * batches) / teamOf(variant).blocks)
  return { blocks_down: down, blocks_across: across, batches, part_groups }
}

/** The text of a sum with a number. */
const plus = (base: string, by: number) => (by === 0 ? base : `${base} + ${by}u`)

/** Whether sums go through workgroup memory at the end. */
const meets = (variant: BlockVariant) => teamOf(variant).deep > lanesOf(variant)

/** What comes before the module: its threads, extensions and declarations; see `tileDeclarations`. */
export function blockModule(variant: BlockVariant): {
  threads: number
  extensions: readonly string[]
  declarations: string
} {
  const { threads } = teamOf(variant)
  const sums = (variant.plan.block.rows * threads) / lanesOf(variant)
  return {
    threads,
    extensions: isShared(variant) || lanesOf(variant) > 1 ? ['subgroups'] : [],
    declarations: [
      ...(meets(variant) ? [`var<workgroup> sums: array<vec4<f32>, ${sums}>;`] : []),
      storeFunctions(variant),
    ].join('\n\n'),
  }
}

/** Which block and which part of the depth are this thread's. */
function placeText(variant: BlockVariant): string {
  const { deep, blocks } = teamOf(variant)
  const { rows, quads } = variant.plan.block
  // Neighbouring threads read what lies side by side in b.
  const [block, lane] = runsDeep(variant.b)
    ? [`thread / ${deep}u`, `thread % ${deep}u`]
    : [`thread % ${blocks}u`, `thread / ${blocks}u`]
  return dedent(`
    // Which block of which product: columns run fastest, then rows.
    var rest = group % u32(p.part_groups) * ${blocks}u + ${deep === 1 ? 'thread' : block};
    let column = rest % u32(p.blocks_across) * ${quads * 4}u;
    rest /= u32(p.blocks_across);
    let height = rest % u32(p.blocks_down) * ${rows}u;
    rest /= u32(p.blocks_down);
    // Threads beyond the last block go along, and store nothing.
    let row = select(u32(p.rows), height, rest < u32(p.batches));
    let batch = min(rest, u32(p.batches) - 1u);
    let begin = start(batch);
    let part = group / u32(p.part_groups);
    let first = part * u32(p.chunk);
    let end = min(first + u32(p.chunk), u32(p.depth));
    ${deep === 1 ? '' : `let lane = ${lane};`}
  `).trimEnd()
}

/** Lanes of the operands that this thread reads; those beyond the end are read as the last one. */
function lanesText(variant: BlockVariant): string {
  const { a, b } = variant
  const { rows, quads } = variant.plan.block
  const lines: string[] = []
  const lane = (name: 'a' | 'b', i: number, place: string, extent: string, width: number) =>
    lines.push(
      `let ${name}_lane${i} = ${name}_lane(min(${place}, u32(p.${extent}) - ${width}u), begin.${name === 'a' ? 'x' : 'y'});`,
    )
  if (isWide(a)) for (const i of count(rows / 4)) lane('a', i, plus('row', i * 4), 'rows', 4)
  else if (isShared(variant))
    for (const i of count(rows / 4)) lane('a', i, `${plus('row', i * 4)} + thread % 4u`, 'rows', 1)
  else for (const i of count(rows)) lane('a', i, plus('row', i), 'rows', 1)
  if (isWide(b)) for (const q of count(quads)) lane('b', q, plus('column', q * 4), 'columns', 4)
  else for (const j of count(quads * 4)) lane('b', j, plus('column', j), 'columns', 1)
  return lines.join('\n')
}

/** Reads a's numbers for `steps` steps of the depth; gives the text of the number of row i and step k. */
function readRows(variant: BlockVariant, steps: number, lines: string[]) {
  const { a, plan } = variant
  const { rows } = plan.block
  const shared = isShared(variant)
  const depths = a.load === 'deep' ? [0] : count(steps)
  if (isWide(a)) {
    for (const i of count(rows / 4))
      for (const k of depths)
        if (!shared || steps === 1) lines.push(`let a${i}_${k} = a_load(a_lane${i}, a_step${k});`)
        else if (k === 0) lines.push(`let mine${i} = a_load(a_lane${i}, a_own_step);`)
    if (shared && steps > 1)
      for (const i of count(rows / 4))
        for (const k of depths) lines.push(`let a${i}_${k} = quadBroadcast(mine${i}, ${k}u);`)
    return (i: number, k: number) => `a${Math.floor(i / 4)}_${k}.${axes[i % 4]}`
  }
  for (const i of count(shared ? rows / 4 : rows))
    for (const k of depths)
      lines.push(`let ${shared ? 'mine' : 'a'}${i}_${k} = a_load(a_lane${i}, a_step${k});`)
  if (shared)
    for (const i of count(rows))
      for (const k of depths)
        lines.push(`let a${i}_${k} = quadBroadcast(mine${Math.floor(i / 4)}_${k}, ${i % 4}u);`)
  return (i: number, k: number) => (a.load === 'deep' ? `a${i}_0.${axes[k]}` : `a${i}_${k}`)
}

/** Reads b's numbers for step k of the depth, as `b0`, `b1`, ... */
function readColumns({ b, plan }: BlockVariant, k: number, lines: string[]): void {
  for (const q of count(plan.block.quads)) {
    const four = count(4).map((j) => q * 4 + j)
    if (isWide(b)) lines.push(`let b${q} = b_load(b_lane${q}, b_step${k});`)
    else if (b.load === 'deep')
      lines.push(`let b${q} = vec4<f32>(${four.map((j) => `d${j}.${axes[k]}`).join(', ')});`)
    else
      lines.push(
        `let b${q} = vec4<f32>(${four.map((j) => `b_load(b_lane${j}, b_step${k})`).join(', ')});`,
      )
  }
}

/** So many steps of the depth, 4 or 1, multiplied out. */
function stepsText(variant: BlockVariant, steps: 1 | 4): string {
  const { a, b } = variant
  const { rows, quads } = variant.plan.block
  const lines: string[] = []
  for (const [name, side] of [
    ['a', a],
    ['b', b],
  ] as const)
    for (const k of side.load === 'deep' ? [0] : count(steps))
      lines.push(`let ${name}_step${k} = ${name}_step(${plus('depth', k)});`)
  if (isWide(a) && isShared(variant) && steps > 1)
    lines.push('let a_own_step = a_step(depth + thread % 4u);')
  const rowAt = readRows(variant, steps, lines)
  if (b.load === 'deep')
    for (const j of count(quads * 4)) lines.push(`let d${j} = b_load(b_lane${j}, b_step0);`)
  for (const k of count(steps)) {
    const inner: string[] = []
    readColumns(variant, k, inner)
    for (const i of count(rows))
      for (const q of count(quads)) inner.push(`sum${i}_${q} += ${rowAt(i, k)} * b${q};`)
    lines.push('{', indent(inner.join('\n')), '}')
  }
  return lines.join('\n')
}

/** The loops over the depth: by fours, and what is left of it by ones. */
function loopsText(variant: BlockVariant): string {
  const { deep } = teamOf(variant)
  const { rows, quads } = variant.plan.block
  const [four, one] = deep === 1 ? ['', ''] : [' + lane * 4u', ' + lane']
  // Operands in deep quads have depths that are multiples of four.
  const rests = variant.a.load !== 'deep' && variant.b.load !== 'deep'
  const whole = rests ? 'whole' : 'end'
  const loop = (from: string, to: string) => [
    `for (var depth = ${from}${four}; depth < ${to}; depth += ${deep * 4}u) {`,
    indent(stepsText(variant, 4)),
    '}',
  ]
  const sums = count(rows).flatMap((i) => count(quads).map((q) => `${i}_${q}`))
  return [
    ...(rests ? ['let whole = end / 4u * 4u;'] : []),
    ...(variant.long
      ? [
          `for (var block = first; block < ${whole}; block += ${BLOCK * deep}u) {`,
          indent(loop('block', `min(block + ${BLOCK * deep}u, ${whole})`).join('\n')),
          ...sums.flatMap((s) => [`  total${s} += sum${s};`, `  sum${s} = vec4<f32>();`]),
          '}',
        ]
      : loop('first', whole)),
    ...(rests
      ? [
          `for (var depth = whole${one}; depth < end; depth += ${deep}u) {`,
          indent(stepsText(variant, 1)),
          '}',
        ]
      : []),
    ...(variant.long ? sums.map((s) => `sum${s} += total${s};`) : []),
  ].join('\n')
}

/** Adds up what the threads of a strip have, and stores it. */
function meetText(variant: BlockVariant): string {
  const { threads, deep } = teamOf(variant)
  const { rows } = variant.plan.block
  const lanes = lanesOf(variant)
  const lines: string[] = []
  for (let reach = lanes / 2; reach >= 1; reach /= 2)
    for (const i of count(rows))
      lines.push(`sum${i}_0 += subgroupShuffleXor(sum${i}_0, ${reach}u);`)
  const store = (i: string, sum: string) =>
    `put_quad(row + ${i}, column, 1u, ${target(variant)}, ${sum});`
  if (!meets(variant)) {
    for (const i of count(rows))
      lines.push(`if (lane == ${i}u) {`, `  ${store(`${i}u`, `sum${i}_0`)}`, '}')
    return lines.join('\n')
  }
  const slots = threads / lanes
  const mine = lanes === 1 ? 'thread' : `thread / ${lanes}u`
  const writes = count(rows).map((i) => `sums[${i * slots}u + ${mine}] = sum${i}_0;`)
  const [from, by] = runsDeep(variant.b)
    ? [`thread / ${deep}u * ${deep / lanes}u`, 1]
    : [`thread % ${threads / deep}u`, threads / deep]
  return [
    ...lines,
    ...(lanes === 1 ? writes : [`if (thread % ${lanes}u == 0u) {`, indent(writes.join('\n')), '}']),
    dedent(`
      workgroupBarrier();
      if (lane < ${rows}u) {
        var all = vec4<f32>();
        for (var i = 0u; i < ${deep / lanes}u; i++) {
          all += sums[lane * ${slots}u + ${from} + i * ${by}u];
        }
        ${store('lane', 'all')}
      }
    `),
  ].join('\n')
}

const target = ({ split }: BlockVariant) =>
  split ? 'i32(part * u32(p.batches) + batch)' : 'begin.z'

/** The body of a block. */
export function blockMain(variant: BlockVariant): string {
  const { rows, quads } = variant.plan.block
  const sums = count(rows).flatMap((i) => count(quads).map((q) => ({ i, q, name: `${i}_${q}` })))
  return [
    placeText(variant),
    lanesText(variant),
    ...sums.map(({ name }) => `var sum${name} = vec4<f32>();`),
    ...(variant.long ? sums.map(({ name }) => `var total${name} = vec4<f32>();`) : []),
    loopsText(variant),
    ...(teamOf(variant).deep > 1
      ? [meetText(variant)]
      : sums.map(
          ({ i, q, name }) =>
            `put_quad(${plus('row', i)}, ${plus('column', q * 4)}, 1u, ${target(variant)}, sum${name});`,
        )),
  ].join('\n')
}
