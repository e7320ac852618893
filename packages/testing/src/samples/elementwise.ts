/** Samples of elementwise ops, made from what their rows say: none are written by hand. */
import type { ElementwiseRow, Shape, Tensor } from '@nablajs/tensor'
import { given, type Input, Inputs, type LayoutName, type Sample, specials } from '../sample.ts'

export interface ElementwiseOp {
  (...operands: (Tensor | number | undefined)[]): Tensor
  readonly row: ElementwiseRow
}

/** Operands that are numbers only, by the types of the op. */
const numbersOnly: Readonly<Record<string, readonly number[]>> = { softplus: [1, 2] }

/** Their results have no gradient. */
const givesBool = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'isnan', 'isinf', 'isfinite'])

/** A bool may be 0, and the remainder of integers by 0 may be anything. */
const divides = new Set(['remainder', 'fmod', 'floorDivide'])

const shapes: readonly Shape[] = [[], [1], [7], [3, 5], [2, 3, 5], [2, 1, 3, 4], [0, 3], [1031]]

const broadcasts: readonly (readonly [Shape, Shape, Shape])[] = [
  [[3, 1], [1, 4], [1]],
  [[5], [3, 5], [3, 1]],
  [
    [2, 3, 1, 4],
    [3, 5, 1],
    [5, 1],
  ],
  [[], [3], []],
  [[0, 3], [1, 3], [3]],
  [[2, 1, 1], [2, 37, 41], [41]],
]

const mixedLayouts: readonly (readonly [LayoutName, LayoutName, LayoutName])[] = [
  ['transposed', 'dense', 'dense'],
  ['transposed', 'transposed', 'transposed'],
  ['strided', 'reversed', 'dense'],
  ['dense', 'expanded', 'strided'],
  ['expanded', 'dense', 'transposed'],
]

const inputTypes = ['i32', 'u32', 'bool'] as const

const mixedTypes = [
  ['i32', 'bool'],
  ['u32', 'i32'],
  ['bool', 'u32'],
] as const

const integerExtremes = {
  i32: [2 ** 31 - 1, -(2 ** 31), -1, 1, 65537, -7],
  u32: [2 ** 32 - 1, 2 ** 31, 1, 65537, 7, 3],
} as const

const show = (shape: Shape): string => `[${shape.join(', ')}]`

/** All tuples of `values`, as one column for each operand. */
function pairs(values: readonly number[]): readonly [number[], number[]] {
  return [values.flatMap((a) => values.map(() => a)), values.flatMap(() => [...values])]
}

class Builder {
  readonly name: string
  readonly row: ElementwiseRow
  readonly op: ElementwiseOp
  readonly count: number
  readonly inputs: Inputs
  readonly samples: Sample[] = []

  constructor(name: string, op: ElementwiseOp) {
    this.name = name
    this.op = op
    this.row = op.row
    this.count = op.row.forward.length
    this.inputs = new Inputs(name)
  }

  domain(operand: number): readonly [number, number] {
    const { domain } = this.row
    return domain?.[domain.length === 1 ? 0 : operand] ?? [-2, 2]
  }

  isCondition(operand: number): boolean {
    return this.row.conditions?.includes(operand) ?? false
  }

  isNumber(operand: number): boolean {
    return numbersOnly[this.name]?.includes(operand) ?? false
  }

  /** How many operands may be tensors. */
  #tensors(): number {
    return this.count - (numbersOnly[this.name]?.length ?? 0)
  }

  /** An operand of the op's own kind. */
  drawn(operand: number, shape: Shape, layout: LayoutName = 'dense'): Input {
    if (this.isCondition(operand)) return this.inputs.integers('bool', shape, 0, 1, layout)
    if (this.row.accepts === 'bits') return this.inputs.integers('i32', shape, -9, 9, layout)
    return this.inputs.floats(shape, ...this.domain(operand), layout)
  }

  /** A sample in which some operands are numbers, given by place; those that must be come from their domain. */
  add(
    aspect: string,
    label: string,
    operands: readonly Input[],
    rest: Partial<Sample> = {},
    numbers: Readonly<Record<number, number>> = {},
  ): void {
    const places = Array.from({ length: this.count }, (_, i) => {
      const [low, high] = this.domain(i)
      return this.isNumber(i) ? (low + high) / 2 : numbers[i]
    })
    const taken = places.flatMap((value, i) => (value === undefined ? [i] : []))
    const { op } = this
    this.samples.push({
      aspect,
      label,
      inputs: taken.map((i) => operands[i]!),
      run: (...tensors) => op(...places.map((value, i) => value ?? tensors[taken.indexOf(i)])),
      ...rest,
    })
  }

  all(shape: Shape, draw: (operand: number) => Input = (i) => this.drawn(i, shape)): Input[] {
    return Array.from({ length: this.count }, (_, i) => draw(i))
  }

  addShapes(): void {
    for (const shape of shapes) this.add('shapes', show(shape), this.all(shape))
    if (this.count === 1) return
    for (const three of broadcasts)
      this.add(
        'shapes',
        three.slice(0, this.count).map(show).join(' '),
        this.all([], (i) => this.drawn(i, three[i % 3]!)),
      )
  }

  addLayouts(): void {
    for (const three of mixedLayouts)
      for (const shape of [
        [4, 6],
        [2, 3, 5],
        [33, 31],
      ])
        this.add(
          'layouts',
          `${three.slice(0, this.count).join(' ')} ${show(shape)}`,
          this.all(shape, (i) => this.drawn(i, shape, three[i % 3]!)),
        )
  }

  addNumbers(): void {
    const { op, count } = this
    for (let place = 0; place < count; place++) {
      if (this.isCondition(place) || (place === 0 && this.#tensors() === 1)) continue
      const [low, high] = this.domain(place)
      const value = this.row.accepts === 'bits' ? 6 : this.inputs.random.float(low, high)
      this.add('numbers', `operand ${place} is ${value}`, this.all([3, 5]), {}, { [place]: value })
    }
    const { defaults } = this.row
    if (defaults)
      this.samples.push({
        aspect: 'numbers',
        label: 'defaults',
        inputs: defaults.flatMap((value, i) =>
          value === undefined ? [this.drawn(i, [3, 5])] : [],
        ),
        run: (...tensors) => op(...tensors),
      })
  }

  addTypes(): void {
    const kind = this.row.accepts ?? 'any'
    const draw = (operand: number, dtype: 'i32' | 'u32' | 'bool', shape: Shape): Input =>
      this.inputs.integers(this.isCondition(operand) ? 'bool' : dtype, shape)
    const allowed = (dtype: string): boolean => dtype !== 'bool' || !divides.has(this.name)
    for (const dtype of inputTypes)
      if (allowed(dtype))
        this.add(
          'dtypes',
          dtype,
          this.all([4, 5], (i) => draw(i, dtype, [4, 5])),
        )
    if (this.count > 1) {
      for (const mix of mixedTypes)
        if (allowed(mix[1]))
          this.add(
            'dtypes',
            mix.join(' '),
            this.all([4, 5], (i) => draw(i, mix[i % 2]!, i === 0 ? [4, 1] : [4, 5])),
          )
      if (kind !== 'bits') {
        this.add(
          'dtypes',
          'i32 float',
          this.all([4, 5], (i) => (i % 2 === 0 ? draw(i, 'i32', [4, 5]) : this.drawn(i, [5]))),
        )
        this.add(
          'dtypes',
          'float i32',
          this.all([4, 5], (i) => (i % 2 === 1 ? draw(i, 'i32', [4, 5]) : this.drawn(i, [5]))),
        )
      }
    }
    if (kind === 'float') return
    for (const dtype of ['i32', 'u32'] as const) {
      const columns =
        this.count === 1 ? [[...integerExtremes[dtype]]] : pairs(integerExtremes[dtype])
      this.add(
        'dtypes',
        `${dtype} extremes`,
        this.all([], (i) => {
          const column = columns[i % columns.length]!
          return this.isCondition(i)
            ? given(
                column.map((_, k) => k % 2),
                'bool',
              )
            : given(column, dtype)
        }),
      )
    }
  }

  addExtremes(): void {
    if (this.row.accepts === 'bits') return
    const columns = this.count === 1 ? [[...specials]] : pairs(specials)
    this.add(
      'extremes',
      'special values',
      this.all([], (i) => {
        if (this.isCondition(i))
          return given(
            columns[0]!.map((_, k) => k % 2),
            'bool',
          )
        if (i < 2) return given(columns[i % columns.length]!)
        return given(columns[0]!.map(() => 1))
      }),
      { rounded: true, differentiable: false },
    )
    const { points } = this.row
    if (!points) return
    this.add(
      'extremes',
      'points of the row',
      this.all([], (i) => {
        const column = points.map((point) => point[i] ?? this.row.defaults?.[i] ?? 1)
        return given(column, this.isCondition(i) ? 'bool' : 'float')
      }),
      { rounded: 'gradients' },
    )
  }

  addSmooth(): void {
    if (this.row.accepts === 'bits' || givesBool.has(this.name)) return
    this.add('gradients', '[2, 3]', this.all([2, 3]), { smooth: true })
    if (this.count === 1) return
    const [a, b, c] = [[2, 1], [1, 3], [3]]
    this.add(
      'gradients',
      '[2, 1] [1, 3]',
      this.all([], (i) => this.drawn(i, [a!, b!, c!][i % 3]!)),
      { smooth: true },
    )
  }
}

/** Every way in which an elementwise op has to work. */
export function elementwiseSamples(name: string, op: ElementwiseOp): Sample[] {
  const builder = new Builder(name, op)
  builder.addShapes()
  builder.addLayouts()
  builder.addNumbers()
  builder.addTypes()
  builder.addExtremes()
  builder.addSmooth()
  return builder.samples
}
