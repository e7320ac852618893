/**
 * Optimizers of nabla for programs of TensorFlow.js. Published as `@nablajs/optim/tfjs`; the library
 * itself is given by the caller, and nothing of it is imported.
 *
 * @packageDocumentation
 */
import { ArgumentError, type Backend, type Tensor } from '@nablajs/tensor'
import type {
  NamedTensorMap,
  Optimizer as Theirs,
  Tensor as TheirTensor,
  Variable,
} from '@tensorflow/tfjs'
import { refuseUnknown } from './known.ts'
import { Mirror } from './mirror.ts'
import { demandReadable } from './readable.ts'

/** What is needed of TensorFlow.js: the whole of `@tensorflow/tfjs` or of its core has it. */
export type Tfjs = Pick<
  typeof import('@tensorflow/tfjs'),
  'Optimizer' | 'engine' | 'tensor' | 'tidy'
>

/** A variable's name and the parameter that stands for it. */
export type NamedParameter = readonly [name: string, parameter: Tensor]

/** What is needed of an optimizer: those of this package that step with gradients have it. */
export interface Inner {
  step(): void
  addParamGroup(group: { params: readonly NamedParameter[] }): void
  dispose(): void
}

/** An optimizer as TensorFlow.js knows it, with the one that does the work. */
export interface TfjsOptimizer<Own extends Inner> extends Theirs {
  /**
   * The optimizer, for its groups (`inner.paramGroups[0].lr`), its state and schedules. It is made when
   * first needed, for all trainable variables there are then; variables that come later are added.
   */
  readonly inner: Own
}

export interface TfjsOptimizerOptions {
  /** Where to compute; one that can be read at once. Default: the one set with `setDevice`. */
  device?: Backend
}

/**
 * Any optimizer of this package for the `tf.Variable`s of an existing program: it takes the place of
 * `tf.train.adam(...)`, with `minimize`, `computeGradients`, `applyGradients`, and in `model.compile`.
 *
 * Variables are read and written through the host in each step, so TensorFlow.js has to run on a
 * backend that can be read at once (cpu, wasm, webgl, node). To store the state, take
 * `optimizer.inner.stateDict()`.
 *
 * @param tf The library, as it was imported.
 * @param make Makes the optimizer from named parameters.
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs'
 *
 * const w = tf.variable(tf.tensor1d([1, -2]))
 * const optimizer = tfjsOptimizer(tf, (params) => new AdamW(params, { lr: 0.1 }))
 * optimizer.minimize(() => w.square().sum())
 * ```
 */
export function tfjsOptimizer<Own extends Inner>(
  tf: Tfjs,
  make: (params: readonly NamedParameter[]) => Own,
  options: TfjsOptimizerOptions = {},
): TfjsOptimizer<Own> {
  refuseUnknown('tfjsOptimizer', options, ['device'])
  class Adapter extends tf.Optimizer {
    static get className(): string {
      return 'NablaOptimizer'
    }

    readonly #mirrors = new Map<string, Mirror>()
    #inner: Own | undefined

    get inner(): Own {
      if (!this.#inner) {
        const all = Object.values(tf.engine().registeredVariables)
        const trainable = all.filter((variable) => variable.trainable)
        if (trainable.length === 0)
          throw new ArgumentError(
            'tfjsOptimizer: there are no trainable variables; make the model or its tf.variable first',
          )
        const named = trainable.map((variable) => this.#mirror(variable))
        demandReadable(
          'tfjsOptimizer',
          named.map(([, parameter]) => parameter),
          'give it a device that can, such as a CPU',
        )
        this.#inner = make(named)
      }
      return this.#inner
    }

    #mirror(variable: Variable): NamedParameter {
      if (variable.dtype !== 'float32')
        throw new ArgumentError(
          `tfjsOptimizer: ${variable.name} is ${variable.dtype}; trainable variables are float32`,
        )
      const shape = [...variable.shape]
      const mirror = new Mirror(variable.dataSync(), { shape, dtype: 'f32', ...options })
      this.#mirrors.set(variable.name, mirror)
      return [variable.name, mirror.parameter]
    }

    applyGradients(given: NamedTensorMap | { name: string; tensor: TheirTensor }[]): void {
      const gradients = Array.isArray(given)
        ? given.map(({ name, tensor }) => [name, tensor] as const)
        : Object.entries(given)
      const { inner } = this
      const stepped: [Variable, Mirror][] = []
      for (const [name, gradient] of gradients) {
        if (!gradient) continue
        const variable = tf.engine().registeredVariables[name]
        if (!variable)
          throw new ArgumentError(`tfjsOptimizer: there is a gradient for ${name}, but no variable`)
        if (!this.#mirrors.has(name)) inner.addParamGroup({ params: [this.#mirror(variable)] })
        const mirror = this.#mirrors.get(name)!
        mirror.write(variable.dataSync())
        mirror.setGradient(gradient.dataSync())
        stepped.push([variable, mirror])
      }
      inner.step()
      for (const [variable, mirror] of stepped) {
        mirror.setGradient(undefined)
        const values = mirror.read() as Float32Array
        tf.tidy(() => {
          variable.assign(tf.tensor(values, variable.shape, 'float32'))
        })
      }
      this.incrementIterations()
    }

    getConfig(): Record<string, never> {
      return {}
    }

    override dispose(): void {
      this.#inner?.dispose()
      for (const mirror of this.#mirrors.values()) mirror.dispose()
      this.#mirrors.clear()
      this.#inner = undefined
    }
  }
  return new Adapter()
}
