/**
 * Activations as modules. A new one is one exported line here: the function, and the names of the
 * settings that it takes after its input.
 */
import {
  elu,
  gelu,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  type Tensor,
  tanh,
} from '@nablajs/tensor'
import { Module } from '../module.ts'

/** The class of an activation; its settings are given in order. */
export interface Activation<Settings extends readonly unknown[] = []> {
  new (...settings: Settings): Module
  readonly prototype: Module
}

function activation<Settings extends readonly (number | undefined)[]>(
  name: string,
  apply: (x: Tensor, ...settings: Settings) => Tensor,
  ...names: { [K in keyof Settings]: string }
): Activation<Settings> {
  const made = class extends Module {
    readonly #settings: Settings

    constructor(...settings: Settings) {
      super()
      this.#settings = settings
    }

    forward(x: Tensor): Tensor {
      return apply(x, ...this.#settings)
    }

    override extraRepr(): string {
      return this.#settings.map((value, i) => `${names[i]}=${value}`).join(', ')
    }
  }
  Object.defineProperty(made, 'name', { value: name })
  return made
}

/** `max(x, 0)`; see `relu`. Nair & Hinton, ICML 2010. */
export const ReLU: Activation = activation('ReLU', relu)

/** `x` above 0, `negativeSlope x` below (default 0.01); see `leakyRelu`. Maas, Hannun, Ng, 2013. */
export const LeakyReLU: Activation<[negativeSlope?: number]> = activation(
  'LeakyReLU',
  (x, slope = 0.01) => leakyRelu(x, slope),
  'negativeSlope',
)

/** `x` above 0, `alpha (eˣ - 1)` below (default 1); see `elu`. Clevert et al., arXiv 1511.07289. */
export const ELU: Activation<[alpha?: number]> = activation(
  'ELU',
  (x, alpha = 1) => elu(x, alpha),
  'alpha',
)

/** `x Φ(x)`, exact; see `gelu`. Hendrycks & Gimpel, arXiv 1606.08415. */
export const GELU: Activation = activation('GELU', gelu)

/** `x sigmoid(x)`, also called swish; see `silu`. Ramachandran et al., arXiv 1710.05941. */
export const SiLU: Activation = activation('SiLU', silu)

/** `1 / (1 + e⁻ˣ)`; see `sigmoid`. */
export const Sigmoid: Activation = activation('Sigmoid', sigmoid)

/** `log(sigmoid(x))`; see `logSigmoid`. */
export const LogSigmoid: Activation = activation('LogSigmoid', logSigmoid)

/** The hyperbolic tangent; see `tanh`. */
export const Tanh: Activation = activation('Tanh', tanh)

/** `log(1 + e^(beta x)) / beta` (beta 1), linear where `beta x > threshold` (20); see `softplus`. */
export const Softplus: Activation<[beta?: number, threshold?: number]> = activation(
  'Softplus',
  softplus,
  'beta',
  'threshold',
)

/** Positive numbers that add up to 1 along an axis (default: the last); see `softmax`. */
export const Softmax: Activation<[axis?: number]> = activation('Softmax', softmax, 'axis')

/** The logarithm of softmax along an axis (default: the last); see `logSoftmax`. */
export const LogSoftmax: Activation<[axis?: number]> = activation('LogSoftmax', logSoftmax, 'axis')
