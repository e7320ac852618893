/** Compiled kernels: one pipeline for each text of a shader, with the layout that its bindings declare. */
import { DeviceError } from '@nablajs/tensor/backend'
import { computeStage } from './constants.ts'
import type { Failures } from './failures.ts'
import type { KernelSource } from './kernel.ts'

export interface Pipeline {
  readonly id: number
  readonly gpu: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
  /** Storage buffers that the module binds. */
  readonly buffers: number
  /** Whether it takes parameters. */
  readonly hasParams: boolean
}

const declaration =
  /@binding\((\d+)\)\s*var<(storage,\s*read_write|storage,\s*read|storage|uniform)>/g

type Access = 'read-only-storage' | 'storage' | 'uniform'

/** What each binding of a module is, by its number. */
function bindingsOf({ name, code }: KernelSource): Access[] {
  const found: Access[] = []
  for (const [, number, kind] of code.matchAll(declaration))
    found[Number(number)] = kind!.endsWith('read_write')
      ? 'storage'
      : kind === 'uniform'
        ? 'uniform'
        : 'read-only-storage'
  const uniform = found.indexOf('uniform')
  // A hole in the numbers is skipped by `findIndex` of a plain array only when it is not sparse.
  const hole = Array.from(found).indexOf(undefined as never)
  if (found.length === 0 || hole >= 0 || (uniform >= 0 && uniform !== found.length - 1))
    throw new DeviceError(
      `${name}: the shader binds [${Array.from(found, (kind) => kind ?? 'nothing').join(', ')}]; ` +
        'storage buffers come first, without gaps, and the uniform last',
    )
  return found
}

export class Pipelines {
  readonly #device: GPUDevice
  readonly #failures: Failures
  readonly #bySource: WeakMap<KernelSource, Pipeline> = new WeakMap()
  readonly #byCode: Map<string, Pipeline> = new Map()
  readonly #layouts: Map<string, { bind: GPUBindGroupLayout; pipeline: GPUPipelineLayout }> =
    new Map()

  constructor(device: GPUDevice, failures: Failures) {
    this.#device = device
    this.#failures = failures
  }

  /** Shaders compiled so far. */
  get compiled(): number {
    return this.#byCode.size
  }

  get(source: KernelSource): Pipeline {
    let pipeline = this.#bySource.get(source)
    if (!pipeline) {
      pipeline = this.#byCode.get(source.code) ?? this.#compile(source)
      this.#bySource.set(source, pipeline)
    }
    return pipeline
  }

  #compile(source: KernelSource): Pipeline {
    const { name, code } = source
    const bindings = bindingsOf(source)
    const layout = this.#layoutOf(bindings)
    const pipeline = this.#failures.watch(name, () => {
      const module = this.#device.createShaderModule({ label: name, code })
      const gpu = this.#device.createComputePipeline({
        label: name,
        layout: layout.pipeline,
        compute: { module, entryPoint: 'main' },
      })
      const hasParams = bindings.at(-1) === 'uniform'
      const buffers = bindings.length - Number(hasParams)
      return { id: this.#byCode.size, gpu, layout: layout.bind, buffers, hasParams }
    })
    this.#byCode.set(code, pipeline)
    return pipeline
  }

  #layoutOf(bindings: readonly Access[]): {
    bind: GPUBindGroupLayout
    pipeline: GPUPipelineLayout
  } {
    const key = bindings.join()
    let layout = this.#layouts.get(key)
    if (!layout) {
      const bind = this.#device.createBindGroupLayout({
        entries: bindings.map((type, binding) => ({
          binding,
          visibility: computeStage,
          buffer: { type, hasDynamicOffset: type === 'uniform' },
        })),
      })
      const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [bind] })
      layout = { bind, pipeline }
      this.#layouts.set(key, layout)
    }
    return layout
  }
}
