/**
 * Every schedule joins the table with one row: how to make it, and its value at step t in closed form
 * on plain numbers (the library computes most of them from one step to the next). All go on from a
 * stored state, write any option, and keep groups apart.
 */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  AdamW,
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  InverseSqrtLR,
  LambdaLR,
  LinearLR,
  MultiplicativeLR,
  MultiStepLR,
  NoamLR,
  OneCycleLR,
  PolynomialLR,
  ReduceLROnPlateau,
  type Schedule,
  type ScheduleOptions,
  SequentialLR,
  SGD,
  StepLR,
  SWALR,
  WarmupCosineLR,
  WarmupStableDecayLR,
} from '../src/index.ts'

interface Row {
  readonly name: string
  readonly make: (optimizer: SGD, options: ScheduleOptions) => Schedule
  readonly closed: (t: number, base: number) => number
}

const { cos, floor, min, max, sqrt, PI } = Math
const half = (x: number): number => (1 + cos(PI * x)) / 2

const rows: readonly Row[] = [
  {
    name: 'LambdaLR',
    make: (o, options) => new LambdaLR(o, { lrLambda: (t) => 1 / (1 + t), ...options }),
    closed: (t, base) => base / (1 + t),
  },
  {
    name: 'MultiplicativeLR',
    make: (o, options) => new MultiplicativeLR(o, { lrLambda: (t) => t / (t + 1), ...options }),
    closed: (t, base) => base / (t + 1),
  },
  {
    name: 'StepLR',
    make: (o, options) => new StepLR(o, { stepSize: 3, gamma: 0.5, ...options }),
    closed: (t, base) => base * 0.5 ** floor(t / 3),
  },
  {
    name: 'MultiStepLR',
    make: (o, options) => new MultiStepLR(o, { milestones: [2, 5, 5], ...options }),
    closed: (t, base) => base * (t < 2 ? 1 : t < 5 ? 0.1 : 0.001),
  },
  {
    name: 'ConstantLR',
    make: (o, options) => new ConstantLR(o, { factor: 0.25, totalIters: 4, ...options }),
    closed: (t, base) => (t < 4 ? base / 4 : base),
  },
  {
    name: 'LinearLR',
    make: (o, options) =>
      new LinearLR(o, { startFactor: 0.2, endFactor: 0.8, totalIters: 6, ...options }),
    closed: (t, base) => base * (0.2 + 0.1 * min(t, 6)),
  },
  {
    name: 'ExponentialLR',
    make: (o, options) => new ExponentialLR(o, { gamma: 0.7, ...options }),
    closed: (t, base) => base * 0.7 ** t,
  },
  {
    name: 'PolynomialLR',
    make: (o, options) => new PolynomialLR(o, { totalIters: 8, power: 1.5, ...options }),
    closed: (t, base) => base * (1 - min(t, 8) / 8) ** 1.5,
  },
  {
    name: 'CosineAnnealingLR',
    make: (o, options) => new CosineAnnealingLR(o, { tMax: 5, etaMin: 0.01, ...options }),
    closed: (t, base) => 0.01 + (base - 0.01) * half(t / 5),
  },
  {
    name: 'CosineAnnealingWarmRestarts',
    make: (o, options) => new CosineAnnealingWarmRestarts(o, { t0: 3, tMult: 2, ...options }),
    closed: (t, base) =>
      base * (t < 3 ? half(t / 3) : t < 9 ? half((t - 3) / 6) : half((t - 9) / 12)),
  },
  {
    name: 'CyclicLR',
    make: (o, options) =>
      new CyclicLR(o, {
        baseLr: 0.1,
        maxLr: 0.9,
        stepSizeUp: 4,
        mode: 'triangular2',
        cycleMomentum: false,
        ...options,
      }),
    closed: (t) => 0.1 + (0.8 / 2 ** floor(t / 8)) * (1 - Math.abs((t % 8) / 4 - 1)),
  },
  {
    name: 'OneCycleLR',
    make: (o, options) =>
      new OneCycleLR(o, {
        maxLr: 1,
        totalSteps: 20,
        annealStrategy: 'linear',
        cycleMomentum: false,
        ...options,
      }),
    closed: (t) => (t <= 5 ? 0.04 + (0.96 * t) / 5 : 1 + ((4e-6 - 1) * (t - 5)) / 14),
  },
  {
    name: 'SWALR',
    make: (o, options) => new SWALR(o, { swaLr: 0.05, annealEpochs: 5, ...options }),
    closed: (t, base) => 0.05 + (base - 0.05) * half(min(t, 5) / 5),
  },
  {
    name: 'NoamLR',
    make: (o, options) => new NoamLR(o, { modelSize: 16, warmupSteps: 4, ...options }),
    closed: (t, base) => (base / 4) * min(1 / sqrt(t + 1), (t + 1) / 8),
  },
  {
    name: 'InverseSqrtLR',
    make: (o, options) => new InverseSqrtLR(o, { warmupSteps: 4, ...options }),
    closed: (t, base) => (t < 4 ? (base * (t + 1)) / 4 : (base * 2) / sqrt(t + 1)),
  },
  {
    name: 'WarmupCosineLR',
    make: (o, options) =>
      new WarmupCosineLR(o, { warmupSteps: 4, totalSteps: 10, endFactor: 0.1, ...options }),
    closed: (t, base) => base * (t < 4 ? t / 4 : 0.1 + 0.9 * half(min(1, (t - 4) / 6))),
  },
  ...(['linear', 'cosine', 'sqrt'] as const).map(
    (decay): Row => ({
      name: `WarmupStableDecayLR ${decay}`,
      make: (o, options) =>
        new WarmupStableDecayLR(o, {
          warmupSteps: 2,
          stableSteps: 3,
          decaySteps: 4,
          decay,
          ...options,
        }),
      closed: (t, base) => {
        const x = min(1, max(0, (t - 5) / 4))
        const fall = { linear: 1 - x, cosine: half(x), sqrt: 1 - sqrt(x) }
        return base * (t < 2 ? (t + 1) / 2 : fall[decay])
      },
    }),
  ),
]

const bases = [0.4, 0.1]

function optimizer(options: object = {}): SGD {
  const params = () => [tensor([1], { requiresGrad: true })]
  return new SGD(
    bases.map((lr) => ({ params: params(), lr })),
    { momentum: 0.9, ...options },
  )
}

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

describe.each(rows)('$name', ({ make, closed }) => {
  test('has its values', () => {
    const target = optimizer()
    const schedule = make(target, {})
    for (let t = 0; t < 18; t++) {
      target.paramGroups.forEach((group, i) => {
        expect(group.lr, `step ${t}`).toBeCloseTo(closed(t, bases[i]!), 13)
      })
      expect(schedule.getLastLr()).toEqual(target.paramGroups.map(({ lr }) => lr))
      schedule.step()
    }
  })

  test('goes on from a stored state', () => {
    const [whole, half] = [optimizer(), optimizer()]
    const [a, b] = [make(whole, {}), make(half, {})]
    for (let t = 0; t < 15; t++) a.step()
    for (let t = 0; t < 7; t++) b.step()
    const other = optimizer()
    const resumed = make(other, {})
    resumed.loadStateDict(JSON.parse(JSON.stringify(b.stateDict())))
    for (let t = 7; t < 15; t++) resumed.step()
    expect(resumed.getLastLr()).toEqual(a.getLastLr())
  })

  test('refuses options that nobody reads', () => {
    expect(() => make(optimizer(), { lastEpoch: 3 } as never)).toThrow(
      /^\w+: unknown option "lastEpoch"; known are .+, option$/,
    )
  })

  test('writes any option', () => {
    const target = optimizer({ momentum: 0.5 })
    make(target, { option: 'momentum' }).step()
    expect(target.paramGroups[0]!.momentum).toBeCloseTo(closed(1, 0.5), 13)
    expect(target.paramGroups[0]!.lr).toBe(0.4)
  })
})

describe('schedules together', () => {
  test('follow one another', () => {
    const target = optimizer()
    const schedulers = [
      new ConstantLR(target, { factor: 0.1, totalIters: 9 }),
      new StepLR(target, { stepSize: 2, gamma: 0.5 }),
      new CosineAnnealingWarmRestarts(target, { t0: 4 }),
    ]
    const schedule = new SequentialLR(target, { schedulers, milestones: [2, 5] })
    const seen = Array.from({ length: 8 }, () => {
      const [lr] = schedule.getLastLr()
      schedule.step()
      return lr! / 0.4
    })
    const wanted = [0.1, 0.1, 1, 1, 0.5, 1, half(1 / 4), half(2 / 4)]
    seen.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i]!, 13)
    })
  })

  test('lie over one another', () => {
    const target = optimizer()
    const schedule = new ChainedScheduler([
      new LinearLR(target, { startFactor: 0.5, totalIters: 2 }),
      new ExponentialLR(target, { gamma: 0.9 }),
    ])
    for (let i = 0; i < 3; i++) schedule.step()
    expect(schedule.getLastLr()[0]).toBeCloseTo(0.4 * 0.9 ** 3, 13)
  })

  test('store and resume all their parts', () => {
    const make = (): [SGD, SequentialLR] => {
      const target = optimizer()
      const schedulers = [
        new LinearLR(target, { totalIters: 3 }),
        new CosineAnnealingWarmRestarts(target, { t0: 2, tMult: 2 }),
      ]
      return [target, new SequentialLR(target, { schedulers, milestones: [3] })]
    }
    const [whole, a] = make()
    for (let i = 0; i < 12; i++) a.step()
    const [, b] = make()
    for (let i = 0; i < 6; i++) b.step()
    const [resumed, c] = make()
    c.loadStateDict(JSON.parse(JSON.stringify(b.stateDict())))
    for (let i = 6; i < 12; i++) c.step()
    expect(resumed.paramGroups.map(({ lr }) => lr)).toEqual(whole.paramGroups.map(({ lr }) => lr))
  })
})

describe('groups that come later', () => {
  const all: Readonly<Record<string, (o: SGD) => Schedule>> = {
    ...Object.fromEntries(rows.map(({ name, make }) => [name, (o: SGD) => make(o, {})])),
    ReduceLROnPlateau: (o) => new ReduceLROnPlateau(o, { patience: 0 }),
    'CyclicLR with momentum': (o) => new CyclicLR(o, { baseLr: 0.1, maxLr: 1, stepSizeUp: 2 }),
    'OneCycleLR with momentum': (o) => new OneCycleLR(o, { maxLr: 1, totalSteps: 9 }),
  }
  const late = (): { params: Tensor[]; lr: number } => ({
    params: [tensor([1], { requiresGrad: true })],
    lr: 0.2,
  })

  test.each(Object.entries(all))('are among those of %s', (_, make) => {
    const target = optimizer()
    const schedule = make(target) as { step(metric: number): void }
    for (let t = 0; t < 3; t++) schedule.step(1)
    target.addParamGroup(late())
    for (let t = 0; t < 3; t++) schedule.step(1)
    for (const { lr, momentum } of target.paramGroups)
      for (const value of [lr, momentum]) expect(value).toSatisfy(Number.isFinite)
  })

  test('start from the value that they came with', () => {
    const target = optimizer()
    const schedule = new LambdaLR(target, { lrLambda: (t) => 1 / (1 + t) })
    target.addParamGroup(late())
    schedule.step()
    expect(schedule.getLastLr()).toEqual([0.2, 0.05, 0.1])
    expect(schedule.baseLrs).toEqual([0.4, 0.1, 0.2])
  })

  test('are too many for a list of values', () => {
    const target = optimizer()
    const schedule = new SWALR(target, { swaLr: [0.1, 0.2] })
    target.addParamGroup(late())
    expect(() => schedule.step()).toThrow(
      'SWALR: swaLr has 2 values; it must be one, or one for each of the 3 groups',
    )
  })
})

describe('after another schedule', () => {
  const after = (make: (o: SGD) => Schedule): number[] => {
    const target = optimizer()
    const schedulers = [new ExponentialLR(target, { gamma: 0.5 }), make(target)]
    const schedule = new SequentialLR(target, { schedulers, milestones: [3] })
    return [0, 1, 2, 3, 4, 5].map((t) => {
      if (t > 0) schedule.step()
      return schedule.getLastLr()[0]!
    })
  }

  test('SWALR goes on from where it is', () => {
    const [, , before, first, second, last] = after(
      (o) => new SWALR(o, { swaLr: 0.3, annealEpochs: 2, annealStrategy: 'linear' }),
    )
    expect([before, first]).toEqual([0.1, 0.1])
    expect(second).toBeCloseTo(0.2, 13)
    expect(last).toBeCloseTo(0.3, 13)
  })

  test('MultiplicativeLR does too, and takes its factor of step 0', () => {
    const values = after((o) => new MultiplicativeLR(o, { lrLambda: (t) => 0.9 - 0.1 * t }))
    ;[0.4, 0.2, 0.1, 0.09, 0.072, 0.0504].forEach((value, t) => {
      expect(values[t]).toBeCloseTo(value, 13)
    })
  })
})

describe('momentum', () => {
  test('moves against the rate', () => {
    const target = optimizer()
    const schedule = new CyclicLR(target, { baseLr: 0.1, maxLr: 1, stepSizeUp: 2 })
    expect(target.paramGroups[0]!.momentum).toBeCloseTo(0.9, 13)
    schedule.step()
    schedule.step()
    expect(target.paramGroups[0]!.momentum).toBeCloseTo(0.8, 13)
  })

  test('is the first beta where there are betas', () => {
    const target = new AdamW([tensor([1], { requiresGrad: true })])
    new OneCycleLR(target, { maxLr: 1, totalSteps: 10 })
    expect(target.paramGroups[0]!.betas).toEqual([0.95, 0.999])
  })
})

describe('ReduceLROnPlateau', () => {
  test('waits, reduces, cools down and stops at the lowest value', () => {
    const target = optimizer()
    const schedule = new ReduceLROnPlateau(target, {
      factor: 0.5,
      patience: 1,
      cooldown: 1,
      minLr: 0.08,
    })
    const metrics = [3, 2, 2, 2, 2, 2, 2, 1]
    const seen = metrics.map((metric) => {
      schedule.step(metric)
      return schedule.getLastLr()
    })
    expect(seen).toEqual([
      [0.4, 0.1],
      [0.4, 0.1],
      [0.4, 0.1],
      [0.2, 0.08],
      [0.2, 0.08],
      [0.2, 0.08],
      [0.1, 0.08],
      [0.1, 0.08],
    ])
  })

  test.each(['min', 'max'] as const)('goes on from a state before the first metric: %s', (mode) => {
    const stored = JSON.stringify(new ReduceLROnPlateau(optimizer(), { mode }).stateDict())
    const target = optimizer()
    const schedule = new ReduceLROnPlateau(target, { mode, patience: 0 })
    schedule.loadStateDict(JSON.parse(stored))
    const sign = mode === 'min' ? 1 : -1
    schedule.step(5 * sign)
    expect(schedule.getLastLr()).toEqual([0.4, 0.1])
    schedule.step(6 * sign)
    expect(schedule.getLastLr()[0]).toBeCloseTo(0.04, 13)
  })

  test('asks for its metric', () => {
    expect(() => new ReduceLROnPlateau(optimizer()).step()).toThrow(
      'ReduceLROnPlateau: no metric came; call step(metric) with a plain number',
    )
  })
})

describe('bad input', () => {
  const cases: readonly (readonly [what: string, make: (o: SGD) => unknown, message: string])[] = [
    [
      'a step of 0',
      (o) => new StepLR(o, { stepSize: 0 }),
      'StepLR: stepSize is 0; it must be a whole number > 0',
    ],
    [
      'an option that is no number',
      (o) => new StepLR(o, { stepSize: 1, option: 'nesterov' }),
      'StepLR: option is "nesterov"; it must be one of the optimizer\'s that is a number',
    ],
    [
      'values for other groups',
      (o) => new SWALR(o, { swaLr: [1, 2, 3] }),
      'SWALR: swaLr has 3 values; it must be one, or one for each of the 2 groups',
    ],
    [
      'milestones that do not fit',
      (o) => new SequentialLR(o, { schedulers: [new StepLR(o, { stepSize: 1 })], milestones: [1] }),
      'SequentialLR: 1 schedulers with 1 milestones; it must be one milestone between any two',
    ],
    [
      'a step beyond the last',
      (o) => {
        const schedule = new OneCycleLR(o, { maxLr: 1, totalSteps: 2 })
        for (let i = 0; i < 3; i++) schedule.step()
      },
      'OneCycleLR: this is step 3; totalSteps is 2, so there are no more',
    ],
    [
      'momentum where there is none',
      () => new OneCycleLR(optimizer({ momentum: 0 }), { maxLr: 1, totalSteps: 2 }),
      'OneCycleLR: cycleMomentum is true; it must be false for optimizers without momentum',
    ],
    [
      'an option that nobody reads',
      (o) => new StepLR(o, { stepSize: 1, step: 2 } as never),
      'StepLR: unknown option "step"; known are stepSize, gamma, option',
    ],
    ['no schedules', () => new ChainedScheduler([]), 'ChainedScheduler: schedulers is []'],
    [
      'a state of other groups',
      (o) => new StepLR(o, { stepSize: 1 }).loadStateDict({ base_lrs: [1], _last_lr: [1] }),
      'StepLR: the state has base_lrs = [1]; this optimizer has 2 groups',
    ],
  ]
  test.each(cases)('%s', (_, make, message) => {
    expect(() => make(optimizer())).toThrow(message)
  })
})
