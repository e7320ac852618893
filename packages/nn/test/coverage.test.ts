/** Every exported layer and function has its gradients checked somewhere. */
import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import * as nn from '../src/index.ts'

/** Exports that compute nothing to be differentiated. */
const exempt = new Set([
  'AnyModule',
  'Module',
  'Sequential',
  'TransformerDecoder',
  'TransformerEncoder',
  'buffer',
  'loadTorchStateDict',
  'parameter',
  'torchStateDict',
  'watch',
])

/** Functions whose layer is checked in their place. */
const checkedAs: Readonly<Record<string, string>> = {
  batchNorm: 'BatchNorm2d',
  groupNorm: 'GroupNorm',
  instanceNorm: 'InstanceNorm2d',
  layerNorm: 'LayerNorm',
  rmsNorm: 'RMSNorm',
  weightNorm: 'normalizeWeight',
}

test('every export is checked', async () => {
  const source = new URL('../src/', import.meta.url)
  const files = (await readdir(source, { recursive: true })).filter((f) => f.endsWith('.test.ts'))
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, source), 'utf8')))
  // A line of a table, or a check that names it; losses have a test of their own beside them.
  const tests = texts.filter((text) => /gradCheck|checkLayerGradients|checkParameters/.test(text))
  const missing = Object.entries(nn)
    .filter(([name, value]) => typeof value === 'function' && !exempt.has(name))
    .map(([name]) => checkedAs[name] ?? name)
    .filter((name) => !tests.some((text) => new RegExp(`(new |[( ])${name}\\(`).test(text)))
  expect(missing).toEqual([])
})
