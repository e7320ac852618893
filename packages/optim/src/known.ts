/** Refusal of options that nobody reads. */
import { ArgumentError } from '@nablajs/tensor'

/**
 * Refuses a key that is none of the known ones: mostly a name that is spelt in another way.
 *
 * @throws ArgumentError with the key and all known ones.
 */
export function refuseUnknown(name: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options))
    if (!known.includes(key))
      throw new ArgumentError(
        `${name}: unknown option "${key}"; ${known.length > 0 ? `known are ${known.join(', ')}` : 'there are none'}`,
      )
}
