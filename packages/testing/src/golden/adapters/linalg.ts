import type { Tensor } from '@nablajs/tensor'
import { complexAbs, fft, rfft } from '@nablajs/tensor/fft'
import { cholesky, det, eigvalsh, inv, slogdet, solve, svdvals } from '@nablajs/tensor/linalg'
import { type Adapter, type AdapterTable, gives, onX } from './adapter.ts'

const onA =
  (op: (a: Tensor) => Tensor): Adapter =>
  (inputs) =>
    gives(op(inputs.get('a')))

/** Linear algebra and Fourier transforms. */
export const linalgAdapters: AdapterTable = {
  cholesky: onA(cholesky),
  inv: onA(inv),
  det: onA(det),
  eigvalsh: onA(eigvalsh),
  svdvals: onA(svdvals),
  solve: (inputs) => gives(solve(inputs.get('a'), inputs.get('b'))),
  slogdet: (inputs) => {
    const { sign, logabsdet } = slogdet(inputs.get('a'))
    return gives(sign, logabsdet)
  },
  // torch gives complex numbers here; the files have their absolute values.
  fft_abs: onX((x) => complexAbs(fft(x))),
  rfft_abs2: onX((x) => complexAbs(rfft(x)).square()),
}
