/** Data loading. */
import type { Suite } from '../suite.ts'

const samples = 6400
const batch = 64

export const data: Suite = {
  name: 'data',
  about: 'data loading: what a loader gives to a training loop that costs nothing',
  works: [
    {
      name: `an epoch of digits, batch ${batch}`,
      note: `${samples} images of 28x28 in bytes, shuffled, to f32 batches`,
      task: { kind: 'loading', samples, batch },
      items: { count: samples, unit: 'samples' },
    },
  ],
}
