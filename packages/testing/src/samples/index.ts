/**
 * The samples of every op of `@nablajs/tensor` and `@nablajs/tensor/special`. Elementwise ops bring theirs in their rows; the
 * others have a line in one of the tables. `test/samples.test.ts` fails for an export that has none.
 */
import * as nabla from '@nablajs/tensor'
import * as special from '@nablajs/tensor/special'
import { Inputs, type Sample } from '../sample.ts'
import { arrangeSamples } from './arrange.ts'
import { conv2dSamples } from './conv2d.ts'
import { createSamples } from './create.ts'
import { cumulativeSamples } from './cumulative.ts'
import { einsumSamples } from './einsum.ts'
import { type ElementwiseOp, elementwiseSamples } from './elementwise.ts'
import { imageSamples } from './images.ts'
import { indexingSamples } from './indexing.ts'
import { matmulSamples } from './matmul.ts'
import { movementSamples } from './movement.ts'
import { normSamples } from './norm.ts'
import { pool2dSamples } from './pool2d.ts'
import { randomSamples } from './random.ts'
import { reduceSamples } from './reduce.ts'
import { sortSamples } from './sort.ts'
import type { SampleTable } from './table.ts'

const tables: SampleTable = {
  ...createSamples,
  ...movementSamples,
  ...arrangeSamples,
  ...reduceSamples,
  ...cumulativeSamples,
  ...normSamples,
  ...sortSamples,
  ...matmulSamples,
  ...einsumSamples,
  ...conv2dSamples,
  ...pool2dSamples,
  ...indexingSamples,
  ...imageSamples,
  ...randomSamples,
}

function isElementwise(value: unknown): value is ElementwiseOp {
  return typeof value === 'function' && 'row' in value
}

/** Every op with its samples. */
export function allSamples(): ReadonlyMap<string, readonly Sample[]> {
  const found = new Map<string, readonly Sample[]>()
  for (const [name, value] of Object.entries({ ...nabla, ...special }))
    if (isElementwise(value)) found.set(name, elementwiseSamples(name, value))
  for (const [name, make] of Object.entries(tables)) found.set(name, make(new Inputs(name)))
  return found
}

/** Exported functions that are not ops, and so have no samples. */
export const notOps: ReadonlySet<string> = new Set([
  // Devices, dtypes, lifetimes
  'checkShape',
  'computeType',
  'dispose',
  'getDefaultDType',
  'getDevice',
  'isFloat',
  'isHalf',
  'keep',
  'reference',
  'release',
  'scope',
  'Scope',
  'setDefaultDType',
  'setDevice',
  'showShape',
  'Tensor',
  'withDevice',
  // Precision
  'autocast',
  'noAutocast',
  // Gradients
  'checkpoint',
  'customGrad',
  'enableGrad',
  'grad',
  'gradients',
  'hessian',
  'hvp',
  'isGradEnabled',
  'jacobian',
  'noGrad',
  'valueAndGrad',
  // Makes ops
  'elementwise',
  // Generators
  'defaultGenerator',
  'Generator',
  'manualSeed',
  // Files and memory that exists
  'assign',
  'decodeSafetensors',
  'encodeSafetensors',
  'fromHost',
  'loadTensors',
  'saveTensors',
  'toHost',
])

/** The names of exported functions that have neither samples nor a place in {@link notOps}. */
export function withoutSamples(): string[] {
  const sampled = allSamples()
  return Object.entries(nabla)
    .filter(([, value]) => typeof value === 'function')
    .filter(([, value]) => !(value.prototype instanceof Error))
    .map(([name]) => name)
    .filter((name) => !sampled.has(name) && !notOps.has(name))
}
