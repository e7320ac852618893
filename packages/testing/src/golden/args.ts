/** Reads the arguments of a case, and knows at the end which of them nobody asked for. */
import { Unsupported } from './report.ts'

const words: Readonly<Record<string, number>> = {
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
}

export class Args {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #asked = new Set<string>()

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined
  }

  /** Whether it is text. */
  isWord(name: string): boolean {
    return typeof this.#get(name) === 'string'
  }

  #get(name: string): unknown {
    this.#asked.add(name)
    const value = this.#values[name]
    // JSON has neither NaN nor infinities; null stands for an argument left out.
    if (typeof value === 'string' && value in words) return words[value]
    return value ?? undefined
  }

  #typed<T>(name: string, fallback: T | undefined, is: (value: unknown) => value is T): T {
    const value = this.#get(name) ?? fallback
    if (!is(value)) throw new Unsupported(`argument ${name} = ${JSON.stringify(value)}`)
    return value
  }

  number(name: string, fallback?: number): number {
    return this.#typed(name, fallback, (value) => typeof value === 'number')
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#typed(name, fallback, (value) => typeof value === 'boolean')
  }

  string(name: string, fallback?: string): string {
    return this.#typed(name, fallback, (value) => typeof value === 'string')
  }

  /** One of several words. */
  choice<T extends string>(name: string, allowed: readonly T[], fallback?: T): T {
    return this.#typed(name, fallback, (value): value is T => allowed.includes(value as T))
  }

  /** A number or a list of numbers. */
  sizes(name: string, fallback?: number): number | number[] {
    return this.#typed(
      name,
      fallback,
      (value): value is number | number[] =>
        typeof value === 'number' ||
        (Array.isArray(value) && value.every((part) => typeof part === 'number')),
    )
  }

  /** As {@link sizes}, where a null in a list means that a size stays. */
  optionalSizes(name: string): number | (number | null)[] {
    return this.#typed(
      name,
      undefined,
      (value): value is number | (number | null)[] =>
        typeof value === 'number' ||
        (Array.isArray(value) && value.every((part) => typeof part === 'number' || part === null)),
    )
  }

  /** A list of lists of numbers. */
  rows(name: string): number[][] {
    return this.#typed(
      name,
      undefined,
      (value): value is number[][] =>
        Array.isArray(value) &&
        value.every((row) => Array.isArray(row) && row.every((part) => typeof part === 'number')),
    )
  }

  /** One number for both axes, or two. */
  pair(name: string, fallback?: number): number | readonly [number, number] {
    const value = this.sizes(name, fallback)
    if (typeof value === 'number') return value
    if (value.length !== 2) throw new Unsupported(`argument ${name} = [${value}]`)
    return [value[0]!, value[1]!]
  }

  /** Refuses the case if it has an argument that was not asked for. */
  finish(): void {
    const unknown = Object.keys(this.#values).filter((name) => !this.#asked.has(name))
    if (unknown.length > 0)
      throw new Unsupported(
        unknown
          .map((name) => `argument ${name} = ${JSON.stringify(this.#values[name])}`)
          .join(', '),
      )
  }
}
