/**
 * Running sums, products and extrema along one axis. Long lines are cut into chunks: their totals
 * first, then what comes before each, then the values.
 */
import {
  bytesOf,
  type DType,
  DTypeError,
  isFloat,
  isHalf,
  type Kernels,
  type Scan,
  sizeOf,
} from '@nablajs/tensor/backend'
import { definitionOf, literal, render, typeOf } from '../codegen/primitives.ts'
import { elementOf, type Storage } from '../codegen/storage.ts'
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

/** Shorter lines are not cut. */
const shortLine = 512

/** In what a line is joined: sums and products of floats keep what an f32 would round off at each step. */
const runningType = (combine: Scan, dtype: DType): DType =>
  isFloat(dtype) ? (combine === 'sum' || combine === 'prod' ? 'f64' : 'f32') : dtype

/** `join(a, b)` of the values before and the next one. */
function joining(combine: Scan, dtype: DType): string {
  const type = typeOf[dtype]
  if (combine === 'logsumexp')
    return `${definitionOf('max_f32')}
static __device__ inline float join(float a, float b) {
  if (a == b) return a + ${literal(Math.LN2, 'f32')};
  return max_f32(a, b) + log1pf(expf(-fabsf(a - b)));
}`
  const op = ({ sum: 'add', prod: 'mul', max: 'max', min: 'min' } as const)[combine]
  const needed: string[] = []
  const text = render({ op, dtype, args: [0, 1], value: 0 }, [dtype, dtype], ['a', 'b'], (name) => {
    needed.push(definitionOf(name))
    return name
  })
  return [
    ...needed,
    `static __device__ inline ${type} join(${type} a, ${type} b) { return ${text}; }`,
  ].join('\n')
}

/** The three steps; the last one alone does for lines in one chunk. */
const steps = {
  totals: (
    type: string,
    { read }: Storage,
  ) => `  ${type} sum = ${read('x[line0 + start * x_step]')};
  for (unsigned int i = start + 1u; i < end; i++) sum = join(sum, ${read('x[line0 + i * x_step]')});
  totals[number] = sum;`,
  before: (type: string) => `  if (chunk != 0u) return;
  ${type} sum = totals[line];
  for (unsigned int i = 1; i < chunks; i++) {
    const ${type} own = totals[i * lines + line];
    totals[i * lines + line] = sum;
    sum = join(sum, own);
  }`,
  values: (
    type: string,
    { read, write }: Storage,
  ) => `  ${type} sum = ${read('x[line0 + start * x_step]')};
  if (chunk > 0u) sum = join(totals[number], sum);
  out[line1 + start * out_step] = ${write('sum')};
  for (unsigned int i = start + 1u; i < end; i++) {
    sum = join(sum, ${read('x[line0 + i * x_step]')});
    out[line1 + i * out_step] = ${write('sum')};
  }`,
} as const

function source(
  entry: string,
  step: keyof typeof steps,
  combine: Scan,
  dtype: DType,
  loops: number,
): string {
  const running = runningType(combine, dtype)
  const element = elementOf(dtype)
  const parameters = [
    `const ${element.type} *x`,
    `${element.type} *out`,
    `${typeOf[running]} *totals`,
    'unsigned int lines',
    'unsigned int length',
    'unsigned int chunks',
    'unsigned int chunk_length',
    'long long x_step',
    'long long out_step',
    ...lineParameters(loops, 2),
  ]
  return `${[quotientFunction, ...element.definitions].join('\n')}
${joining(combine, running)}
extern "C" __global__ void ${entry}(${parameters.join(', ')}) {
  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= lines * chunks) return;
  const unsigned int chunk = number / lines;
  const unsigned int line = number - chunk * lines;
  ${lineStarts('line', loops, 2).join('\n  ')}
  const unsigned int start = chunk * chunk_length;
  const unsigned int end = length - start < chunk_length ? length : start + chunk_length;
${steps[step](typeOf[running], element)}
}
`
}

/** {@link Kernels.cumulative} for f32, halves, i32 and u32. */
export function cumulativeKernel(device: Device): Kernels['cumulative'] {
  return (x, out, axis, combine) => {
    const { dtype } = x
    if (!(dtype === 'f32' || isHalf(dtype)) && combine === 'logsumexp')
      throw new DTypeError(`cumulative: a logsumexp of ${dtype}; cast to f32 first`)
    const count = sizeOf(x.shape)
    countable('cumulative', count)
    if (count === 0) return
    const { context } = device
    const length = x.shape[axis]!
    const lines = linesOf(x.shape, axis, [x.strides, out.strides])
    const loops = lines.extents.length
    // As many chunks as keep the GPU busy, of about as many elements as there are chunks.
    const wanted = Math.ceil((1024 * context.multiprocessors) / lines.count)
    const cuts = length <= shortLine ? 1 : Math.min(wanted, Math.ceil(Math.sqrt(length)))
    const chunkLength = Math.ceil(length / cuts)
    const chunks = Math.ceil(length / chunkLength)
    const run = (step: keyof typeof steps, totals: number): void => {
      const entry = `cumulative_${combine}_${dtype}_${step}_${loops}`
      const kernel = device.cached(entry, 'cumulative', () =>
        source(entry, step, combine, dtype, loops),
      )
      context.begin()
      putViews(device, [x, out], 'cumulative')
      context.address(totals)
      for (const value of [lines.count, length, chunks, chunkLength]) context.int(value)
      context.long(x.strides[axis]!)
      context.long(out.strides[axis]!)
      putLines(device, lines)
      const threads = step === 'before' ? lines.count : lines.count * chunks
      context.launch(kernel, Math.ceil(threads / blockThreads), 1, 1, blockThreads)
    }
    if (chunks === 1) {
      run('values', 0)
      return
    }
    device.pool.scratch(bytesOf(runningType(combine, dtype)) * lines.count * chunks, (totals) => {
      run('totals', totals)
      run('before', totals)
      run('values', totals)
    })
  }
}
