/**
 * Fast kernels against their slow twins: the same op on the same device, once with the kernel and
 * once with the composition that runs where there is none, at randomly drawn geometry.
 */
import {
  addmm,
  avgPool2d,
  type Backend,
  conv2d,
  cummax,
  cummin,
  cumprod,
  cumsum,
  type FloatDType,
  full,
  gather,
  logcumsumexp,
  matmul,
  maxPool2dWithIndices,
  scatterAdd,
  sort,
  Tensor,
} from '@nablajs/tensor'
import { isFloat, isHalf, type Kernels } from '@nablajs/tensor/backend'
import { showMismatch, type Tolerance, worstMismatch } from './close.ts'
import type { Test } from './conformance.ts'
import { type Result, runBackward, runForward } from './run-sample.ts'
import { Inputs, layoutNames, type Sample } from './sample.ts'

/** The same device, as if it had only `map` and `reduce`. */
export function withoutKernels(device: Backend): Backend {
  return new Proxy(device, {
    get(target, key) {
      if (key === 'kernels') return {}
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

type Draw = (inputs: Inputs) => Sample

const geometry = (inputs: Inputs, most: number) =>
  [inputs.random.integer(1, most), inputs.random.integer(1, most)] as const

function drawMatmul(inputs: Inputs): Sample {
  const { random } = inputs
  const size = () => random.pick([1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100])
  const [m, k, n] = [size(), size(), size()]
  const batch = random.pick([[], [], [2], [3, 2]])
  const [a, b] = [random.pick(layoutNames), random.pick(layoutNames)]
  return {
    label: `[${batch}] ${m} x ${k} x ${n} ${a} ${b}`,
    inputs: [
      inputs.floats([...batch, m, k], -2, 2, a),
      inputs.floats([...random.pick([batch, []]), k, n], -2, 2, b),
    ],
    run: (x, y) => matmul(x!, y!),
  }
}

function drawAddmm(inputs: Inputs): Sample {
  const { inputs: factors, label } = drawMatmul(inputs)
  const term = inputs.random.pick([[1], [], 'row'] as const)
  return {
    label,
    inputs: factors,
    run: (a, b) => {
      const shape = term === 'row' ? [b!.shape.at(-1)!] : term
      return addmm(full(shape, 0.75), a!, b!)
    },
  }
}

function drawConv2d(inputs: Inputs): Sample {
  const { random } = inputs
  const groups = random.pick([1, 1, 1, 2, 3])
  const depthwise = random.next() < 0.2
  const [c, k] = depthwise
    ? [random.integer(1, 19), 1]
    : [groups * random.integer(1, 9), groups * random.integer(1, 20)]
  const own = depthwise ? c : groups
  const [r, s] = geometry(inputs, 4)
  const stride = geometry(inputs, 3)
  const dilation = geometry(inputs, 2)
  const padding = [random.integer(0, r), random.integer(0, s)] as const
  const [h, w] = [
    dilation[0] * (r - 1) + random.integer(1, 9),
    dilation[1] * (s - 1) + random.integer(1, 9),
  ]
  const n = random.integer(1, 3)
  const outputs = depthwise ? c * random.integer(1, 2) : k
  return {
    label: `[${n}, ${h}, ${w}, ${c}] by [${r}, ${s}, ${c / own}, ${outputs}] ${JSON.stringify({ stride, padding, dilation, groups: own })}`,
    inputs: [inputs.floats([n, h, w, c]), inputs.floats([r, s, c / own, outputs])],
    run: (x, weight) => conv2d(x!, weight!, undefined, { stride, padding, dilation, groups: own }),
  }
}

function drawPool(inputs: Inputs, kind: 'max' | 'avg'): Sample {
  const { random } = inputs
  const window = geometry(inputs, 4)
  const stride = geometry(inputs, 3)
  const padding = [
    random.integer(0, Math.floor(window[0] / 2)),
    random.integer(0, Math.floor(window[1] / 2)),
  ] as const
  const dilation = kind === 'max' ? geometry(inputs, 2) : ([1, 1] as const)
  const reach = (axis: 0 | 1) => dilation[axis] * (window[axis] - 1) + random.integer(1, 9)
  const shape = [random.integer(1, 2), reach(0), reach(1), random.integer(1, 19)]
  const options = { stride, padding, ceilMode: random.next() < 0.5 }
  return {
    label: `${kind} [${shape}] window [${window}] ${JSON.stringify({ ...options, dilation })}`,
    inputs: [random.next() < 0.3 ? inputs.ties(shape) : inputs.floats(shape)],
    run: (x) => {
      if (kind === 'avg') return avgPool2d(x!, window, options)
      const { values, indices } = maxPool2dWithIndices(x!, window, { ...options, dilation })
      return [values, indices]
    },
  }
}

function drawIndexed(inputs: Inputs, kind: 'gather' | 'scatterAdd'): Sample {
  const { random } = inputs
  const rank = random.integer(1, 3)
  const shape = Array.from({ length: rank }, () => random.pick([1, 2, 3, 5, 16, 33]))
  const axis = random.integer(0, rank - 1)
  const index = shape.with(axis, random.pick([1, 2, 7, 40]))
  const layout = random.pick(layoutNames)
  const label = `[${shape}] axis ${axis} index [${index}] ${layout}`
  const at = inputs.indices(index, shape[axis]!)
  return kind === 'gather'
    ? {
        label,
        inputs: [inputs.floats(shape, -2, 2, layout), at],
        run: (x, i) => gather(x!, axis, i!),
      }
    : {
        label,
        inputs: [inputs.floats(shape), at, inputs.floats(index, -2, 2, layout)],
        run: (x, i, src) => scatterAdd(x!, axis, i!, src!),
      }
}

function drawLines(inputs: Inputs, kind: 'sort' | 'cumulative'): Sample {
  const { random } = inputs
  const rank = random.integer(1, 3)
  const shape = Array.from({ length: rank }, () => random.pick([1, 2, 3, 17, 33]))
  const axis = random.integer(0, rank - 1)
  const layout = random.pick(layoutNames)
  const label = `[${shape}] axis ${axis} ${layout}`
  if (kind === 'sort') {
    const descending = random.next() < 0.5
    return {
      label: `${label} ${descending ? 'descending' : 'ascending'}`,
      inputs: [random.next() < 0.5 ? inputs.ties(shape) : inputs.floats(shape, -2, 2, layout)],
      run: (x) => {
        const { values, indices } = sort(x!, axis, { descending })
        return [values, indices]
      },
    }
  }
  const op = random.pick([cumsum, cumprod, logcumsumexp, cummax, cummin])
  return {
    label: `${op.name} ${label}`,
    inputs: [inputs.floats(shape, -1, 1, layout)],
    run: (x) => {
      const y = op(x!, axis)
      return 'values' in y ? [y.values, y.indices] : y
    },
  }
}

function drawAlongAxis(
  inputs: Inputs,
  run: (x: Tensor, axis: number) => Tensor | readonly Tensor[],
): Sample {
  const { random } = inputs
  const rank = random.integer(1, 3)
  const shape = Array.from({ length: rank }, () => random.pick([1, 2, 3, 5, 16, 33, 130]))
  const axis = random.integer(0, rank - 1)
  const kind = random.pick([...layoutNames, 'i32', 'ties'] as const)
  const x =
    kind === 'i32'
      ? inputs.integers('i32', shape)
      : kind === 'ties'
        ? inputs.ties(shape)
        : inputs.floats(shape, -1, 1, kind)
  return { label: `[${shape}] along ${axis} ${kind}`, inputs: [x], run: (t) => run(t!, axis) }
}

/** The kernels that each draw runs, forward and backward, and how often to draw. */
const twins: readonly {
  readonly title: string
  readonly kernels: readonly (keyof Kernels)[]
  readonly draw: Draw
  readonly count: number
}[] = [
  { title: 'matmul', kernels: ['matmul'], draw: drawMatmul, count: 40 },
  { title: 'addmm', kernels: ['addmm'], draw: drawAddmm, count: 20 },
  {
    title: 'conv2d',
    kernels: ['conv2d', 'conv2dGradInput', 'conv2dGradWeight'],
    draw: drawConv2d,
    count: 60,
  },
  {
    title: 'maxPool2d',
    kernels: ['maxPool2d', 'scatterAdd'],
    draw: (inputs) => drawPool(inputs, 'max'),
    count: 40,
  },
  {
    title: 'avgPool2d',
    kernels: ['sumPool2d', 'sumPool2dGrad'],
    draw: (inputs) => drawPool(inputs, 'avg'),
    count: 40,
  },
  {
    title: 'gather',
    kernels: ['gather', 'scatterAdd'],
    draw: (inputs) => drawIndexed(inputs, 'gather'),
    count: 40,
  },
  {
    title: 'scatterAdd',
    kernels: ['scatterAdd', 'gather'],
    draw: (inputs) => drawIndexed(inputs, 'scatterAdd'),
    count: 40,
  },
  {
    title: 'sort',
    kernels: ['sort'],
    draw: (inputs) => {
      const descending = inputs.random.next() < 0.5
      return drawAlongAxis(inputs, (x, axis) => Object.values(sort(x, axis, { descending })))
    },
    count: 40,
  },
  {
    title: 'cumulative',
    kernels: ['cumulative'],
    draw: (inputs) => {
      const op = inputs.random.pick([cumsum, cumprod, logcumsumexp, cummax, cummin])
      return drawAlongAxis(inputs, (x, axis) => {
        const result = op(x, axis)
        return result instanceof Tensor ? result : Object.values(result)
      })
    },
    count: 60,
  },
  {
    title: 'sort and its gradient',
    kernels: ['sort', 'gather', 'scatterAdd'],
    draw: (inputs) => drawLines(inputs, 'sort'),
    count: 40,
  },
  {
    title: 'cumulative and its gradient',
    kernels: ['cumulative', 'scatterAdd'],
    draw: (inputs) => drawLines(inputs, 'cumulative'),
    count: 60,
  },
]

/**
 * Both compute in f32, over up to a few hundred terms. Halves are rounded at the same places, one
 * place off where the two sums fall on different sides, and gradients are made of such.
 */
const allowances: Readonly<Record<FloatDType, Tolerance>> = {
  f64: { rtol: 1e-4, atol: 2e-4 },
  f32: { rtol: 1e-4, atol: 2e-4 },
  f16: { rtol: 2 ** -9, atol: 2 ** -8 },
  bf16: { rtol: 2 ** -6, atol: 2 ** -5 },
}

function differences(
  label: string,
  fast: readonly Result[] = [],
  slow: readonly Result[] = [],
): string[] {
  return slow.flatMap((expected, i) => {
    const allowed = isFloat(expected.dtype) ? allowances[expected.dtype] : { rtol: 0, atol: 0 }
    const mismatch = worstMismatch(fast[i]!.values, expected.values, allowed)
    return mismatch ? [`${label}: ${i}: ${showMismatch(mismatch, expected.shape)}`] : []
  })
}

/** Compares each kernel with its twin, on f32 and on the halves that the device has. */
export function twinTests(test: Test, device: () => Backend): void {
  for (const float of ['f32', 'f16', 'bf16'] as const)
    for (const { title, kernels, draw, count } of twins)
      test(`twins: ${title}${isHalf(float) ? ` of ${float}` : ''}`, async ({ skip }) => {
        const fast = device()
        if (!fast.dtypes.has(float)) skip(`${fast.name} has no ${float}`)
        if (!kernels.some((name) => fast.kernels[name])) skip(`${fast.name} has no such kernels`)
        const slow = withoutKernels(fast)
        const inputs = new Inputs(`twins of ${title}`)
        const problems: string[] = []
        const draws = isHalf(float) ? count / 2 : count
        for (let i = 0; i < draws; i++) {
          const sample = draw(inputs)
          for (const [what, run] of [
            ['output', runForward],
            ['gradient', runBackward],
          ] as const) {
            const expected = await run(sample, slow, float)
            const actual = await run(sample, fast, float)
            problems.push(...differences(`${sample.label} ${what}`, actual, expected))
          }
        }
        if (problems.length > 0)
          throw new Error(`${problems.length} of ${draws}:\n${problems.slice(0, 10).join('\n')}`)
      })
}
