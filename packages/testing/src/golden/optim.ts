/** The group `optim`: the steps of optimizers on small problems. */
import * as optim from '@nablajs/optim'
import { type Optimizer, SGD } from '@nablajs/optim'
import {
  ArgumentError,
  type Backend,
  type NestedArray,
  scope,
  type Tensor,
  tensor,
} from '@nablajs/tensor'
import { Bfloat16Muon } from './bfloat16-muon.ts'
import { compareNumbers, type Target } from './compare.ts'
import type { GoldenFolder } from './folder.ts'
import { Report, Unsupported } from './report.ts'
import { torch113 } from './torch-1.13.ts'

type Options = Readonly<Record<string, unknown>>

type OptimizerClass = new (params: readonly Tensor[], options: Options) => Optimizer

interface Problem {
  readonly f: string
  readonly x0: readonly number[]
  readonly M?: readonly (readonly number[])[]
  readonly b?: readonly number[]
}

interface Case {
  readonly optimizer: string
  readonly args: Options
  readonly problem: string
  readonly loss_before_step: readonly number[]
  readonly x_after_step: readonly (readonly number[])[]
}

/** A case of several parameters, whose problem is told in words. */
interface GroupCase {
  readonly optimizer: string
  readonly problem: string
  readonly x_after_step: readonly (readonly (readonly number[])[])[]
}

interface Content {
  readonly torch: string
  readonly problems: Readonly<Record<string, Problem>>
  readonly cases: readonly Case[]
  readonly swa_average?: readonly (readonly (readonly number[])[])[]
}

type Loss = (x: Tensor, step: number) => Tensor

/** `½ xᵀ M x - bᵀ x` */
function quadratic({ M, b }: Problem): Loss {
  const [matrix, vector] = [tensor(M!), tensor(b!)]
  return (x) => x.mul(matrix.matmul(x)).sum().mul(0.5).sub(vector.mul(x).sum())
}

/** `((1 - x₀)² + 100 (x₁ - x₀²)²) / 100` */
const rosenbrock: Loss = (x) => {
  const [a, b] = [x.slice(0), x.slice(1)]
  const valley = b.sub(a.square()).square().mul(100)
  return a.sub(1).square().add(valley).mul(0.01)
}

/** `½ Σ mask x²`, where every third element takes part, another one in each step. */
const sparse: Loss = (x, step) => {
  const mask = Array.from({ length: x.size }, (_, i) => ((step + i) % 3 === 0 ? 1 : 0))
  return x.square().mul(tensor(mask)).sum().mul(0.5)
}

function lossOf(name: string, problem: Problem): Loss {
  if (name === 'quadratic') return quadratic(problem)
  if (name.startsWith('rosenbrock')) return rosenbrock
  if (name === 'sparse_zero_grads') return sparse
  throw new Unsupported(`problem ${name}`)
}

const camel = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

/** An optimizer by PyTorch's name and options. */
export function makeOptimizer(
  name: string,
  params: Tensor[],
  options: Options,
  torch = '',
): Optimizer {
  if (!Object.hasOwn(optim, name)) throw new Unsupported('not implemented yet')
  // PyTorch's classes have their names here.
  const Class = (optim as unknown as Record<string, OptimizerClass>)[name]!
  const own = Object.entries(options).map(([key, value]) => [camel(key), value])
  try {
    // PyTorch's iteration runs in bfloat16, whose noise a matrix of low rank lets grow.
    if (name === 'Muon') return new Bfloat16Muon(params, Object.fromEntries(own)) as never
    if (torch.startsWith('1.') && torch113[name])
      return torch113[name](params, Object.fromEntries(own))
    return new Class(params, Object.fromEntries(own))
  } catch (error) {
    if (error instanceof ArgumentError && error.message.includes('unknown option'))
      throw new Unsupported(error.message)
    throw error
  }
}

function check(one: Case, problem: Problem, target: Target, torch: string): string[] {
  // Rounding decides what its curvature estimates become; in f32 the paths part within a few steps.
  if (one.optimizer === 'LBFGS' && target.float === 'f32')
    throw new Unsupported('float32 does not follow float64 here; run --backend reference')
  return scope(() => {
    const x = tensor(problem.x0, { requiresGrad: true })
    const optimizer = makeOptimizer(one.optimizer, [x], one.args, torch)
    const loss = lossOf(one.problem, problem)
    const losses: number[] = []
    const path: number[] = []
    for (let step = 0; step < one.x_after_step.length; step++) {
      losses.push(optimizer.step(() => loss(x, step)).itemSync())
      path.push(...x.dataSync())
    }
    optimizer.dispose()
    // Without a line search, one unit in the last place of the start grows to 1e-7 on the way.
    const wild = one.optimizer === 'LBFGS' && !one.args['line_search_fn']
    const own = wild ? { ...target, relative: Math.max(target.relative, 1e-5) } : target
    const steps = { shape: [losses.length], values: one.loss_before_step }
    const points = { shape: [losses.length, x.size], values: one.x_after_step.flat() }
    return [
      ...compareNumbers('loss before step', losses, steps, own),
      ...compareNumbers('x after step', path, points, own),
    ]
  })
}

/** `f = Σ a² + Σ c⁴`, in two groups; u is in the second and never gets a gradient. */
const groupsPattern =
  /^param_groups: f=sum\(a\^2\)\+sum\(c\^4\); groups \[\{a,lr (\S+)\},\{c,u; momentum (\S+), wd (\S+)\}\], defaults lr (\S+) momentum (\S+);/

/** Where a first step of plain descent by `slope` came from; inputs are exact in float32. */
function startOf(reached: readonly number[], slope: (x: number) => number): number[] {
  return reached.map((end) => {
    let x = end
    for (let i = 0; i < 100; i++) x = end + slope(x)
    return Math.fround(x)
  })
}

function checkGroups(one: GroupCase, target: Target): string[] {
  const found = groupsPattern.exec(one.problem)
  if (!found || one.optimizer !== 'SGD') throw new Unsupported(`problem ${one.problem}`)
  const [aRate, cMomentum, cDecay, rate, momentum] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const [a1, c1, u1] = one.x_after_step[0]!
  return scope(() => {
    const a = tensor(
      startOf(a1!, (x) => aRate * 2 * x),
      { requiresGrad: true },
    )
    const c = tensor(
      startOf(c1!, (x) => rate * (4 * x ** 3 + cDecay * x)),
      { requiresGrad: true },
    )
    const u = tensor([...u1!], { requiresGrad: true })
    const optimizer = new SGD(
      [
        { params: [a], lr: aRate },
        { params: [c, u], momentum: cMomentum, weightDecay: cDecay },
      ],
      { lr: rate, momentum },
    )
    const problems = one.x_after_step.flatMap((expected, step) => {
      optimizer.step(() => a.square().sum().add(c.square().square().sum()))
      return [a, c, u].flatMap((x, i) =>
        compareNumbers(
          `parameter ${i} after step ${step}`,
          x.dataSync(),
          { shape: x.shape, values: expected[i]! },
          target,
        ),
      )
    })
    optimizer.dispose()
    return problems
  })
}

interface Tapes {
  readonly p0: readonly number[]
  readonly grads: readonly (readonly number[])[]
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly class: string
        readonly kw: Options
        readonly trace: readonly (readonly number[])[]
      }
    >
  >
  /** The same for a matrix, which some optimizers treat in their own way. */
  readonly matrix?: {
    readonly w0: readonly (readonly number[])[]
    readonly grads: readonly (readonly (readonly number[])[])[]
    readonly cases: Readonly<
      Record<
        string,
        {
          readonly class: string
          readonly kw: Options
          readonly trace: readonly (readonly (readonly number[])[])[]
        }
      >
    >
  }
}

const flatten = (values: NestedArray): number[] =>
  typeof values === 'number' ? [values] : values.flatMap(flatten)

/** Follows an optimizer over given gradients. */
function checkTape(
  one: { readonly class: string; readonly kw: Options; readonly trace: NestedArray },
  start: NestedArray,
  gradients: readonly NestedArray[],
  target: Target,
): string[] {
  return scope(() => {
    const x = tensor(start, { requiresGrad: true })
    const optimizer = makeOptimizer(one.class, [x], one.kw)
    const path = gradients.flatMap((gradient) => {
      optimizer.step(() => x.mul(tensor(gradient)).sum())
      return [...x.dataSync()]
    })
    optimizer.dispose()
    const shape = [gradients.length, ...x.shape]
    return compareNumbers('parameters', path, { shape, values: flatten(one.trace) }, target)
  })
}

/** The traces are of bfloat16 inside of float32. */
const coarse = { relative: 1e-5, ofLargest: 1e-6 }

/** The group `torch-2.13/optim`: the update rules alone, on a tape of given gradients. */
export async function runTapes(
  folder: GoldenFolder,
  _device: Backend,
  target: Target,
): Promise<Report> {
  const report = new Report('torch-2.13/optim')
  const { p0, grads, cases, matrix } = folder.json('torch-2.13/optim.json') as Tapes
  for (const [id, one] of Object.entries(cases))
    await report.run(id, one.class, async () => checkTape(one, p0, grads, target))
  if (!matrix) return report
  for (const [id, one] of Object.entries(matrix.cases)) {
    const own = one.class === 'Muon' ? { ...target, ...coarse } : target
    await report.run(id, one.class, async () => checkTape(one, matrix.w0, matrix.grads, own))
  }
  return report
}

/** The weight starts as [1, 2]; before update t, t + 1 is added. */
function checkAverage(
  steps: readonly (readonly (readonly number[])[])[],
  target: Target,
): string[] {
  return scope(() => {
    const weight = tensor([1, 2], { requiresGrad: true })
    const average = new optim.AveragedParameters([weight])
    const descent = new SGD([weight], { lr: 1 })
    return steps.flatMap((expected, t) => {
      descent.step(() => weight.mul(-(t + 1)).sum())
      average.update()
      const values = expected.flat()
      const actual = average.averages[0]!.dataSync()
      return compareNumbers(`update ${t}`, actual, { shape: [values.length], values }, target)
    })
  })
}

export async function runOptim(
  folder: GoldenFolder,
  _device: Backend,
  target: Target,
): Promise<Report> {
  const report = new Report('optim')
  const { torch, problems, cases, swa_average: average } = folder.json('optim.json') as Content
  for (const one of cases) {
    const id = `${one.optimizer} ${JSON.stringify(one.args)} on ${one.problem}`
    const problem = problems[one.problem]
    if (!problem) {
      await report.run(id, one.optimizer, async () =>
        checkGroups(one as unknown as GroupCase, target),
      )
    } else await report.run(id, one.optimizer, async () => check(one, problem, target, torch))
  }
  if (average)
    await report.run('swa_average', 'swa_average', async () => checkAverage(average, target))
  return report
}
