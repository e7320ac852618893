/** Pooling windows over images: a thread for an element of the result, or for neighbouring channels of it. */
import {
  bytesOf,
  type Kernels,
  type PoolGeometry,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { divisorParameters, putDivisor, quotientFunction } from '../codegen/divide.ts'
import { type Storage, type StoredFloat, storage } from '../codegen/storage.ts'
import type { Device } from '../device.ts'

const blockThreads = 256

/** Channels that a thread takes where their number allows it: where a window lies is worked out once for all. */
const mostChannels = 4

/** Windows on images `[N, H, W, C]` with results `[N, OH, OW, C]`; C counts what a thread takes as one. */
const parameters = (...pointers: readonly string[]): string =>
  [
    ...pointers,
    'unsigned int count',
    ...['height', 'width', 'out_height', 'out_width', 'taps_h', 'taps_w'].map((n) => `int ${n}`),
    ...['pad_h', 'pad_w', 'dilation_h', 'dilation_w'].map((n) => `int ${n}`),
    ...['stride_h', 'stride_w', 'channels', 'thread_w', 'thread_h'].flatMap(divisorParameters),
  ].join(', ')

/** The thread's place `[image, i, j, c]`. */
const place = `  const unsigned int number = blockIdx.x * ${blockThreads}u + threadIdx.x;
  if (number >= count) return;
  const unsigned int pixel = quotient(number, channels_mul, channels_shift);
  const unsigned int c = number - pixel * channels;
  const unsigned int line = quotient(pixel, thread_w_mul, thread_w_shift);
  const int j = (int)(pixel - line * thread_w);
  const unsigned int image = quotient(line, thread_h_mul, thread_h_shift);
  const int i = (int)(line - image * thread_h);`

/** `body` for each channel of the thread. */
const forEach = (each: number, body: string): string =>
  `for (int q = 0; q < ${each}; q++) { ${body} }`

/** Goes through the pixels of the thread's window that are in the image, in row-major order. */
const window = (
  body: string,
  after: string,
  { read }: Storage,
  each: number,
): string => `  for (int r = 0; r < taps_h; r++) {
    const int h = i * (int)stride_h - pad_h + r * dilation_h;
    if (h < 0 || h >= height) continue;
    for (int s = 0; s < taps_w; s++) {
      const int w = j * (int)stride_w - pad_w + s * dilation_w;
      if (w < 0 || w >= width) continue;
      const pack own = x[((size_t)(image * height + h) * width + w) * channels + c];
      #pragma unroll
      ${forEach(each, `const float value = ${read('own.e[q]')}; ${body}`)}${after}
    }
  }`

/** What every source begins with. */
const head = (
  name: string,
  { type, definitions, suffix }: Storage,
  each: number,
  result: string,
  ...more: readonly string[]
): string => {
  const bytes = type === 'float' ? 4 : 2
  return [
    quotientFunction,
    ...definitions,
    `struct alignas(${bytes * each}) pack { ${type} e[${each}]; };`,
    `struct alignas(${4 * each}) places { int e[${each}]; };`,
    `extern "C" __global__ void ${name}${each}${suffix}(${parameters('const pack *x', `pack *${result}`, ...more)}) {`,
    place,
  ].join('\n')
}

/** A variable of each channel that begins with `value`. */
const start = (type: string, name: string, value: string, each: number): string =>
  `  ${type} ${name}[${each}];
  #pragma unroll
  ${forEach(each, `${name}[q] = ${value};`)}`

/** Writes the variables as one. */
const finish = (target: string, type: string, value: string, each: number): string =>
  `  ${type} ${target}_now;
  #pragma unroll
  ${forEach(each, `${target}_now.e[q] = ${value};`)}
  ${target}[number] = ${target}_now;`

const maxSource = (
  own: Storage,
  each: number,
): string => `${head('maxPool2d', own, each, 'values', 'places *indices')}
${start('float', 'best', '__int_as_float(0xff800000)', each)}
${start('int', 'at', '0', each)}
  bool any = false;
${window('if (!any || value > best[q] || (value != value && best[q] == best[q])) { best[q] = value; at[q] = h * width + w; }', ' any = true;', own, each)}
${finish('values', 'pack', own.write('best[q]'), each)}
${finish('indices', 'places', 'at[q]', each)}
}
`

const sumSource = (own: Storage, each: number): string => `${head('sumPool2d', own, each, 'out')}
${start('float', 'sum', '0.0f', each)}
${window('sum[q] += value;', '', own, each)}
${finish('out', 'pack', own.write('sum[q]'), each)}
}
`

/** `x` is the gradient of the windows' sums. */
const gradSource = (
  own: Storage,
  each: number,
): string => `${head('sumPool2dGrad', own, each, 'dx')}
${start('float', 'sum', '0.0f', each)}
  for (int r = 0; r < taps_h; r++) {
    const int down = i + pad_h - r * dilation_h;
    if (down < 0) continue;
    const int oh = (int)quotient((unsigned int)down, stride_h_mul, stride_h_shift);
    if (oh * (int)stride_h != down || oh >= out_height) continue;
    for (int s = 0; s < taps_w; s++) {
      const int right = j + pad_w - s * dilation_w;
      if (right < 0) continue;
      const int ow = (int)quotient((unsigned int)right, stride_w_mul, stride_w_shift);
      if (ow * (int)stride_w != right || ow >= out_width) continue;
      const pack own = x[((size_t)(image * out_height + oh) * out_width + ow) * channels + c];
      #pragma unroll
      ${forEach(each, `sum[q] += ${own.read('own.e[q]')};`)}
    }
  }
${finish('dx', 'pack', own.write('sum[q]'), each)}
}
`

function run(
  device: Device,
  name: 'maxPool2d' | 'sumPool2d' | 'sumPool2dGrad',
  source: (own: Storage, each: number) => string,
  views: readonly View[],
  image: View,
  pooled: View,
  threads: View,
  { kernel: taps, stride, padding, dilation }: PoolGeometry,
): void {
  const addresses = views.map((view) => device.address(view, name))
  const [, h, w, c] = image.shape as readonly [number, number, number, number]
  const lies = views.every((view, i) => addresses[i]! % (mostChannels * bytesOf(view.dtype)) === 0)
  const each = lies && c % mostChannels === 0 ? mostChannels : 1
  const count = sizeOf(threads.shape) / each
  if (count === 0) return
  const own = storage[image.dtype as StoredFloat]
  const kernel = device.cached(`${name}${each}${own.suffix}`, name, () => source(own, each))
  const [, oh, ow] = pooled.shape as readonly [number, number, number]
  const [, threadH, threadW] = threads.shape as readonly [number, number, number]
  const { context } = device
  context.begin()
  for (const address of addresses) context.address(address)
  for (const value of [count, h, w, oh, ow, ...taps, ...padding, ...dilation]) context.int(value)
  for (const value of [...stride, c / each, threadW, threadH]) putDivisor(context, value)
  context.launch(kernel, Math.ceil(count / blockThreads), 1, 1, blockThreads)
}

/** {@link Kernels.maxPool2d} for f32 and halves. A window without any input gives -Infinity and index 0. */
export function maxPool2dKernel(device: Device): Kernels['maxPool2d'] {
  return (x, values, indices, geometry) =>
    run(device, 'maxPool2d', maxSource, [x, values, indices], x, values, values, geometry)
}

/** {@link Kernels.sumPool2d} for f32 and halves. */
export function sumPool2dKernel(device: Device): Kernels['sumPool2d'] {
  return (x, out, geometry) => run(device, 'sumPool2d', sumSource, [x, out], x, out, out, geometry)
}

/** {@link Kernels.sumPool2dGrad} for f32 and halves. */
export function sumPool2dGradKernel(device: Device): Kernels['sumPool2dGrad'] {
  return (dy, dx, geometry) =>
    run(device, 'sumPool2dGrad', gradSource, [dy, dx], dx, dy, dx, geometry)
}
