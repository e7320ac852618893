/** The device of `@nablajs/backend-cuda-node`: GPUs, driver and libraries. */
import { readFileSync } from 'node:fs'
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
    if (typeof found === 'string') lines.push({ name, ...missing(found) })
    else {
      const text = key === 'driver' ? driverText(found.version, moduleVersion()) : found.version
      lines.push({ name, text, more: [found.path] })
    }
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

/** The version of NVIDIA's kernel module, as Linux tells it; the driver's library knows only CUDA's. */
function moduleVersion(): string | undefined {
  try {
    return readFileSync('/sys/module/nvidia/version', 'utf8').trim()
  } catch {
    return undefined // another system, or a container that hides it
  }
}

/** The driver's own version where it is known, and that of the CUDA it runs. */
export const driverText = (cuda: string, own: string | undefined): string =>
  `${own ? `${own}, ` : ''}runs CUDA ${cuda}`

/** A folder that it is not in, and a name that the loader does not know. */
const notIn = /^([^:]+): not there$/
const unknown = /^([^:=]+): cannot open shared object file/

/** What was tried for a library that is not there: each reason on a line, places without one together. */
export function missing(found: string): {
  readonly text: string
  readonly more: readonly string[]
} {
  const [text, tried] = found.split('; tried ', 2)
  const places = tried?.split('; ') ?? []
  const all = (kind: RegExp): string[] => places.flatMap((place) => kind.exec(place)?.[1] ?? [])
  const [names, folders] = [all(unknown), all(notIn)]
  const reasons = places.filter((place) => !unknown.test(place) && !notIn.test(place))
  const looked = [
    ...(names.length > 0 ? [`as ${names.join(', ')}`] : []),
    ...(folders.length > 0 ? [`in ${folders.join(', ')}`] : []),
  ]
  return {
    text: text!,
    more: [...reasons, ...(looked.length > 0 ? [`looked for ${looked.join(' and ')}`] : [])],
  }
}

/** Without the places where a library was looked for, which stand beside its name. */
function brief(text: string): string {
  return text.replace(/Tried: .*?\. (?=[A-Z])/s, '')
}
