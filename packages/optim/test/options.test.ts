/** Options out of range, of every optimizer: the message names the option, its value and the range. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import * as optim from '../src/index.ts'
import { every } from './every.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

const matrix = (): Tensor => tensor([[1]], { requiresGrad: true })
const make = (name: string, options: object): unknown => {
  return new every[name]!([matrix()], options)
}

const names = Object.keys(every)

test('all of them are in the README', () => {
  const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8')
  const missing = names.filter((name) => !readme.includes(`\`${name}\``))
  expect(missing, 'each has a line in a table of README.md').toEqual([])
})

test.each([
  ['doc block', ['..', 'src', 'optimizers'], 'Source: who, "title"'],
  ['changeset', ['..', '..', '..', '.changeset'], 'what it is good for, in one sentence.'],
])('no %s is still that of the scaffold', (_, path, words) => {
  const folder = join(import.meta.dirname, ...path)
  const fresh = readdirSync(folder)
    .filter((file) => /\.(ts|md)$/.test(file))
    .filter((file) => readFileSync(join(folder, file), 'utf8').includes(words))
  expect(fresh).toEqual([])
})

/** What each option refuses, wherever an optimizer has it. */
const refused: Readonly<Record<string, readonly (readonly [value: unknown, message: string])[]>> = {
  lr: [
    [-1, 'lr is -1; it must be >= 0'],
    [Number.NaN, 'lr is NaN; it must be >= 0'],
    ['1', 'lr is "1"; it must be >= 0'],
  ],
  weightDecay: [[-1, 'weightDecay is -1; it must be >= 0']],
  eps: [[-1, 'eps is ']],
  betas: [
    [[1, 0.9, 0.9], 'betas is [1,0.9,0.9]; it must be '],
    [[1, 0.9], 'betas is [1,0.9]; it must be '],
    [[0.9, -0.1], 'betas is [0.9,-0.1]; it must be '],
    [[0.9], 'betas is [0.9]; it must be '],
    [[Number.NaN, 0.9], 'betas is [null,0.9]; it must be '],
    [0.9, 'betas is 0.9; it must be a list'],
  ],
  momentum: [[-0.1, 'momentum is -0.1; it must be ']],
  dampening: [[Number.NaN, 'dampening is NaN; it must be ']],
  seed: [[-1, 'seed is -1; it must be a whole number in 0 .. 4294967295']],
}

describe.each(names)('%s', (name) => {
  const Class = every[name]!
  const known = (): string[] => Object.keys(new Class([matrix()]).paramGroups[0]!)

  test('refuses values out of range, of the options that it shares with others', () => {
    for (const option of known())
      for (const [value, message] of refused[option] ?? [])
        expect(() => make(name, { [option]: value }), option).toThrow(`${name}: ${message}`)
  })

  test('refuses nesterov without momentum', () => {
    const options = known()
    if (!options.includes('nesterov') || !options.includes('momentum')) return
    if (name === 'Muon') expect(() => make(name, { momentum: 0 })).not.toThrow()
    else
      expect(() => make(name, { nesterov: true, momentum: 0 })).toThrow(`${name}: nesterov is true`)
  })

  test('refuses options that it does not know, and anything but flags where flags are', () => {
    const { params: _, names: __, ...options } = new Class([matrix()]).paramGroups[0]!
    for (const [option, value] of Object.entries(options))
      if (typeof value === 'boolean')
        expect(() => make(name, { [option]: 1 })).toThrow(
          `${name}: ${option} is 1; it must be true or false`,
        )
    expect(() => make(name, { learningRate: 1 })).toThrow(
      `${name}: unknown option "learningRate"; known are `,
    )
  })

  test('refuses parameters listed twice, and none at all', () => {
    const x = matrix()
    expect(() => new Class([x, x], {})).toThrow(`${name}: parameter 1 Tensor(`)
    expect(() => new Class([], {})).toThrow(`${name}: no parameters came`)
    expect(() => new Class([tensor([[1]])], {})).toThrow(`${name}: parameter 0 is Tensor(`)
  })
})

const cases: readonly (readonly [name: string, options: object, message: string])[] = [
  ['AdamW', { weightDecay: -1 }, 'weightDecay is -1; it must be >= 0'],
  ['Adam', { eps: -1 }, 'eps is -1; it must be >= 0'],
  ['Adam', { epsRoot: -1 }, 'epsRoot is -1; it must be >= 0'],
  ['Adan', { betas: [0.9, 0.9] }, 'betas is [0.9,0.9]; it must be three numbers in [0, 1)'],
  ['Adadelta', { rho: 1 }, 'rho is 1; it must be in [0, 1)'],
  ['Adadelta', { eps: 0 }, 'eps is 0; it must be > 0'],
  ['Adagrad', { lrDecay: -1 }, 'lrDecay is -1; it must be >= 0'],
  ['Adagrad', { initialAccumulatorValue: -1 }, 'initialAccumulatorValue is -1; it must be >= 0'],
  ['RMSprop', { alpha: 1 }, 'alpha is 1; it must be in [0, 1)'],
  ['RMSprop', { momentum: -1 }, 'momentum is -1; it must be >= 0'],
  ['NAdam', { momentumDecay: -1 }, 'momentumDecay is -1; it must be >= 0'],
  ['Rprop', { etas: [1.2, 0.5] }, 'etas is [1.2,0.5]; it must be two numbers, the first in (0, 1)'],
  ['Rprop', { stepSizes: [2, 1] }, 'stepSizes is [2,1]; it must be two numbers >= 0, the smaller'],
  ['ASGD', { lambd: -1 }, 'lambd is -1; it must be >= 0'],
  ['ASGD', { t0: -1 }, 't0 is -1; it must be >= 0'],
  ['SGD', { form: 'keras' }, 'form is "keras"; it must be one of "torch", "ema", "sutskever"'],
  ['SGD', { form: 'ema', momentum: 1 }, 'momentum is 1; it must be in [0, 1) for the form "ema"'],
  [
    'SGD',
    { biasCorrection: true },
    'biasCorrection is true; it must be false unless form is "ema"',
  ],
  [
    'SGD',
    { form: 'sutskever', dampening: 0.1 },
    'dampening is 0.1; it must be 0 unless form is "torch"',
  ],
  ['Adafactor', { beta2Decay: 1 }, 'beta2Decay is 1; it must be <= 0'],
  ['Adafactor', { eps: [-1, 1] }, 'eps is [-1,1]; it must be two numbers >= 0'],
  ['Adafactor', { d: 0 }, 'd is 0; it must be > 0'],
  ['Muon', { momentum: 1 }, 'momentum is 1; it must be in [0, 1)'],
  ['Muon', { nsSteps: 0 }, 'nsSteps is 0; it must be a whole number in [1, 100)'],
  ['Muon', { adjustLrFn: 'no' }, 'adjustLrFn is "no"; it must be one of "original", "match_rms_'],
  ['Muon', { nsCoefficients: [1, 2] }, 'nsCoefficients is [1,2]; it must be three finite numbers'],
  ['Adafactor', { eps: 1 }, 'eps is 1; it must be a list'],
  ['Rprop', { etas: 0.5 }, 'etas is 0.5; it must be a list'],
  ['LBFGS', { maxEval: 0 }, 'maxEval is 0; it must be null or a whole number > 0'],
  ['LBFGS', { historySize: 1.5 }, 'historySize is 1.5; it must be a whole number > 0'],
  ['LBFGS', { lineSearchFn: 'armijo' }, 'lineSearchFn is "armijo"; it must be one of "strong_wo'],
  ['LARS', { trustCoefficient: 0 }, 'trustCoefficient is 0; it must be > 0'],
  ['MADGRAD', { momentum: 1 }, 'momentum is 1; it must be in [0, 1)'],
  ['Prodigy', { d0: 0 }, 'd0 is 0; it must be > 0'],
  ['Sophia', { rho: 0 }, 'rho is 0; it must be > 0'],
  ['SOAP', { shampooBeta: 1 }, 'shampooBeta is 1; it must be null or in [0, 1)'],
  [
    'SOAP',
    { preconditionFrequency: 0 },
    'preconditionFrequency is 0; it must be a whole number > 0',
  ],
  ['SOAP', { maxPrecondDim: 1.5 }, 'maxPrecondDim is 1.5; it must be a whole number > 0'],
  ['NewtonCG', { damping: -1 }, 'damping is -1; it must be >= 0'],
  ['NewtonCG', { c1: 1 }, 'c1 is 1; it must be in (0, 1)'],
  ['NewtonCG', { maxCg: 0 }, 'maxCg is 0; it must be a whole number > 0'],
  ['NelderMead', { relativeStep: 0 }, 'relativeStep is 0; it must be > 0'],
  ['NelderMead', { zeroStep: -1 }, 'zeroStep is -1; it must be > 0'],
  ['CMAES', { sigma: 0 }, 'sigma is 0; it must be > 0'],
  ['CMAES', { populationSize: 3 }, 'populationSize is 3; it must be null or a whole number > 3'],
  ['ScheduleFreeSGD', { momentum: 0 }, 'momentum is 0; it must be in (0, 1)'],
  [
    'ScheduleFreeAdamW',
    { betas: [0, 0.9] },
    'betas is [0,0.9]; it must be two numbers in [0, 1), the',
  ],
  ['ScheduleFreeAdamW', { warmupSteps: -1 }, 'warmupSteps is -1; it must be >= 0'],
]

test.each(cases)('%s %j', (name, options, message) => {
  expect(() => make(name, options)).toThrow(`${name}: ${message}`)
})

describe('around optimizers, options that nobody reads', () => {
  const odd = { foo: 1 } as never
  const inner = (): optim.SGD => new optim.SGD([matrix()])
  const loss = (): Tensor => matrix().sum()
  const cases: Readonly<Record<string, () => unknown>> = {
    ArrayOptimizer: () => new optim.ArrayOptimizer([[1]], (params) => new optim.SGD(params), odd),
    AveragedParameters: () => new optim.AveragedParameters([matrix()], odd),
    clipGradNorm: () => optim.clipGradNorm([matrix()], 1, odd),
    descend: () => optim.descend(inner(), loss, odd),
    ExponentialAverage: () => new optim.ExponentialAverage(0.9, odd),
    findLearningRate: () => optim.findLearningRate(inner(), loss, odd),
    layerDecayGroups: () => optim.layerDecayGroups([['a', matrix()]], odd),
    GradScaler: () => new optim.GradScaler(odd),
    Lookahead: () => new optim.Lookahead(inner(), odd),
    SAM: () => new optim.SAM(inner(), odd),
    topEigenvalue: () => optim.topEigenvalue([matrix()], loss, odd),
    ascentSharpness: () => optim.ascentSharpness([matrix()], loss, odd),
  }
  test.each(Object.entries(cases))('%s refuses them', (name, make) => {
    expect(make).toThrow(`${name}: unknown option "foo"; known are `)
  })
})
