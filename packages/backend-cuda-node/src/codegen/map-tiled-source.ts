/**
 * CUDA C for `map` where some inputs are dense along another loop than the outputs: they are read in
 * tiles along their own loop, and go through shared memory.
 */
import type { Program } from '@nablajs/tensor/backend'
import { quotientFunction } from './divide.ts'
import { elementFunction, identifier, outputsOf, scalarParameters } from './element.ts'
import { decompose, extentParameters } from './layout.ts'
import { blockThreads } from './map-source.ts'
import { typeOf } from './primitives.ts'

/** Elements along each side of a tile. */
export const tileSide = 32

export interface TiledMapKernel {
  readonly program: Program
  readonly counters: readonly string[]
  readonly loops: number
  /** The loop along which the inputs in `turned` are dense; the outputs are along the last. */
  readonly across: number
  /** By input, whether it goes through shared memory. */
  readonly turned: readonly boolean[]
}

/**
 * The source and the name of its kernel. Its parameters are the operands' addresses, the loops'
 * extents in tiles along the two loops of tiles, the extents of these two in elements, and the strides
 * of operands and counters.
 */
export function tiledMapSource(kernel: TiledMapKernel): {
  readonly source: string
  readonly entry: string
} {
  const { program, counters, loops, across, turned } = kernel
  const along = loops - 1
  const outputs = outputsOf(program)
  const inputs = program.inputs.length
  const dtypes = [...program.inputs, ...outputs]
  const entry = `map_tiled_${identifier(program.name)}`
  const operands = dtypes.length + counters.length
  const parameters = [
    ...dtypes.map((dtype, o) => `${o < inputs ? 'const ' : ''}${typeOf[dtype]} *p${o}`),
    ...extentParameters('n', loops, false),
    'unsigned int extent_across',
    'unsigned int extent_along',
    ...Array.from({ length: operands }, (_, o) =>
      Array.from({ length: loops }, (__, loop) => `int t${o}_${loop}`),
    ).flat(),
    ...scalarParameters(program),
  ]
  /** Where the tile begins in an operand. */
  const start = (o: number): string =>
    Array.from({ length: loops }, (_, loop) => {
      const scale = loop === along || loop === across ? `${tileSide} * ` : ''
      return `${scale}(int)k${loop} * t${o}_${loop}`
    }).join(' + ')
  /** Where an element of the tile is. */
  const place = (o: number, i: string, j: string): string =>
    `at${o} + (int)${i} * t${o}_${across} + (int)${j} * t${o}_${along}`
  const step = blockThreads / tileSide
  const rows = (body: readonly string[]): string[] => [
    `for (unsigned int r = ty; r < ${tileSide}u; r += ${step}u) {`,
    ...body.map((line) => `  ${line}`),
    '}',
  ]
  const body = [
    ...turned.flatMap((turns, i) =>
      turns ? [`__shared__ ${typeOf[dtypes[i]!]} tile${i}[${tileSide}][${tileSide + 1}];`] : [],
    ),
    `const unsigned int tx = threadIdx.x % ${tileSide}u, ty = threadIdx.x / ${tileSide}u;`,
    ...decompose('blockIdx.x', 'k', 'n', loops, false),
    `const unsigned int rest_across = extent_across - k${across} * ${tileSide}u;`,
    `const unsigned int rest_along = extent_along - k${along} * ${tileSide}u;`,
    ...Array.from({ length: operands }, (_, o) => `const int at${o} = ${start(o)};`),
    ...rows([
      'if (r >= rest_along || tx >= rest_across) continue;',
      ...turned.flatMap((turns, i) =>
        turns ? [`tile${i}[r][tx] = p${i}[${place(i, 'tx', 'r')}];`] : [],
      ),
    ]),
    '__syncthreads();',
    ...rows([
      'if (r >= rest_across || tx >= rest_along) continue;',
      ...outputs.map((dtype, i) => `${typeOf[dtype]} y${i};`),
      `element(${[
        ...program.inputs.map((_, i) =>
          turned[i] ? `tile${i}[tx][r]` : `p${i}[${place(i, 'r', 'tx')}]`,
        ),
        ...program.scalars.map((_, i) => `s${i}`),
        ...counters.map((_, c) => `(unsigned int)(${place(dtypes.length + c, 'r', 'tx')})`),
        ...outputs.map((_, i) => `y${i}`),
      ].join(', ')});`,
      ...outputs.map((_, i) => `p${inputs + i}[${place(inputs + i, 'r', 'tx')}] = y${i};`),
    ]),
  ]
  const source = [
    quotientFunction,
    elementFunction('element', program, counters, new Set()),
    `extern "C" __global__ void ${entry}(${parameters.join(', ')}) {`,
    ...body.map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
  return { source, entry }
}
