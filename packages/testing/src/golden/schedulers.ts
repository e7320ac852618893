/** The groups `schedulers` and `torch-2.13/lr`: the values that schedules give. */
import * as optim from '@nablajs/optim'
import {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  ExponentialLR,
  LinearLR,
  ReduceLROnPlateau,
  type Schedule,
  SequentialLR,
  SGD,
} from '@nablajs/optim'
import { type Backend, tensor } from '@nablajs/tensor'
import { compareNumbers, type Target } from './compare.ts'
import type { GoldenFolder } from './folder.ts'
import { Report, Unsupported } from './report.ts'

/** Schedules are plain numbers on every device. */
const exact: Target = { float: 'f64', relative: 1e-12, ofLargest: 1e-14 }

interface Running {
  step(metric?: number): void
}

type Make = (optimizer: SGD, args: Readonly<Record<string, unknown>>) => Running

/** `T_max` is `tMax`. */
function camel(name: string): string {
  const joined = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return joined.charAt(0).toLowerCase() + joined.slice(1)
}

/** Arguments that the file tells in words. */
const lambdas: Readonly<Record<string, (t: number) => number>> = {
  '0.95**epoch': (t) => 0.95 ** t,
  'epoch%3==0?0.9:1': (t) => (t % 3 === 0 ? 0.9 : 1),
}

function linearThenCosine(optimizer: SGD): Schedule {
  const linear = new LinearLR(optimizer, { startFactor: 0.1, totalIters: 5 })
  const cosine = new CosineAnnealingLR(optimizer, { tMax: 20 })
  return new SequentialLR(optimizer, { schedulers: [linear, cosine], milestones: [5] })
}

function constantAndExponential(optimizer: SGD, totalIters: number): ChainedScheduler {
  const constant = new ConstantLR(optimizer, { factor: 0.1, totalIters })
  return new ChainedScheduler([constant, new ExponentialLR(optimizer, { gamma: 0.9 })])
}

/** A schedule of the library under its name in PyTorch. */
const named =
  (name: string): Make =>
  (optimizer, args) => {
    const Class = (optim as unknown as Record<string, unknown>)[name]
    if (!Class) throw new Unsupported('not implemented yet')
    const own = Object.entries(args).map(([key, value]) => [
      camel(key),
      typeof value === 'string' ? (lambdas[value] ?? value) : value,
    ])
    const Made = Class as new (optimizer: SGD, options: object) => Running
    return new Made(optimizer, Object.fromEntries(own))
  }

const composed: Readonly<Record<string, Make>> = {
  SequentialLR: (optimizer, { seq }) => {
    if (seq !== 'Linear(0.1,1,5) then Cosine(T_max=20)') throw new Unsupported(`sequence ${seq}`)
    return linearThenCosine(optimizer)
  },
  ChainedScheduler: (optimizer, { chain }) => {
    if (chain !== 'Constant(0.1,4) & Exponential(0.9)') throw new Unsupported(`chain ${chain}`)
    return constantAndExponential(optimizer, 4)
  },
}

interface Case {
  readonly scheduler: string
  readonly args: Readonly<Record<string, unknown>>
  readonly base_lrs: readonly number[]
  readonly lrs: readonly (readonly number[])[]
  readonly momentum?: readonly number[]
  readonly metrics?: readonly number[]
}

const parameters = (rates: readonly number[]): SGD =>
  new SGD(
    rates.map((lr) => ({ params: [tensor([0], { requiresGrad: true })], lr })),
    { momentum: 0.9 },
  )

function check({ scheduler, args, base_lrs: bases, lrs, momentum, metrics }: Case): string[] {
  const optimizer = parameters(bases)
  const schedule = (composed[scheduler] ?? named(scheduler))(optimizer, args)
  const rates: number[] = []
  const momenta: number[] = []
  lrs.forEach((_, i) => {
    if (i > 0) schedule.step(metrics?.[i - 1])
    rates.push(...optimizer.paramGroups.map((group) => group.lr))
    momenta.push(optimizer.paramGroups[0]!.momentum)
  })
  const shape = [lrs.length, bases.length]
  return [
    ...compareNumbers('lrs', rates, { shape, values: lrs.flat() }, exact),
    ...(momentum
      ? compareNumbers('momentum', momenta, { shape: [lrs.length], values: momentum }, exact)
      : []),
  ]
}

export async function runSchedulers(folder: GoldenFolder, _device: Backend): Promise<Report> {
  const report = new Report('schedulers')
  const { cases } = folder.json('schedulers.json') as { cases: readonly Case[] }
  for (const one of cases) {
    const id = `${one.scheduler} ${JSON.stringify(one.args)}`
    await report.run(id, one.scheduler, async () => check(one))
  }
  return report
}

/** What the traces of PyTorch 2.13 were made with; their file has only these titles. */
const traces: Readonly<Record<string, Make>> = {
  'LambdaLR .95^e': (o) => new optim.LambdaLR(o, { lrLambda: (t) => 0.95 ** t }),
  'MultiplicativeLR .95': (o) => new optim.MultiplicativeLR(o, { lrLambda: () => 0.95 }),
  'StepLR 5 .5': (o) => new optim.StepLR(o, { stepSize: 5, gamma: 0.5 }),
  'MultiStepLR [4,9,20] .3': (o) =>
    new optim.MultiStepLR(o, { milestones: [4, 9, 20], gamma: 0.3 }),
  ConstantLR: (o) => new ConstantLR(o),
  LinearLR: (o) => new LinearLR(o),
  'ExponentialLR .9': (o) => new ExponentialLR(o, { gamma: 0.9 }),
  'PolynomialLR 10 p2': (o) => new optim.PolynomialLR(o, { totalIters: 10, power: 2 }),
  'CosineAnnealingLR T10 min.1': (o) => new CosineAnnealingLR(o, { tMax: 10, etaMin: 0.1 }),
  'CosineAnnealingWarmRestarts T5 x2 min.1': (o) =>
    new optim.CosineAnnealingWarmRestarts(o, { t0: 5, tMult: 2, etaMin: 0.1 }),
  'CyclicLR tri': (o) => new optim.CyclicLR(o, { baseLr: 0.1, maxLr: 1, stepSizeUp: 4 }),
  'CyclicLR tri2': (o) =>
    new optim.CyclicLR(o, {
      baseLr: 0.1,
      maxLr: 1,
      stepSizeUp: 4,
      stepSizeDown: 3,
      mode: 'triangular2',
    }),
  'CyclicLR exp': (o) =>
    new optim.CyclicLR(o, {
      baseLr: 0.1,
      maxLr: 1,
      stepSizeUp: 4,
      mode: 'exp_range',
      gamma: 0.9,
    }),
  'OneCycleLR cos 31': (o) => new optim.OneCycleLR(o, { maxLr: 1, totalSteps: 31 }),
  'OneCycleLR linear 3phase 31': (o) =>
    new optim.OneCycleLR(o, {
      maxLr: 1,
      totalSteps: 31,
      annealStrategy: 'linear',
      threePhase: true,
    }),
  'SequentialLR Linear(5)->Cos(20)': linearThenCosine,
  'ChainedScheduler Const*Exp': (o) => constantAndExponential(o, 2),
  'ReduceLROnPlateau f.5 pat2 cool1': (o) =>
    new ReduceLROnPlateau(o, { factor: 0.5, patience: 2, cooldown: 1 }),
}

type Trace =
  | readonly number[]
  | { readonly metrics: readonly number[]; readonly lr: readonly number[] }

export async function runRates(folder: GoldenFolder, _device: Backend): Promise<Report> {
  const report = new Report('torch-2.13/lr')
  const content = folder.json('torch-2.13/lr.json') as Readonly<Record<string, Trace>>
  for (const [title, trace] of Object.entries(content))
    await report.run(title, title, async () => {
      const make = traces[title]
      if (!make) throw new Unsupported('not known to the runner')
      const optimizer = parameters([1])
      const schedule = make(optimizer, {})
      const metrics = 'metrics' in trace ? trace.metrics : undefined
      const expected = 'metrics' in trace ? trace.lr : trace
      const rates = expected.map((_, i) => {
        if (metrics || i > 0) schedule.step(metrics?.[i])
        return optimizer.paramGroups[0]!.lr
      })
      return compareNumbers('lr', rates, { shape: [rates.length], values: expected }, exact)
    })
  return report
}
