/** The group `ops`: outputs, gradients and changed state of single functions. */
import { type Backend, scope, type Tensor, tensor } from '@nablajs/tensor'
import type { Adapter, Outcome } from './adapters/adapter.ts'
import { adapters } from './adapters/index.ts'
import { Args } from './args.ts'
import { compareTensor, type Target } from './compare.ts'
import type { GoldenFolder, Stored, TensorFile } from './folder.ts'
import { CaseInputs } from './inputs.ts'
import { Report, Unsupported } from './report.ts'

interface Case {
  readonly id: string
  readonly op: string
  readonly args: Readonly<Record<string, unknown>>
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: readonly string[]
  readonly grad_outputs: readonly (string | null)[]
  readonly grads: Readonly<Record<string, string>>
  readonly after?: Readonly<Record<string, string>>
}

function place({ dtype, shape, values }: Stored, device: Backend, { float }: Target): Tensor {
  const type = dtype.startsWith('F') ? float : dtype === 'U8' ? 'bool' : 'i32'
  return tensor(values, { shape, dtype: type, device })
}

interface Computed {
  readonly outputs: readonly Tensor[]
  readonly gradients: Readonly<Record<string, Tensor | undefined>>
  readonly after: Readonly<Record<string, Tensor>>
}

/** Runs a case forward, and backward from the gradients of its outputs. */
function compute(
  one: Case,
  adapter: Adapter,
  file: TensorFile,
  device: Backend,
  target: Target,
): Computed {
  return scope(() => {
    const leaves = new Map<string, Tensor>()
    for (const [name, key] of Object.entries(one.inputs)) {
      const leaf = place(file.get(key), device, target)
      if (leaf.dtype === target.float && !name.startsWith('_')) leaf.requiresGrad = true
      leaves.set(name, leaf)
    }
    const inputs = new CaseInputs(leaves)
    const args = new Args(one.args)
    const { outputs, after = {} }: Outcome = adapter(inputs, args)
    args.finish()
    inputs.finish()
    // An output that is flat in its inputs, such as a floor, has no graph: its gradients are zero.
    const parts = one.grad_outputs.flatMap((key, i) =>
      key !== null && outputs[i]!.requiresGrad
        ? [outputs[i]!.mul(place(file.get(key), device, target)).sum()]
        : [],
    )
    const wanted = Object.keys(one.grads)
    if (parts.length > 0) parts.reduce((sum, part) => sum.add(part)).backward()
    const gradients = Object.fromEntries(
      wanted.map((name) => [name, leaves.get(name)?.grad?.detach()]),
    )
    return { outputs: outputs.map((output) => output.detach()), gradients, after }
  })
}

/** Gradients in which PyTorch 1.13 rounds a constant to float32: alpha, and one sixth. */
const roundedGradients: ReadonlySet<string> = new Set(['celu', 'hardsigmoid'])

/** Decompositions, which the host computes from inputs that it reads at once. */
const onHost: ReadonlySet<string> = new Set([
  'cholesky',
  'det',
  'eigvalsh',
  'inv',
  'slogdet',
  'solve',
  'svdvals',
])

async function check(
  one: Case,
  adapter: Adapter,
  file: TensorFile,
  device: Backend,
  target: Target,
): Promise<string[]> {
  if (onHost.has(one.op) && !device.readSync)
    throw new Unsupported(
      `computed on the host, and the ${device.name} device cannot be read at once`,
    )
  const { outputs, gradients, after } = compute(one, adapter, file, device, target)
  const slack = roundedGradients.has(one.op)
    ? { ...target, relative: Math.max(target.relative, 1e-7) }
    : target
  const problems: string[] = []
  if (outputs.length !== one.outputs.length)
    problems.push(`${outputs.length} outputs, expected ${one.outputs.length}`)
  for (const [i, key] of one.outputs.entries())
    if (outputs[i])
      problems.push(...(await compareTensor(`output ${i}`, outputs[i], file.get(key), target)))
  for (const [name, key] of Object.entries(one.grads)) {
    const gradient = gradients[name]
    const expected = file.get(key)
    problems.push(
      ...(gradient
        ? await compareTensor(`gradient of ${name}`, gradient, expected, slack)
        : missing(name, expected)),
    )
  }
  for (const [name, key] of Object.entries(one.after ?? {})) {
    const state = after[name]
    problems.push(
      ...(state
        ? await compareTensor(`${name} afterwards`, state, file.get(key), target)
        : [`${name} afterwards: not given`]),
    )
  }
  for (const t of [...outputs, ...Object.values(gradients), ...Object.values(after)]) t?.dispose()
  return problems
}

/** No gradient at all is zero everywhere. */
function missing(name: string, { values }: Stored): string[] {
  return values.every((value) => value === 0) ? [] : [`gradient of ${name}: none`]
}

/** Runs the cases of one group through the functions of a table. */
export async function runCases(
  group: string,
  table: Readonly<Record<string, Adapter>>,
  folder: GoldenFolder,
  device: Backend,
  target: Target,
): Promise<Report> {
  const report = new Report(group)
  const { cases } = folder.json(`${group}.json`) as { cases: readonly Case[] }
  const file = folder.tensors(`${group}.safetensors`)
  for (const one of cases) {
    const adapter = table[one.op]
    if (!adapter) report.skip(one.op, 'not implemented yet')
    else await report.run(one.id, one.op, () => check(one, adapter, file, device, target))
  }
  return report
}

export function runOps(folder: GoldenFolder, device: Backend, target: Target): Promise<Report> {
  return runCases('ops', adapters, folder, device, target)
}
