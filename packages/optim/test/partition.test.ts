/** Several optimizers as one. */
import { reference, setDefaultDType, setDevice, type Tensor, tensor } from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import { AdamW, ExponentialLR, LambdaLR, Muon, Partition, SGD } from '../src/index.ts'

const device = reference()

beforeEach(() => {
  setDevice(device)
  setDefaultDType('f64')
})

const named = (): [string, Tensor][] => [
  [
    'weight',
    tensor(
      [
        [1, 2],
        [3, 5],
      ],
      { requiresGrad: true },
    ),
  ],
  ['bias', tensor([1, -1], { requiresGrad: true })],
]
const loss = (params: readonly (readonly [string, Tensor])[]): Tensor =>
  params.map(([, p]) => p.square().sum()).reduce((a, b) => a.add(b))
const values = (params: readonly (readonly [string, Tensor])[]): number[][] =>
  params.map(([, p]) => [...p.dataSync()])
const byRank = (_: string, { rank }: Tensor): 'matrices' | 'others' =>
  rank === 2 ? 'matrices' : 'others'
const make = (params: [string, Tensor][]): Partition<'matrices' | 'others'> =>
  new Partition(params, byRank, {
    matrices: (own) => new Muon(own, { lr: 0.1 }),
    others: (own) => new AdamW(own, { lr: 0.2 }),
  })

test('each parameter is stepped as by its own optimizer', () => {
  const [together, apart] = [named(), named()]
  const optimizer = make(together)
  const muon = new Muon([apart[0]!], { lr: 0.1 })
  const adamw = new AdamW([apart[1]!], { lr: 0.2 })
  for (let i = 0; i < 4; i++) {
    const value = optimizer.step(() => loss(together))
    expect(value.itemSync()).toBeCloseTo(loss(apart).itemSync(), 12)
    muon.zeroGrad()
    adamw.zeroGrad()
    loss(apart).backward()
    muon.step()
    adamw.step()
  }
  expect(values(together)).toEqual(values(apart))
})

test('goes on from a stored state bit for bit', () => {
  const [whole, parts] = [named(), named()]
  const all = make(whole)
  for (let i = 0; i < 5; i++) all.step(() => loss(whole))
  const half = make(parts)
  for (let i = 0; i < 2; i++) half.step(() => loss(parts))
  const resumed = make(parts)
  resumed.loadStateDict(half.stateDict())
  for (let i = 0; i < 3; i++) resumed.step(() => loss(parts))
  expect(values(parts)).toEqual(values(whole))
})

test('schedules write into the groups of all parts', () => {
  const optimizer = make(named())
  new ExponentialLR(optimizer, { gamma: 0.5 }).step()
  expect(optimizer.paramGroups.map((group) => (group as unknown as { lr: number }).lr)).toEqual([
    0.05, 0.1,
  ])
})

test('schedules know groups that come between those of other parts', () => {
  const optimizer = new Partition(named(), byRank, {
    matrices: (own) => new SGD(own, { lr: 0.1 }),
    others: (own) => new SGD(own, { lr: 0.3 }),
  })
  const schedule = new LambdaLR(optimizer, { lrLambda: (t) => 1 / (1 + t) })
  const [weight] = named()
  const matrices = optimizer.parts.matrices as SGD
  matrices.addParamGroup({ params: [weight![1]], lr: 0.2 })
  schedule.step()
  expect(schedule.getLastLr()).toEqual([0.05, 0.1, 0.15])
})

test('leaves nothing behind', () => {
  const buffers = device.memory().buffers
  const params = named()
  const optimizer = make(params)
  optimizer.step(() => loss(params)).dispose()
  optimizer.zeroGrad()
  optimizer.dispose()
  for (const [, p] of params) p.dispose()
  expect(device.memory().buffers).toBe(buffers)
})

describe('says what is wrong', () => {
  test('labels', () => {
    const makers = { a: (own: readonly [string, Tensor][]) => new SGD(own) } as never
    expect(() => new Partition(named(), () => 'b' as never, makers)).toThrow(
      'Partition: the label of weight is "b"; it must be one of a',
    )
  })

  test('no parameters', () => {
    expect(() => make([])).toThrow('Partition: no parameters came; pass model.namedParameters()')
  })

  test('a state with other parts', () => {
    const [, bias] = named()
    expect(() => make([bias!]).loadStateDict(make(named()).stateDict())).toThrow(
      'Partition: the state has the parts matrices, others; this optimizer has others',
    )
  })
})
