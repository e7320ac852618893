/**
 * Stable sorting along one axis: short runs by counting, then merges in which every element finds its
 * place by binary search (Satish, Harris, Garland: "Designing Efficient Sorting Algorithms for
 * Manycore GPUs", IPDPS 2009).
 */
import { computeType, type DType, isFloat, type Kernels, sizeOf } from '@nablajs/tensor/backend'
import { divisorParameters, putDivisor } from '../codegen/divide.ts'
import { typeOf } from '../codegen/primitives.ts'
import { elementOf } from '../codegen/storage.ts'
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

/** Elements that are sorted by counting first. */
const runLength = 32

/** The type in which elements are compared. */
const computedAs = (dtype: DType): string => typeOf[computeType(dtype)]

/** `before(a, b)`: whether a comes before b whatever their places; NaN is the largest number. */
function order(dtype: DType, descending: boolean): string {
  const type = computedAs(dtype)
  const [a, b] = descending ? ['b', 'a'] : ['a', 'b']
  const nan = isFloat(dtype) ? ` || (${b} != ${b} && ${a} == ${a})` : ''
  return `static __device__ inline bool before(${type} a, ${type} b) { return ${a} < ${b}${nan}; }`
}

interface Variant {
  readonly entry: string
  readonly dtype: DType
  readonly descending: boolean
  readonly loops: number
}

const head = ({ entry, dtype, descending, loops }: Variant, own: readonly string[]): string => {
  const parameters = [
    `const ${typeOf[dtype]} *x`,
    'int *indices',
    'unsigned int count',
    'long long x_step',
    'long long indices_step',
    ...divisorParameters('length'),
    ...own,
    ...lineParameters(loops, 2),
  ]
  return `${[quotientFunction, ...elementOf(dtype).definitions].join('\n')}
${order(dtype, descending)}
extern "C" __global__ void ${entry}(${parameters.join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  const unsigned int line = quotient(number, length_mul, length_shift);
  const unsigned int place = number - line * length;
  ${lineStarts('line', loops, 2).join('\n  ')}
  const unsigned int row = line * length;`
}

/** Where the result goes: the next merge's memory, or the output after the last. */
const put = (place: string, value: string): string =>
  `if (to) to[row + ${place}] = ${value};
  else indices[line1 + ${place} * indices_step] = (int)(${value});`

const runsSource = (variant: Variant): string => `${head(variant, ['unsigned int *to'])}
  const unsigned int start = place - place % ${runLength}u;
  const unsigned int end = length - start < ${runLength}u ? length : start + ${runLength}u;
  const ${computedAs(variant.dtype)} own = ${elementOf(variant.dtype).read('x[line0 + place * x_step]')};
  unsigned int rank = start;
  for (unsigned int i = start; i < end; i++) {
    const ${computedAs(variant.dtype)} other = ${elementOf(variant.dtype).read('x[line0 + i * x_step]')};
    if (before(other, own) || (i < place && !before(own, other))) rank++;
  }
  ${put('rank', 'place')}
}
`

const mergeSource = (variant: Variant): string => `${head(variant, [
  'const unsigned int *from',
  'unsigned int *to',
  'unsigned int width',
])}
  const unsigned int start = place - (place & (2u * width - 1u));
  const unsigned int middle = length - start < width ? length : start + width;
  const unsigned int end = length - start < 2u * width ? length : start + 2u * width;
  const unsigned int self = from[row + place];
  const ${computedAs(variant.dtype)} own = ${elementOf(variant.dtype).read('x[line0 + self * x_step]')};
  const bool left = place < middle;
  // How many of the other run come before: of equal ones those of the left run do.
  const unsigned int first = left ? middle : start;
  unsigned int low = first;
  unsigned int high = left ? end : middle;
  while (low < high) {
    const unsigned int probe = low + (high - low) / 2u;
    const ${computedAs(variant.dtype)} other = ${elementOf(variant.dtype).read('x[line0 + from[row + probe] * x_step]')};
    if (left ? before(other, own) : !before(own, other)) low = probe + 1u;
    else high = probe;
  }
  const unsigned int rank = (left ? place : start + (place - middle)) + (low - first);
  ${put('rank', 'self')}
}
`

/** {@link Kernels.sort} for f32, halves, i32 and u32. */
export function sortKernel(device: Device): Kernels['sort'] {
  return (x, indices, axis, descending) => {
    const count = sizeOf(x.shape)
    countable('sort', count)
    if (count === 0) return
    const { context } = device
    const { dtype } = x
    const length = x.shape[axis]!
    const lines = linesOf(x.shape, axis, [x.strides, indices.strides])
    const loops = lines.extents.length
    const name = `${dtype}_${descending ? 'descending' : 'ascending'}_${loops}`
    const run = (kind: 'runs' | 'merge', own: () => void): void => {
      const entry = `sort_${kind}_${name}`
      const kernel = device.cached(entry, 'sort', () =>
        (kind === 'runs' ? runsSource : mergeSource)({ entry, dtype, descending, loops }),
      )
      context.begin()
      putViews(device, [x, indices], 'sort')
      context.int(count)
      context.long(x.strides[axis]!)
      context.long(indices.strides[axis]!)
      putDivisor(context, length)
      own()
      putLines(device, lines)
      context.launch(kernel, Math.ceil(count / blockThreads), 1, 1, blockThreads)
    }
    const passes = Math.max(0, Math.ceil(Math.log2(length / runLength)))
    if (passes === 0) {
      run('runs', () => context.address(0))
      return
    }
    device.pool.scratch(8 * count, (scratch) => {
      const halves = [scratch, scratch + 4 * count] as const
      run('runs', () => context.address(halves[0]))
      for (let pass = 0; pass < passes; pass++)
        run('merge', () => {
          context.address(halves[pass % 2]!)
          context.address(pass === passes - 1 ? 0 : halves[(pass + 1) % 2]!)
          context.int(runLength * 2 ** pass)
        })
    })
  }
}
