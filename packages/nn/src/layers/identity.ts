import type { Tensor } from '@nablajs/tensor'
import { Module } from '../module.ts'

/** Hands its input on: in the place of a layer that a variant of a network leaves out. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}
