/**
 * How to call each op of the golden files here: names, arguments and layouts of PyTorch on one side,
 * the public functions of the packages on the other. An op has a line when one function (or layer)
 * does what it says; what would have to be put together from several is left out and reported as
 * not implemented.
 */
import type { AdapterTable } from './adapter.ts'
import { clipAdapters } from './clip.ts'
import { elementwiseAdapters } from './elementwise.ts'
import { imageAdapters } from './images.ts'
import { layerAdapters } from './layers.ts'
import { linalgAdapters } from './linalg.ts'
import { linearAdapters } from './linear.ts'
import { lossAdapters } from './losses.ts'
import { movementAdapters } from './movement.ts'
import { reduceAdapters } from './reduce.ts'

export const adapters: AdapterTable = {
  ...elementwiseAdapters,
  ...reduceAdapters,
  ...movementAdapters,
  ...linearAdapters,
  ...linalgAdapters,
  ...imageAdapters,
  ...layerAdapters,
  ...lossAdapters,
  ...clipAdapters,
}
