/** What `backend.ts` promises of f16 and bf16, where a device has them. */
import {
  autocast,
  type Backend,
  conv2d,
  type HalfDType,
  logSoftmax,
  matmul,
  maxPool2d,
  scope,
  type Tensor,
  tensor,
  withDevice,
} from '@nablajs/tensor'
import {
  dtypes,
  index,
  type Program,
  program,
  type Reduction,
  select,
  type TypedArray,
} from '@nablajs/tensor/backend'
import { expect, type TestContext } from 'vitest'
import { isSubnormal, showMismatch, tolerances, worstMismatch } from './close.ts'
import type { Test } from './conformance.ts'
import { execute, type Operand, type Run } from './execute.ts'
import { Random } from './random.ts'

const halves: readonly HalfDType[] = ['f16', 'bf16']

/** Declares the tests; those of a dtype that the device lacks say so. */
export function halfTests(
  test: Test,
  device: () => Backend,
  truth: Backend,
  flushesSubnormals: boolean,
): void {
  for (const dtype of halves) {
    const check = (title: string, body: () => Promise<void>): void =>
      test(`${dtype}: ${title}`, async ({ skip }: TestContext) => {
        if (!device().dtypes.has(dtype)) skip(`${device().name} has no ${dtype}`)
        await body()
      })

    /** Runs the same on both devices; `exact` numbers agree to the bit, others to one rounding. */
    const same = async (
      inputs: readonly Operand[],
      outputs: readonly Operand[],
      run: Run,
      title: string,
      exact = true,
    ): Promise<void> => {
      const expected = await execute(truth, inputs, outputs, run)
      const actual = await execute(device(), inputs, outputs, run)
      expected.forEach((values, i) => {
        const allowed = exact ? { rtol: 0, atol: 0 } : tolerances[dtype]
        const mismatch = worstMismatch(actual[i]!, values, allowed)
        if (mismatch)
          throw new Error(`${title} output ${i}: ${showMismatch(mismatch, [values.length])}`)
      })
    }

    const allBits = Array.from({ length: 0x10000 }, (_, bits) => dtypes[dtype].decode!(bits))
    const values = flushesSubnormals ? allBits.filter((value) => !isSubnormal(value)) : allBits

    check('every number is read and written as it is', async () => {
      const widen = program({ name: 'widen', inputs: [dtype] }, (x) => x!.cast('f32'))
      const copy = program({ name: 'copy', inputs: [dtype] }, (x) => x!)
      const there = program({ name: 'scale', inputs: [dtype] }, (x) => x!.mul(1))
      const numbers = { dtype, values }
      const blank = (to: Operand['dtype']): Operand => ({ dtype: to, values: values.map(() => 7) })
      await same([numbers], [blank('f32')], mapping(widen), 'widened')
      await same([numbers], [blank(dtype)], mapping(copy), 'copied')
      await same([numbers], [blank(dtype)], mapping(there), 'there and back')
    })

    check('the nearest number is written, the even one from the middle', async () => {
      const finite = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b)
      const between = finite.slice(1).flatMap((value, i) => {
        const middle = Math.fround((finite[i]! + value) / 2)
        const near = Math.abs(middle) * 2 ** -20
        return [middle, Math.fround(middle - near), Math.fround(middle + near)]
      })
      const extremes = [3.4e38, -3.4e38, 65519, 65520, 1e-30, Number.NaN, Infinity, -Infinity]
      const numbers = [...between, ...extremes].filter((value) => !isSubnormal(value))
      const narrow = program({ name: 'narrow', inputs: ['f32'] }, (x) => x!.cast(dtype))
      const blank: Operand = { dtype, values: numbers.map(() => 7) }
      await same([{ dtype: 'f32', values: numbers }], [blank], mapping(narrow), 'narrowed')
    })

    check('views of all kinds, and no neighbour is touched', async () => {
      const random = new Random(`${dtype} views`)
      const memory = (count: number): number[] =>
        Array.from({ length: count }, () => random.integer(-40, 40) / 8)
      const add = program({ name: 'add', inputs: [dtype, 'f32'] }, (x, y) =>
        x!.cast('f32').add(y!).cast(dtype),
      )
      const copy = program({ name: 'copy', inputs: [dtype, 'f32'] }, (x) => x!)
      for (const source of [add, copy])
        for (const count of [1, 2, 3, 7, 8, 9, 31, 64, 255, 1025])
          for (const [inset, step] of [
            [0, 1],
            [1, 1],
            [3, 1],
            [0, 2],
            [1, 3],
            [count - 1, -1],
            [2, 0],
          ] as const) {
            const read: Operand = {
              dtype,
              values: memory(3 * count + 8),
              shape: [count],
              strides: [step],
              offset: inset,
            }
            for (const [at, apart] of [
              [0, 1],
              [1, 1],
              [2, 1],
              [1, 2],
            ] as const) {
              const written: Operand = {
                dtype,
                values: memory(2 * count + 4),
                shape: [count],
                strides: [apart],
                offset: at,
              }
              const other: Operand = { dtype: 'f32', values: memory(count) }
              const title = `${source.name} ${count} from ${inset} by ${step} to ${at} by ${apart}`
              await same([read, other], [written], mapping(source), title)
            }
          }
    })

    check('matrices, turned and in place', async () => {
      const random = new Random(`${dtype} matrices`)
      const numbers = Array.from({ length: 33 * 18 }, () => random.integer(-99, 99) / 16)
      const source = program({ name: 'mixed', inputs: [dtype, dtype] }, (x, y) => [
        x!.add(y!.mul(2)),
        select(index(0).lt(index(1)), x!, y!),
        x!.gt(y!),
      ])
      const turned: Operand = { dtype, values: numbers, shape: [18, 33], strides: [1, 18] }
      const plain: Operand = { dtype, values: numbers, shape: [18, 33] }
      const blank: Operand = { dtype, values: numbers.map(() => 0), shape: [18, 33] }
      const truths: Operand = { ...blank, dtype: 'bool' }
      await same([turned, plain], [blank, blank, truths], mapping(source), 'turned')
      const double = program({ name: 'double', inputs: [dtype] }, (x) => x!.mul(2))
      const inPlace: Run = (on, _, [view]) => on.map(double, [view!], [view!])
      await same([], [plain], inPlace, 'in place')
    })

    check('reductions', async () => {
      const random = new Random(`${dtype} reductions`)
      const terms = program({ name: 'terms', inputs: [dtype] }, (x) => x!.cast('f32'))
      const narrow = program({ name: 'narrow', inputs: ['f32'] }, (x) => x!.cast(dtype))
      for (const [shape, kept] of [
        [[5], [1]],
        [
          [3, 7],
          [3, 1],
        ],
        [
          [9, 6],
          [1, 6],
        ],
        [
          [4, 300],
          [4, 1],
        ],
        [
          [300, 5],
          [1, 5],
        ],
        [
          [2, 37, 3],
          [1, 37, 1],
        ],
        [[5001], [1]],
      ] as const) {
        const count = shape.reduce((product: number, extent) => product * extent, 1)
        const results = kept.reduce((product: number, extent) => product * extent, 1)
        const numbers = Array.from({ length: count }, () => random.integer(-30, 30) / 32)
        const from: Operand = { dtype, values: numbers, shape }
        for (const combine of ['sum', 'max', 'min', 'argmax'] as const) {
          const found = combine === 'argmax'
          const reduction: Reduction = {
            program: terms,
            combine,
            ...(!found && { finish: narrow }),
          }
          const to: Operand = {
            dtype: found ? 'i32' : dtype,
            values: Array.from({ length: results }, () => 7),
            shape: kept,
          }
          const run: Run = (on, [x], [out]) => on.reduce(reduction, [x!], out!)
          await same([from], [to], run, `${combine} of [${shape}] to [${kept}]`, found)
        }
      }
    })

    check('a step of mixed precision agrees with the reference', async () => {
      const expected = await mixedStep(truth, dtype)
      const actual = await mixedStep(device(), dtype)
      expected.forEach((numbers, i) => {
        // A few roundings of numbers around 1.
        const allowed = { rtol: 8 * tolerances[dtype].rtol, atol: 4 * tolerances[dtype].rtol }
        const mismatch = worstMismatch(actual[i]!, numbers, allowed)
        expect(mismatch && showMismatch(mismatch, [numbers.length]), `part ${i}`).toBeUndefined()
      })
    })
  }
}

const mapping =
  (source: Program): Run =>
  (on, inputs, outputs) =>
    on.map(source, inputs, outputs)

/** The loss of a small network, and the gradients of its parameters. */
async function mixedStep(device: Backend, dtype: HalfDType): Promise<TypedArray[]> {
  const random = new Random('mixed step')
  const made = (shape: readonly number[], requiresGrad: boolean): Tensor => {
    const count = shape.reduce((product, extent) => product * extent, 1)
    const values = Float32Array.from({ length: count }, () => random.float(-0.5, 0.5))
    return tensor(values, { shape, requiresGrad, device })
  }
  const results = scope(() =>
    withDevice(device, () => {
      const image = made([2, 8, 8, 3], false)
      const parameters = [made([3, 3, 3, 5], true), made([5], true), made([45, 4], true)] as const
      const loss = autocast(dtype, () => {
        const hidden = maxPool2d(conv2d(image, parameters[0], parameters[1]).relu(), 2)
        return logSoftmax(matmul(hidden.reshape([2, 45]), parameters[2]))
          .mean()
          .neg()
      })
      loss.backward()
      return [loss, ...parameters.map(({ grad }) => grad!)].map((t) => t.detach())
    }),
  )
  const values: TypedArray[] = []
  for (const t of results) {
    values.push(await t.data())
    t.dispose()
  }
  return values
}
