import { ArgumentError } from '@nablajs/tensor'

/** A value as it would be typed: NaN and undefined by name, strings in quotes. */
function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
}

/** Refuses options that nobody knows, naming those that there are. */
export function checkKeys(name: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined)
    throw new ArgumentError(`${name}: there is no option ${unknown}; there are ${known.join(', ')}`)
}

/** A whole number of at least `least` (and at most 2³² - 1, as counters and seeds have to be). */
export function checkWhole(name: string, value: unknown, least = 0): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > 0xffffffff)
    throw new ArgumentError(
      `${name} is ${show(value)}; it must be a whole number >= ${least}` +
        (typeof value === 'number' && value > 0xffffffff ? ' and below 4294967296' : ''),
    )
  return value as number
}

export function checkFlag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw new ArgumentError(`${name} is ${show(value)}; it must be true or false`)
  return value
}
