/**
 * Sums of products `c[row, column] = sum over depth of a[row, depth] * b[depth, column]`: the text that
 * matrix products and convolutions share, whatever their operands look like in memory.
 *
 * A workgroup makes one tile of c. It copies a slice of both operands to workgroup memory, `DEPTH` deep,
 * multiplies it out in registers (4 or 8 rows by 4 columns to a thread) and goes on with the next slice.
 *
 * Workgroup memory holds quads, `vec4<f32>`. *Deep* quads are four neighbours along the depth, *wide*
 * quads four along the row or column (together: *lanes*); which of the two follows from where the
 * operand is dense, so that reads of memory are joined. An operand of any other layout is read one
 * element at a time into deep quads.
 */
import { dedent, indent } from './wgsl.ts'

/** How the elements of an operand come in. */
export interface Side {
  /** One `vec4<f32>` along the depth or along the lanes, or one number at a time. */
  readonly load: 'deep' | 'wide' | 'single'
  /** The axis along which neighbouring threads read single elements. */
  readonly along: 'depth' | 'lane'
}

export interface Tile {
  /** Threads along the rows and along the columns. */
  readonly down: number
  readonly across: number
  /** Rows of a thread, 4 or 8. Columns are 4. */
  readonly rows: number
  readonly depth: number
  /** Relative time of a multiply-add, as operands are reused more or less. */
  readonly effort: number
}

export type TileName = 'large' | 'medium' | 'small' | 'narrow' | 'thin'

export const tiles: Readonly<Record<TileName, Tile>> = {
  /** 128 x 64 */
  large: { down: 16, across: 16, rows: 8, depth: 16, effort: 1 },
  /** 64 x 64 */
  medium: { down: 16, across: 16, rows: 4, depth: 16, effort: 1.2 },
  /** 32 x 32 */
  small: { down: 8, across: 8, rows: 4, depth: 32, effort: 1.5 },
  /** 128 x 16, for few columns. */
  narrow: { down: 32, across: 4, rows: 4, depth: 16, effort: 1.8 },
  /** 256 x 4, for a column or few. */
  thin: { down: 64, across: 1, rows: 4, depth: 8, effort: 3 },
}

/** What the text of a tile depends on. */
export interface TileVariant {
  readonly tile: TileName
  readonly a: Side
  readonly b: Side
  /** Whether the depth is cut into parts that a second pass adds. */
  readonly split: boolean
  /** Whether a matrix is added to the product, where it is stored. */
  readonly term: boolean
  /** Whether the depth is long: sums are then taken in blocks, which keeps their rounding errors small. */
  readonly long: boolean
}

/** Depth up to which one running sum is accurate enough. */
export const LONG = 1024
/** Products in a block of such a sum. */
export const BLOCK = 256

/** Parameters of every tile. */
export const tileParams: readonly string[] = [
  'rows',
  'columns',
  'depth',
  'tiles_down',
  'tiles_across',
  'batches',
  'chunk',
]

export const axes = ['x', 'y', 'z', 'w'] as const

export const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export const isWide = (side: Side): boolean => side.load === 'wide'

/** Deep quads lie with a gap after each lane, so that threads that read different lanes do not queue. */
const quadsOf = (side: Side, lanes: number, depth: number) =>
  isWide(side) ? (lanes / 4) * depth : lanes * (depth / 4 + 1)

/** A function that reads one quad of an operand, zeros beyond the end. */
function quadFunction(name: string, side: Side): string {
  if (side.load !== 'single')
    return dedent(`
      fn ${name}_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
        if (depth >= end) {
          return vec4<f32>();
        }
        return ${name}_load(lane, ${name}_step(depth));
      }
    `)
  return dedent(`
    fn ${name}_quad(lane: vec4<i32>, depth: u32, end: u32) -> vec4<f32> {
      var quad = vec4<f32>();
      for (var i = 0u; i < 4u; i++) {
        if (depth + i < end) {
          quad[i] = ${name}_load(lane, ${name}_step(depth + i));
        }
      }
      return quad;
    }
  `)
}

/**
 * How results go to memory. What is done to every result before it is stored has its place in `put`;
 * what `term_of(row, column)` gives is added there.
 * A part of a result goes to scratch memory: parts outermost, then batch, rows and columns; its
 * `begin` is the number of part and batch.
 */
export function storeFunctions({ split, term }: Pick<TileVariant, 'split' | 'term'>): string {
  const at = split
    ? '(begin * p.rows + i32(row)) * p.columns + i32(column)'
    : 'c_at(row, column, begin)'
  return dedent(`
    fn put(row: u32, column: u32, begin: i32, value: f32) {
      if (row < u32(p.rows) && column < u32(p.columns)) {
        store_c(${at}, value${term ? ' + term_of(row, column)' : ''});
      }
    }
    fn put_quad(row: u32, column: u32, step: u32, begin: i32, values: vec4<f32>) {
      put(row, column, begin, values.x);
      put(row, column + step, begin, values.y);
      put(row, column + 2u * step, begin, values.z);
      put(row, column + 3u * step, begin, values.w);
    }
  `)
}

/** Quads of an operand in a slice, and how many of them a thread copies. */
function slotsOf(lanes: number, { down, across, depth }: Tile) {
  const quads = (lanes * depth) / 4
  return { quads, each: Math.ceil(quads / (down * across)) }
}

/** Which lane and depth a thread copies quad `slot` from, and where it goes in the tile. */
function slotFunctions(name: string, side: Side, lanes: number, depth: number): string {
  const [lane, first] = isWide(side)
    ? [`slot % ${lanes / 4}u * 4u`, `slot / ${lanes / 4}u`]
    : side.load === 'single' && side.along === 'lane'
      ? [`slot % ${lanes}u`, `slot / ${lanes}u * 4u`]
      : [`slot / ${depth / 4}u`, `slot % ${depth / 4}u * 4u`]
  const place = isWide(side)
    ? 'slot'
    : `${name}_slot_lane(slot) * ${depth / 4 + 1}u + ${name}_slot_depth(slot) / 4u`
  return dedent(`
    fn ${name}_slot_lane(slot: u32) -> u32 { return ${lane}; }
    fn ${name}_slot_depth(slot: u32) -> u32 { return ${first}; }
    fn ${name}_slot_place(slot: u32) -> u32 { return ${place}; }
  `)
}

/**
 * Workgroup memory and functions of a tile. The kernel's own declarations have
 * `start(batch) -> vec3<i32>` (where a, b and c begin), and for each of a and b
 * `x_lane(lane, start) -> vec4<i32>` (what can be said of a row or column before the depth is known),
 * `x_step(depth) -> vec4<i32>` (what can be said of a depth before the lane is known) and
 * `x_load(lane, step)`, a number or a quad; `c_at(row, column, start)` is where a result goes.
 */
export function tileDeclarations({ tile, a, b, split, term }: TileVariant): string {
  const { down, across, rows, depth } = tiles[tile]
  return [
    [
      `var<workgroup> a_tile: array<vec4<f32>, ${quadsOf(a, down * rows, depth)}>;`,
      `var<workgroup> b_tile: array<vec4<f32>, ${quadsOf(b, across * 4, depth)}>;`,
    ].join('\n'),
    slotFunctions('a', a, down * rows, depth),
    quadFunction('a', a),
    slotFunctions('b', b, across * 4, depth),
    quadFunction('b', b),
    storeFunctions({ split, term }),
  ].join('\n\n')
}

/** Before the first slice: the lanes of the quads that this thread copies. */
function prepareText(name: 'a' | 'b', lanes: number, tile: Tile): string {
  const { each } = slotsOf(lanes, tile)
  const [lane, extent, start] =
    name === 'a' ? ['row', 'rows', 'begin.x'] : ['column', 'columns', 'begin.y']
  return count(each)
    .map((i) =>
      dedent(`
        let ${name}_slot${i} = thread + ${i * tile.down * tile.across}u;
        let ${name}_place${i} = ${lane} + ${name}_slot_lane(${name}_slot${i});
        let ${name}_lane${i} = ${name}_lane(${name}_place${i}, ${start});
        let ${name}_end${i} = select(0u, end, ${name}_place${i} < u32(p.${extent}));
      `),
    )
    .join('\n')
}

/** Copies the slice that begins at `slice`. */
function fillText(name: 'a' | 'b', lanes: number, tile: Tile): string {
  const threads = tile.down * tile.across
  const { quads, each } = slotsOf(lanes, tile)
  return count(each)
    .map((i) => {
      const slot = `${name}_slot${i}`
      const copy = `${name}_tile[${name}_slot_place(${slot})] = ${name}_quad(${name}_lane${i}, slice + ${name}_slot_depth(${slot}), ${name}_end${i});`
      return quads % threads === 0 ? copy : `if (${slot} < ${quads}u) {\n${indent(copy)}\n}`
    })
    .join('\n')
}

/** Four steps of the depth, multiplied out in registers. */
function multiplyText({ a, b }: TileVariant, { down, across, rows, depth }: Tile): string {
  const pitch = depth / 4 + 1
  const lines: string[] = []
  if (isWide(b))
    for (const k of count(4))
      lines.push(`let b${k} = b_tile[(quad * 4u + ${k}u) * ${across}u + tile_column];`)
  else {
    for (const j of count(4))
      lines.push(`let d${j} = b_tile[(tile_column + ${across * j}u) * ${pitch}u + quad];`)
    for (const [k, axis] of axes.entries())
      lines.push(`let b${k} = vec4<f32>(d0.${axis}, d1.${axis}, d2.${axis}, d3.${axis});`)
  }
  for (const i of count(isWide(a) ? rows / 4 : rows)) {
    if (isWide(a)) {
      for (const k of count(4))
        lines.push(
          `let a${i}_${k} = a_tile[(quad * 4u + ${k}u) * ${(down * rows) / 4}u + tile_row + ${i * down}u];`,
        )
      for (const [j, axis] of axes.entries())
        lines.push(
          `sum${i * 4 + j} += a${i}_0.${axis} * b0 + a${i}_1.${axis} * b1 + a${i}_2.${axis} * b2 + a${i}_3.${axis} * b3;`,
        )
    } else
      lines.push(
        `let a${i} = a_tile[(tile_row + ${i * down}u) * ${pitch}u + quad];`,
        `sum${i} += a${i}.x * b0 + a${i}.y * b1 + a${i}.z * b2 + a${i}.w * b3;`,
      )
  }
  return lines.join('\n')
}

/** Sums of more than `BLOCK` products are taken in blocks. */
const blockText = (rows: number, depth: number) =>
  [
    `if ((slice - first) % ${BLOCK}u == ${BLOCK - depth}u) {`,
    ...count(rows).flatMap((i) => [`  total${i} += sum${i};`, `  sum${i} = vec4<f32>();`]),
    '}',
  ].join('\n')

/** The body of a tile. */
export function tileMain(variant: TileVariant): string {
  const tile: Tile = tiles[variant.tile]
  const { down, across, rows, depth } = tile
  const { a, b, split, long } = variant
  const [high, wide] = [down * rows, across * 4]
  // Rows and columns of a thread: neighbours where quads are wide, else as far apart as there are threads.
  const rowOf = (i: number): string =>
    isWide(a)
      ? `(tile_row + ${Math.floor(i / 4) * down}u) * 4u + ${i % 4}u`
      : `tile_row + ${i * down}u`
  const [firstColumn, step] = isWide(b) ? ['tile_column * 4u', 1] : ['tile_column', across]
  const target = split ? 'i32(rest)' : 'begin.z'
  const storeText = (i: number): string =>
    `put_quad(row + ${rowOf(i)}, column + ${firstColumn}, ${step}u, ${target}, ${long ? `total${i} + sum${i}` : `sum${i}`});`
  return [
    dedent(`
      // Which tile of which product: columns run fastest, then rows.
      var rest = group;
      let column = rest % u32(p.tiles_across) * ${wide}u;
      rest /= u32(p.tiles_across);
      let row = rest % u32(p.tiles_down) * ${high}u;
      rest /= u32(p.tiles_down);
      ${split ? 'let begin = start(rest % u32(p.batches));' : 'let begin = start(rest);'}
      ${split ? 'let first = rest / u32(p.batches) * u32(p.chunk);' : 'let first = 0u;'}
      ${split ? 'let end = min(first + u32(p.chunk), u32(p.depth));' : 'let end = u32(p.depth);'}
      let tile_row = thread / ${across}u;
      let tile_column = thread % ${across}u;
    `),
    prepareText('a', high, tile),
    prepareText('b', wide, tile),
    // One variable for each row of the thread: arrays that loops count through may lie in memory.
    ...count(rows).map((i) => `var sum${i} = vec4<f32>();`),
    ...(long ? count(rows).map((i) => `var total${i} = vec4<f32>();`) : []),
    `for (var slice = first; slice < end; slice += ${depth}u) {`,
    indent(fillText('a', high, tile)),
    indent(fillText('b', wide, tile)),
    '  workgroupBarrier();',
    `  for (var quad = 0u; quad < ${depth / 4}u; quad++) {`,
    indent(multiplyText(variant, tile), 4),
    '  }',
    '  workgroupBarrier();',
    ...(long ? [indent(blockText(rows, depth))] : []),
    '}',
    ...count(rows).map((i) => storeText(i)),
  ].join('\n')
}
