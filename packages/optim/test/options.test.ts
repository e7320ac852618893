/** Options out of range, of every optimizer: the message names the option, its value and the range. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import * as optim from '../src/index.ts'

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

type OptimizerClass = new (params: readonly Tensor[], options: object) => unknown

const matrix = (): Tensor => tensor([[1]], { requiresGrad: true })
const make = (name: string, options: object): unknown => {
  const Class = (optim as unknown as Record<string, OptimizerClass>)[name]!
  return new Class([matrix()], options)
}

const names = [
  'Adadelta Adafactor Adagrad AdaBelief Adam Adamax AdamP AdamW Adan ASGD LAMB LARS LBFGS Lion MADGRAD Muon',
  'NAdam NovoGrad Prodigy RAdam RMSprop Rprop ScheduleFreeAdamW ScheduleFreeSGD SGD Sophia SPSA Yogi',
]
  .join(' ')
  .split(' ')

describe.each(names)('%s', (name) => {
  test('refuses a negative rate and options that it does not know', () => {
    expect(() => make(name, { lr: -1 })).toThrow(`${name}: lr is -1; it must be >= 0`)
    expect(() => make(name, { lr: Number.NaN })).toThrow(`${name}: lr is NaN; it must be >= 0`)
    expect(() => make(name, { learningRate: 1 })).toThrow(
      `${name}: unknown option "learningRate"; known are `,
    )
  })

  test('refuses parameters listed twice, and none at all', () => {
    const Class = (optim as unknown as Record<string, OptimizerClass>)[name]!
    const x = matrix()
    expect(() => new Class([x, x], {})).toThrow(`${name}: parameter 1 Tensor(`)
    expect(() => new Class([], {})).toThrow(`${name}: no parameters came`)
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
  ['LBFGS', { historySize: 1.5 }, 'historySize is 1.5; it must be a whole number > 0'],
  ['LBFGS', { lineSearchFn: 'armijo' }, 'lineSearchFn is "armijo"; it must be one of "strong_wo'],
  ['LARS', { trustCoefficient: 0 }, 'trustCoefficient is 0; it must be > 0'],
  ['MADGRAD', { momentum: 1 }, 'momentum is 1; it must be in [0, 1)'],
  ['Prodigy', { d0: 0 }, 'd0 is 0; it must be > 0'],
  ['Sophia', { rho: 0 }, 'rho is 0; it must be > 0'],
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
