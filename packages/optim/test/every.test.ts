/**
 * What holds for every optimizer, chains or not: it comes down, stores and resumes its state bit for
 * bit, keeps dtype and shape, follows schedules, gives the loss, obeys hooks, leaves nothing behind.
 */
import {
  type Backend,
  reference,
  setDefaultDType,
  setDevice,
  Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { accumulate, LambdaLR } from '../src/index.ts'
import { every } from './every.ts'

let device: Backend

beforeEach(() => {
  device = reference()
  setDevice(device)
  setDefaultDType('f64')
})

const start = [1, -0.5, 2, 0.4, -1, 0.8]
const curvature = [1, 4, 0.3, 2, 1, 0.5]

const parameter = (values: ArrayLike<number> = start): Tensor =>
  tensor(Array.from(values), { shape: [2, 3], requiresGrad: true })
const bowl = (x: Tensor): Tensor =>
  x
    .square()
    .mul(tensor(curvature, { shape: [2, 3] }))
    .sum()
    .mul(0.5)

/** Rates that suit the bowl, and more steps where small ones are the method's. */
const settings: Readonly<Record<string, { options?: object; steps?: number }>> = {
  Adadelta: { options: { lr: 2, rho: 0.8, eps: 1e-4 }, steps: 300 },
  Adafactor: { options: { lr: 0.3 } },
  AdamP: { options: { lr: 0.1 } },
  ASGD: { options: { lr: 0.2 } },
  CMAES: { options: { sigma: 0.3 } },
  LAMB: { options: { lr: 0.05 } },
  LARS: { options: { lr: 10, trustCoefficient: 0.02, momentum: 0.5 } },
  LBFGS: { options: { lr: 0.5 } },
  MADGRAD: { options: { lr: 0.1 } },
  NelderMead: { options: { adaptive: true }, steps: 150 },
  NewtonCG: { options: {} },
  NovoGrad: { options: { lr: 0.02 }, steps: 150 },
  Prodigy: { options: { d0: 1e-2 }, steps: 100 },
  ScheduleFreeSGD: { options: { lr: 0.3 } },
  SGD: { options: { lr: 0.2, momentum: 0.5 } },
  SPSA: { options: { lr: 0.1 }, steps: 200 },
}

/** They have no rate that could follow a schedule, or only look at its first value. */
const withoutRate: Readonly<Record<string, string>> = {
  CMAES: 'it finds its step-size',
  NelderMead: 'its points say how far it goes',
  Rprop: 'lr is the size of the first step alone',
}

/** They have no step with the gradients that are there. */
const withoutSteps: Readonly<Record<string, string>> = {
  CMAES: 'it asks for the loss in many points',
  LBFGS: 'its line search asks for the loss',
  NelderMead: 'it asks for the loss in many points',
  NewtonCG: 'it differentiates the loss twice',
  SPSA: 'it asks for the loss in two points',
}

/** Methods that ask for values of the loss alone go on where gradients are not wanted. */
const withoutGradients = ['CMAES', 'NelderMead', 'SPSA']

test('all of them are there', () => {
  expect(Object.keys(every).length).toBeGreaterThanOrEqual(33)
})

describe.each(Object.entries(every))('%s', (name, Class) => {
  const { options = { lr: 0.05 }, steps = 80 } = settings[name] ?? {}
  const make = (x: Tensor) => new Class([x], options)
  const run = (optimizer: { step(f: () => Tensor): Tensor }, x: Tensor, count: number): void => {
    for (let i = 0; i < count; i++) optimizer.step(() => bowl(x)).dispose()
  }

  test('comes down', () => {
    const x = parameter()
    run(make(x), x, steps)
    expect(bowl(x).itemSync()).toBeLessThan(bowl(parameter()).itemSync() * 0.2)
  })

  test('goes on from a stored state bit for bit', () => {
    const whole = parameter()
    run(make(whole), whole, 9)
    const first = parameter()
    const half = make(first)
    run(half, first, 4)
    const second = parameter(first.dataSync())
    const resumed = make(second)
    resumed.loadStateDict(half.stateDict())
    run(resumed, second, 5)
    expect([...second.dataSync()]).toEqual([...whole.dataSync()])
  })

  test('keeps float32, finite numbers, and the shape of what it keeps', () => {
    setDefaultDType('f32')
    const x = parameter()
    const optimizer = make(x)
    run(optimizer, x, 2)
    const shapes = (): string => {
      const tensors = Object.values(optimizer.stateDict().state).flatMap((state) =>
        Object.entries(state).filter(
          (entry): entry is [string, Tensor] => entry[1] instanceof Tensor,
        ),
      )
      for (const [, slot] of tensors) expect(slot.dtype).toBe('f32')
      return JSON.stringify(tensors.map(([key, { shape }]) => [key, shape]))
    }
    const before = shapes()
    run(optimizer, x, 3)
    expect(shapes()).toBe(before)
    expect(x.dtype).toBe('f32')
    for (const value of x.dataSync()) expect(Number.isFinite(value)).toBe(true)
  })

  const alone = name in withoutSteps ? ` (${withoutSteps[name]})` : ''
  test.skipIf(alone !== '')(`makes of several batches the step of all together${alone}`, () => {
    const [whole, parts] = [parameter(), parameter()]
    const [a, b] = [make(whole), make(parts)]
    const batches = [0.5, 1, 1.5]
    for (let i = 0; i < 3; i++) {
      a.step(() => bowl(whole))
      accumulate(b, batches, (weight) => bowl(parts).mul(weight))
    }
    whole.dataSync().forEach((value, i) => {
      expect(parts.dataSync()[i]).toBeCloseTo(value, 10)
    })
  })

  const fixed = name in withoutRate ? ` (${withoutRate[name]})` : ''
  test.skipIf(fixed !== '')(`follows a schedule: with a rate of 0 nothing moves${fixed}`, () => {
    const x = parameter()
    const optimizer = make(x)
    new LambdaLR(optimizer, { lrLambda: () => 0 })
    run(optimizer, x, 3)
    x.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(start[i]!, 12)
    })
  })

  test('gives the loss, and obeys hooks', () => {
    const x = parameter()
    const optimizer = make(x)
    const calls: string[] = []
    optimizer.registerStepPostHook(() => calls.push('after'))
    const loss = optimizer.step(() => bowl(x))
    expect(Number.isFinite(loss.itemSync())).toBe(true)
    expect(loss.requiresGrad).toBe(false)
    expect(calls).toEqual(['after'])
    if (withoutGradients.includes(name)) return
    optimizer.registerStepPreHook(() => false)
    const before = [...x.dataSync()]
    optimizer.step(() => bowl(x))
    expect([...x.dataSync()]).toEqual(before)
  })

  test('leaves nothing behind', () => {
    const x = parameter()
    const optimizer = make(x)
    run(optimizer, x, 3)
    optimizer.zeroGrad()
    optimizer.dispose()
    x.dispose()
    expect(device.memory().buffers).toBe(0)
  })
})
