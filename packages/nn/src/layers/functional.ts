/** Layers without parameters: a function of the input and of settings, as a class. */
import type { Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'

/** The class of such a layer; its settings are given in order. */
export interface Functional<Settings extends readonly unknown[] = []> {
  new (...settings: Settings): Module
  readonly prototype: Module
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(String).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([name, part]) => `${name}=${show(part)}`)
    .join(', ')
}

/**
 * The class of a function.
 *
 * @param names The names of settings, which are shown with them; an object shows its own.
 */
export function functional<Settings extends readonly unknown[]>(
  name: string,
  apply: (x: Tensor, ...settings: Settings) => Tensor,
  ...names: readonly string[]
): Functional<Settings> {
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
      return this.#settings
        .map((value, i) => (names[i] ? `${names[i]}=${show(value)}` : show(value)))
        .join(', ')
    }
  }
  Object.defineProperty(made, 'name', { value: name })
  return made
}
