import { beforeAll, describe, expect, it } from 'vitest'
import {
  arange,
  avgPool2d,
  bernoulli,
  concat,
  conv2d,
  dropout,
  full,
  Generator,
  gather,
  getDevice,
  linspace,
  matmul,
  maxPool2d,
  NablaError,
  oneHot,
  pad,
  rand,
  randint,
  reference,
  scatterAdd,
  setDevice,
  softmax,
  stack,
  tensor,
  zeros,
} from './index.ts'

beforeAll(() => setDevice(reference()))

/** The message of the error that `body` throws, which must be one of ours. */
function messageOf(body: () => unknown): string {
  try {
    body()
  } catch (error) {
    if (error instanceof NablaError) return `${error.name}: ${error.message}`
    throw error
  }
  throw new Error('nothing was thrown')
}

const ints = (values: number[]) => tensor(values, { dtype: 'i32' })

describe('devices', () => {
  it('have to be set', () => {
    const before = getDevice()
    setDevice(undefined)
    expect(messageOf(() => zeros([1]))).toMatchInlineSnapshot(
      `"DeviceError: no device is set: call setDevice(await cpu()) with @nablajs/backend-cpu, or setDevice(reference()) for the float64 reference, or pass { device }"`,
    )
    setDevice(before)
  })

  it('are not mixed', () => {
    const other = zeros([1], { device: reference() })
    expect(messageOf(() => zeros([1]).add(other))).toMatchInlineSnapshot(
      `"DeviceError: add: tensors on two devices, reference and reference; move one with await t.to(device)"`,
    )
  })

  it('have their dtypes', () => {
    const device = { ...reference(), name: 'small', dtypes: new Set(['f32', 'i32'] as const) }
    expect(messageOf(() => zeros([1], { device, dtype: 'f64' }))).toMatchInlineSnapshot(
      `"DTypeError: f64 is not available on the small device; it has f32, i32"`,
    )
  })
})

describe('creation', () => {
  it('needs regular arrays and fitting shapes', () => {
    expect(messageOf(() => tensor([[1, 2], [3]]))).toMatchInlineSnapshot(
      `"ShapeError: tensor: ragged array: expected 2 at depth 1, found 1 elements"`,
    )
    expect(messageOf(() => tensor([[1], 2]))).toMatchInlineSnapshot(
      `"ShapeError: tensor: ragged array: expected 1 at depth 1, found a number"`,
    )
    expect(messageOf(() => tensor([1, 2, 3], { shape: [2, 2] }))).toMatchInlineSnapshot(
      `"ShapeError: tensor: 3 values do not fill [2, 2] (4 elements)"`,
    )
    expect(messageOf(() => full([2, -1], 0))).toMatchInlineSnapshot(
      `"ShapeError: full: [2,-1] is not a shape; sizes are whole numbers >= 0"`,
    )
    expect(messageOf(() => full([1.5], 0))).toMatchInlineSnapshot(
      `"ShapeError: full: [1.5] is not a shape; sizes are whole numbers >= 0"`,
    )
  })

  it('needs ranges with an end', () => {
    expect(messageOf(() => arange(0, 5, 0))).toMatchInlineSnapshot(
      `"ArgumentError: arange: from 0 to 5 by 0 has no end; step must lead there"`,
    )
    expect(messageOf(() => arange(Number.POSITIVE_INFINITY))).toMatchInlineSnapshot(
      `"ArgumentError: arange: from 0 to Infinity by 1 has no end; step must lead there"`,
    )
    expect(linspace(0, 1, 1).toArraySync()).toEqual([0])
  })

  it('needs integer labels', () => {
    expect(messageOf(() => oneHot(tensor([1]), 2))).toMatchInlineSnapshot(
      `"ArgumentError: oneHot: the labels are f32; they must be integers"`,
    )
  })
})

describe('elementwise ops', () => {
  it('name themselves and the shapes', () => {
    expect(messageOf(() => zeros([2, 3]).add(zeros([4, 3])))).toMatchInlineSnapshot(
      `"ShapeError: add: [2, 3] and [4, 3] do not broadcast: sizes 2 and 4 differ on axis -2"`,
    )
    expect(messageOf(() => zeros([2]).where(zeros([3]), 0))).toMatchInlineSnapshot(
      `"ShapeError: where: [2] and [3] do not broadcast: sizes 2 and 3 differ on axis -1"`,
    )
  })

  it('take the dtypes that make sense', () => {
    expect(messageOf(() => zeros([2]).and(ints([1, 2])))).toMatchInlineSnapshot(
      `"DTypeError: and: f32 came; it takes bool, i32 and u32"`,
    )
    expect(messageOf(() => ints([1, 2]).or(0.5))).toMatchInlineSnapshot(
      `"DTypeError: or: it takes bool and integers, not fractions"`,
    )
    expect(messageOf(() => softmax(ints([1, 2])))).toMatchInlineSnapshot(
      `"DTypeError: softmax: i32 came; it takes floats"`,
    )
    // @ts-expect-error no such dtype
    expect(messageOf(() => zeros([2]).cast('f8'))).toMatchInlineSnapshot(
      `"DTypeError: cast: "f8" is not a dtype; use bool, u32, i32, f16, bf16, f32, f64"`,
    )
  })
})

describe('reductions', () => {
  it('need axes that exist and elements', () => {
    expect(messageOf(() => zeros([2]).sum(1))).toMatchInlineSnapshot(
      `"ShapeError: sum: axis 1 is not an axis of a tensor with 1 axes; it must be in -1 .. 0"`,
    )
    expect(messageOf(() => zeros([2, 2]).mean([0, -2]))).toMatchInlineSnapshot(
      `"ShapeError: mean: axis 0 is named twice"`,
    )
    expect(messageOf(() => zeros([0, 3]).max(0))).toMatchInlineSnapshot(
      `"ShapeError: max: [0, 3] has no elements on the axes to reduce"`,
    )
    expect(messageOf(() => zeros([3, 0]).argmin())).toMatchInlineSnapshot(
      `"ShapeError: argmin: [3, 0] has no elements on the axes to reduce"`,
    )
    expect(messageOf(() => zeros([3]).variance(0, { correction: -1 }))).toMatchInlineSnapshot(
      `"ArgumentError: variance: correction is -1; it must be >= 0"`,
    )
  })
})

describe('movement', () => {
  it('keeps elements', () => {
    expect(messageOf(() => zeros([2, 3]).reshape([4]))).toMatchInlineSnapshot(
      `"ShapeError: reshape: [2, 3] has 6 elements and does not fit [4]"`,
    )
    expect(messageOf(() => zeros([2, 3]).permute([0, 0]))).toMatchInlineSnapshot(
      `"ShapeError: permute: [0, 0] must name each of the 2 axes of [2, 3] once"`,
    )
    expect(messageOf(() => zeros([2, 3]).expand([4, 3]))).toMatchInlineSnapshot(
      `"ShapeError: expand: [2, 3] does not broadcast to [4, 3]"`,
    )
    expect(messageOf(() => zeros([2, 3]).squeeze(0))).toMatchInlineSnapshot(
      `"ShapeError: squeeze: axis 0 of [2, 3] has size 2, not 1"`,
    )
    expect(messageOf(() => zeros([2, 3, 4]).flatten(2, 1))).toMatchInlineSnapshot(
      `"ShapeError: flatten: axis 2 comes after axis 1 in [2, 3, 4]"`,
    )
  })

  it('stays inside', () => {
    expect(messageOf(() => zeros([2, 3]).slice(2))).toMatchInlineSnapshot(
      `"ShapeError: slice: index 2 is outside of axis 0 of [2, 3]"`,
    )
    expect(messageOf(() => zeros([2]).slice(0, 0))).toMatchInlineSnapshot(
      `"ShapeError: slice: 2 ranges for [2]"`,
    )
    expect(messageOf(() => zeros([2]).slice({ step: 0 }))).toMatchInlineSnapshot(
      `"ArgumentError: slice: step is 0; it must be a whole number other than 0"`,
    )
    expect(messageOf(() => pad(zeros([2]), [[1, 0.5]]))).toMatchInlineSnapshot(
      `"ShapeError: pad: [[1, 0.5]] must be one pair of whole numbers for each axis of [2]"`,
    )
  })

  it('joins what fits', () => {
    expect(messageOf(() => concat([]))).toMatchInlineSnapshot(
      `"ArgumentError: concat: an empty list; it needs at least one tensor"`,
    )
    expect(messageOf(() => concat([zeros([2, 3]), zeros([2, 4])]))).toMatchInlineSnapshot(
      `"ShapeError: concat: f32 [2, 3] and f32 [2, 4] may differ only on axis 0"`,
    )
    expect(messageOf(() => concat([zeros([2]), ints([1])]))).toMatchInlineSnapshot(
      `"ShapeError: concat: f32 [2] and i32 [1] may differ only on axis 0"`,
    )
    expect(messageOf(() => stack([zeros([2]), zeros([3])]))).toMatchInlineSnapshot(
      `"ShapeError: concat: f32 [1, 2] and f32 [1, 3] may differ only on axis 0"`,
    )
  })
})

describe('kernels', () => {
  it('show both operands of a product', () => {
    expect(messageOf(() => matmul(zeros([32, 10]), zeros([12, 4])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: [32, 10] x [12, 4]: inner sizes 10 and 12 differ"`,
    )
    expect(messageOf(() => matmul(zeros([]), zeros([2])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: [] x [2]: a single number is no matrix; use mul"`,
    )
    expect(messageOf(() => matmul(zeros([2, 3, 4]), zeros([5, 4, 2])))).toMatchInlineSnapshot(
      `"ShapeError: matmul: [2] and [5] do not broadcast: sizes 2 and 5 differ on axis -1"`,
    )
  })

  it('explain what a convolution needs', () => {
    const x = zeros([1, 4, 4, 3])
    expect(messageOf(() => conv2d(zeros([4, 4, 3]), zeros([3, 3, 3, 8])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: [4, 4, 3] with weight [3, 3, 3, 8]: images are [N, H, W, C], weights [R, S, C / groups, K]"`,
    )
    expect(messageOf(() => conv2d(x, zeros([3, 3, 2, 8])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: [1, 4, 4, 3] with weight [3, 3, 2, 8] in 1 groups: C = 3 must be groups x 2, and K = 8 a multiple of groups"`,
    )
    expect(messageOf(() => conv2d(x, zeros([5, 5, 3, 8])))).toMatchInlineSnapshot(
      `"ShapeError: conv2d: [1, 4, 4, 3] with weight [5, 5, 3, 8]: the kernel spans 5 x 5 pixels, more than the padded image (4 x 4); pad it or use a smaller kernel"`,
    )
    expect(
      messageOf(() => conv2d(x, zeros([3, 3, 3, 8]), undefined, { stride: 0 })),
    ).toMatchInlineSnapshot(
      `"ArgumentError: conv2d: stride is 0; it must be a whole number >= 1, or two of them"`,
    )
    expect(
      messageOf(() => conv2d(x, zeros([3, 3, 3, 8]), undefined, { padding: 'same', stride: 2 })),
    ).toMatchInlineSnapshot(
      `"ArgumentError: conv2d: padding 'same' with stride [2, 2]; it needs stride 1"`,
    )
    expect(messageOf(() => conv2d(x, zeros([3, 3, 3, 8], { dtype: 'i32' })))).toMatchInlineSnapshot(
      `"DTypeError: conv2d: images of f32 and weights of i32; cast one"`,
    )
  })

  it('explain what pooling needs', () => {
    const x = zeros([1, 4, 4, 3])
    expect(messageOf(() => maxPool2d(zeros([4, 4]), 2))).toMatchInlineSnapshot(
      `"ShapeError: maxPool2d: [4, 4]: images are [N, H, W, C]"`,
    )
    expect(messageOf(() => maxPool2d(x, 5))).toMatchInlineSnapshot(
      `"ShapeError: maxPool2d: a window of 5 x 5 does not fit [1, 4, 4, 3] with padding [0, 0]"`,
    )
    expect(messageOf(() => maxPool2d(x, 2, { padding: 2 }))).toMatchInlineSnapshot(
      `"ArgumentError: maxPool2d: padding [2, 2] is more than half of the window [2, 2]"`,
    )
    expect(messageOf(() => avgPool2d(x, 2, { divisorOverride: 0 }))).toMatchInlineSnapshot(
      `"ArgumentError: avgPool2d: divisorOverride is 0"`,
    )
  })

  it('check an index', () => {
    const x = zeros([2, 3])
    expect(messageOf(() => gather(x, 0, zeros([2, 3])))).toMatchInlineSnapshot(
      `"DTypeError: gather: the index is f32; it must be i32"`,
    )
    expect(messageOf(() => gather(x, 0, ints([0])))).toMatchInlineSnapshot(
      `"ShapeError: gather: the index is [1]; but on axis 0 it must not be larger than [2, 3]"`,
    )
    const at = tensor([[0, 1, 0]], { dtype: 'i32' })
    const source = zeros([1, 3], { dtype: 'i32' })
    expect(messageOf(() => scatterAdd(x, 0, at, source))).toMatchInlineSnapshot(
      `"ShapeError: scatterAdd: the source is i32 [1, 3]; it must be f32 [1, 3], as the index"`,
    )
  })
})

describe('random', () => {
  it('has ranges', () => {
    expect(messageOf(() => new Generator(-1))).toMatchInlineSnapshot(
      `"ArgumentError: seed: -1 is not a whole number in 0 .. 4294967295"`,
    )
    expect(messageOf(() => randint([2], 3, 3))).toMatchInlineSnapshot(
      `"ArgumentError: randint: [3, 3) must be a non-empty range of whole numbers"`,
    )
    expect(messageOf(() => rand([2], { dtype: 'i32' }))).toMatchInlineSnapshot(
      `"DTypeError: uniform: i32 came; random numbers are floats; use randint for whole ones"`,
    )
    expect(messageOf(() => dropout(zeros([2]), 1.5))).toMatchInlineSnapshot(
      `"ArgumentError: dropout: p is 1.5; it must be in 0 .. 1"`,
    )
    expect(bernoulli([2], 1).toArraySync()).toEqual([1, 1])
  })
})

describe('reading', () => {
  it('takes one element for item', () => {
    expect(messageOf(() => zeros([2]).itemSync())).toMatchInlineSnapshot(
      `"ShapeError: itemSync: the tensor is [2]; it must have one element"`,
    )
  })
})
