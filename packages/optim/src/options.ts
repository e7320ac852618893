/** Options of optimizers: filled up with defaults, and refused where they are out of range. */
import { ArgumentError } from '@nablajs/tensor'
import { refuseUnknown } from './known.ts'
import type { Declaration } from './transform.ts'

/**
 * All options, from those that were given and the defaults of the optimizer or the group.
 *
 * @throws ArgumentError when one is unknown, of another kind, or out of range.
 */
export function resolveOptions<Options extends object>(
  declaration: Declaration<Options>,
  options: Partial<Options>,
  defaults: Options,
): Options {
  const known = Object.keys(declaration.defaults)
  refuseUnknown(declaration.name, options, known)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const pick = known.map((key) => [key, defaults[key as keyof Options]])
  const resolved = { ...Object.fromEntries(pick), ...Object.fromEntries(given) } as Options
  for (const key of known as (keyof Options)[]) {
    const wanted = kindOf(declaration.defaults[key])
    if (wanted && kindOf(resolved[key]) !== wanted)
      refuse(declaration.name, key, resolved[key], wanted)
  }
  checkOptions(declaration, resolved)
  return resolved
}

/** Refuses options that are out of range; users may change them between steps. */
export function checkOptions<Options extends object>(
  { name, ranges }: Declaration<Options>,
  options: Options,
): void {
  for (const { option, says, holds } of ranges)
    if (!holds(options)) refuse(name, option, options[option], says)
}

function refuse(name: string, option: PropertyKey, value: unknown, says: string): never {
  throw new ArgumentError(`${name}: ${String(option)} is ${show(value)}; it must be ${says}`)
}

/** What can be said of an option by its default alone. Ranges say the rest. */
function kindOf(value: unknown): string | undefined {
  if (typeof value === 'boolean') return 'true or false'
  return Array.isArray(value) ? 'a list' : undefined
}

/** A value as a message shows it; JSON has no word for NaN. */
const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(value)
