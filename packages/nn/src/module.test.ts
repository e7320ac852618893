import {
  keep,
  noGrad,
  ones,
  randn,
  reference,
  scope,
  setDevice,
  type Tensor,
  tensor,
  zeros,
} from '@nablajs/tensor'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type AnyModule,
  BatchNorm2d,
  buffer,
  Conv2d,
  Dropout,
  Linear,
  Module,
  parameter,
  ReLU,
  Sequential,
} from './index.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
})

/** `(x w + shift) 2`, with a buffer and intermediate results. */
class Scale extends Module {
  factor = parameter(tensor([3]))
  runningShift = buffer(tensor([1]))

  forward(x: Tensor): Tensor {
    return x.mul(this.factor).add(this.runningShift).mul(2)
  }
}

class Net extends Module {
  first = new Linear(2, 3)
  Mixed_5b = new Linear(3, 3)
  blocks = [new Scale(), new Scale()]
  byName = { left: new Scale() }
  headLayer = new Linear(3, 1)
  learnedShift = parameter(zeros([1]))
  note = 'not state'

  forward(x: Tensor): Tensor {
    let h = this.Mixed_5b.forward(this.first.forward(x))
    for (const block of [...this.blocks, this.byName.left]) h = block.forward(h)
    return this.headLayer.forward(h).add(this.learnedShift)
  }
}

describe('names', () => {
  test('are the path of fields as PyTorch spells it, own state first', () => {
    expect(Object.keys(new Net().stateDict())).toEqual([
      'learned_shift',
      'first.weight',
      'first.bias',
      'Mixed_5b.weight',
      'Mixed_5b.bias',
      'blocks.0.factor',
      'blocks.0.running_shift',
      'blocks.1.factor',
      'blocks.1.running_shift',
      'by_name.left.factor',
      'by_name.left.running_shift',
      'head_layer.weight',
      'head_layer.bias',
    ])
  })

  test('lead to parameters, buffers, children and modules', () => {
    const net = new Net()
    expect(net.namedParameters().map(([name]) => name)).toHaveLength(10)
    expect(net.namedBuffers().map(([name]) => name)).toEqual([
      'blocks.0.running_shift',
      'blocks.1.running_shift',
      'by_name.left.running_shift',
    ])
    expect(net.namedChildren().map(([name]) => name)).toEqual([
      'first',
      'Mixed_5b',
      'blocks.0',
      'blocks.1',
      'by_name.left',
      'head_layer',
    ])
    expect(net.namedModules()[0]).toEqual(['', net])
    expect(net.modules()).toHaveLength(7)
    expect(net.numParameters()).toBe(6 + 3 + 9 + 3 + 3 + 3 + 1 + 1)
  })

  test('put the parameters of a module before its buffers and those before its children', () => {
    class Mixed extends Module {
      child = new Scale()
      table = buffer(zeros([1]))
      weight = parameter(zeros([1]))

      forward(x: Tensor): Tensor {
        return x
      }
    }
    expect(Object.keys(new Mixed().stateDict())).toEqual([
      'weight',
      'table',
      'child.factor',
      'child.running_shift',
    ])
  })

  test('count shared state once, but list it under every name in the state dict', () => {
    class Tied extends Module {
      encoder = new Linear(2, 2, { bias: false })
      decoder = new Linear(2, 2, { bias: false })
      again = this.encoder

      constructor() {
        super()
        this.decoder.weight = this.encoder.weight
      }

      forward(x: Tensor): Tensor {
        return this.decoder.forward(this.encoder.forward(x))
      }
    }
    const net = new Tied()
    expect(net.parameters()).toEqual([net.encoder.weight])
    expect(net.numParameters()).toBe(4)
    expect(net.children()).toHaveLength(2)
    expect(Object.keys(net.stateDict())).toEqual([
      'encoder.weight',
      'decoder.weight',
      'again.weight',
    ])
  })

  test('a module that contains itself is refused by name', () => {
    class Loop extends Module {
      child = new Sequential()

      forward(x: Tensor): Tensor {
        return x
      }
    }
    const loop = new Loop()
    loop.child.append(loop)
    expect(() => loop.parameters()).toThrow(
      'Loop: the module "child.0" contains itself; hold a parent in a private #field',
    )
  })
})

describe('parameter and buffer', () => {
  test('a parameter has gradients and outlives its scope', () => {
    const scale = scope(() => {
      const made = new Scale()
      return () => made
    })()
    expect(scale.factor.requiresGrad).toBe(true)
    expect(scale.runningShift.requiresGrad).toBe(false)
    expect(scale.forward(tensor([1])).itemSync()).toBe(8)
  })

  test('a parameter must be a leaf, of floats', () => {
    const x = tensor([1], { requiresGrad: true })
    expect(() => parameter(x.mul(2))).toThrow(
      /^parameter: Tensor\(f32 \[1\] on reference, requiresGrad\) was computed with gradients; pass its detach\(\) or a copy$/,
    )
    expect(() => parameter(tensor([1], { dtype: 'i32' }))).toThrow('i32 has no gradients')
  })

  test('a buffer that is not persistent is no part of the state dict', () => {
    class Cache extends Module {
      table = buffer(zeros([2]), { persistent: false })

      forward(x: Tensor): Tensor {
        return x.add(this.table)
      }
    }
    const cache = new Cache()
    expect(cache.stateDict()).toEqual({})
    expect(cache.namedBuffers().map(([name]) => name)).toEqual(['table'])
  })

  test('a tensor that is neither is no state', () => {
    class Plain extends Module {
      table = zeros([2])

      forward(x: Tensor): Tensor {
        return x
      }
    }
    const plain = new Plain()
    expect([...plain.parameters(), ...plain.namedBuffers()]).toEqual([])
  })
})

describe('forward', () => {
  test('frees all that it made but its result', () => {
    const net = new Net()
    const x = randn([4, 2])
    const before = device.memory().buffers
    const y = noGrad(() => net.forward(x))
    expect(device.memory().buffers).toBe(before + 1)
    y.dispose()
    expect(device.memory().buffers).toBe(before)
  })

  test('keeps what backward needs until then', () => {
    const net = new Net()
    const x = randn([4, 2])
    const before = device.memory().buffers
    scope(() => {
      net.forward(x).square().sum().backward()
    })
    expect(device.memory().buffers).toBe(before + net.parameters().length)
    net.zeroGrad()
    expect(device.memory().buffers).toBe(before)
  })

  test('may take and give anything', () => {
    class Split extends Module<[x: Tensor, parts?: number], { left: Tensor; right: Tensor[] }> {
      forward(x: Tensor, parts = 2): { left: Tensor; right: Tensor[] } {
        return { left: x.div(parts), right: [x.mul(parts)] }
      }
    }
    const { left, right } = new Split().forward(tensor([4]), 4)
    expect([left.itemSync(), right[0]!.itemSync()]).toEqual([1, 16])
  })

  test('calls super.forward plainly', () => {
    class Twice extends Scale {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(10)
      }
    }
    const twice = new Twice()
    let calls = 0
    twice.registerForwardHook(() => {
      calls++
    })
    expect(twice.forward(tensor([1])).itemSync()).toBe(80)
    expect(calls).toBe(1)
  })

  test('must not be asynchronous', () => {
    class Late extends Module<[], Promise<number>> {
      async forward(): Promise<number> {
        return 1
      }
    }
    expect(() => new Late().forward()).toThrow('scope: the function is asynchronous')
  })
})

describe('hooks', () => {
  test('see and replace inputs and outputs, in order, until they are taken off', () => {
    const scale = new Scale()
    const seen: string[] = []
    const offs = [
      scale.registerForwardPreHook((module, [x]) => {
        seen.push(`pre ${module === scale} ${x.itemSync()}`)
        return [x.add(1)]
      }),
      scale.registerForwardPreHook((_, [x]) => {
        seen.push(`second ${x.itemSync()}`)
      }),
      scale.registerForwardHook((_, [x], y) => {
        seen.push(`post ${x.itemSync()} ${y.itemSync()}`)
        return y.neg()
      }),
    ]
    expect(scale.forward(tensor([1])).itemSync()).toBe(-14)
    expect(seen).toEqual(['pre true 1', 'second 2', 'post 2 14'])
    for (const off of offs) off()
    expect(scale.forward(tensor([1])).itemSync()).toBe(8)
    expect(seen).toHaveLength(3)
  })

  test('may keep what they see', () => {
    const net = new Sequential(new Scale(), new Scale())
    const seen: Tensor[] = []
    net.at(0)!.registerForwardHook((_, __, y) => {
      seen.push(keep(y.detach()))
    })
    net.forward(tensor([1]))
    expect(seen[0]!.itemSync()).toBe(8)
  })
})

describe('modes', () => {
  test('train and eval reach every module', () => {
    const net = new Sequential(new Dropout(0.5), new Sequential(new Dropout(0.5)))
    expect(net.modules().every((m) => m.training)).toBe(true)
    expect(net.eval()).toBe(net)
    expect(net.modules().some((m) => m.training)).toBe(false)
    net.train()
    expect(net.modules().every((m) => m.training)).toBe(true)
  })

  test('requiresGrad freezes: no gradients, fewer trainable numbers', () => {
    const net = new Sequential(new Linear(2, 3), new Linear(3, 1))
    net.at(0)!.requiresGrad(false)
    expect(net.numParameters()).toBe(13)
    expect(net.numParameters({ trainable: true })).toBe(4)
    net
      .forward(ones([1, 2]))
      .sum()
      .backward()
    expect(net.parameters().map((t) => t.grad !== undefined)).toEqual([false, false, true, true])
    expect(net.requiresGrad().numParameters({ trainable: true })).toBe(13)
  })

  test('apply visits children first', () => {
    const order: AnyModule[] = []
    const net = new Sequential(new Sequential(new ReLU()), new Dropout())
    expect(net.apply((module) => order.push(module))).toBe(net)
    const [inner, dropout] = net.children()
    expect(order).toEqual([inner!.children()[0], inner, dropout, net])
  })
})

describe('state dicts', () => {
  const make = () => new Sequential(new Conv2d(2, 3, 3), new BatchNorm2d(3))
  const input = () => randn([2, 5, 5, 2])

  test('carry a module to another', () => {
    const [source, target] = [make(), make()]
    source.forward(input())
    expect(target.loadStateDict(source.stateDict())).toEqual({ missing: [], unexpected: [] })
    const x = input()
    expect(target.eval().forward(x).toArraySync()).toEqual(source.eval().forward(x).toArraySync())
  })

  test('share memory with the module, and keep its tensors', () => {
    const net = new Scale()
    const { factor } = net
    const dict = net.stateDict()
    net.loadStateDict({ factor: tensor([5]), running_shift: tensor([0]) })
    expect(net.factor).toBe(factor)
    expect(dict['factor']!.itemSync()).toBe(5)
    expect(dict['factor']!.requiresGrad).toBe(false)
  })

  test('are converted to the dtypes of the module', () => {
    const net = new Scale()
    net.loadStateDict({
      factor: tensor([5], { dtype: 'f64' }),
      running_shift: tensor([2], { dtype: 'i32' }),
    })
    expect([net.factor.dtype, net.factor.itemSync()]).toEqual(['f32', 5])
    expect([net.runningShift.dtype, net.runningShift.itemSync()]).toEqual(['f32', 2])
  })

  test('that do not fit are refused with everything that is wrong, and nothing is loaded', () => {
    const net = make()
    const { '0.bias': _, ...dict } = make().stateDict()
    dict['0.weight'] = zeros([3, 3, 2, 4])
    dict['1.weight'] = zeros([3])
    dict['fc.weight'] = zeros([1])
    dict['1.running_mean'] = zeros([3], { device: reference() })
    expect(() => net.loadStateDict(dict)).toThrow(
      'loadStateDict: the entries do not fit Sequential:\n' +
        '  missing: 0.bias\n' +
        '  unexpected: fc.weight\n' +
        '  0.weight: [3, 3, 2, 4] came, the module has [3, 3, 2, 3]\n' +
        '  1.running_mean: on reference, the module on reference; move one',
    )
    expect(net.stateDict()['1.weight']!.toArraySync()).toEqual([1, 1, 1])
  })

  test('may lack or add entries when not strict, but not differ in shape', () => {
    const net = new Scale()
    const strict = { strict: false }
    expect(net.loadStateDict({ factor: tensor([4]), other: tensor([1]) }, strict)).toEqual({
      missing: ['running_shift'],
      unexpected: ['other'],
    })
    expect(net.factor.itemSync()).toBe(4)
    expect(() => net.loadStateDict({ factor: zeros([2]) }, strict)).toThrow(
      'factor: [2] came, the module has [1]',
    )
  })

  test('may lack the count of batches, as old ones of PyTorch do', () => {
    const net = make()
    const { '1.num_batches_tracked': _, ...dict } = make().stateDict()
    expect(net.loadStateDict(dict).missing).toEqual([])
  })
})

describe('lifetimes', () => {
  test('dispose frees everything', () => {
    const net = new Net()
    scope(() =>
      net
        .forward(ones([1, 2]))
        .sum()
        .backward(),
    )
    expect(device.memory().buffers).toBe(2 * net.parameters().length + net.namedBuffers().length)
    net.dispose()
    expect(device.memory().buffers).toBe(0)
  })

  test('to moves parameters and buffers, with their roles', async () => {
    const other = reference()
    const net = new Sequential(new Scale(), new BatchNorm2d(1))
    net.at(0)!.requiresGrad(false)
    const names = Object.keys(net.stateDict())
    const x = ones([1, 2, 2, 1])
    const expected = net.eval().forward(x).toArraySync()
    expect(await net.to(other)).toBe(net)
    expect(Object.keys(net.stateDict())).toEqual(names)
    expect(Object.values(net.stateDict()).every((t) => t.device === other)).toBe(true)
    expect(net.parameters().map((t) => t.requiresGrad)).toEqual([false, true, true])
    const moved = await x.to(other)
    expect(net.forward(moved).toArraySync()).toEqual(expected)
  })

  test('shared parameters stay shared on another device', async () => {
    class Tied extends Module {
      parts = [new Linear(2, 2, { bias: false }), new Linear(2, 2, { bias: false })]

      forward(x: Tensor): Tensor {
        return x
      }
    }
    const net = new Tied()
    net.parts[1]!.weight = net.parts[0]!.weight
    await net.to(reference())
    expect(net.parts[1]!.weight).toBe(net.parts[0]!.weight)
    expect(net.parameters()).toHaveLength(1)
  })
})

test('toString shows the tree', () => {
  class Small extends Module {
    body = new Sequential(new Linear(2, 3), new ReLU())
    drop = new Dropout(0.2)

    forward(x: Tensor): Tensor {
      return x
    }
  }
  expect(String(new Small())).toBe(
    [
      'Small(',
      '  (body): Sequential(',
      '    (0): Linear(2, 3)',
      '    (1): ReLU()',
      '  )',
      '  (drop): Dropout(p=0.2)',
      ')',
    ].join('\n'),
  )
})
