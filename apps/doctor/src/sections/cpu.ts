/** The device of `@nablajs/backend-cpu`. */
import { type CpuDescription, type NativeLibrary, cpu as open } from '@nablajs/backend-cpu'
import { check } from '../check.ts'
import { type Line, reason, type Section } from '../section.ts'

const title = 'CPU (@nablajs/backend-cpu)'

/** How to get the libraries that make matrix products and convolutions faster. */
const advice: Partial<Record<NodeJS.Platform, { readonly blas: string; readonly oneDnn: string }>> =
  {
    linux: {
      blas: 'apt install libopenblas0-pthread, dnf install openblas, or pacman -S openblas',
      oneDnn: 'apt install libdnnl3 (or libdnnl2), or dnf install onednn',
    },
    darwin: {
      blas: 'Accelerate comes with macOS, and koffi with npm install koffi',
      oneDnn: 'brew install onednn',
    },
    win32: {
      blas: 'put libopenblas.dll on the PATH, or let NABLA_BLAS name the file',
      oneDnn: 'put dnnl.dll on the PATH, or let NABLA_ONEDNN name the file',
    },
  }

export async function cpu(): Promise<Section> {
  try {
    const device = await open()
    const description = device.describe()
    const checked = await check(device)
    device.dispose()
    return {
      title,
      lines: [...describe(description), checked],
      facts: { ...description, check: checked.text },
    }
  } catch (error) {
    // A library that a variable asks for and that is not there, for example.
    const problem = reason(error, 'cpu')
    return { title, lines: [{ name: 'device', text: problem }], facts: { problem } }
  }
}

/** The lines for what a device says of itself. */
export function describe({ simd, threads, sharedMemory, blas, oneDnn }: CpuDescription): Line[] {
  const hint = advice[process.platform]
  return [
    {
      name: 'SIMD',
      text:
        simd === 'relaxed'
          ? 'relaxed, with fused multiply-add'
          : 'plain, without fused multiply-add',
    },
    {
      name: 'threads',
      text: `${threads}, with ${sharedMemory ? 'shared' : 'unshared'} memory`,
    },
    library('BLAS', blas, 'with one, matrix products are several times as fast', hint?.blas),
    library('oneDNN', oneDnn, 'with it, convolutions are several times as fast', hint?.oneDnn),
  ]
}

function library(
  name: string,
  found: NativeLibrary | string,
  gain: string,
  hint: string | undefined,
): Line {
  if (typeof found !== 'string') {
    const own = found.name === name ? '' : `${found.name} `
    const { threads } = found
    const with_ =
      threads === undefined ? '' : `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
    return { name, text: `${own}${found.version}${with_}`, more: [found.path] }
  }
  if (found.startsWith('switched off')) return { name, text: found }
  return { name, text: found, more: [hint ? `${gain}: ${hint}` : gain] }
}
