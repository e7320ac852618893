/** The table of the README against the code. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Kernels } from '@nablajs/tensor/backend'
import { expect, it } from 'vitest'
import { webgpuKernels } from '../src/kernels/index.ts'
import { providers } from '../src/kernels/providers.ts'
import { recording } from './recording.ts'

/** What each kernel is for; a name that is missing here does not compile. */
const purposes: Readonly<Record<keyof Kernels, string>> = {
  matmul: 'matrix products',
  addmm: 'matrix products and a term, as in linear layers',
  conv2d: 'convolutions, groups and depthwise',
  conv2dGradInput: 'their gradient for the images',
  conv2dGradWeight: 'their gradient for the weights',
  maxPool2d: 'maximum of windows, with indices',
  sumPool2d: 'sums of windows',
  sumPool2dGrad: 'their gradient',
  gather: 'taking by index',
  scatterAdd: 'adding by index',
  sort: 'sorting, `topk`, medians',
  cumulative: 'running sums, products, extremes and log-sums',
}

function table(): string {
  const own = webgpuKernels(recording())
  const rows = Object.entries(purposes).map(([name, purpose]) => {
    const runs = name in own ? 'a shader of ours' : 'composed of `map` and `reduce`'
    const { because } = providers[name as keyof typeof purposes]
    return `| \`${name}\` | ${purpose} | ${runs} | ${because} |`
  })
  return [
    "| kernel | for | runs as | why not TensorFlow.js's |",
    '|---|---|---|---|',
    '| `map` | elementwise programs, copies, random numbers | a shader generated from the program | fused programs are ours alone |',
    '| `reduce` | sums, products, extremes and their positions | a shader generated from the program | fused programs are ours alone |',
    ...rows,
  ].join('\n')
}

it('says of each kernel what runs', () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')
  const written = /<!-- table -->\n([\s\S]*?)\n?<!-- \/table -->/.exec(readme)?.[1]
  expect(written).toBe(table())
})
