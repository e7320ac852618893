/** Samples of random ops: every device must draw the same bits from the same seed. */
import {
  bernoulli,
  dropout,
  Generator,
  normal,
  rand,
  randint,
  randn,
  type Shape,
  uniform,
} from '@nablajs/tensor'
import type { Sample } from '../sample.ts'
import type { SampleTable } from './table.ts'

/** 24 random bits and a power of two are exact in f32, so nothing may differ. */
const exact = { rtol: 0, atol: 0 }

const shapes: readonly Shape[] = [[], [1], [7], [3, 5], [2, 3, 2, 4], [0, 2], [1500]]
const seeds = [0, 1, 0xffffffff]

const cases = (run: (shape: Shape, generator: Generator) => Sample): Sample[] => [
  ...shapes.map((shape) => run(shape, new Generator(42))),
  ...seeds.map((seed) => run([33], new Generator(seed))),
]

function drawn(
  draw: (shape: Shape, generator: Generator) => ReturnType<Sample['run']>,
  tolerance?: Sample['tolerance'],
): Sample[] {
  return cases((shape, { state }) => ({
    label: `[${shape.join(', ')}] with seed ${state.seed}`,
    inputs: [],
    // The same state each time it runs; two draws, because the second has another stream.
    run: () => {
      const generator = new Generator(state.seed)
      return [draw(shape, generator), draw(shape, generator)].flat()
    },
    ...(tolerance && { tolerance }),
  }))
}

export const randomSamples: SampleTable = {
  rand: () => drawn((shape, generator) => rand(shape, { generator }), exact),
  uniform: () => [
    ...drawn((shape, generator) => uniform(shape, 0, 4, { generator }), exact),
    ...drawn((shape, generator) => uniform(shape, -0.3, 0.7, { generator })),
  ],
  bernoulli: () => drawn((shape, generator) => bernoulli(shape, 0.3, { generator })),
  randint: () => [
    ...drawn((shape, generator) => randint(shape, -3, 10, { generator })),
    // Nearly all 32 bits of each word.
    ...drawn((shape, generator) => randint(shape, -(2 ** 31), 2 ** 31 - 1, { generator })),
  ],
  randn: () => drawn((shape, generator) => randn(shape, { generator })),
  normal: () => drawn((shape, generator) => normal(shape, 3, 0.5, { generator })),
  dropout: (inputs) => [
    ...shapes.map(
      (shape): Sample => ({
        label: `[${shape.join(', ')}]`,
        inputs: [inputs.floats(shape)],
        run: (x) => dropout(x!, 0.4, new Generator(7)),
      }),
    ),
    ...[0, 0.25, 1].map(
      (p): Sample => ({
        label: `p = ${p} of a transposed tensor`,
        inputs: [inputs.floats([5, 6], -2, 2, 'transposed')],
        run: (x) => dropout(x!, p, new Generator(7)),
      }),
    ),
    {
      aspect: 'gradients',
      label: '[2, 3]',
      inputs: [inputs.floats([2, 3])],
      run: (x) => dropout(x!, 0.5, new Generator(7)).square(),
      smooth: true,
    },
  ],
}
