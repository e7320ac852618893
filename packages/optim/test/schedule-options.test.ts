/** Options of schedules: every one refuses what is of another kind or out of range, and says what it may be. */
import { ArgumentError, reference, setDefaultDType, setDevice, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import * as optim from '../src/index.ts'

/** All options of all schedules, with good values. */
const good: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  LambdaLR: { lrLambda: () => 1 },
  MultiplicativeLR: { lrLambda: () => 1 },
  StepLR: { stepSize: 2, gamma: 0.1 },
  MultiStepLR: { milestones: [2], gamma: 0.1 },
  ConstantLR: { factor: 0.3, totalIters: 5 },
  LinearLR: { startFactor: 0.3, endFactor: 1, totalIters: 5 },
  ExponentialLR: { gamma: 0.9 },
  PolynomialLR: { totalIters: 5, power: 1 },
  CosineAnnealingLR: { tMax: 5, etaMin: 0 },
  CosineAnnealingWarmRestarts: { t0: 4, tMult: 1, etaMin: 0 },
  CyclicLR: {
    baseLr: 0.1,
    maxLr: 1,
    stepSizeUp: 4,
    stepSizeDown: 4,
    mode: 'triangular',
    gamma: 1,
    scaleFn: () => 1,
    scaleMode: 'cycle',
    cycleMomentum: true,
    baseMomentum: 0.8,
    maxMomentum: 0.9,
  },
  OneCycleLR: {
    maxLr: 1,
    totalSteps: 10,
    epochs: 2,
    stepsPerEpoch: 5,
    pctStart: 0.3,
    annealStrategy: 'cos',
    divFactor: 25,
    finalDivFactor: 1e4,
    threePhase: false,
    cycleMomentum: true,
    baseMomentum: 0.8,
    maxMomentum: 0.9,
  },
  ReduceLROnPlateau: {
    mode: 'min',
    factor: 0.1,
    patience: 3,
    threshold: 1e-4,
    thresholdMode: 'rel',
    cooldown: 0,
    minLr: 0,
    eps: 1e-8,
  },
  SWALR: { swaLr: 0.1, annealEpochs: 10, annealStrategy: 'cos' },
  NoamLR: { modelSize: 8, warmupSteps: 3 },
  InverseSqrtLR: { warmupSteps: 3 },
  WarmupCosineLR: { warmupSteps: 3, totalSteps: 9, startFactor: 0, endFactor: 0 },
  WarmupStableDecayLR: {
    warmupSteps: 3,
    stableSteps: 3,
    decaySteps: 3,
    endFactor: 0,
    decay: 'linear',
  },
  SequentialLR: { schedulers: [], milestones: [] },
}

/** What no option takes that takes a value like this one. */
function bad(value: unknown): unknown[] {
  if (typeof value === 'number') return [Number.NaN, '1', null, [Number.NaN]]
  if (typeof value === 'string') return ['other', 1, null]
  if (typeof value === 'boolean') return [1, 'yes', null]
  return typeof value === 'function' ? [1, null, [1]] : [3, null]
}

/** Of those that are numbers, where -1 would do. */
const anyNumber = ['baseLr', 'maxLr', 'swaLr', 'minLr', 'etaMin', 'gamma', 'threshold']

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

const make = (name: string, options: object): unknown => {
  type Class = new (o: optim.Scheduled, options: object) => optim.Schedule
  const target = new optim.SGD([tensor([1], { requiresGrad: true })], { momentum: 0.9 })
  return new (optim as unknown as Record<string, Class>)[name]!(target, options)
}

test('all schedules are here', () => {
  const all = Object.entries(optim)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof optim.Schedule)
    .map(([name]) => name)
  expect(Object.keys(good).sort()).toEqual(all.sort())
})

describe.each(Object.entries(good))('%s', (name, options) => {
  test('names all its options where one is unknown', () => {
    expect(() => make(name, { ...options, foo: 1 })).toThrow(
      new ArgumentError(
        `${name}: unknown option "foo"; known are ${Object.keys(options).join(', ')}, option`,
      ),
    )
  })

  test.each(Object.entries(options))('refuses bad values of %s', (option, value) => {
    const values = bad(value)
    if (typeof value === 'number' && !anyNumber.includes(option)) values.push(-1)
    for (const one of values) {
      const run = (): unknown => make(name, { ...options, [option]: one })
      expect(run, JSON.stringify(one)).toThrow(ArgumentError)
      expect(run).toThrow(`${name}: ${option} is `)
      expect(run).toThrow('; it must be ')
    }
  })
})

test('an option that has no default is asked for', () => {
  expect(() => make('StepLR', {})).toThrow(
    'StepLR: stepSize is undefined; it must be a whole number > 0',
  )
})
