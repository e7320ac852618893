/** The suites that run everywhere, in the order of reports. */
import type { Suite } from '../suite.ts'
import { conv2d } from './conv2d.ts'
import { bandwidth, launches, products, steps } from './cuda.ts'
import { data } from './data.ts'
import { dispatch } from './dispatch.ts'
import { inference } from './inference.ts'
import { memory } from './memory.ts'
import { ops } from './ops.ts'
import { optim } from './optim.ts'
import { train } from './train.ts'

export const suites: readonly Suite[] = [
  ops,
  conv2d,
  dispatch,
  train,
  inference,
  data,
  optim,
  memory,
  products,
  bandwidth,
  steps,
  launches,
]
