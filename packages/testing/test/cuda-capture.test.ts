/** Captured training steps: replay by replay what the steps would compute one after another, or refused. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { Dropout, init, Linear, mseLoss, Sequential, Tanh } from '@nablajs/nn'
import * as optim from '@nablajs/optim'
import {
  assign,
  checkpoint,
  defaultGenerator,
  dropout,
  Generator,
  keep,
  manualSeed,
  matmul,
  normal,
  ones,
  rand,
  randint,
  reference,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { mapProgram, program } from '@nablajs/tensor/program'
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

  test('draws anew at each replay, as its generators would', async () => {
    const generator = new Generator(9)
    const draw = (): Tensor[] => [
      rand([3], { generator }),
      normal([2], 1, 2),
      randint([4], 0, 100, { generator }),
    ]
    const values = (list: readonly Tensor[]) => Promise.all(list.map((each) => each.data()))
    manualSeed(4)
    draw()
    const wanted = [await values(draw()), await values(draw())]
    const after = generator.state
    manualSeed(4)
    generator.state = { seed: 9, draws: 0 }
    const graph = device.capture(draw)
    for (const each of wanted) {
      graph.replay()
      expect(await values(graph.result)).toEqual(each)
    }
    expect(generator.state).toEqual(after)
  })

  test('draws the same again where a checkpoint computes again', async () => {
    const run = async (captured: boolean): Promise<unknown[]> => {
      manualSeed(8)
      const w = keep(ones([4, 4]).mul(0.5))
      w.requiresGrad = true
      const step = (): Tensor[] => {
        const x = rand([2, 4])
        const y = checkpoint((v: Tensor) => dropout(matmul(v, w), 0.5).mul(rand([4])), x)
        w.grad?.dispose()
        w.grad = undefined
        y.sum().backward()
        return [y.detach(), w.grad!.mul(1), rand([2])]
      }
      const all: unknown[] = []
      const read = async (list: readonly Tensor[]) => {
        for (const each of list) all.push(await each.data())
      }
      const graph = captured ? device.capture(step) : undefined
      await read(graph?.result ?? step())
      for (let i = 0; i < 3; i++) {
        graph?.replay()
        await read(graph?.result ?? step())
      }
      await read([rand([3])])
      return all
    }
    expect(await run(true)).toEqual(await run(false))
  })

  test('refuses a step that seeds, or draws what is not drawn anew', () => {
    const message = 'Generator: the captured step seeds it, or draws initial values; do that before'
    const drawn = (body: () => void) => () =>
      device.capture(() => {
        rand([2])
        body()
        rand([2])
      })
    manualSeed(1)
    rand([1])
    expect(drawn(() => manualSeed(1))).toThrow(message)
    const w = zeros([3])
    const before = defaultGenerator().state
    expect(drawn(() => init.normal(w))).toThrow(message)
    // The first run counts, and the recordings do not.
    expect(defaultGenerator().state.draws).toBe(before.draws + 3)
  })

  test('runs again before its last run has ended', async () => {
    const generator = new Generator(2)
    const sum = zeros([2])
    const add = (): void => {
      const noise = { generator }
      assign(sum, sum.add(rand([2], noise)))
    }
    for (let i = 0; i < 5; i++) add()
    const wanted = await sum.data()
    assign(sum, zeros([2]))
    generator.state = { seed: 2, draws: 0 }
    const graph = device.capture(add)
    for (let i = 0; i < 4; i++) graph.replay()
    expect(await sum.data()).toEqual(wanted)
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

  test('refuses a step that is not the same each time', async () => {
    const x = tensor([1, 2, 3])
    const times = program({ name: 'times', inputs: ['f32'], scalars: ['f32'] }, (v, k) =>
      v!.mul(k!).add(1),
    )
    let runs = 0
    expect(() => device.capture(() => mapProgram(times, [x], [1 / ++runs]))).toThrow(
      'capture: times (call 0) had the number 0.5, then 0.3333333333333333; a captured step keeps its',
    )
    expect(() => device.capture(() => (runs++ % 2 === 0 ? x.exp() : x.sin()))).toThrow(
      /capture: the step does not do the same each time: call 0 was (exp|sin), then (exp|sin)/,
    )
    expect([...(await x.add(1).data())]).toEqual([2, 3, 4])
  })

  test('meets kernels that the run before did not need', async () => {
    const x = tensor([1, 2, 3])
    let runs = 0
    const graph = device.capture(() => (runs++ === 0 ? x.neg() : x.mul(x).sub(7)))
    expect(runs).toBe(4)
    graph.replay()
    expect([...(await graph.result.data())]).toEqual([-6, -3, 2])
  })

  test('keeps the memory that it asked for while it was recorded', async () => {
    const x = tensor(Float32Array.from({ length: 1 << 20 }, (_, i) => i % 7))
    const held: Tensor[] = []
    // Each run holds more than the one before, so that the pool has to grow in the recording.
    const graph = device.capture(() => {
      held.push(x.mul(2), x.mul(3))
      return held.at(-1)!.add(held.at(-2)!).sum()
    })
    graph.replay()
    expect(await graph.result.item()).toBe(5 * (await x.sum().item()))
    graph.dispose()
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
