/**
 * Options that are seldom used together, in groups that differ, against what PyTorch 2.13 computed in
 * float64: climbing with decay and AMSGrad, momentum that is damped in one group and Nesterov's in the
 * other, a rate that is changed by hand; schedules of several groups; line searches that run out.
 *
 * Parameters start at cos(i), i over the 12 numbers of a matrix and the 5 of a vector, which are a group
 * each. Gradients of step t = 0 ... 13 are sin(1.7t + 0.9i), 3 times that in step 6, and 0 for the vector
 * in step 4; before step 9 all rates are halved. LBFGS minimised
 * 100(b - a²)² + (1 - a)² + 50(c - b²)² from (-1.2, 1, 0.7), in 4 steps. Schedules are of two groups with
 * rates of 0.1 and 0.3; the rows are the rate and the momentum (or β₁) of each after so many steps.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import * as optim from '../src/index.ts'

type Row = readonly (readonly [rate: number, momentum: number])[]

const stored = JSON.parse(readFileSync(join(import.meta.dirname, 'torch-mixed.json'), 'utf8')) as {
  optimizers: { name: string; options: object; second: object; end: number[] }[]
  lbfgs: {
    options: Partial<optim.LBFGSOptions>
    end: number[]
    evaluations: number
    iterations: number
  }[]
  schedules: { name: string; rows: Record<string, Row> }[]
}

beforeEach(() => {
  setDevice(reference())
  setDefaultDType('f64')
})

function expectClose(values: Iterable<number>, wanted: readonly number[]): void {
  const all = [...values]
  expect(all.length).toBe(wanted.length)
  all.forEach((value, i) => {
    expect(Math.abs(value - wanted[i]!), `number ${i}`).toBeLessThan(1e-9)
  })
}

const numbers = (count: number, f: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => f(i))

describe.each(stored.optimizers)(
  '$name, $options and $second',
  ({ name, options, second, end }) => {
    type Class = new (groups: object[], options: object) => optim.Optimizer<{ lr: number }>
    const Optimizer = (optim as unknown as Record<string, Class>)[name]!
    const make = (params: readonly Tensor[]) =>
      new Optimizer([{ params: [params[0]] }, { params: [params[1]], ...second }], options)

    test.each([undefined, 5, 7])('ends where PyTorch does, made anew at step %j', (cut) => {
      const values = numbers(17, Math.cos)
      const params = [
        tensor(values.slice(0, 12), { shape: [3, 4], requiresGrad: true }),
        tensor(values.slice(12), { requiresGrad: true }),
      ]
      let optimizer = make(params)
      for (let t = 0; t < 14; t++) {
        const g = numbers(17, (i) => Math.sin(1.7 * t + 0.9 * i) * (t === 6 ? 3 : 1))
        params[0]!.grad = tensor(g.slice(0, 12), { shape: [3, 4] })
        params[1]!.grad = tensor(g.slice(12).map((x) => (t === 4 ? 0 : x)))
        if (t === 9) for (const group of optimizer.paramGroups) group.lr *= 0.5
        if (t === cut) {
          const resumed = make(params)
          resumed.loadStateDict(optimizer.stateDict())
          optimizer = resumed
        }
        optimizer.step()
      }
      expectClose(
        params.flatMap((parameter) => [...parameter.dataSync()]),
        end,
      )
    })
  },
)

test.each(stored.lbfgs)('LBFGS, $options', ({ options, end, evaluations, iterations }) => {
  const x = tensor([-1.2, 1, 0.7], { requiresGrad: true })
  const optimizer = new optim.LBFGS([x], options)
  const loss = (): Tensor => {
    const [a, b, c] = numbers(3, (i) => i).map((i) => x.slice({ start: i, end: i + 1 }).sum())
    const first = b!.sub(a!.square()).square().mul(100).add(a!.sub(1).square())
    return first.add(c!.sub(b!.square()).square().mul(50))
  }
  for (let i = 0; i < 4; i++) optimizer.step(loss)
  expectClose(x.dataSync(), end)
  const { func_evals, n_iter } = optimizer.stateDict().state['0']!
  expect([func_evals, n_iter]).toEqual([evaluations, iterations])
})

/** A schedule and what it is of: `SGD` with momenta of 0.9 and 0.2, or `Adam` with β₁ of 0.9 and 0.5. */
const schedules: Readonly<
  Record<
    string,
    { of?: 'Adam'; make(o: optim.Scheduled): optim.Schedule; metric?: (t: number) => number }
  >
> = {
  onecycle: {
    make: (o) =>
      new optim.OneCycleLR(o, {
        maxLr: [0.5, 0.9],
        totalSteps: 40,
        pctStart: 0.4,
        threePhase: true,
        divFactor: 10,
        finalDivFactor: 100,
        baseMomentum: [0.7, 0.1],
        maxMomentum: [0.95, 0.6],
      }),
  },
  plateau: {
    make: (o) =>
      new optim.ReduceLROnPlateau(o, {
        mode: 'max',
        patience: 2,
        cooldown: 3,
        factor: 0.3,
        threshold: 0.05,
        thresholdMode: 'abs',
        minLr: [0.001, 0.05],
      }),
    // It rises to 0.3, once more at step 13, and by not quite enough besides.
    metric: (t) => (t < 3 ? 0.1 * t : t < 13 ? (t === 7 ? 0.31 : 0.3) : t === 27 ? 0.6 : 0.5),
  },
  seqwarm: {
    make: (o) =>
      new optim.SequentialLR(o, {
        schedulers: [
          new optim.ConstantLR(o, { factor: 0.5, totalIters: 3 }),
          new optim.CosineAnnealingWarmRestarts(o, { t0: 4, tMult: 2, etaMin: 0.001 }),
          new optim.StepLR(o, { stepSize: 3, gamma: 0.5 }),
        ],
        milestones: [6, 25],
      }),
  },
  seqswa: {
    make: (o) =>
      new optim.SequentialLR(o, {
        schedulers: [
          new optim.MultiplicativeLR(o, { lrLambda: (t) => 0.9 + 0.01 * t }),
          new optim.SWALR(o, { swaLr: 0.05, annealEpochs: 5 }),
        ],
        milestones: [10],
      }),
  },
  cyclic: {
    of: 'Adam',
    make: (o) =>
      new optim.CyclicLR(o, {
        baseLr: [0.01, 0.02],
        maxLr: [0.1, 0.5],
        stepSizeUp: 3,
        stepSizeDown: 7,
        mode: 'triangular2',
        baseMomentum: 0.6,
        maxMomentum: 0.95,
      }),
  },
}

describe.each(stored.schedules)('$name', ({ name, rows }) => {
  const { of, make, metric } = schedules[name]!
  const target = (): optim.Optimizer<{
    lr: number
    momentum?: number
    betas?: readonly number[]
  }> => {
    const groups = [0, 1].map(() => ({ params: [tensor([0], { requiresGrad: true })] }))
    const made =
      of === 'Adam'
        ? new optim.Adam([groups[0]!, { ...groups[1]!, lr: 0.3, betas: [0.5, 0.99] }], { lr: 0.1 })
        : new optim.SGD([groups[0]!, { ...groups[1]!, lr: 0.3, momentum: 0.2 }], {
            lr: 0.1,
            momentum: 0.9,
          })
    return made as never
  }

  test.each([undefined, 0, 3, 17, 26])('has the values of PyTorch, made anew at step %j', (cut) => {
    let o = target()
    let schedule = make(o)
    for (let t = 0; t <= 40; t++) {
      if (t > 0) (schedule.step as (value?: number) => void).call(schedule, metric?.(t))
      const now = o.paramGroups.flatMap(({ lr, momentum, betas }) => [
        lr,
        momentum ?? betas?.[0] ?? Number.NaN,
      ])
      const row = rows[t]
      if (row) expectClose(now, row.flat())
      if (t !== cut) continue
      const state = JSON.parse(JSON.stringify(schedule.stateDict()))
      const resumed = target()
      schedule = make(resumed)
      resumed.loadStateDict(o.stateDict())
      schedule.loadStateDict(state)
      o = resumed
    }
  })
})
