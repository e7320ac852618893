/** How much a page downloads. */
import type { Suite } from '../suite.ts'

export const sizes: Suite = {
  name: 'sizes',
  about: 'what a page downloads, minified and compressed by gzip',
  works: [],
  // The bundler and all that is bundled are looked for only where they are wanted.
  measures: async () => (await import('./bundles.ts')).measureSizes(),
}
