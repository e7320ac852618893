/** Statistics of what flows through a network, layer by layer: to see it vanish or explode. */
import {
  computeType,
  customGrad,
  type FloatDType,
  isFloat,
  keep,
  noGrad,
  stack,
  Tensor,
} from '@nablajs/tensor'
import type { Module } from './module.ts'
import type { AnyModule } from './tree.ts'

/** Of one tensor. */
export interface FlowStatistics {
  readonly mean: number
  /** The standard deviation over all elements. */
  readonly std: number
  /** The largest absolute value. */
  readonly largest: number
  /** The share of elements that are 0: dead units behind a ReLU. */
  readonly zeros: number
}

/** What the last pass through a layer was like. */
export interface LayerFlow {
  /** The layer's name in the network: `'0'`, `'features.3'`. */
  readonly name: string
  /** What it is: `'Linear'`. */
  readonly kind: string
  /** Of its output; undefined when it was not called yet. */
  readonly activation: FlowStatistics | undefined
  /** Of the gradient of its output; undefined when no backward pass came by. */
  readonly gradient: FlowStatistics | undefined
}

/** What {@link watch} gives. */
export interface Watch {
  /** The statistics of the last passes, in the order of the network. */
  read(): Promise<LayerFlow[]>
  /** Takes the hooks off and frees what they kept. */
  stop(): void
}

/** The four numbers of a tensor, as one tensor that outlives the pass. */
function measure(t: Tensor): Tensor {
  return noGrad(() => {
    const dtype = computeType(t.dtype as FloatDType)
    const x = t.detach().cast(dtype)
    const zeros = x.eq(0).cast(dtype)
    return keep(stack([x.mean(), x.std(undefined, { correction: 0 }), x.abs().max(), zeros.mean()]))
  })
}

async function readNumbers(t: Tensor | undefined): Promise<FlowStatistics | undefined> {
  if (!t) return undefined
  const [mean, std, largest, zeros] = await t.data()
  return { mean: mean!, std: std!, largest: largest!, zeros: zeros! }
}

class Flow {
  activation: Tensor | undefined
  gradient: Tensor | undefined

  /** What goes on in the place of an output: the same, with an eye on its gradient. */
  readonly pass: (x: Tensor) => Tensor = customGrad(
    'watch',
    (x) => ({ output: x }),
    (g) => {
      this.gradient?.dispose()
      this.gradient = measure(g)
      return [g]
    },
  )

  see(output: unknown): Tensor | undefined {
    if (!(output instanceof Tensor) || output.size === 0) return undefined
    if (!isFloat(output.dtype)) return undefined
    this.activation?.dispose()
    this.activation = measure(output)
    return output.requiresGrad ? this.pass(output) : undefined
  }

  dispose(): void {
    this.activation?.dispose()
    this.gradient?.dispose()
    this.activation = undefined
    this.gradient = undefined
  }
}

/**
 * Watches the outputs of a network's layers (the modules without children) and their gradients. With
 * depth, standard deviations that shrink towards 0 mean vanishing, and such that grow mean exploding
 * signals; `zeros` near 1 means a dead layer.
 *
 * Only four numbers of each tensor are kept, and read when asked for.
 *
 * @example
 * ```ts
 * const flow = watch(net)
 * scope(() => crossEntropy(net.forward(images), labels).backward())
 * console.table((await flow.read()).map(({ name, gradient }) => ({ name, ...gradient })))
 * flow.stop()
 * ```
 */
export function watch(module: AnyModule): Watch {
  const layers = module.namedModules().filter(([, layer]) => layer.children().length === 0)
  const flows = layers.map(([name, layer]) => {
    const flow = new Flow()
    // Layers that give no tensor are left as they are, so any output goes.
    const hooked = layer as Module
    const remove = hooked.registerForwardHook((_, __, output) => flow.see(output))
    return { name, kind: layer.constructor.name, flow, remove }
  })
  return {
    read: () =>
      Promise.all(
        flows.map(async ({ name, kind, flow }) => ({
          name,
          kind,
          activation: await readNumbers(flow.activation),
          gradient: await readNumbers(flow.gradient),
        })),
      ),
    stop() {
      for (const { flow, remove } of flows) {
        remove()
        flow.dispose()
      }
    },
  }
}
