/**
 * Every op on f16 and bf16: it runs, results and gradients have the dtype that they would have of f32, but
 * for the halves, and they are near those of f32. Inside of autocast gradients keep the dtype of the inputs.
 */
import { cpu } from '@nablajs/backend-cpu'
import { autocast, type Backend, type HalfDType, reference, type Tensor } from '@nablajs/tensor'
import { dtypes } from '@nablajs/tensor/backend'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { showMismatch, tolerances, worstMismatch } from '../src/close.ts'
import { type Result, runBackward, runForward } from '../src/run-sample.ts'
import type { Sample } from '../src/sample.ts'
import { allSamples } from '../src/samples/index.ts'

/** Of these samples a part says its dtype. */
const named: ReadonlySet<string> = new Set(['arange as float', 'cast'])
/** Of these the factors are computed, and rounded, before the op. */
const rough: ReadonlySet<string> = new Set(['prod'])

const truth = reference()
afterAll(() => truth.dispose())

const elements = ({ inputs }: Sample): number =>
  inputs.reduce((most, { values }) => Math.max(most, values.length), 0)

const hasGradients = ({ inputs, differentiable = true }: Sample): boolean =>
  differentiable && inputs.some(({ dtype, constant }) => dtype === 'float' && !constant)

/** What is wrong with the results of a half, given those of f32. */
function problems(half: HalfDType, wanted: readonly Result[], found: readonly Result[]): string[] {
  if (wanted.length !== found.length) return [`${found.length} results, expected ${wanted.length}`]
  const { rtol } = tolerances[half]
  const round = rounding(half)
  return wanted.flatMap(({ dtype, shape, values }, i) => {
    const { dtype: came, values: actual } = found[i]!
    const due = dtype === 'f32' ? half : dtype
    if (came !== due) return [`result ${i} is ${came}, expected ${due}`]
    const exact = { rtol: 0, atol: 0 }
    const mismatch =
      dtype === 'f32'
        ? worstMismatch(actual, Array.from(values, round), { rtol: 4 * rtol, atol: 8 * rtol })
        : worstMismatch(actual, values, exact)
    return mismatch ? [`result ${i}: ${showMismatch(mismatch, shape)}`] : []
  })
}

const rounding = (half: HalfDType): ((value: number) => number) => {
  const { encode, decode } = dtypes[half]
  return (value) => decode!(encode!(value))
}

const rounded = (sample: Sample, half: HalfDType): Sample => ({
  ...sample,
  inputs: sample.inputs.map((input) =>
    input.dtype === 'float' ? { ...input, values: input.values.map(rounding(half)) } : input,
  ),
})

/** Small samples: the halves come in where memory is read, whatever the size. */
function samplesOf(half: HalfDType): [op: string, samples: Sample[]][] {
  return [...allSamples()].map(([op, samples]) => [
    op,
    samples.filter((sample) => elements(sample) <= 128).map((sample) => rounded(sample, half)),
  ])
}

function fail(found: readonly string[]): void {
  if (found.length > 0)
    throw new Error(`${found.length} problems:\n${found.slice(0, 20).join('\n')}`)
}

const devices: readonly (readonly [string, () => Backend | Promise<Backend>])[] = [
  ['reference', reference],
  ['cpu', () => cpu({ blas: false, oneDnn: false })],
]

describe.each(devices)('%s', (_, make) => {
  let device: Backend
  beforeAll(async () => {
    device = await make()
  })
  afterAll(() => device.dispose())

  /** Adds what `body` finds, what it throws and what it leaves behind. */
  async function collect(
    into: string[],
    title: string,
    body: () => Promise<readonly string[]>,
  ): Promise<void> {
    const before = device.memory().buffers
    try {
      for (const problem of await body()) into.push(`${title}: ${problem}`)
    } catch (error) {
      into.push(`${title}: ${error}`)
    }
    const left = device.memory().buffers - before
    if (left !== 0) into.push(`${title}: ${left} buffers leaked`)
  }

  it.each(['f16', 'bf16'] as const)('every op takes %s', async (half) => {
    const wrong: string[] = []
    for (const [op, samples] of samplesOf(half)) {
      if (rough.has(op)) continue
      for (const sample of samples) {
        if (named.has(op) || named.has(`${op} ${sample.label}`)) continue
        await collect(wrong, `${op} ${sample.label}`, async () =>
          problems(
            half,
            await runForward(sample, truth, 'f32'),
            await runForward(sample, device, half),
          ),
        )
        if (!hasGradients(sample)) continue
        await collect(wrong, `${op} ${sample.label} backward`, async () => {
          const wanted = await runBackward(sample, truth, 'f32', rounding(half))
          const found = await runBackward(sample, device, half, rounding(half))
          return problems(half, wanted ?? [], found ?? [])
        })
      }
    }
    fail(wrong)
  })

  it.each(['f16', 'bf16'] as const)(
    'gradients in autocast to %s are those of f32',
    async (half) => {
      const wrong: string[] = []
      for (const [op, samples] of samplesOf(half))
        for (const sample of samples.filter(hasGradients)) {
          const run = (...inputs: Tensor[]) => autocast(half, () => sample.run(...inputs))
          const title = `${op} ${sample.label}`
          await collect(wrong, title, async () => {
            const found = (await runBackward({ ...sample, run }, device, 'f32')) ?? []
            return found.flatMap(({ dtype }) => (dtype === 'f32' ? [] : [`a gradient is ${dtype}`]))
          })
        }
      fail(wrong)
    },
  )
})
