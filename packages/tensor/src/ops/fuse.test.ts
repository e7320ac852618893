import { beforeEach, describe, expect, it, vi } from 'vitest'
import { gradCheck } from '../gradcheck.ts'
import { reference, scope, setDevice, type Tensor, tensor } from '../index.ts'
import { program } from '../program/program.ts'
import { index } from '../program/scalar.ts'
import { fuse } from './fuse.ts'
import { mapProgram } from './map.ts'

let device = reference()
beforeEach(() => {
  device = reference()
  setDevice(device)
})

const f64 = { dtype: 'f64' } as const
const leaf = (values: number[] | number[][]) => tensor(values, { ...f64, requiresGrad: true })

const gate = (x: Tensor, w: Tensor, b: Tensor): Tensor => x.mul(w).add(b).sigmoid().mul(x)
const operands = (): [Tensor, Tensor, Tensor] => [
  leaf([
    [0.3, -1.2, 2.5],
    [0.7, 0.1, -0.4],
  ]),
  leaf([1.5, -0.5, 0.25]),
  leaf([[0.2], [-0.1]]),
]

describe('fuse', () => {
  it('gives the values and gradients of the ops one by one, with broadcasting', () => {
    const fused = fuse(gate)
    const [one, other] = [operands(), operands()]
    const y = fused(...one)
    expect(y.toArraySync()).toEqual(gate(...other).toArraySync())
    y.square().sum().backward()
    gate(...other)
      .square()
      .sum()
      .backward()
    one.forEach((t, i) => {
      const expected = other[i]!.grad!.dataSync()
      t.grad!.dataSync().forEach((value, k) => {
        expect(value).toBeCloseTo(expected[k]!, 14)
      })
    })
  })

  it('passes gradient checks of first and second order', () => {
    gradCheck(fuse(gate), operands())
    const softly = fuse((x: Tensor, y: Tensor) => x.softplus().sub(y.tanh()).relu().gelu())
    gradCheck(softly, [leaf([0.4, -1.1, 3]), leaf([-0.2, 1.3, 0.6])])
  })

  it('runs as one kernel, and saves the arguments alone', () => {
    const fused = fuse((x: Tensor, y: Tensor) => x.mul(y).tanh().add(x).exp())
    const [x, y] = [leaf([1, 2]), leaf([3, 4])]
    const map = vi.spyOn(device, 'map')
    const before = device.memory().buffers
    const out = fused(x, y)
    expect(map).toHaveBeenCalledTimes(1)
    expect(device.memory().buffers).toBe(before + 1)
    out.sum().backward()
    // The forward kernel, the seed of the walk, and one kernel for both gradients.
    expect(map.mock.calls.map(([program]) => program.name)).toHaveLength(3)
  })

  it("uses the gradients that ops bring, and their outputs' saved values", () => {
    // The derived gradient of relu at 0 would be a matter of taste; the row says 0.
    const x = leaf([-1, 0, 2])
    fuse((t: Tensor) => t.relu().mul(3))(x)
      .sum()
      .backward()
    expect(x.grad!.toArraySync()).toEqual([0, 0, 3])
  })

  it('takes numbers as arguments, another one at each call, without another kernel', () => {
    const scaled = fuse((x: Tensor, low: Tensor, factor: Tensor) => x.maximum(low).mul(factor))
    const x = leaf([-1, 0.5])
    const map = vi.spyOn(device, 'map')
    expect(scaled(x, 0, 2).toArraySync()).toEqual([0, 1])
    expect(scaled(x, -3, 10).toArraySync()).toEqual([-10, 5])
    expect(map.mock.calls[0]![0]).toBe(map.mock.calls[1]![0])
    expect(scaled(x, tensor([0, 1], f64), 2).toArraySync()).toEqual([0, 2])
  })

  it('takes conditions and integers, and converts as the ops do', () => {
    const pick = fuse((c: Tensor, a: Tensor, b: Tensor) => c.where(a.mul(2), b))
    const mask = tensor([1, 0], { dtype: 'bool' })
    expect(pick(mask, tensor([1, 2], { dtype: 'i32' }), 0.5).toArraySync()).toEqual([2, 0.5])
    const b = leaf([7, 8])
    const out = pick(mask, tensor([1, 2], { dtype: 'i32' }), b)
    expect(out.dtype).toBe('f64')
    out.sum().backward()
    expect(b.grad!.toArraySync()).toEqual([0, 1])
  })

  it('gives no gradient to what does not matter', () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])]
    fuse((a: Tensor, b: Tensor) => a.square().add(b.detach()))(x, y)
      .sum()
      .backward()
    expect(x.grad!.toArraySync()).toEqual([2, 4])
    expect(y.grad).toBeUndefined()
  })

  it('leaves no memory behind', () => {
    const inputs = operands()
    const fused = fuse(gate)
    scope(() =>
      fused(...inputs)
        .sum()
        .backward(),
    )
    for (const t of inputs) t.grad!.dispose()
    const held = device.memory().buffers
    scope(() => {
      fused(...inputs)
    })
    expect(device.memory().buffers).toBe(held)
  })

  it('refuses what is not elementwise, and says what', () => {
    const x = leaf([1, 2])
    expect(() => fuse((t: Tensor) => t.sub(t.sum()))(x)).toThrow(
      'fuse: a reduction is no elementwise op; keep it outside of the fused function',
    )
    expect(() => fuse((t: Tensor) => t.unsqueeze(0), { name: 'lift' })(x)).toThrow(
      'lift: the fused function works on single elements, of shape [], and gave [1]; change shapes outside of it',
    )
    expect(() => fuse((t: Tensor) => t.mul(x))(x)).toThrow(
      'mul: tensors on two devices, fuse (which takes every tensor as an argument) and reference',
    )
    expect(() => fuse((_: Tensor) => x, { name: 'constant' })(x)).toThrow(
      'constant: the fused function must give a tensor made from its arguments',
    )
    const ramp = program({ name: 'ramp', inputs: ['f64'] }, (v) => v!.add(index(0).cast('f64')))
    expect(() => fuse((t: Tensor) => mapProgram(ramp, [t]))(x)).toThrow(
      'fuse: ramp is no elementwise op',
    )
    expect(() => fuse((t: Tensor) => t.mul(tensor([1], { ...f64, device: t.device })))(x)).toThrow(
      'fuse: a tensor made from values is no elementwise op',
    )
    expect(() => fuse((t: Tensor) => t.exp(), { name: 'grow' })(2)).toThrow(
      'grow: no tensor came; at least one argument must be a tensor',
    )
    expect(() => fuse(gate)(leaf([1, 2]), leaf([1, 2, 3]), 0)).toThrow('gate: [2] and [3]')
  })
})
