/** The device of `@nablajs/backend-cuda-node`: GPUs, driver and libraries. */
import { describe, cuda as open } from '@nablajs/backend-cuda-node'
import { check } from '../check.ts'
import { type Line, reason, type Section } from '../section.ts'

const title = 'CUDA (@nablajs/backend-cuda-node)'

const names = { driver: 'driver', nvrtc: 'NVRTC', cublas: 'cuBLAS', cudnn: 'cuDNN' } as const

export async function cuda(): Promise<Section> {
  const { libraries, gpus, problem } = describe()
  const lines: Line[] = gpus.map(({ index, name, computeCapability, memoryBytes }) => ({
    name: `GPU ${index}`,
    text: `${name}, compute capability ${computeCapability}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB`,
  }))
  for (const [key, name] of Object.entries(names)) {
    const found = libraries[key as keyof typeof names]
    lines.push(
      typeof found === 'string'
        ? { name, text: brief(found) }
        : { name, text: found.version, more: [found.path] },
    )
  }
  if (problem !== undefined)
    lines.push({ name: 'problem', text: brief(reason(new Error(problem), 'cuda')) })
  const checked = problem === undefined ? await checkGpu() : undefined
  if (checked) lines.push(checked)
  return {
    title,
    lines,
    facts: { gpus, libraries, problem, ...(checked && { check: checked.text }) },
  }
}

async function checkGpu(): Promise<Line> {
  try {
    const device = await open()
    const checked = await check(device)
    device.dispose()
    return checked
  } catch (error) {
    return { name: 'check', text: reason(error, 'cuda') }
  }
}

/** Without the dozens of places where a library was looked for; `--json` has them. */
function brief(text: string): string {
  return text.replace(/; tried .*$/s, '').replace(/Tried: .*?\. (?=[A-Z])/s, '')
}
