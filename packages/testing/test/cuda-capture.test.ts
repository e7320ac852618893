/** Captured training steps: replay by replay what the steps would compute one after another, or refused. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { BatchNorm1d, Dropout, Linear, mseLoss, Sequential, Tanh } from '@nablajs/nn'
import * as optim from '@nablajs/optim'
import {
  assign,
  autocast,
  Generator,
  keep,
  manualSeed,
  normal,
  ones,
  reference,
  setDevice,
  Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { because, emulated } from './emulated.ts'

const { missing } = emulated()
const steps = 6
const here = join(import.meta.dirname, '..')

type Stepping = { step(closure: () => Tensor): Tensor }
type OptimizerClass = new (params: Iterable<Tensor>) => optim.Optimizer<{ lr: number }>

const every = Object.entries(optim).filter(
  ([name, value]) =>
    typeof value === 'function' &&
    (value as OptimizerClass).prototype instanceof optim.Optimizer &&
    name !== 'Chain',
) as unknown as [string, OptimizerClass][]

/** Those whose steps are not the same kernels each time, or whose numbers come from the host. */
const refused: Readonly<Record<string, RegExp>> = {
  CMAES: /nothing can be waited for while a graph is captured|cannot be captured/,
  LBFGS: /nothing can be waited for while a graph is captured/,
  NelderMead: /nothing can be waited for while a graph is captured/,
  NewtonCG: /nothing can be waited for while a graph is captured/,
  SOAP: /^SOAP: its steps are not the same each time, so it cannot be captured/,
  SPSA: /nothing can be waited for while a graph is captured/,
}

describe.skipIf(missing !== undefined)(`a captured training step${because(missing)}`, () => {
  let device: CudaBackend
  beforeEach(async () => {
    device = await cuda()
    setDevice(device)
  })
  afterEach(() => {
    device.dispose()
    setDevice(reference())
  })

  /** The losses of all steps, and the parameters after them. */
  async function train(
    captured: boolean,
    make: (params: readonly Tensor[]) => Stepping,
    between: (i: number) => void = () => {},
  ): Promise<number[]> {
    manualSeed(3)
    const model = new Sequential(
      new Linear(4, 6),
      new Tanh(),
      new Dropout(0.3),
      new Linear(6, 6),
      new Dropout(0.2, { generator: new Generator(5) }),
      new Linear(6, 2),
    )
    const optimizer = make([...model.parameters()])
    const x = zeros([8, 4])
    const y = zeros([8, 2])
    const feed = (i: number): void => {
      const noise = { generator: new Generator(i) }
      assign(x, normal([8, 4], 0, 1, noise))
      assign(y, normal([8, 2], 0, 1, noise))
    }
    const step = (): Tensor => optimizer.step(() => mseLoss(model.forward(x), y))
    const losses: number[] = []
    feed(0)
    const graph = captured ? device.capture(step) : undefined
    losses.push(await (graph?.result ?? step()).item())
    for (let i = 1; i < steps; i++) {
      between(i)
      feed(i)
      graph?.replay()
      const loss = graph ? graph.result : step()
      losses.push(await loss.item())
    }
    // One more beside the graph: what is counted on the host has gone along.
    const last = step()
    losses.push(await last.item())
    graph?.dispose()
    for (const parameter of model.parameters()) losses.push(...(await parameter.data()).map(Number))
    return losses
  }

  test('every optimizer has a word here', () => {
    const names = every.map(([name]) => name)
    expect(names.length).toBeGreaterThan(25)
    expect(Object.keys(refused).filter((name) => !names.includes(name))).toEqual([])
  })

  for (const [name, Class] of every)
    test(`${name} ${refused[name] ? 'is refused' : 'is as without a capture'}`, async () => {
      const matrices = name === 'Muon'
      const make = (params: readonly Tensor[]) =>
        new Class(matrices ? params.filter(({ rank }) => rank === 2) : params)
      const error = refused[name]
      if (error) {
        await expect(train(true, make)).rejects.toThrow(error)
        // The device goes on.
        expect(await tensor([1, 2]).sum().item()).toBe(3)
        return
      }
      expect(await train(true, make)).toEqual(await train(false, make))
    })

  const same = async (
    make: (params: readonly Tensor[]) => Stepping,
    between: (i: number) => void = () => {},
  ): Promise<void> =>
    expect(await train(true, make, between)).toEqual(await train(false, make, between))

  test('follows schedules that are called between replays, and options set by hand', async () => {
    let schedule: optim.Schedule
    let optimizer: optim.AdamW
    await same(
      (params) => {
        optimizer = new optim.AdamW(params, { lr: 0.1 })
        schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 4 })
        return optimizer
      },
      (i) => {
        schedule.step()
        if (i === 3) optimizer.paramGroups[0]!.weightDecay = 0.5
      },
    )
  })

  const inTensorOps = [optim.Adafactor, optim.AdamP, optim.Muon]
  test.each(inTensorOps)('$name follows a schedule too', async (Class) => {
    let schedule: optim.Schedule
    let optimizer: optim.Optimizer<{ lr: number; weightDecay: number }>
    await same(
      (params) => {
        const own = Class === optim.Muon ? params.filter(({ rank }) => rank === 2) : params
        optimizer = new Class(own, { lr: 0.1, weightDecay: 0.1 }) as unknown as typeof optimizer
        schedule = new optim.ExponentialLR(optimizer, { gamma: 0.5 })
        return optimizer
      },
      (i) => {
        schedule.step()
        if (i === 3) optimizer.paramGroups[0]!.weightDecay = 0.5
      },
    )
    const other = (params: readonly Tensor[]) => {
      optimizer = new optim.AdamP(params) as unknown as typeof optimizer
      return optimizer
    }
    const change = () => Object.assign(optimizer.paramGroups[0]!, { betas: [0.5, 0.5] })
    await expect(train(true, other, change)).rejects.toThrow(
      'AdamP: of its options only lr and weightDecay may change after a step was captured',
    )
  })

  test('takes methods around optimizers along, and hooks that compute', async () => {
    const two = (params: readonly Tensor[]) =>
      new optim.Partition(
        params.map((p, i) => [`p${i}`, p] as const),
        (_, { rank }) => (rank === 2 ? 'matrices' : 'others'),
        {
          matrices: (own) => new optim.Lion(own, { lr: 0.01 }),
          others: (own) => new optim.AdamW(own, { lr: 0.1 }),
        },
      )
    await same(two)
    await same((params) => new optim.SAM(new optim.SGD(params, { lr: 0.1, momentum: 0.9 })))
    await same((params) => {
      const optimizer = new optim.RMSprop(params)
      optimizer.registerStepPreHook(() => optim.clipGradNorm(params, 0.1).dispose())
      return optimizer
    })
    await same((params) => {
      const optimizer = new optim.Adam(params)
      return {
        step: (closure) => optim.accumulate(optimizer, [1, 2], () => closure()),
      }
    })
    const noisy = optim.chain('Noisy', [
      optim.addNoise,
      optim.applyEvery,
      optim.scaleByLearningRate,
    ])
    await same((params) => new optim.Chain(params, noisy, { every: 2, lr: 0.1 }))
  })

  test.each(['bf16', 'f16'] as const)('computes in %s, with running statistics', async (dtype) => {
    const run = async (captured: boolean): Promise<unknown[]> => {
      manualSeed(1)
      const model = new Sequential(
        new Linear(4, 8),
        new BatchNorm1d(8, { momentum: null }),
        new Tanh(),
        new Linear(8, 2),
      )
      const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 })
      const [x, y] = [zeros([8, 4]), zeros([8, 2])]
      const step = (): Tensor =>
        optimizer.step(() => autocast(dtype, () => mseLoss(model.forward(x), y)))
      const all: unknown[] = []
      let graph: { readonly result: Tensor; replay(): void } | undefined
      for (let i = 0; i < 4; i++) {
        assign(x, normal([8, 4], 0, 1, { generator: new Generator(i) }))
        if (graph) graph.replay()
        else if (captured) graph = device.capture(step)
        all.push(await (graph?.result ?? step()).item())
      }
      for (const [, buffer] of model.namedBuffers()) all.push(await buffer.data())
      return all
    }
    expect(await run(true)).toEqual(await run(false))
  })

  test('takes averages of parameters along', async () => {
    const averaged = async (captured: boolean): Promise<unknown> => {
      let average: optim.AveragedParameters
      await train(captured, (params) => {
        average = new optim.AveragedParameters(params)
        const optimizer = new optim.SGD(params, { lr: 0.1 })
        optimizer.registerStepPostHook(() => average.update())
        return optimizer
      })
      const values = await Promise.all(average!.averages.map((each) => each.data()))
      return [average!.count, values]
    }
    expect(await averaged(true)).toEqual(await averaged(false))
  })

  const refuses = async (
    make: (params: readonly Tensor[]) => Stepping,
    message: string | RegExp,
  ): Promise<void> => expect(train(true, make)).rejects.toThrow(message)

  test('refuses what decides on the host', async () => {
    await refuses(
      (params) => new optim.Lookahead(new optim.SGD(params)),
      'Lookahead: every 5th step is followed by another kernel, so it cannot be captured',
    )
    await refuses((params) => {
      const optimizer = new optim.SGD(params)
      const schedule = new optim.StepLR(optimizer, { stepSize: 30 })
      optimizer.registerStepPostHook(() => schedule.step())
      return optimizer
    }, 'StepLR: it writes options on the host (call it between the replays), so it cannot be captured')
    await refuses((params) => {
      const optimizer = new optim.SGD(params)
      const scaler = new optim.GradScaler()
      return { step: (closure) => optimizer.step(() => scaler.scale(closure())) }
    }, 'GradScaler: its scale changes from step to step, so it cannot be captured')
  })

  test('goes on from a state that is loaded, and refuses one that is no longer there', async () => {
    let optimizer: optim.AdamW
    const make = (params: readonly Tensor[]) => {
      optimizer = new optim.AdamW(params, { lr: 0.1 })
      return optimizer
    }
    let saved: optim.OptimizerState
    await same(make, (i) => {
      const { state, param_groups } = optimizer.stateDict()
      const copy = ([key, own]: [string, optim.OptimizerState['state'][number]]) => {
        const entries = Object.entries(own)
        const kept = entries.map(([k, v]) => [k, v instanceof Tensor ? keep(v.copy()) : v])
        return [key, Object.fromEntries(kept)]
      }
      if (i === 2)
        saved = { state: Object.fromEntries(Object.entries(state).map(copy)), param_groups }
      if (i === 4) optimizer.loadStateDict(saved)
    })
    const message = 'AdamW: parameters were added, or their state is another one, since a step was'
    await expect(train(true, make, () => optimizer.dispose())).rejects.toThrow(message)
    const added = () =>
      optimizer.addParamGroup({ params: [keep(ones([2], { requiresGrad: true }))] })
    await expect(train(true, make, added)).rejects.toThrow(message)
  })

  test('refuses options that ask for another kernel than the captured one', async () => {
    let optimizer: optim.SGD
    const switched = train(
      true,
      (params) => {
        optimizer = new optim.SGD(params)
        return optimizer
      },
      () => {
        optimizer.paramGroups[0]!.momentum = 0.9
      },
    )
    await expect(switched).rejects.toThrow(
      'SGD: its options ask for another computation than the captured one',
    )
  })

  test("the README's example trains", () => {
    const readme = readFileSync(join(here, '..', 'backend-cuda-node', 'README.md'), 'utf8')
    const code = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)]
      .map(([, block]) => block!)
      .find((block) => block.includes('device.capture('))
    const printed = execFileSync(
      process.execPath,
      ['--input-type=module-typescript', '--eval', code!],
      { cwd: here, encoding: 'utf8' },
    )
    const losses = [...printed.matchAll(/epoch \d+: loss ([\d.]+)/g)].map(([, loss]) =>
      Number(loss),
    )
    expect(losses).toHaveLength(4)
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2)
  }, 600_000)
})
