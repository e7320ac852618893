/** What `backend.ts` of `@nablajs/tensor` promises about memory, `map` and `reduce`, as tests. */
import type { Backend } from '@nablajs/tensor'
import {
  type Combine,
  constant,
  contiguousStrides,
  type DeviceBuffer,
  DeviceError,
  type DType,
  index,
  type Program,
  position,
  program,
  type Reduction,
  type Scalar,
  select,
  sizeOf,
  type View,
} from '@nablajs/tensor/backend'
import { expect } from 'vitest'
import { closest, flush, isSubnormal, showMismatch, tolerances, worstMismatch } from './close.ts'
import type { Test } from './conformance.ts'
import { execute, type Operand, type Run } from './execute.ts'
import { Random } from './random.ts'
import { specials } from './sample.ts'

const withoutSubnormals = (operand: Operand): Operand =>
  operand.dtype === 'f32' ? { ...operand, values: flush(operand.values) } : operand

const filled = (dtype: DType, shape: readonly number[], value = 0): Operand => ({
  dtype,
  shape,
  values: new Array<number>(sizeOf(shape)).fill(value),
})

const counting = (dtype: DType, shape: readonly number[], from = 0): Operand => ({
  dtype,
  shape,
  values: Array.from({ length: sizeOf(shape) }, (_, i) => from + i),
})

/** Tests that a backend and the reference leave the same memory behind. */
export function contractTests(
  test: Test,
  device: () => Backend,
  truth: Backend,
  makeBackend: () => Backend | Promise<Backend>,
  flushesSubnormals: boolean,
): void {
  async function same(
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    run: Run,
    title = '',
  ): Promise<void> {
    const expected = await execute(truth, inputs, outputs, run)
    const actual = await execute(device(), inputs, outputs, run)
    const has = inputs.some(({ dtype, values }) => dtype === 'f32' && values.some(isSubnormal))
    const flushed =
      flushesSubnormals && has
        ? await execute(truth, inputs.map(withoutSubnormals), outputs, run)
        : expected
    outputs.forEach(({ dtype }, i) => {
      const tolerance = tolerances[dtype]
      const values = closest(actual[i]!, expected[i]!, flushed[i]!, tolerance)
      const mismatch = worstMismatch(values, expected[i]!, tolerance)
      if (mismatch)
        throw new Error(`${title} output ${i}: ${showMismatch(mismatch, [expected[i]!.length])}`)
    })
  }
  const map =
    (source: Program, scalars: readonly number[] = []): Run =>
    (on, inputs, outputs) =>
      on.map(source, inputs, outputs, scalars)
  const reduce =
    (reduction: Reduction, scalars: readonly number[] = []): Run =>
    (on, inputs, outputs) =>
      on.reduce(reduction, inputs, outputs[0]!, scalars)

  memoryTests(test, device)
  disposeTests(test, makeBackend)
  mapTests(test, same, map)
  primitiveTests(test, same, map)
  reduceTests(test, same, reduce)
}

type Same = (
  inputs: readonly Operand[],
  outputs: readonly Operand[],
  run: Run,
  title?: string,
) => Promise<void>

function memoryTests(test: Test, device: () => Backend): void {
  test('memory: counts buffers and bytes', () => {
    const on = device()
    const before = on.memory()
    on.resetPeak()
    const [a, b] = [on.alloc(400), on.alloc(0)]
    const during = on.memory()
    expect(during.buffers - before.buffers).toBe(2)
    expect(during.bytes - before.bytes).toBe(400)
    expect(a.bytes).toBe(400)
    expect(b.bytes).toBe(0)
    on.free(a)
    on.free(b)
    const after = on.memory()
    expect(after.buffers).toBe(before.buffers)
    expect(after.bytes).toBe(before.bytes)
    expect(after.peakBytes).toBe(before.bytes + 400)
    on.resetPeak()
    expect(on.memory().peakBytes).toBe(before.bytes)
  })

  test('memory: writes at an offset, reads copies', async () => {
    const on = device()
    const buffer = on.alloc(16)
    const host = Float32Array.of(1, 2, 3, 4)
    on.write(buffer, host)
    host.fill(9)
    on.write(buffer, Float32Array.of(7), 8)
    // A window on larger host memory.
    on.write(buffer, new Float32Array([0, 0, 5, 0]).subarray(2, 3), 12)
    const first = new Float32Array(await on.read(buffer))
    expect([...first]).toEqual([1, 2, 7, 5])
    first.fill(0)
    expect([...new Float32Array(await on.read(buffer))]).toEqual([1, 2, 7, 5])
    if (on.readSync) expect([...new Float32Array(on.readSync(buffer))]).toEqual([1, 2, 7, 5])
    on.free(buffer)
  })

  test('memory: keeps the order of writes, work and frees', async () => {
    const on = device()
    const source = program({ name: 'plusOne', inputs: ['f32'] }, (x) => x!.add(1))
    const view = (buffer: DeviceBuffer): View => ({
      buffer,
      dtype: 'f32',
      shape: [256],
      strides: [1],
      offset: 0,
    })
    const [a, b] = [on.alloc(1024), on.alloc(1024)]
    on.write(a, new Float32Array(256).fill(1))
    on.map(source, [view(a)], [view(b)])
    on.write(a, new Float32Array(256).fill(10))
    on.free(a)
    const c = on.alloc(1024)
    on.write(c, new Float32Array(256).fill(20))
    on.map(source, [view(b)], [view(b)])
    expect([...new Float32Array(await on.read(b))].every((x) => x === 3)).toBe(true)
    expect([...new Float32Array(await on.read(c))].every((x) => x === 20)).toBe(true)
    on.free(b)
    on.free(c)
    await on.sync()
  })

  test('memory: refuses buffers of others and those freed', () => {
    const on = device()
    const foreign = { bytes: 4 }
    expect(() => on.write(foreign, new Float32Array(1))).toThrowError(DeviceError)
    const buffer = on.alloc(4)
    on.free(buffer)
    expect(() => on.free(buffer)).toThrowError(DeviceError)
  })
}

function disposeTests(test: Test, makeBackend: () => Backend | Promise<Backend>): void {
  test('dispose: ends the device, but free does nothing', async () => {
    const own = await makeBackend()
    const buffer = own.alloc(16)
    own.dispose()
    expect(() => own.alloc(16)).toThrowError(DeviceError)
    expect(() => own.write(buffer, new Float32Array(4))).toThrowError(DeviceError)
    await expect((async () => own.read(buffer))()).rejects.toThrowError(DeviceError)
    expect(() => own.free(buffer)).not.toThrow()
  })
}

function mapTests(
  test: Test,
  same: Same,
  map: (source: Program, scalars?: readonly number[]) => Run,
): void {
  const add = program({ name: 'add', inputs: ['f32', 'f32'] }, (x, y) => x!.add(y!))

  test('map: several inputs, outputs and runtime scalars', async () => {
    const source = program(
      { name: 'many', inputs: ['f32', 'i32'], scalars: ['f32', 'u32', 'i32'] },
      (x, i, a, u, k) => [
        x!.mul(a!),
        i!.add(k!),
        u!.xor(i!.bitcast('u32')),
        x!.lt(0.5).and(i!.gt(2)),
      ],
    )
    const shape = [5, 7]
    const outputs = (['f32', 'i32', 'u32', 'bool'] as const).map((dtype) => filled(dtype, shape))
    for (const scalars of [
      [0.1, 2 ** 32 - 1, -(2 ** 31)],
      [-3, 0, 7],
    ])
      await same(
        [
          { ...counting('f32', shape), values: counting('f32', shape).values.map((v) => v / 30) },
          counting('i32', shape, -9),
        ],
        outputs,
        map(source, scalars),
      )
  })

  test('map: strided, reversed and broadcast inputs', async () => {
    const out = filled('f32', [3, 4])
    const base = counting('f32', [60]).values
    const layouts: Partial<Operand>[] = [
      { strides: [1, 3] },
      { strides: [0, 1], offset: 5 },
      { strides: [4, 0] },
      { strides: [0, 0], offset: 59 },
      { strides: [-4, -1], offset: 11 },
      { strides: [12, 2], offset: 1 },
      // Overlapping windows.
      { strides: [1, 1] },
    ]
    for (const a of layouts)
      for (const b of layouts)
        await same(
          [
            { dtype: 'f32', values: base, shape: [3, 4], ...a },
            { dtype: 'f32', values: base, shape: [3, 4], ...b },
          ],
          [out],
          map(add),
          `${JSON.stringify(a)} ${JSON.stringify(b)}`,
        )
  })

  test('map: writes only the elements of a strided output', async () => {
    const input = counting('f32', [3, 4], 1)
    const negate = program({ name: 'neg', inputs: ['f32'] }, (x) => x!.neg())
    for (const layout of [
      { strides: [1, 3] },
      { strides: [8, 2], offset: 1 },
      { strides: [-4, -1], offset: 11 },
      { strides: [20, 1], offset: 3 },
    ])
      await same(
        [input],
        [{ dtype: 'f32', values: new Array<number>(60).fill(777), shape: [3, 4], ...layout }],
        map(negate),
        JSON.stringify(layout),
      )
  })

  test('map: updates in place', async () => {
    const momentum = program(
      { name: 'momentum', inputs: ['f32', 'f32', 'f32'], scalars: ['f32'] },
      (p, g, v, lr) => {
        const next = v!.mul(0.9).add(g!)
        return [p!.sub(next.mul(lr!)), next]
      },
    )
    const run: Run = (on, [g], [p, v]) => on.map(momentum, [p!, g!, v!], [p!, v!], [0.1])
    for (const size of [1, 5, 1000]) {
      const of = (from: number) => counting('f32', [size], from)
      await same([of(1)], [of(2), of(3)], run)
    }
    // Transposed memory, the same for input and output.
    const square = { ...counting('f32', [4, 4]), strides: [1, 4] }
    await same([], [square], (on, _, [x]) => on.map(add, [x!, x!], [x!]))
  })

  test('map: index and position', async () => {
    const source = program({ name: 'where', inputs: ['f32'] }, (x) => [
      position().cast('f32').add(x!.mul(0)),
      index(0).mul(100).add(index(1)).add(index(2).mul(10)),
    ])
    for (const shape of [
      [2, 3, 4],
      [1, 1, 700],
      [700, 1, 2],
      [3, 1, 1],
    ])
      await same(
        [{ dtype: 'f32', values: [1], shape, strides: [0, 0, 0] }],
        [filled('f32', shape), filled('i32', shape)],
        map(source),
        JSON.stringify(shape),
      )
    // Position counts elements of the iteration space, however the views lie.
    const bare = program({ name: 'position', inputs: [] }, () => position())
    await same([], [{ ...filled('u32', [12]), shape: [3, 4], strides: [1, 3] }], map(bare))
  })

  test('map: no elements, one element, many axes', async () => {
    await same([filled('f32', [0, 3]), filled('f32', [0, 3])], [filled('f32', [0, 3])], map(add))
    await same([filled('f32', [], 2), filled('f32', [], 3)], [filled('f32', [])], map(add))
    const shape = [2, 1, 3, 2, 1, 2, 3]
    const strides = contiguousStrides(shape)
    await same(
      [
        counting('f32', shape),
        { ...counting('f32', [72]), shape, strides: strides.map((s) => s / 1) },
      ],
      [filled('f32', shape)],
      map(add),
    )
    const swapped = [3, 2, 1, 3, 2, 1, 2].map((_, axis) => [36, 36, 1, 3, 6, 18, 6][axis]!)
    await same(
      [
        counting('f32', shape),
        { dtype: 'f32', values: counting('f32', [200]).values, shape, strides: swapped },
      ],
      [filled('f32', shape)],
      map(add),
    )
  })

  test('map: constants, outputs that are inputs, and one value for two outputs', async () => {
    const source = program({ name: 'plain', inputs: ['f32', 'i32'] }, (x, i) => {
      const twice = x!.mul(2)
      return [x!, twice, twice, constant(0.1, 'f32'), constant(-7, 'i32'), i!]
    })
    const shape = [37]
    await same(
      [counting('f32', shape), counting('i32', shape)],
      (['f32', 'f32', 'f32', 'f32', 'i32', 'i32'] as const).map((dtype) => filled(dtype, shape)),
      map(source),
    )
  })
}

const unaries = {
  f32: [
    'neg',
    'abs',
    'sign',
    'floor',
    'ceil',
    'round',
    'trunc',
    'sqrt',
    'exp',
    'expm1',
    'log',
    'log1p',
    'sin',
    'cos',
    'tanh',
    'erf',
  ],
  i32: ['neg', 'abs', 'sign', 'not'],
  u32: ['not'],
  bool: ['not'],
} as const

const binaries = {
  f32: [
    'add',
    'sub',
    'mul',
    'div',
    'rem',
    'pow',
    'atan2',
    'min',
    'max',
    'lt',
    'le',
    'gt',
    'ge',
    'eq',
    'ne',
  ],
  i32: [
    'add',
    'sub',
    'mul',
    'min',
    'max',
    'and',
    'or',
    'xor',
    'shl',
    'shr',
    'lt',
    'le',
    'gt',
    'ge',
    'eq',
    'ne',
  ],
  u32: [
    'add',
    'sub',
    'mul',
    'min',
    'max',
    'mulhi',
    'and',
    'or',
    'xor',
    'shl',
    'shr',
    'lt',
    'le',
    'gt',
    'ge',
    'eq',
    'ne',
  ],
  bool: ['and', 'or', 'xor', 'eq', 'ne'],
} as const

const valuesOf: Readonly<Record<keyof typeof binaries, readonly number[]>> = {
  // sin and cos of the largest float are a test of range reduction, which ops.sin has its own for.
  f32: specials
    .filter((v) => !(Number.isFinite(v) && Math.abs(v) > 1e30))
    .concat(8388607.5, -0.3, 2.5, 88),
  i32: [0, 1, -1, 5, -7, 31, 33, 65537, 2 ** 31 - 1, -(2 ** 31)],
  u32: [0, 1, 5, 31, 33, 65537, 2 ** 31, 2 ** 32 - 1],
  bool: [0, 1],
}

function primitiveTests(
  test: Test,
  same: Same,
  map: (source: Program, scalars?: readonly number[]) => Run,
): void {
  const types = ['f32', 'i32', 'u32', 'bool'] as const
  const outputType = (source: Program): DType => source.code[source.outputs[0]!]!.dtype
  const check = async (source: Program, columns: readonly (readonly number[])[]): Promise<void> => {
    const operands = columns.map((values, i) => ({ dtype: source.inputs[i]!, values }))
    const count = columns[0]!.length
    await same(operands, [filled(outputType(source), [count])], map(source), source.name)
  }

  for (const dtype of types) {
    const values = valuesOf[dtype]
    test(`primitives: ${dtype}`, async () => {
      const problems: string[] = []
      const attempt = async (source: Program, columns: readonly (readonly number[])[]) =>
        check(source, columns).catch((error: Error) => problems.push(error.message))
      for (const op of unaries[dtype])
        await attempt(
          program({ name: op, inputs: [dtype] }, (x) => x![op]()),
          [values],
        )
      const left = values.flatMap((a) => values.map(() => a))
      const right = values.flatMap(() => [...values])
      for (const op of binaries[dtype])
        await attempt(
          program({ name: op, inputs: [dtype, dtype] }, (x, y) => x![op](y!)),
          [left, right],
        )
      await attempt(
        program({ name: 'select', inputs: ['bool', dtype, dtype] }, (c, x, y) =>
          select(c!, x!, y!),
        ),
        [left.map((_, i) => i % 2), left, right],
      )
      for (const to of types)
        await attempt(
          program({ name: `cast to ${to}`, inputs: [dtype] }, (x) => x!.cast(to)),
          [values],
        )
      if (problems.length > 0) throw new Error(problems.join('\n'))
    })
  }

  test('primitives: bitcast', async () => {
    const bits = (x: Scalar) => x.bitcast('u32')
    await check(
      program({ name: 'f32 to u32', inputs: ['f32'] }, (x) => bits(x!)),
      [[0, -0, 1, -2.5, 1e-40, Number.POSITIVE_INFINITY]],
    )
    await check(
      program({ name: 'u32 to f32', inputs: ['u32'] }, (x) => x!.bitcast('f32')),
      [[0, 0x3f800000, 0xbf800000, 0x7f800000, 1]],
    )
    await check(
      program({ name: 'i32 to u32', inputs: ['i32'] }, (x) => bits(x!)),
      [[-1, 5]],
    )
  })

  test('primitives: integer division truncates and does not trap', async () => {
    for (const op of ['div', 'rem'] as const) {
      await check(
        program({ name: `i32 ${op}`, inputs: ['i32', 'i32'] }, (x, y) => x![op](y!)),
        [
          [7, -7, 7, -7, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31)],
          [3, 3, -3, -3, 1, 2, -1],
        ],
      )
      await check(
        program({ name: `u32 ${op}`, inputs: ['u32', 'u32'] }, (x, y) => x![op](y!)),
        [
          [7, 2 ** 32 - 1, 2 ** 31, 5],
          [3, 7, 2, 2 ** 32 - 1],
        ],
      )
    }
    // By zero any value will do, so only that it returns is tested.
    const source = program({ name: 'by zero', inputs: ['i32', 'i32'] }, (x, y) =>
      x!.div(y!).mul(0).add(x!.rem(y!).mul(0)),
    )
    await check(source, [
      [1, -1, 0],
      [0, 0, 0],
    ])
  })
}

const combines: readonly Combine[] = ['sum', 'prod', 'max', 'min', 'argmax', 'argmin']

function reduceTests(
  test: Test,
  same: Same,
  reduce: (reduction: Reduction, scalars?: readonly number[]) => Run,
): void {
  const plain = (dtype: DType) => program({ name: 'same', inputs: [dtype] }, (x) => x!)
  const spaces: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[5], [1]],
    [
      [3, 5],
      [3, 1],
    ],
    [
      [3, 5],
      [1, 5],
    ],
    [
      [3, 5],
      [3, 5],
    ],
    [
      [2, 3, 4],
      [1, 3, 1],
    ],
    [
      [2, 3, 4],
      [2, 1, 4],
    ],
    [
      [2, 3, 2, 3],
      [1, 3, 1, 3],
    ],
    [
      [4, 300],
      [4, 1],
    ],
    [
      [300, 4],
      [1, 4],
    ],
    [
      [1, 1, 3],
      [1, 1, 1],
    ],
  ]

  for (const combine of combines)
    test(`reduce: ${combine}`, async () => {
      const random = new Random(combine)
      for (const dtype of ['f32', 'i32', 'u32'] as const)
        for (const [space, kept] of spaces) {
          const values = Array.from({ length: sizeOf(space) }, () =>
            dtype === 'f32' ? random.float(0.9, 1.1) : random.integer(dtype === 'i32' ? -4 : 0, 9),
          )
          const out = combine.startsWith('arg') ? 'i32' : dtype
          await same(
            [{ dtype, values, shape: space }],
            [filled(out, kept, 5)],
            reduce({ program: plain(dtype), combine }),
            `${dtype} [${space}] to [${kept}]`,
          )
        }
    })

  test('reduce: a program of several inputs, and a finish', async () => {
    const distance = program(
      { name: 'distance', inputs: ['f32', 'f32'], scalars: ['f32'] },
      (a, b) => {
        const d = a!.sub(b!)
        return d.mul(d)
      },
    )
    const root = program({ name: 'root', inputs: ['f32'], scalars: ['f32'] }, (s, scale) =>
      s!.mul(scale!).sqrt(),
    )
    for (const [a, b] of [
      [
        [5, 1],
        [5, 1],
      ],
      [
        [1, 4],
        [0, 1],
      ],
      [
        [5, 1],
        [0, 0],
      ],
      [
        [-5, 1],
        [5, -1],
      ],
    ])
      await same(
        [
          {
            dtype: 'f32',
            values: counting('f32', [40]).values,
            shape: [4, 5],
            strides: a!,
            offset: a![0]! < 0 ? 15 : 0,
          },
          {
            dtype: 'f32',
            values: counting('f32', [40], 3).values,
            shape: [4, 5],
            strides: b!,
            offset: b![1]! < 0 ? 4 : 0,
          },
        ],
        [filled('f32', [4, 1])],
        reduce({ program: distance, combine: 'sum', finish: root }, [0.25]),
        JSON.stringify([a, b]),
      )
  })

  test('reduce: index in the program counts the iteration space', async () => {
    const weighted = program({ name: 'weighted', inputs: ['f32'] }, (x) =>
      x!.mul(index(1).add(1).cast('f32')).add(position().cast('f32')),
    )
    for (const kept of [
      [3, 1, 2],
      [1, 4, 2],
      [1, 1, 1],
      [3, 4, 1],
    ])
      await same(
        [counting('f32', [3, 4, 2])],
        [filled('f32', kept)],
        reduce({ program: weighted, combine: 'sum' }),
        JSON.stringify(kept),
      )
  })

  test('reduce: writes only the elements of a strided output', async () => {
    await same(
      [counting('f32', [3, 4])],
      [
        {
          dtype: 'f32',
          values: new Array<number>(20).fill(777),
          shape: [3, 1],
          strides: [-5, 0],
          offset: 12,
        },
      ],
      reduce({ program: plain('f32'), combine: 'max' }),
    )
  })

  test('reduce: over nothing gives the neutral element', async () => {
    for (const combine of ['sum', 'prod', 'max', 'min'] as const)
      for (const dtype of ['f32', 'i32', 'u32'] as const)
        await same(
          [filled(dtype, [3, 0])],
          [filled(dtype, [3, 1], 5)],
          reduce({ program: plain(dtype), combine }),
          `${combine} ${dtype}`,
        )
    await same(
      [filled('f32', [0, 3])],
      [filled('f32', [0, 1])],
      reduce({ program: plain('f32'), combine: 'sum' }),
    )
  })

  test('reduce: NaN wins, first position first', async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number
    const rows = [
      [1, nan, 2, nan],
      [nan, 1, 2, 3],
      [inf, -inf, 0, inf],
      [-inf, -inf, -inf, -inf],
      [2, 2, 1, 1],
      [-0, 0, -0, 0],
    ]
    for (const combine of ['max', 'min', 'argmax', 'argmin', 'sum'] as const)
      for (const [shape, strides, kept] of [
        [
          [6, 4],
          [4, 1],
          [6, 1],
        ],
        [
          [6, 4],
          [4, 1],
          [1, 4],
        ],
        [
          [4, 6],
          [1, 4],
          [1, 6],
        ],
      ] as const)
        await same(
          [{ dtype: 'f32', values: rows.flat(), shape, strides }],
          [filled(combine.startsWith('arg') ? 'i32' : 'f32', kept)],
          reduce({ program: plain('f32'), combine }),
          `${combine} [${kept}]`,
        )
  })

  test('reduce: long sums keep their digits', async () => {
    const size = 1 << 17
    const values = Array.from({ length: size }, (_, i) => Math.fround(0.1 + (i % 7) / 10))
    for (const [shape, kept] of [
      [[size], [1]],
      [
        [2, size / 2],
        [2, 1],
      ],
      [
        [size / 4, 4],
        [1, 4],
      ],
    ] as const)
      await same(
        [{ dtype: 'f32', values, shape }],
        [filled('f32', kept)],
        reduce({ program: plain('f32'), combine: 'sum' }),
        JSON.stringify(shape),
      )
  })
}
