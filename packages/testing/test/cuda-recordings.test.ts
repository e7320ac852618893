/** What a captured call of the CUDA device does beside training: random draws, memory, kernels, refusals. */
import { type CudaBackend, cuda } from '@nablajs/backend-cuda-node'
import { init } from '@nablajs/nn'
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

describe.skipIf(missing !== undefined)(`a captured call${because(missing)}`, () => {
  let device: CudaBackend
  beforeEach(async () => {
    device = await cuda()
    setDevice(device)
  })
  afterEach(() => {
    device.dispose()
    setDevice(reference())
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
})
