/** The device of `@nablajs/backend-webgpu`: which GPU its adapter is, or why there is none. */
import { webgpu as open } from '@nablajs/backend-webgpu'
import { check } from '../check.ts'
import { type Line, reason, type Section } from '../section.ts'

const title = 'WebGPU (@nablajs/backend-webgpu)'

export async function webgpu(): Promise<Section> {
  try {
    const backend = await open()
    const { vendor, architecture, device, description, isFallbackAdapter } =
      backend.device.adapterInfo
    const { maxBufferSize } = backend.device.limits
    const { f16, subgroups } = backend.features
    const checked = await check(backend)
    backend.dispose()
    const facts = {
      adapter: { vendor, architecture, device, description, fallback: isFallbackAdapter === true },
      f16,
      subgroups,
      maxBufferBytes: maxBufferSize,
      check: checked.text,
    }
    const software =
      isFallbackAdapter === true || /swiftshader|llvmpipe/i.test(architecture + description)
    const lines: Line[] = [
      {
        name: 'adapter',
        text:
          [vendor, architecture, description || device].filter(Boolean).join(', ') +
          (software ? ' (software: for tests, not for speed)' : ''),
      },
      {
        name: 'features',
        text: [f16 ? 'f16' : 'no f16', subgroups ? 'subgroups' : 'no subgroups'].join(', '),
      },
      { name: 'largest buffer', text: `${(maxBufferSize / 2 ** 30).toFixed(1)} GiB` },
      checked,
    ]
    return { title, lines, facts }
  } catch (error) {
    const problem = reason(error, 'webgpu')
    return { title, lines: [{ name: 'adapter', text: problem }], facts: { problem } }
  }
}
