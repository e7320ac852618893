/** What ops say of input that does not fit, where no other test has it. */
import { beforeAll, expect, test } from 'vitest'
import { fftn } from '../fft/index.ts'
import {
  add,
  avgPool2d,
  cdist,
  conv3d,
  convTranspose2d,
  diag,
  fold,
  interpolate,
  maxPool2d,
  meshgrid,
  pad,
  permute,
  reference,
  setDevice,
  split,
  tensor,
  zeros,
} from '../index.ts'
import { program, updateInPlace } from '../program-index.ts'

beforeAll(() => setDevice(reference()))

const cases: readonly (readonly [run: () => unknown, message: string])[] = [
  [() => meshgrid([zeros([2, 2])]), 'meshgrid: a tensor with 2 axes; vectors have one'],
  [() => diag(zeros([1, 2, 3])), 'diag: [1, 2, 3]: it takes a vector or a matrix'],
  [
    () => pad(zeros([2, 3]), [[1, 1]]),
    'pad: [[1, 1]] must be one pair of whole numbers for each axis of [2, 3]',
  ],
  [
    () =>
      conv3d(zeros([1, 4, 4, 4, 1]), zeros([3, 3, 3, 1, 1]), undefined, {
        padding: 'same',
        stride: 2,
      }),
    "conv3d: padding 'same' with stride 2; it needs stride 1",
  ],
  [
    () => convTranspose2d(zeros([1, 1, 1, 1]), zeros([1, 1, 1, 1]), undefined, { padding: 1 }),
    'convTranspose2d: [1, 1, 1, 1] gives -1 x -1 pixels; use less padding',
  ],
  [() => add(1, 2), 'add: only numbers came; at least one operand must be a tensor'],
  [() => split(zeros([5]), [2, 2]), 'split: sizes [2, 2] do not add up to axis 0 of [5]'],
  [
    () => fold(zeros([1, 2, 2, 2, 2, 1]), [5, 5]),
    'fold: [1, 2, 2, 2, 2, 1] for an image of 5 x 5: windows are [N, OH, OW, R, S, C]',
  ],
  [
    () => interpolate(zeros([1, 4, 4, 1]), { size: [2, 0] }),
    'interpolate: size is [2, 0] for [1, 4, 4, 1]; it must be 2 numbers > 0',
  ],
  [
    () => interpolate(zeros([1, 4, 4, 1]), { size: 2, mode: 'nearest', antialias: true }),
    "interpolate: antialias in mode 'nearest'; use bilinear or bicubic",
  ],
  [
    () => cdist(zeros([2, 3]), zeros([2, 4])),
    'cdist: [2, 3] and [2, 4]: [..., P, M] and [..., R, M] have one M',
  ],
  [
    () => permute(zeros([2, 3]), [0, 0]),
    'permute: [0, 0] must name each of the 2 axes of [2, 3] once',
  ],
  [
    () => maxPool2d(zeros([1, 4, 4, 1]), 2, { padding: 2 }),
    'maxPool2d: padding [2, 2] is more than half of the window [2, 2]',
  ],
  [
    () => avgPool2d(zeros([1, 2, 2, 1]), 3),
    'avgPool2d: a window of 3 x 3 does not fit [1, 2, 2, 1] with padding [0, 0]',
  ],
  [
    () => program({ name: 'bad', inputs: ['bool'] }, (x) => x!.exp()),
    'exp: bool came; it takes f32, f64',
  ],
  [() => fftn(tensor(1)), 'fftn: it needs one axis at least'],
]

test.each(cases)('%#: %s', (run, message) => {
  expect(run).toThrow(message)
})

test('updateInPlace takes leaves of the right dtype', () => {
  const copy = program({ name: 'copy', inputs: ['f32'] }, (x) => x!)
  const made = zeros([2], { requiresGrad: true }).mul(2)
  expect(() => updateInPlace(copy, [zeros([2])], [made])).toThrow(
    'copy: the tensor to write was made by mul; only leaves can be written, use detach()',
  )
  expect(() => updateInPlace(copy, [zeros([2])], [zeros([2], { dtype: 'i32' })])).toThrow(
    'copy: output 0 is f32, its target i32',
  )
})
