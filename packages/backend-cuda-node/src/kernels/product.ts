/** Runs products of the forms in `product-source.ts`: chooses tiles and parts. */
import { ShapeError } from '@nablajs/tensor/backend'
import type { Device } from '../device.ts'
import {
  blockThreads,
  directSource,
  joinSource,
  type ProductForm,
  type Tile,
  tiledSource,
  tiles,
  widthName,
} from './product-source.ts'

export interface ProductSize {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly groups: number
}

/** Below so many columns or rows most of a tile would be empty. */
const fewColumns = 8

/** Depth that a part has at least before it is worth a second pass. */
const leastDepth = 256

/** What the driver takes as the second and third extents of a grid. */
const mostBlocks = 65535

interface Choice {
  /** Undefined for a thread for each result. */
  readonly tile: Tile | undefined
  readonly parts: number
  readonly chunk: number
}

/** How a product is dealt out to the GPU. */
export function choose(
  { rows, columns, depth, groups }: ProductSize,
  multiprocessors: number,
): Choice {
  const blocks = ({ rows: r, columns: c }: Tile): number =>
    Math.ceil(rows / r) * Math.ceil(columns / c) * groups
  const direct = columns < fewColumns || rows < fewColumns || rows * columns * depth < 2 ** 15
  const large = blocks(tiles.large) >= multiprocessors && columns > tiles.small.columns
  const tile = direct ? undefined : large ? tiles.large : tiles.small
  const running = tile ? blocks(tile) : (rows * columns * groups) / blockThreads
  // A few blocks for each multiprocessor keep it busy.
  const useful = Math.min((4 * multiprocessors) / running, depth / leastDepth)
  const most = Math.floor(mostBlocks / (tile ? groups : 1))
  const parts = Math.max(1, Math.min(most, Math.floor(useful)))
  const unit = tiles.small.depth
  const chunk = parts === 1 ? depth : Math.ceil(depth / parts / unit) * unit
  return { tile, parts: depth === 0 ? 1 : Math.ceil(depth / chunk), chunk: Math.max(1, chunk) }
}

/** Runs a product; `put` adds the parameters of its form to a launch. */
export function runProduct(
  device: Device,
  form: ProductForm,
  size: ProductSize,
  put: () => void,
): void {
  const { rows, columns, depth, groups } = size
  if (rows * columns * groups === 0) return
  for (const count of [rows, columns, depth, groups])
    if (count >= 2 ** 31)
      throw new ShapeError(`${form.name}: ${count} positions; the kernels count to 2147483647`)
  const wide = rows * columns * groups >= 2 ** 31
  const { context } = device
  const choice = choose(size, context.multiprocessors)
  const launch = (partial: number): void => {
    const { tile, parts, chunk } = choice
    const tooWide =
      tile !== undefined && (columns / tile.columns > mostBlocks || groups * parts > mostBlocks)
    const used = tooWide ? undefined : tile
    const kind = used ? `tiled${used.rows}` : `direct${widthName(wide)}`
    const kernel = device.cached(`${form.name}_${kind}`, form.name, () =>
      used ? tiledSource(form, used) : directSource(form, wide),
    )
    context.begin()
    putCommon(chunk, partial)
    if (used)
      context.launch(
        kernel,
        Math.ceil(rows / used.rows),
        Math.ceil(columns / used.columns),
        groups * parts,
        blockThreads,
      )
    else
      context.launch(
        kernel,
        Math.ceil((rows * groups * columns) / blockThreads),
        parts,
        1,
        blockThreads,
      )
  }
  const putCommon = (chunk: number, partial: number): void => {
    context.int(rows)
    context.int(columns)
    context.int(depth)
    context.int(groups)
    context.int(chunk)
    context.address(partial)
    put()
  }
  if (choice.parts === 1) {
    launch(0)
    return
  }
  device.pool.scratch(4 * choice.parts * groups * rows * columns, (partial) => {
    launch(partial)
    const entry = `${form.name}_join${widthName(wide)}`
    const kernel = device.cached(entry, form.name, () => joinSource(form, wide))
    context.begin()
    context.int(choice.parts)
    putCommon(choice.chunk, partial)
    context.launch(kernel, Math.ceil((rows * groups * columns) / blockThreads), 1, 1, blockThreads)
  })
}
