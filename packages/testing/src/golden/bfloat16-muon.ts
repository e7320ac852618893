/** Muon as PyTorch runs it: every result of its iteration is rounded to bfloat16. */
import { Muon } from '@nablajs/optim'
import type { Tensor } from '@nablajs/tensor'
import { constant, mapProgram, program } from '@nablajs/tensor/program'

/** To the nearest number with 16 bits less, to even where two are as near. */
const toBfloat16 = (dtype: 'f32' | 'f64') =>
  program({ name: 'bfloat16', inputs: [dtype] }, (x) => {
    const bits = x!.cast('f32').bitcast('u32')
    const odd = bits.shr(16).and(1)
    const mask = constant(0xffff0000, 'u32')
    return bits.add(0x7fff).add(odd).and(mask).bitcast('f32').cast(dtype)
  })

export class Bfloat16Muon extends Muon {
  protected override round(x: Tensor): Tensor {
    return mapProgram(toBfloat16(x.dtype as 'f32' | 'f64'), [x])
  }
}
