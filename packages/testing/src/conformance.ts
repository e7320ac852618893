/**
 * The conformance suite: what every backend has to do, one set of tests for all of them.
 *
 * Ops are compared with the reference backend in float64, forward and backward, at the samples of
 * `samples/`; kernels with their composed fallbacks (`twins.ts`); memory and the two general kernels
 * with what `backend.ts` promises (`contract.ts`), also of 16-bit floats (`halves.ts`).
 */
import { type Backend, reference } from '@nablajs/tensor'
import { isFloat } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest'
import {
  closest,
  flush,
  isSubnormal,
  showMismatch,
  type Tolerance,
  tolerances,
  worstMismatch,
} from './close.ts'
import { contractTests } from './contract.ts'
import { halfTests } from './halves.ts'
import { type Result, runBackward, runForward } from './run-sample.ts'
import type { Sample } from './sample.ts'
import { allSamples } from './samples/index.ts'
import { twinTests } from './twins.ts'

export interface ConformanceOptions {
  /** Tests that this backend cannot pass, as `'erf: extremes'`, with the reason why. */
  readonly skips?: Readonly<Record<string, string>>
  /** Which tests to declare, by title; all of them. */
  readonly only?: RegExp
  /**
   * Whether the device may take subnormal f32 numbers for 0, as WGSL lets it: an element may then also
   * agree with what the reference makes of 0 in their place. Default false.
   */
  readonly flushesSubnormals?: boolean
}

/** Runs a test, or skips it with the reason in its title. */
export type Test = (title: string, body: (context: TestContext) => Promise<void> | void) => void

/** Gradients add up roundings of forward values. */
const gradientTolerance: Tolerance = { rtol: 1e-4, atol: 1e-5 }

/** What is wrong with `actual`, or undefined; an element may agree with an alternative instead. */
function difference(
  actual: Result,
  expected: Result,
  alternatives: readonly Result[],
  tolerance: Tolerance,
): string | undefined {
  const dtype = isFloat(expected.dtype) ? 'f32' : expected.dtype
  if (actual.dtype !== dtype) return `dtype ${actual.dtype}, expected ${dtype}`
  if (actual.shape.join() !== expected.shape.join())
    return `shape [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`
  if (actual.values.length !== expected.values.length)
    return `${actual.values.length} values, expected ${expected.values.length}`
  const wanted = dtype === 'f32' ? Float32Array.from(expected.values) : expected.values
  const allowed = dtype === 'f32' ? tolerance : tolerances[dtype]
  let { values }: { values: ArrayLike<number> } = actual
  for (const alternative of alternatives)
    values = closest(values, wanted, alternative.values, allowed)
  const mismatch = worstMismatch(values, wanted, allowed)
  return mismatch && showMismatch(mismatch, expected.shape)
}

function compareAll(
  what: string,
  sample: Sample,
  actual: readonly Result[] | undefined,
  expected: readonly Result[] | undefined,
  alternatives: readonly (readonly Result[] | undefined)[],
  tolerance: Tolerance,
): string[] {
  if (actual?.length !== expected?.length)
    return [
      `${sample.label}: ${actual?.length ?? 'no'} ${what}s, expected ${expected?.length ?? 'none'}`,
    ]
  return (expected ?? []).flatMap((result, i) => {
    const others = alternatives.flatMap((results) => results?.[i] ?? [])
    const wrong = difference(actual![i]!, result, others, tolerance)
    return wrong ? [`${sample.label}: ${what} ${i}: ${wrong}`] : []
  })
}

/** The sample with zeros in the place of subnormal inputs; itself where it has none. */
function withoutSubnormals(sample: Sample): Sample {
  const has = sample.inputs.some(
    (input) => input.dtype === 'float' && input.values.some(isSubnormal),
  )
  if (!has) return sample
  const inputs = sample.inputs.map((input) =>
    input.dtype === 'float' ? { ...input, values: flush(input.values) } : input,
  )
  return { ...sample, inputs }
}

function fail(problems: readonly string[], count: number): void {
  if (problems.length === 0) return
  throw new Error(`${problems.length} of ${count} samples:\n${problems.slice(0, 12).join('\n')}`)
}

/** Groups by aspect, in order. */
function byAspect(samples: readonly Sample[]): Map<string, Sample[]> {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const aspect = sample.aspect ?? 'values'
    groups.set(aspect, [...(groups.get(aspect) ?? []), sample])
  }
  return groups
}

/**
 * Declares the tests of one backend.
 *
 * @param name For the titles.
 * @param makeBackend Called once, before the first test.
 */
export function conformance(
  name: string,
  makeBackend: () => Backend | Promise<Backend>,
  options: ConformanceOptions = {},
): void {
  const { skips = {}, only, flushesSubnormals = false } = options
  describe(`conformance of ${name}`, () => {
    const truth = reference()
    let device: Backend
    beforeAll(async () => {
      device = await makeBackend()
    })
    afterAll(() => {
      device.dispose()
      truth.dispose()
    })

    const used = new Set<string>()
    const test: Test = (title, body) => {
      if (only && !only.test(title)) return
      const reason = skips[title]
      if (reason === undefined) it(title, body)
      else {
        used.add(title)
        it.skip(`${title} (${reason})`, body)
      }
    }

    /** Other results that are right as well. */
    async function alternatives<R>(
      sample: Sample,
      rounded: boolean,
      run: (sample: Sample, device: Backend, float: 'f32' | 'f64') => Promise<R>,
    ): Promise<R[]> {
      const results: R[] = rounded ? [await run(sample, truth, 'f32')] : []
      const flushed = flushesSubnormals ? withoutSubnormals(sample) : sample
      if (flushed !== sample) {
        results.push(await run(flushed, truth, 'f64'))
        if (rounded) results.push(await run(flushed, truth, 'f32'))
      }
      return results
    }

    async function forward(samples: readonly Sample[]): Promise<void> {
      const problems: string[] = []
      for (const sample of samples) {
        const before = device.memory().buffers
        try {
          const expected = await runForward(sample, truth, 'f64')
          const others = await alternatives(sample, sample.rounded === true, runForward)
          const actual = await runForward(sample, device, 'f32')
          const tolerance = { ...tolerances.f32, ...sample.tolerance }
          problems.push(...compareAll('output', sample, actual, expected, others, tolerance))
        } catch (error) {
          problems.push(`${sample.label}: ${error}`)
        }
        const left = device.memory().buffers - before
        if (left !== 0) problems.push(`${sample.label}: ${left} buffers leaked`)
      }
      fail(problems, samples.length)
    }

    async function backward(samples: readonly Sample[]): Promise<void> {
      const problems: string[] = []
      for (const sample of samples) {
        const before = device.memory().buffers
        try {
          const expected = await runBackward(sample, truth, 'f64')
          const others = await alternatives(
            sample,
            sample.rounded !== undefined && sample.rounded !== false,
            runBackward,
          )
          const actual = await runBackward(sample, device, 'f32')
          const tolerance = { ...gradientTolerance, ...sample.gradientTolerance }
          problems.push(...compareAll('gradient', sample, actual, expected, others, tolerance))
        } catch (error) {
          problems.push(`${sample.label}: ${error}`)
        }
        const left = device.memory().buffers - before
        if (left !== 0) problems.push(`${sample.label}: ${left} buffers leaked`)
      }
      fail(problems, samples.length)
    }

    for (const [op, samples] of allSamples()) {
      for (const [aspect, group] of byAspect(samples))
        test(`${op}: ${aspect}`, () => forward(group))
      const differentiable = samples.filter(
        ({ inputs, differentiable: wanted = true }) =>
          wanted && inputs.some(({ dtype, constant }) => dtype === 'float' && !constant),
      )
      if (differentiable.length > 0) test(`${op}: backward`, () => backward(differentiable))
    }

    contractTests(test, () => device, truth, makeBackend, flushesSubnormals)
    halfTests(test, () => device, truth, flushesSubnormals)
    twinTests(test, () => device)

    it('skips only tests that exist', () => {
      const unknown = Object.keys(skips).filter((title) => !used.has(title))
      if (unknown.length > 0) throw new Error(`no such tests: ${unknown.join(', ')}`)
    })
  })
}
