/** The shaders of representative calls, kept as files beside this one: a change of a shader shows in review. */
import type { DeviceBuffer, View } from '@nablajs/tensor/backend'
import { expect, test } from 'vitest'
import { recording } from '../../test/recording.ts'
import type { Dispatch, Features } from '../runtime/kernel.ts'
import { type WebGpuKernels, webgpuKernels } from './index.ts'

/** Kernels on a runtime without a device, and what they dispatch. */
function recorder(features: Partial<Features> = {}): {
  kernels: WebGpuKernels
  calls: readonly Dispatch[]
} {
  const runtime = recording(features)
  return { kernels: webgpuKernels(runtime), calls: runtime.calls }
}

function view(shape: readonly number[], dtype: View['dtype'] = 'f32'): View {
  let size = 1
  const strides = shape.toReversed().map((extent) => {
    const own = size
    size *= extent
    return own
  })
  const buffer: DeviceBuffer = { bytes: size * 4 }
  return { buffer, dtype, shape, strides: strides.toReversed(), offset: 0 }
}

const conv = { stride: [2, 2], padding: [1, 1], dilation: [1, 1], groups: 1 } as const
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] } as const
const x = view([8, 16, 16, 32])
const y = view([8, 8, 8, 64])
const weight = view([3, 3, 32, 64])
const bias: View = { ...view([512, 512]), strides: [0, 1] }

const cases: Readonly<Record<string, (kernels: WebGpuKernels) => void>> = {
  matmul: (k) => k.matmul(view([512, 256]), view([256, 512]), view([512, 512])),
  'matmul-parts': (k) => k.matmul(view([3, 4096]), view([4096, 100]), view([3, 100])),
  addmm: (k) => k.addmm(view([512, 256]), view([256, 512]), bias, view([512, 512])),
  'matmul-small': (k) => k.matmul(view([50, 5, 7]), view([50, 7, 6]), view([50, 5, 6])),
  conv2d: (k) => k.conv2d(x, weight, y, conv),
  'conv2d-grad-input': (k) => k.conv2dGradInput(y, weight, x, conv),
  'conv2d-grad-weight': (k) => k.conv2dGradWeight(x, y, weight, conv),
  depthwise: (k) => k.conv2d(x, view([3, 3, 1, 32]), view([8, 8, 8, 32]), { ...conv, groups: 32 }),
  'max-pool2d': (k) => k.maxPool2d(x, view([8, 8, 8, 32]), view([8, 8, 8, 32], 'i32'), pool),
  gather: (k) => k.gather(view([100, 32]), view([7, 32], 'i32'), view([7, 32]), 0),
  'scatter-add': (k) => k.scatterAdd(view([100, 32]), view([700, 32], 'i32'), view([700, 32]), 0),
  sort: (k) => k.sort(view([4, 5000]), view([4, 5000], 'i32'), 1, true),
  cumulative: (k) => k.cumulative(view([4, 5000]), view([4, 5000]), 1, 'max'),
}

test.each(Object.keys(cases))('%s', async (name) => {
  const { kernels, calls } = recorder()
  cases[name]!(kernels)
  const modules = [...new Set(calls.map(({ kernel }) => kernel.code))]
  await expect(modules.join('\n// ----\n\n')).toMatchFileSnapshot(`./snapshots/${name}.wgsl`)
})

const subgroups = { subgroups: true, subgroupMinSize: 4, subgroupMaxSize: 32 }
const turned = (rows: number, columns: number): View => ({
  ...view([rows, columns]),
  strides: [1, rows],
})

/** Cases on devices that have more, or less. */
const elsewhere: Readonly<Record<string, [Partial<Features>, (kernels: WebGpuKernels) => void]>> = {
  'matmul-strip-subgroups': [
    subgroups,
    (k) => k.matmul(view([2, 512]), turned(512, 1000), view([2, 1000])),
  ],
  'matmul-software': [
    { software: true },
    (k) => k.matmul(view([30, 2048]), view([2048, 40]), view([30, 40])),
  ],
  'matmul-halves': [
    { f16: true },
    (k) => k.matmul(view([3, 512], 'f16'), view([512, 900], 'f16'), view([3, 900], 'f16')),
  ],
  'max-pool2d-halves': [
    { f16: true },
    (k) => {
      const [from, to] = [view([8, 16, 16, 32], 'f16'), view([8, 8, 8, 32], 'f16')]
      k.maxPool2d(from, to, view([8, 8, 8, 32], 'i32'), pool)
    },
  ],
  'conv2d-software-subgroups': [
    { ...subgroups, software: true },
    (k) => k.conv2d(x, view([3, 3, 32, 16]), view([8, 8, 8, 16]), conv),
  ],
}

test.each(Object.keys(elsewhere))('%s', async (name) => {
  const [features, call] = elsewhere[name]!
  const { kernels, calls } = recorder(features)
  call(kernels)
  await expect(calls[0]!.kernel.code).toMatchFileSnapshot(`./snapshots/${name}.wgsl`)
})

test('one text for one variant, whatever the shapes', () => {
  const { kernels, calls } = recorder()
  for (const n of [256, 512, 1024]) kernels.matmul(view([n, n]), view([n, n]), view([n, n]))
  const texts = new Set(calls.filter(({ kernel }) => kernel.name === 'matmul').map((c) => c.kernel))
  // Two tiles: the larger products have the larger one.
  expect(texts.size).toBeLessThanOrEqual(3)
  expect(calls.every(({ params }) => params.every(Number.isFinite))).toBe(true)
})
