/** The group `init`: gains, fans, and the bounds and deviations of initial values. */
import { Conv1d, Conv2d, Conv3d, init, Linear } from '@nablajs/nn'
import { type Backend, Generator, type Tensor, zeros } from '@nablajs/tensor'
import { compareNumbers, type Target } from './compare.ts'
import type { GoldenFolder } from './folder.ts'
import { Report, Unsupported } from './report.ts'

interface ShapeCase {
  readonly init: string
  readonly gain?: number
  readonly mode?: string
  readonly nonlinearity?: string
  readonly a?: number
  readonly bound?: number
  readonly std?: number
}

interface ShapeCases {
  readonly shape: readonly number[]
  readonly fan_in: number
  readonly fan_out: number
  readonly cases: readonly ShapeCase[]
  readonly default_layer_init?: { readonly b: number; readonly bias_b: number }
}

interface Statistics {
  readonly mean: number
  readonly std: number
  readonly min: number
  readonly max: number
  readonly zeros: number
}

interface Content {
  readonly gains: Readonly<Record<string, number>>
  readonly shapes: readonly ShapeCases[]
  readonly empirical_200x300_one_draw?: Readonly<Record<string, Statistics>>
  readonly dirac_nonzero_6x3x3x3?: readonly (readonly number[])[]
  readonly dirac_groups2_nonzero?: readonly (readonly number[])[]
}

const seeded = () => ({ generator: new Generator(1) })

const nonlinearities: Readonly<Record<string, init.Nonlinearity>> = {
  linear: 'linear',
  conv1d: 'conv',
  conv2d: 'conv',
  conv3d: 'conv',
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  relu: 'relu',
  leaky_relu: 'leakyRelu',
  selu: 'selu',
}

function nonlinearityOf(name: string): init.Nonlinearity {
  const found = nonlinearities[name]
  if (!found) throw new Unsupported(`nonlinearity ${name}`)
  return found
}

/** `leaky_relu(0.2)` to its name and numbers. */
function call(text: string): { name: string; numbers: number[] } {
  const [, name = text, list] = /^(\w+)(?:\((.*)\))?$/.exec(text) ?? []
  return { name, numbers: list ? list.split(',').map(Number) : [] }
}

/** A weight of PyTorch's layout, filled. */
function drawn({ init: kind, ...options }: ShapeCase, shape: readonly number[]): Tensor {
  const t = zeros(shape)
  const common = { ...seeded(), layout: 'torch' } as const
  const { gain = 1, a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' } = options
  const kaiming = {
    ...common,
    a,
    mode: mode === 'fan_in' ? ('fanIn' as const) : ('fanOut' as const),
    nonlinearity: nonlinearityOf(nonlinearity),
  }
  if (kind === 'xavier_uniform') return init.xavierUniform(t, { ...common, gain })
  if (kind === 'xavier_normal') return init.xavierNormal(t, { ...common, gain })
  if (kind === 'kaiming_uniform') return init.kaimingUniform(t, kaiming)
  if (kind === 'kaiming_normal') return init.kaimingNormal(t, kaiming)
  throw new Unsupported(`init ${kind}`)
}

/** The bound or deviation itself: the values against those of the same draw in the unit range. */
function checkScale(one: ShapeCase, shape: readonly number[], target: Target): string[] {
  const values = drawn(one, shape).dataSync()
  const unit = zeros(shape)
  if (one.bound !== undefined) init.uniform(unit, -1, 1, seeded())
  else if (one.std !== undefined) init.normal(unit, 0, 1, seeded())
  else throw new Unsupported('neither bound nor std')
  const scale = one.bound ?? one.std!
  const expected = Float64Array.from(unit.dataSync(), (value) => value * scale)
  return compareNumbers('values', values, { shape, values: expected }, target)
}

/** Statistics of one draw of other bits: the deviation to 3 %, the rest as far as chance allows. */
function checkStatistics(name: string, shape: readonly number[], wanted: Statistics): string[] {
  const { values, bounded } = filled(name, shape)
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1))
  const zero = values.filter((value) => value === 0).length
  const problems: string[] = []
  if (Math.abs(mean - wanted.mean) > (8 * wanted.std) / Math.sqrt(count))
    problems.push(`mean ${mean}, expected about ${wanted.mean}`)
  if (Math.abs(std / wanted.std - 1) > 0.03)
    problems.push(`standard deviation ${std}, expected about ${wanted.std}`)
  if (zero !== wanted.zeros) problems.push(`${zero} zeros, expected ${wanted.zeros}`)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const slack = bounded ? 0.01 * (wanted.max - wanted.min) : 0.5 * (wanted.max - wanted.min)
  if (Math.abs(least - wanted.min) > slack || Math.abs(most - wanted.max) > slack)
    problems.push(`range ${least} .. ${most}, expected about ${wanted.min} .. ${wanted.max}`)
  return problems
}

function filled(text: string, shape: readonly number[]): { values: number[]; bounded: boolean } {
  const { name, numbers } = call(text)
  const t = zeros(shape)
  const [first = 0, second = 1, low = -2, high = 2] = numbers
  const fills: Readonly<Record<string, () => Tensor>> = {
    xavier_uniform: () => init.xavierUniform(t, seeded()),
    kaiming_normal: () => init.kaimingNormal(t, seeded()),
    trunc_normal: () => init.truncNormal(t, { mean: first, std: second, low, high, ...seeded() }),
    orthogonal: () => init.orthogonal(t, seeded()),
    sparse: () => init.sparse(t, { sparsity: first, std: second, ...seeded() }),
  }
  if (!Object.hasOwn(fills, name)) throw new Unsupported(`init ${name}`)
  const values = Array.from(fills[name]!().dataSync())
  return { values, bounded: name === 'xavier_uniform' || name === 'trunc_normal' }
}

/** Uniform in ±b, as far as a sample shows. */
function checkUniform(what: string, t: Tensor, b: number): string[] {
  const values = Array.from(t.dataSync())
  const most = Math.max(...values.map(Math.abs))
  // The largest of n draws falls short of the bound by about b / n.
  return most <= b * (1 + 1e-6) && most >= b * (1 - 12 / values.length)
    ? []
    : [`${what}: largest ${most}, expected up to ${b}`]
}

/** The layer whose weight has this shape in PyTorch's layout. */
function layerOf(shape: readonly number[]): Linear | Conv1d | Conv2d | Conv3d {
  const [out, into, ...taps] = shape as [number, number, ...number[]]
  const [r, s, t] = taps as [number, number, number]
  if (taps.length === 0) return new Linear(into, out, seeded())
  if (taps.length === 1) return new Conv1d(into, out, r, seeded())
  if (taps.length === 2) return new Conv2d(into, out, [r, s], seeded())
  if (taps.length === 3) return new Conv3d(into, out, [r, s, t], seeded())
  throw new Unsupported(`no layer has a weight of ${shape.length} axes`)
}

function checkLayer({ shape, default_layer_init: wanted }: ShapeCases): string[] {
  const layer = layerOf(shape)
  return [
    ...checkUniform('weight', layer.weight, wanted!.b),
    ...checkUniform('bias', layer.bias!, wanted!.bias_b),
  ]
}

/** The places of ones, in PyTorch's order of axes. */
function checkDirac(
  shape: readonly number[],
  groups: number,
  wanted: readonly (readonly number[])[],
): string[] {
  const [out, into, r, s] = shape as [number, number, number, number]
  const t = init.dirac(zeros([r, s, into, out]), groups).permute([3, 2, 0, 1])
  const values = new Float64Array(out * into * r * s)
  for (const [k, c, i, j] of wanted) values[((k! * into + c!) * r + i!) * s + j!] = 1
  return compareNumbers('values', t.dataSync(), { shape, values, integer: true }, exact)
}

const exact: Target = { float: 'f64', relative: 0, ofLargest: 0 }

export async function runInit(
  folder: GoldenFolder,
  _device: Backend,
  target: Target,
): Promise<Report> {
  const report = new Report('init')
  const content = folder.json('init.json') as Content
  for (const [text, gain] of Object.entries(content.gains)) {
    const { name, numbers } = call(text)
    await report.run(`gain ${text}`, 'gain', async () => {
      const own = init.calculateGain(nonlinearityOf(name), ...numbers)
      return compareNumbers(
        'gain',
        [own],
        { shape: [], values: [gain] },
        { ...exact, relative: 1e-12 },
      )
    })
  }
  for (const group of content.shapes) {
    const { shape, fan_in: fanIn, fan_out: fanOut, cases } = group
    const title = `[${shape.join(', ')}]`
    await report.run(`fans of ${title}`, 'fans', async () => {
      const own = init.calculateFanInAndFanOut({ shape }, { layout: 'torch' })
      return compareNumbers('fans', own, { shape: [2], values: [fanIn, fanOut] }, exact)
    })
    for (const one of cases)
      await report.run(`${JSON.stringify(one)} ${title}`, one.init, async () =>
        checkScale(one, shape, target),
      )
    if (group.default_layer_init)
      await report.run(`default of the layer ${title}`, 'default_layer_init', async () =>
        checkLayer(group),
      )
  }
  for (const [name, wanted] of Object.entries(content.empirical_200x300_one_draw ?? {}))
    await report.run(`statistics of ${name}`, name, async () =>
      checkStatistics(name, [200, 300], wanted),
    )
  const { dirac_nonzero_6x3x3x3: plain, dirac_groups2_nonzero: grouped } = content
  if (plain) await report.run('dirac', 'dirac', async () => checkDirac([6, 3, 3, 3], 1, plain))
  if (grouped)
    await report.run('dirac in 2 groups', 'dirac', async () => checkDirac([6, 3, 3, 3], 2, grouped))
  return report
}
