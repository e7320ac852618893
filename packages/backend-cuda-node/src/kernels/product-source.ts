/**
 * CUDA C for sums of products `C[m, n] = sum over k of A[m, k] B[k, n]`, where expressions say how an
 * element of each is found: matrix products, and convolutions as such ("implicit GEMM"; Chetlur et
 * al., "cuDNN: Efficient Primitives for Deep Learning", 2014).
 */
import { quotientFunction } from '../codegen/divide.ts'
import type { Storage } from '../codegen/storage.ts'

/** How the elements of a product are found, in C. */
export interface ProductForm {
  readonly name: string
  /** Parameters of the kernel besides `rows`, `columns`, `depth`, `parts`, `chunk` and `partial`. */
  readonly parameters: readonly string[]
  /** How the elements are stored. */
  readonly element: Storage
  /** Statements that return `A[m, k]` of group `g`, as a float. */
  readonly a: readonly string[]
  /** Statements that return `B[k, n]` of group `g`, as a float. */
  readonly b: readonly string[]
  /** The place of `C[m, n]` of group `g`. */
  readonly c: string
  /** What is added to `C[m, n]` of group `g`, as a float. */
  readonly plus?: string
  /** Whether neighbours in memory differ in k (else in m, and n). */
  readonly aAlongDepth: boolean
  readonly bAlongDepth: boolean
}

/** The tile of a block: `rows` times `columns` results, `depth` products at a time. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** Results of a thread in each direction. */
  readonly each: number
  /** Blocks that a multiprocessor shall run at a time, which bounds the registers of a thread. */
  readonly blocks: number
}

/** Threads of a block, for every tile. */
export const blockThreads = 256

/** The larger needs fewer reads for each product, the smaller makes more blocks. */
export const tiles: Readonly<Record<'small' | 'large', Tile>> = {
  small: { rows: 64, columns: 64, depth: 16, each: 4, blocks: 3 },
  large: { rows: 128, columns: 128, depth: 8, each: 8, blocks: 2 },
}

const common = [
  'unsigned int rows',
  'unsigned int columns',
  'unsigned int depth',
  'unsigned int groups',
  'unsigned int chunk',
  'float *partial',
]

/** With `partial` memory, parts of the depth are summed apart: `partial[part][group][m][n]`. */
const store = (form: ProductForm, value: string): string[] => [
  `if (partial) partial[((size_t)(part * groups + g) * rows + m) * columns + n] = ${value};`,
  `else C(g, m, n) = ${finished(form, value)};`,
]

const finished = ({ plus, element }: ProductForm, sum: string): string =>
  element.write(plus ? `${sum} + ${plus}` : sum)

function head(form: ProductForm, kind: string, bounds: string = ''): string[] {
  return [
    quotientFunction,
    ...form.element.definitions,
    `extern "C" __global__ void ${bounds}${form.name}_${kind}(${[...common, ...form.parameters].join(', ')}) {`,
    '  const auto A = [=](unsigned int g, unsigned int m, unsigned int k) -> float {',
    ...form.a.map((line) => `    ${line}`),
    '  };',
    '  const auto B = [=](unsigned int g, unsigned int k, unsigned int n) -> float {',
    ...form.b.map((line) => `    ${line}`),
    '  };',
    `  const auto C = [=](unsigned int g, unsigned int m, unsigned int n) -> ${form.element.type} & {`,
    `    return ${form.c};`,
    '  };',
  ]
}

/** The thread's result. GPUs divide in software, and 64 bits several times as slowly as 32. */
const resultOf = (wide: boolean): string[] => {
  const number = wide ? 'unsigned long long' : 'unsigned int'
  return [
    `  const ${number} number = (${number})blockIdx.x * ${blockThreads}u + threadIdx.x;`,
    `  if (number >= (${number})rows * groups * columns) return;`,
    `  const ${number} pair = number / columns;`,
    '  const unsigned int n = (unsigned int)(number - pair * columns);',
    '  const unsigned int m = (unsigned int)(pair / groups);',
    '  const unsigned int g = (unsigned int)(pair - (pair / groups) * groups);',
  ]
}

/** What kernels are called that number results in 64 bits. */
export const widthName = (wide: boolean): string => (wide ? '_wide' : '')

/**
 * A thread for each result: for few columns, where a tile would be empty.
 *
 * @param wide Whether there are more results than 32 bits number.
 */
export function directSource(form: ProductForm, wide: boolean): string {
  return [
    ...head(form, `direct${widthName(wide)}`),
    ...resultOf(wide),
    '  const unsigned int part = blockIdx.y;',
    '  const unsigned int start = part * chunk;',
    '  const unsigned int end = depth - start < chunk ? depth : start + chunk;',
    '  float sum = 0.0f;',
    '  for (unsigned int k = start; k < end; k++) sum = fmaf(A(g, m, k), B(g, k, n), sum);',
    ...store(form, 'sum').map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n')
}

/** Results that a thread reads and writes side by side. */
const beside = 4

/**
 * A tile for each block: its operands go through shared memory, its results stay in registers. The
 * next tiles are on their way while these are multiplied.
 */
export function tiledSource(form: ProductForm, tile: Tile): string {
  const { rows, columns, depth, each, blocks } = tile
  const across = columns / each
  const runs = each / beside
  /** Tells element `i` of the thread's of a tile `side` wide: neighbouring threads have neighbours in memory. */
  const element = (side: number, along: boolean): string => {
    const number = `const unsigned int number = threadIdx.x + i * ${blockThreads}u;`
    return along
      ? `${number} const unsigned int kk = number % ${depth}u, at = number / ${depth}u;`
      : `${number} const unsigned int at = number % ${side}u, kk = number / ${side}u;`
  }
  const fetch = (next: string, side: number, along: boolean, read: string): string[] => [
    '#pragma unroll',
    `for (unsigned int i = 0; i < ${(side * depth) / blockThreads}u; i++) {`,
    `  ${element(side, along)}`,
    `  ${next}[i] = ${read};`,
    '}',
  ]
  const put = (shared: string, next: string, side: number, along: boolean): string[] => [
    '#pragma unroll',
    `for (unsigned int i = 0; i < ${(side * depth) / blockThreads}u; i++) {`,
    `  ${element(side, along)}`,
    `  ${shared}[kk][at] = ${next}[i];`,
    '}',
  ]
  // Threads beside each other read beside each other: further runs of a thread are whole widths away.
  const column = (j: string): string =>
    runs === 1
      ? `tx * ${each} + ${j}`
      : `${j} / ${beside} * ${columns / runs} + tx * ${beside} + ${j} % ${beside}`
  return [
    ...head(form, `tiled${rows}`, `__launch_bounds__(${blockThreads}, ${blocks}) `),
    // Four more, so that threads that write down a column meet different banks.
    `  __shared__ float tileA[${depth}][${rows + 4}];`,
    `  __shared__ float tileB[${depth}][${columns + 4}];`,
    `  const unsigned int tx = threadIdx.x % ${across}u, ty = threadIdx.x / ${across}u;`,
    `  const unsigned int row = blockIdx.x * ${rows}u, column = blockIdx.y * ${columns}u;`,
    '  const unsigned int g = blockIdx.z % groups, part = blockIdx.z / groups;',
    '  const unsigned int start = part * chunk;',
    '  const unsigned int end = depth - start < chunk ? depth : start + chunk;',
    `  float nextA[${(rows * depth) / blockThreads}], nextB[${(columns * depth) / blockThreads}];`,
    '  const auto fetch = [&](unsigned int k) {',
    ...[
      ...fetch(
        'nextA',
        rows,
        form.aAlongDepth,
        'row + at < rows && k + kk < end ? A(g, row + at, k + kk) : 0.0f',
      ),
      ...fetch(
        'nextB',
        columns,
        form.bAlongDepth,
        'column + at < columns && k + kk < end ? B(g, k + kk, column + at) : 0.0f',
      ),
    ].map((line) => `    ${line}`),
    '  };',
    `  float sums[${each}][${each}];`,
    `  for (int i = 0; i < ${each}; i++) for (int j = 0; j < ${each}; j++) sums[i][j] = 0.0f;`,
    '  fetch(start);',
    `  for (unsigned int k = start; k < end; k += ${depth}u) {`,
    ...[
      ...put('tileA', 'nextA', rows, form.aAlongDepth),
      ...put('tileB', 'nextB', columns, form.bAlongDepth),
    ].map((line) => `    ${line}`),
    '    __syncthreads();',
    // Past the end nothing is read; a condition around it all would move it behind the products.
    `    fetch(k + ${depth}u);`,
    '    #pragma unroll',
    `    for (int kk = 0; kk < ${depth}; kk++) {`,
    `      float a[${each}], b[${each}];`,
    `      for (int i = 0; i < ${each}; i++) a[i] = tileA[kk][ty * ${each} + i];`,
    `      for (int j = 0; j < ${each}; j++) b[j] = tileB[kk][${column('j')}];`,
    `      for (int i = 0; i < ${each}; i++)`,
    `        for (int j = 0; j < ${each}; j++) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);`,
    '    }',
    '    __syncthreads();',
    '  }',
    `  for (int i = 0; i < ${each}; i++) {`,
    `    const unsigned int m = row + ty * ${each} + i;`,
    '    if (m >= rows) break;',
    `    for (int j = 0; j < ${each}; j++) {`,
    `      const unsigned int n = column + ${column('j')};`,
    '      if (n >= columns) continue;',
    ...store(form, 'sums[i][j]').map((line) => `      ${line}`),
    '    }',
    '  }',
    '}',
    '',
  ].join('\n')
}

/** Adds the parts of a product, in order. */
export function joinSource(form: ProductForm, wide: boolean): string {
  return [
    quotientFunction,
    ...form.element.definitions,
    `extern "C" __global__ void ${form.name}_join${widthName(wide)}(unsigned int parts, ${[...common, ...form.parameters].join(', ')}) {`,
    ...resultOf(wide),
    '  float sum = 0.0f;',
    '  for (unsigned int part = 0; part < parts; part++)',
    '    sum += partial[((size_t)(part * groups + g) * rows + m) * columns + n];',
    `  ${form.c} = ${finished(form, 'sum')};`,
    '}',
    '',
  ].join('\n')
}
