/** State dicts in PyTorch's layout, where layers keep their tensors in another order of axes. */
import { scope, type Tensor } from '@nablajs/tensor'
import type { AnyModule, LoadResult, LoadStateDictOptions, StateDict } from './tree.ts'

const inverse = (axes: readonly number[]): number[] => axes.map((_, axis) => axes.indexOf(axis))

/**
 * The state dict as PyTorch would have it: same names, convolution weights as
 * `[out, in / groups, height, width]`. The tensors share memory with the module.
 *
 * @example
 * ```ts
 * await writeFile('net.safetensors', await saveTensors(torchStateDict(net)))
 * // Python: net.load_state_dict(safetensors.torch.load_file('net.safetensors'))
 * ```
 */
export function torchStateDict(module: AnyModule): StateDict {
  const axes = module.allTorchAxes()
  return scope(() => {
    const entries = Object.entries(module.stateDict())
    return Object.fromEntries(
      entries.map(([name, t]): [string, Tensor] => {
        const order = axes.get(name)
        return [name, order ? t.permute(order) : t]
      }),
    )
  })
}

/**
 * Loads a state dict of PyTorch; see `Module.loadStateDict`.
 *
 * A `Linear` that follows a flattened image sees its inputs in the order height, width, channel
 * here and channel, height, width in PyTorch: put `new Flatten({ channelsFirst: true })` before it.
 *
 * @example
 * ```ts
 * const { tensors } = loadTensors(await readFile('alexnet.safetensors'))
 * loadTorchStateDict(net, tensors)
 * ```
 */
export function loadTorchStateDict(
  module: AnyModule,
  dict: Readonly<StateDict>,
  options: LoadStateDictOptions = {},
): LoadResult {
  return scope(() => {
    const axes = module.allTorchAxes()
    const own = Object.entries(dict).map(([name, t]): [string, Tensor] => {
      const order = axes.get(name)
      // What does not fit is left for loadStateDict to report.
      return [name, order?.length === t.rank ? t.detach().permute(inverse(order)) : t]
    })
    return module.loadStateDict(Object.fromEntries(own), options)
  })
}
