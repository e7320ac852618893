import { beforeAll, describe, expect, it } from 'vitest'
import { record } from './autograd.ts'
import { gradCheck } from './gradcheck.ts'
import { dropout, noGrad, reference, setDevice, type Tensor, tensor } from './index.ts'
import { MapOp, runMap } from './ops/map.ts'
import { program } from './program/program.ts'

const device = reference()
beforeAll(() => setDevice(device))

const f64 = (values: number[]) => tensor(values, { dtype: 'f64' })

/** Its gradient should be 2x. */
const wrong = new MapOp(
  program({ name: 'wrong', inputs: ['f64'] }, (x) => x!.mul(x!)),
  (g, _, [x]) => [g.mul(x!)],
)

describe('gradCheck', () => {
  it('passes right gradients, of first and second order', () => {
    gradCheck((x, y) => x.exp().mul(y).tanh(), [f64([0.2, -1]), f64([0.4])], { order: 2 })
  })

  it('takes several outputs and leaves integers alone', () => {
    const at = tensor([1, 0, 1], { dtype: 'i32' })
    gradCheck((x, i) => [x.square(), x.gather(0, i), i], [f64([0.3, 0.5]), at])
  })

  it('accepts functions that are flat', () => {
    gradCheck((x) => x.floor(), [f64([0.3, 1.7])], { order: 2 })
  })

  it('leaves no buffers behind', () => {
    const x = f64([0.3, 0.5])
    const before = device.memory().buffers
    gradCheck((t) => t.sigmoid(), [x], { order: 2 })
    expect(device.memory().buffers).toBe(before)
  })

  it('names the worst elements of a wrong gradient', () => {
    const f = (x: Tensor) => runMap(wrong, [x])
    expect(() => gradCheck(f, [f64([1, 3, 0])])).toThrowError(
      /^gradCheck: 2 elements differ .*the worst:\n {2}input 0 at \[1\]: analytic 2\.2\d+, numeric 4\.4\d+\n {2}input 0 at \[0\]/,
    )
  })

  it('finds a wrong second order behind a right first', () => {
    // The rule of x² with the saved x taken for a constant.
    const square = (x: Tensor) =>
      record(
        'square',
        noGrad(() => x.square()),
        [x],
        [x],
        (g, [saved]) => [g.mul(saved!.detach().mul(2))],
      )
    gradCheck(square, [f64([1, 3])])
    expect(() => gradCheck(square, [f64([1, 3])], { order: 2 })).toThrowError(
      /^gradCheck of the gradient: 2 elements differ/,
    )
  })

  it('refuses f32 and less', () => {
    expect(() => gradCheck((x) => x.exp(), [tensor([1])])).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: gradCheck: input 0 is f32, in which differences are too coarse; cast it to f64, on a device that has it (reference() does)]`,
    )
    for (const dtype of ['f16', 'bf16'] as const)
      expect(() => gradCheck((x) => x.exp(), [tensor([1], { dtype })])).toThrow(
        `input 0 is ${dtype}, in which differences are too coarse`,
      )
  })

  it('refuses functions that are not deterministic', () => {
    expect(() =>
      gradCheck((x) => dropout(x, 0.5), [f64([1, 2, 3, 4, 5, 6, 7, 8])]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gradCheck: two calls with the same inputs gave different values; make the function deterministic (fix its seed)]`,
    )
  })

  it('refuses inputs and outputs without floats', () => {
    const i = tensor([1], { dtype: 'i32' })
    expect(() => gradCheck((x) => x, [i])).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gradCheck: no input is a float; there is nothing to differentiate for]`,
    )
    expect(() => gradCheck((x) => x.gt(0), [f64([1])])).toThrowErrorMatchingInlineSnapshot(
      `[ArgumentError: gradCheck: the function gave no floats; there is nothing to differentiate]`,
    )
  })
})
