/** On a device that cannot be read at once: what reads says so before anything moves, the rest works. */
import {
  type Backend,
  DeviceError,
  reference,
  setDefaultDType,
  setDevice,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Adam,
  ArrayOptimizer,
  ascentSharpness,
  clipGradNorm,
  descend,
  findLearningRate,
  GradScaler,
  gradientsAreFinite,
  gradientsAreFiniteAsync,
  SGD,
  topEigenvalue,
} from '../src/index.ts'
import { every } from './every.ts'

/** The reference device, without its way to be read at once. */
function distant(): Backend {
  const device = reference()
  Object.defineProperty(device, 'readSync', { value: undefined })
  return device
}

beforeEach(() => {
  setDevice(distant())
  setDefaultDType('f64')
})

const leaf = (): Tensor =>
  tensor(
    [
      [3, -4],
      [1, 2],
    ],
    { requiresGrad: true },
  )
const bowl = (x: Tensor) => (): Tensor => x.square().sum()

const reading = ['CMAES', 'LBFGS', 'NelderMead', 'NewtonCG', 'SOAP', 'SPSA']

describe.each(Object.entries(every))('%s', (name, Class) => {
  test(reading.includes(name) ? 'says that it reads' : 'reads nothing', async () => {
    const x = leaf()
    if (reading.includes(name)) {
      expect(() => new Class([x])).toThrow(
        new DeviceError(
          `${name}: it reads numbers back at once, which the reference device cannot do; ` +
            'keep what it reads on a device that can, such as a CPU',
        ),
      )
      return
    }
    const optimizer = new Class([x], { lr: 0.01 })
    for (let i = 0; i < 3; i++) optimizer.step(bowl(x))
    expect([...(await x.data())]).not.toEqual([3, -4, 1, 2])
  })
})

describe('what reads', () => {
  const cases: Readonly<Record<string, (x: Tensor) => unknown>> = {
    topEigenvalue: (x) => topEigenvalue([x], bowl(x)),
    ascentSharpness: (x) => ascentSharpness([x], bowl(x)),
    descend: (x) => descend(new SGD([x]), bowl(x), { samples: 2 }),
    findLearningRate: (x) => findLearningRate(new SGD([x]), bowl(x)),
    gradientsAreFinite: (x) => gradientsAreFinite([x]),
    clipGradNorm: (x) => clipGradNorm([x], 1, { errorIfNonFinite: true }),
    ArrayOptimizer: () => new ArrayOptimizer([[1]], (params) => new SGD(params)),
    GradScaler: (x) => new GradScaler().step(new SGD([x])),
  }
  test.each(Object.entries(cases))('%s says so and moves nothing', async (name, run) => {
    const x = leaf()
    expect(() => run(x)).toThrow(
      `${name}: it reads numbers back at once, which the reference device cannot do; `,
    )
    expect(() => run(x)).toThrow(DeviceError)
    expect([...(await x.data())]).toEqual([3, -4, 1, 2])
  })
})

test('a state with counts that are tensors asks for numbers', () => {
  const optimizer = new Adam([leaf()], { lr: 0.5 })
  const state = {
    state: { 0: { step: tensor(3), exp_avg: leaf().detach(), exp_avg_sq: leaf().detach() } },
    param_groups: [{ lr: 1, params: [0] }],
  }
  expect(() => optimizer.loadStateDict(state)).toThrow(
    'loadStateDict: it reads numbers back at once, which the reference device cannot do; ' +
      'give counts as numbers, or load the state elsewhere',
  )
  expect(optimizer.paramGroups[0]!.lr).toBe(0.5)
})

test('gradients are looked at later', async () => {
  const x = leaf()
  expect(await gradientsAreFiniteAsync([x])).toBe(true)
  x.sum().backward()
  expect(await gradientsAreFiniteAsync([x])).toBe(true)
  x.grad = tensor([
    [1, Number.POSITIVE_INFINITY],
    [0, 0],
  ])
  expect(await gradientsAreFiniteAsync([x])).toBe(false)
})

test('GradScaler steps after unscaleAsync, and leaves out what is not finite', async () => {
  const x = leaf()
  const optimizer = new SGD([x], { lr: 0.5 })
  const scaler = new GradScaler({ initScale: 4 })
  scaler.scale(x.sum()).backward()
  await scaler.unscaleAsync(optimizer)
  await expect(scaler.unscaleAsync(optimizer)).rejects.toThrow('GradScaler: unscale() came twice')
  expect(scaler.step(optimizer)).toBe(true)
  scaler.update()
  expect([...(await x.data())]).toEqual([2.5, -4.5, 0.5, 1.5])

  optimizer.zeroGrad()
  scaler.scale(x.mul(Number.POSITIVE_INFINITY).sum()).backward()
  await scaler.unscaleAsync(optimizer)
  expect(scaler.step(optimizer)).toBe(false)
  scaler.update()
  expect(scaler.getScale()).toBe(2)
  expect([...(await x.data())]).toEqual([2.5, -4.5, 0.5, 1.5])
})
