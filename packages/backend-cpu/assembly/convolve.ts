/**
 * Convolution as a matrix product that is never laid out (implicit GEMM), images as N, H, W, C.
 *
 *     C[m, j] = sum over k of A[m, k] * B[k, j]
 *     m = (image, row, column) of the grid of outputs, k = (tap row, tap column, channel)
 *
 * A row of A is the window of one output. The micro-kernel reads it where it lies: a window is a few
 * *runs* of floats, the same for every output, counted from the window's first pixel (`tile.ts`).
 * Where windows reach over the edge, the rows they need are first copied with zeros around them
 * (`source.ts`), a block of output rows at a time. That costs one copy of the image, not one copy
 * per tap, and there is no border case below it.
 *
 *     pack B                                  once: depth x columns floats, in blocks of KC depth
 *     for blocks of output rows               as many as fit the buffer of padded rows
 *       copy their input rows, padded         unless windows stay inside
 *       for j in blocks of NC columns
 *         for k in blocks of KC depth         KC x NC floats of B stay in the second-level cache
 *           for each tile of MR outputs       their A stays in the first-level cache
 *             for each panel of NR columns
 *               tile: C (+)= A * B
 *
 * The same loops serve the forward pass and, with B turned, the gradient for the input; whoever
 * fills in {@link Convolution} decides. Output rows are independent, and a range of them gives the
 * same bits as the whole.
 */
import { packPanels } from './pack'
import { min32 } from './simd'
import { bufferBytes, MAX_ROWS, pixelPitch, rowPitch, Source, sourceRows } from './source'
import { MR, NR, ROWS_BYTES, tile } from './tile'

const KC: i32 = 256
const NC: i32 = 256

/** One product; JavaScript writes the fields in this order. All strides in bytes. */
@unmanaged
export class Convolution extends Source {
  /** Columns of B and C. */
  columns: i32
  /** Element (k, j) of tap (r, s) is at `b + r * tapDown + s * tapAcross + k * bDown + j * bAcross`. */
  b: usize
  tapDown: usize
  tapAcross: usize
  bDown: usize
  bAcross: usize
  /** Where the output at (image, row, column) of the grid goes; columns lie side by side. */
  c: usize
  cImage: usize
  cRow: usize
  cPixel: usize
  /** {@link convolutionPacked} bytes for B, which threads share. */
  packed: usize
  /** {@link convolutionScratch} bytes. */
  scratch: usize
}

// The scratch memory: the rows of a tile, where the windows and the outputs of each output row
// begin, the padded rows.
const BASES: usize = ROWS_BYTES
const TARGETS: usize = BASES + MAX_ROWS * 4
const BUFFER: usize = (TARGETS + MAX_ROWS * 4 + 63) & ~63

/** The runs come before the packed B. */
// @ts-ignore: decorator
@inline
function packedStart(c: Convolution): usize {
  return (<usize>(c.tapsH * c.tapsW) * 4 + 63) & ~63
}

/** Bytes of all columns of one k of the packed B. */
// @ts-ignore: decorator
@inline
function packedRow(c: Convolution): usize {
  return (<usize>c.columns + NR - 1 & ~(NR - 1)) << 2
}

export function convolutionPacked(c: Convolution): usize {
  return packedStart(c) + <usize>(c.tapsH * c.tapsW * c.channels) * packedRow(c)
}

export function convolutionScratch(c: Convolution): usize {
  return BUFFER + bufferBytes(c)
}

/** Whether the taps of one row of the window touch, and so make one run. */
// @ts-ignore: decorator
@inline
function tapsTouch(c: Convolution): bool {
  return c.dilationW == 1 && pixelPitch(c) == <usize>c.channels << 2
}

// How the depth is cut: runs longer than KC into even pieces, shorter ones taken together.

// @ts-ignore: decorator
@inline
function pieceOf(run: i32): i32 {
  const pieces = (run + KC - 1) / KC
  return (run + pieces - 1) / pieces
}

// @ts-ignore: decorator
@inline
function runsTogether(run: i32): i32 {
  return run > KC ? 1 : KC / run
}

/** Packs B and lists the runs: once, before {@link convolve}. */
export function convolutionPack(c: Convolution): void {
  const touch = tapsTouch(c)
  const run = touch ? c.tapsW * c.channels : c.channels
  const across = touch ? 1 : c.tapsW
  const runs = c.tapsH * across
  for (let t = 0; t < runs; t++)
    store<usize>(
      c.packed + (<usize>t << 2),
      <usize>(t / across * c.dilationH) * rowPitch(c) +
        <usize>(t % across * c.dilationW) * pixelPitch(c),
    )

  const piece = pieceOf(run)
  const together = runsTogether(run)
  let target = c.packed + packedStart(c)
  for (let t = 0; t < runs; t += together)
    for (let q = 0; q < run; q += piece) {
      const depth = min32(together, runs - t) * min32(piece, run - q)
      packBlock(c, t * run + q, depth, target)
      target += <usize>depth * packedRow(c)
    }
}

/** Packs `depth` rows of B from row `k` on, tap by tap. */
function packBlock(c: Convolution, k: i32, depth: i32, target: usize): void {
  const pitch = <usize>depth * NR * 4
  while (depth > 0) {
    const tap = k / c.channels
    const channel = k % c.channels
    const length = min32(c.channels - channel, depth)
    const b =
      c.b +
      <usize>(tap / c.tapsW) * c.tapDown +
      <usize>(tap % c.tapsW) * c.tapAcross +
      <usize>channel * c.bDown
    packPanels(b, c.bDown, c.bAcross, length, c.columns, target, pitch)
    target += <usize>length * NR * 4
    k += length
    depth -= length
  }
}

/** Computes the output rows `first .. last`, counted through all images. */
export function convolve(c: Convolution, first: i32, last: i32): void {
  const bases = c.scratch + BASES
  const targets = c.scratch + TARGETS
  const buffer = c.scratch + BUFFER
  while (first < last) {
    const end = sourceRows(c, first, last, bases, buffer)
    for (let row = first; row < end; row++)
      store<usize>(
        targets + (<usize>(row - first) << 2),
        c.c + <usize>(row / c.gridH) * c.cImage + <usize>(row % c.gridH) * c.cRow,
      )
    block(c, end - first)
    first = end
  }
}

/** All products of a block of `rows` output rows. */
function block(c: Convolution, rows: i32): void {
  const run = tapsTouch(c) ? c.tapsW * c.channels : c.channels
  const runs = c.tapsH * c.tapsW * c.channels / run
  const piece = pieceOf(run)
  const together = runsTogether(run)
  for (let j = 0; j < c.columns; j += NC) {
    const columns = min32(NC, c.columns - j)
    let packed = c.packed + packedStart(c)
    for (let t = 0; t < runs; t += together) {
      const count = min32(together, runs - t)
      for (let q = 0; q < run; q += piece) {
        const length = min32(piece, run - q)
        const depth = <usize>(count * length)
        sweep(
          c, rows, <usize>q << 2, c.packed + (<usize>t << 2), count, length,
          packed + depth * (<usize>j << 2), j, columns, t + q > 0,
        )
        packed += depth * packedRow(c)
      }
    }
  }
}

/** All tiles of a block of output rows with one block of B. `offset` is the depth's start in its runs. */
function sweep(
  c: Convolution,
  rows: i32,
  offset: usize,
  runs: usize,
  count: i32,
  length: i32,
  b: usize,
  column: i32,
  columns: i32,
  add: bool,
): void {
  const step = <usize>c.strideW * pixelPitch(c)
  const panelPitch = <usize>(count * length) * NR * 4
  const gridW = c.gridW
  let bases = c.scratch + BASES
  const basesEnd = bases + (<usize>rows << 2)
  let v = 0
  while (bases < basesEnd) {
    let live = 0
    for (let r = 0; r < MR; r++) {
      const slot = c.scratch + (<usize>r << 2)
      if (bases < basesEnd) {
        store<usize>(slot, load<usize>(bases) + <usize>v * step + offset)
        store<usize>(slot, load<usize>(bases, MAX_ROWS * 4) + <usize>v * c.cPixel, MR * 4)
        live++
        if (++v == gridW) {
          v = 0
          bases += 4
        }
      } else store<usize>(slot, load<usize>(c.scratch))
    }
    let panel = b
    for (let j = 0; j < columns; j += NR) {
      tile(
        c.scratch, live, runs, count, length, 4, panel,
        <usize>(column + j) << 2, min32(NR, columns - j), 4, add,
      )
      panel += panelPitch
    }
  }
}
