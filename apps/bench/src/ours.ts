/** Our own side of every comparison: one CPU device for all works. */
import { cpu } from '@nablajs/backend-cpu'
import type { Backend } from '@nablajs/tensor'
import manifest from '@nablajs/tensor/package.json' with { type: 'json' }

export const version: string = manifest.version

let made: Promise<Backend> | undefined

export function device(): Promise<Backend> {
  made ??= cpu()
  return made
}
