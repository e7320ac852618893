import { manualSeed, randn, reference, setDevice, type Tensor, zeros } from '@nablajs/tensor'
import { beforeEach, expect, test } from 'vitest'
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  Linear,
  loadTorchStateDict,
  Sequential,
  torchStateDict,
} from './index.ts'

beforeEach(() => {
  setDevice(reference())
  manualSeed(1)
})

const make = () =>
  new Sequential({
    body: new Sequential(new Conv2d(4, 6, [3, 2], { groups: 2 }), new BatchNorm2d(6)),
    flat: new Flatten({ channelsFirst: true }),
    head: new Linear(24, 2),
  })

test('torchStateDict has the shapes and the order of PyTorch', () => {
  const shapes = Object.entries(torchStateDict(make())).map(([name, t]) => [name, t.shape])
  expect(shapes).toEqual([
    ['body.0.weight', [6, 2, 3, 2]],
    ['body.0.bias', [6]],
    ['body.1.weight', [6]],
    ['body.1.bias', [6]],
    ['body.1.running_mean', [6]],
    ['body.1.running_var', [6]],
    ['body.1.num_batches_tracked', []],
    ['head.weight', [2, 24]],
    ['head.bias', [2]],
  ])
})

test('a weight lies as [out, in, height, width]', () => {
  const layer = new Conv2d(2, 3, [2, 2])
  const [ours, theirs] = [layer.weight, torchStateDict(layer)['weight']!]
  const at = (t: Tensor, ...place: number[]): number => t.slice(...place).itemSync()
  expect(at(theirs, 2, 1, 0, 1)).toBe(at(ours, 0, 1, 1, 2))
})

test('what one module gives, another loads', () => {
  const [source, target] = [make(), make()]
  const x = randn([2, 4, 3, 4])
  source.forward(x)
  expect(loadTorchStateDict(target, torchStateDict(source))).toEqual({
    missing: [],
    unexpected: [],
  })
  expect(target.eval().forward(x).toArraySync()).toEqual(source.eval().forward(x).toArraySync())
})

test('a shared layer is turned under each of its names', () => {
  const shared = new Conv2d(2, 3, 1)
  const net = new Sequential({ a: shared, b: shared })
  const shapes = Object.values(torchStateDict(net)).map((t) => t.shape)
  expect(shapes).toEqual([[3, 2, 1, 1], [3], [3, 2, 1, 1], [3]])
  expect(loadTorchStateDict(net, torchStateDict(net)).missing).toEqual([])
})

test('what does not fit is reported', () => {
  const layer = new Conv2d(2, 3, 2)
  expect(() =>
    loadTorchStateDict(layer, { weight: zeros([3, 2, 4, 4]), bias: zeros([4]) }),
  ).toThrow(
    'loadStateDict: the entries do not fit Conv2d:\n' +
      '  weight: [4, 4, 2, 3] came, the module has [2, 2, 2, 3]\n' +
      '  bias: [4] came, the module has [3]',
  )
  expect(() => loadTorchStateDict(layer, { weight: zeros([12]), bias: zeros([3]) })).toThrow(
    'weight: [12] came, the module has [2, 2, 2, 3]',
  )
  expect(() => loadTorchStateDict(layer, {})).toThrow('missing: weight, bias')
  expect(loadTorchStateDict(layer, {}, { strict: false }).missing).toEqual(['weight', 'bias'])
})
