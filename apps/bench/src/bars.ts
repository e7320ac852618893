/**
 * What we want to reach. A report shows each bar with what was measured; no test asserts one, since
 * machines differ. Ratios are those of one run.
 */

import { atLeast, atMost, type Bar, peer, pickBest, pickRatio, subject, type Value } from './bar.ts'
import { cudaBars } from './bars-cuda.ts'
import { webgpuBars } from './bars-webgpu.ts'
import type { Floors } from './floors.ts'
import type { Comparison, Results } from './results.ts'
import type { Measure } from './suite.ts'

type Found = Pick<Results, 'comparisons' | 'measures' | 'floors'>

const isCpu = /^nabla cpu/
const wasm1 = subject(/^nabla cpu, 1 thread$/)
const wasmN = subject(/^nabla cpu, \d+ threads$/)
const blas1 = subject(/^nabla cpu, 1 thread, BLAS$/)
const blasN = subject(/^nabla cpu, \d+ threads, BLAS$/)
const torch1 = peer(/^PyTorch, 1 thread$/)
const torchN = peer(/^PyTorch, \d+ threads$/)

const noBlas = 'no BLAS took part'
const noTorch = 'no PyTorch took part'

function matmulBars(at: Comparison, { flops }: Floors): Bar[] {
  const one = wasm1(at)
  const rate = one && at.flops ? (at.flops / one.ms) * 1e3 : undefined
  const peak: Value = {
    value: rate && flops ? rate / flops : undefined,
    missing: 'no relaxed SIMD, or no single thread',
  }
  return [
    atLeast(
      at.name,
      1.3,
      '1 thread >= 1.3x tfjs wasm',
      pickRatio(wasm1, peer(/^tfjs wasm/), 'no tfjs wasm took part')(at),
    ),
    atLeast(
      at.name,
      1.6,
      '1 thread >= 1.6x jax-js',
      pickRatio(wasm1, peer(/^jax-js/), 'no jax-js took part')(at),
    ),
    atLeast(at.name, 0.75, '1 thread >= 0.75 of the FMA peak', peak, 'of the peak'),
    atLeast(
      at.name,
      1.8,
      '2 threads >= 1.8x its single thread',
      pickRatio(wasmN, wasm1, 'one thread only')(at),
    ),
    atLeast(
      at.name,
      0.95,
      'with BLAS >= 0.95x the better of PyTorch and onnxruntime, all threads',
      blasN(at)
        ? pickBest(blasN, [torchN, peer(/^onnxruntime, \d+ threads$/)], noTorch)(at)
        : { value: undefined, missing: noBlas },
    ),
  ]
}

function convBars(at: Comparison, matmul: Comparison | undefined): Bar[] {
  const [conv, product] = [wasm1(at), matmul && wasm1(matmul)]
  const rates: Value = {
    value:
      conv && product && at.flops && matmul?.flops
        ? at.flops / conv.ms / (matmul.flops / product.ms)
        : undefined,
    missing: 'matmul 512 was not measured in this run',
  }
  return [
    atLeast(at.name, 0.8, '1 thread >= 0.8 of the rate of matmul 512', rates, 'of its rate'),
    atLeast(
      at.name,
      0.8,
      'with BLAS >= 0.8x PyTorch, 1 thread each',
      blas1(at) ? pickRatio(blas1, torch1, noTorch)(at) : { value: undefined, missing: noBlas },
    ),
  ]
}

function trainBars(at: Comparison): Bar[] {
  const inverse = ({ value, missing }: Value): Value => ({
    value: value === undefined ? undefined : 1 / value,
    missing,
  })
  const unit = "x PyTorch's time"
  return [
    atMost(
      at.name,
      2.5,
      "1 thread <= 2.5x PyTorch's time on 1 thread",
      inverse(pickRatio(wasm1, torch1, noTorch)(at)),
      unit,
    ),
    atMost(
      at.name,
      1,
      "with BLAS <= 1.0x PyTorch's time, 1 thread each",
      blas1(at)
        ? inverse(pickRatio(blas1, torch1, noTorch)(at))
        : { value: undefined, missing: noBlas },
      unit,
    ),
  ]
}

const dispatchBars = [
  { work: 'one-element add', bar: 1 },
  { work: 'one-element add, recorded', bar: 2.5 },
] as const

/** Bars on numbers that are no times. */
const measureBars: readonly {
  readonly work: string
  readonly subject: string
  readonly bar: number
  readonly wanted: string
  /** Divided by the measure of this subject in the same work. */
  readonly over?: string
}[] = [
  { work: 'Adam over 50 parameters', subject: 'nabla', bar: 50, wanted: '<= 50 kernels' },
  {
    work: 'memory of the ResNet-20 training step, batch 32',
    subject: 'peak',
    bar: 1.2,
    wanted: 'peak <= 1.2x what the step has to hold',
    over: 'needed',
  },
  { work: 'package size', subject: 'nabla tensor', bar: 40, wanted: '<= 40 kB' },
  { work: 'package size', subject: 'nabla tensor + backend-cpu', bar: 90, wanted: '<= 90 kB' },
]

/** The bars for whatever was measured, in the order of the table. */
export function barsOf({ comparisons: all, measures, floors }: Found): Bar[] {
  // The bars of the processor are for works that it took part in.
  const comparisons = all.filter(({ subjects }) => subjects.some(({ name }) => isCpu.test(name)))
  const named = (name: string): Comparison | undefined =>
    comparisons.find((comparison) => comparison.name === name)
  const bars: Bar[] = []
  for (const size of [512, 1024, 2048]) {
    const found = named(`matmul ${size}`)
    if (found) bars.push(...matmulBars(found, floors))
  }
  for (const found of comparisons)
    if (found.suite === 'conv2d' && found.name.includes('3x3'))
      bars.push(...convBars(found, named('matmul 512')))
  for (const found of comparisons) if (found.suite === 'train') bars.push(...trainBars(found))
  for (const { work, bar } of dispatchBars) {
    const found = named(work)
    const timing = found && (wasm1(found) ?? found.subjects[0])
    if (timing)
      bars.push(
        atMost(
          work,
          bar,
          `<= ${bar} µs`,
          { value: (timing.ms * 1e3) / found.items!.count, missing: '' },
          'µs',
        ),
      )
  }
  for (const found of all) bars.push(...webgpuBars(found), ...cudaBars(found))
  for (const { work, subject: who, bar, wanted, over } of measureBars) {
    const value = (name: string): Measure | undefined =>
      measures.find((measure) => measure.work === work && measure.subject === name)
    const found = value(who)
    if (!found) continue
    const share = over ? found.value / value(over)!.value : found.value
    bars.push(
      atMost(
        work,
        bar,
        `${who}: ${wanted}`,
        { value: share, missing: '' },
        over ? 'x' : found.unit,
      ),
    )
  }
  return bars
}
