import { describe, expect, it } from 'vitest'
import type { View } from './backend.ts'
import { DTypeError, ShapeError } from './errors.ts'
import {
  checkBounds,
  checkScalars,
  checkShape,
  checkViews,
  combinedType,
  flatKind,
  reducedAxes,
  step,
} from './operands.ts'
import { program } from './program/program.ts'
import { index } from './program/scalar.ts'

function view(shape: number[], strides: number[], offset = 0, elements = 24): View {
  return { buffer: { bytes: 4 * elements }, dtype: 'f32', shape, strides, offset }
}

describe('what a backend checks', () => {
  it('number and dtypes of the views', () => {
    const x = view([2], [1])
    checkViews([x, x], ['f32', 'f32'], 'input', 'add')
    expect(() => checkViews([x], ['f32', 'f32'], 'input', 'add')).toThrow(
      'add: 1 inputs came for 2',
    )
    expect(() => checkViews([x, x], ['f32', 'i32'], 'input', 'add')).toThrow(DTypeError)
    expect(() => checkViews([x, x], ['f32', 'i32'], 'input', 'add')).toThrow(
      'add: input 1 is f32; it must be i32',
    )
  })

  it('shapes and scalars', () => {
    checkShape(view([2, 3], [3, 1]), [2, 3], 'add')
    for (const shape of [[2], [2, 4]])
      expect(() => checkShape(view(shape, [1, 1]), [2, 3], 'add')).toThrow(
        `add: views of [${shape.join(', ')}] and [2, 3]; they must have one shape`,
      )
    const scale = program({ name: 'scale', inputs: ['f32'], scalars: ['f32'] }, (x, a) =>
      x!.mul(a!),
    )
    checkScalars(scale, [2])
    expect(() => checkScalars(scale, [])).toThrow('scale: 0 scalars came for 1')
  })

  it('that elements are inside of their buffer, and which is the last', () => {
    expect(checkBounds(view([4, 6], [6, 1]), 'copy')).toBe(23)
    expect(checkBounds(view([4, 6], [-6, 1], 18), 'copy')).toBe(23)
    expect(checkBounds(view([9, 6], [0, 1]), 'copy')).toBe(5)
    expect(checkBounds(view([0, 99], [99, 1], 1000), 'copy')).toBe(-1)
    expect(() => checkBounds(view([4, 6], [6, 1], 1), 'copy')).toThrow(
      'copy: a view reaches elements 1 to 24 of a buffer of 24',
    )
    expect(() => checkBounds(view([2], [-1]), 'copy')).toThrow(ShapeError)
  })

  it('how the elements lie', () => {
    const kind = (shape: number[], strides: number[]) =>
      flatKind(
        view(shape, strides),
        shape,
        shape.reduce((n, extent) => n * extent, 1),
        'add',
      )
    expect(kind([2, 3], [3, 1])).toBe(step.unit)
    expect(kind([2, 1, 3], [3, 99, 1])).toBe(step.unit)
    expect(kind([1, 1], [7, 7])).toBe(step.unit)
    expect(kind([2, 3], [0, 0])).toBe(step.fixed)
    expect(kind([2, 3], [0, 1])).toBe(step.strided)
    expect(kind([2, 3], [1, 2])).toBe(step.strided)
    expect(() => flatKind(view([2, 3], [3, 1]), [3, 2], 6, 'add')).toThrow(ShapeError)
  })

  it('which axes are reduced', () => {
    const x = view([2, 1, 3], [3, 3, 1])
    expect(reducedAxes([2, 1, 3], [x], view([2, 1, 1], [1, 1, 1]), 'sum')).toEqual([
      false,
      false,
      true,
    ])
    expect(() => reducedAxes([2, 1, 3], [x], view([2, 1, 2], [2, 2, 1]), 'sum')).toThrow(
      'sum: [2, 1, 3] does not reduce to [2, 1, 2]; each axis keeps its size or becomes 1',
    )
    expect(() => reducedAxes([2, 2, 3], [x], view([1, 1, 1], [1, 1, 1]), 'sum')).toThrow(ShapeError)
  })

  it('what a reduction gives to its finish', () => {
    const same = (dtype: 'f32' | 'bool') => program({ name: 'same', inputs: [dtype] }, (x) => x!)
    const half = program({ name: 'half', inputs: ['f32'] }, (x) => x!.mul(0.5))
    const ramp = program({ name: 'ramp', inputs: ['f32'] }, (x) => x!.add(index(0).cast('f32')))
    expect(combinedType({ program: same('f32'), combine: 'sum', finish: half })).toBe('f32')
    expect(combinedType({ program: same('bool'), combine: 'argmax' })).toBe('i32')
    expect(() => combinedType({ program: same('bool'), combine: 'prod' })).toThrow(
      'same: a prod of bool; cast to i32 first',
    )
    expect(() => combinedType({ program: same('f32'), combine: 'argmin', finish: half })).toThrow(
      'half: takes f32; the combined value is i32',
    )
    expect(() => combinedType({ program: same('f32'), combine: 'sum', finish: ramp })).toThrow(
      'ramp: a finish has no index or position',
    )
  })
})
