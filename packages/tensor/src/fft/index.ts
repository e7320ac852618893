/**
 * Fourier transforms, as torch.fft, of real tensors and of complex numbers as pairs of tensors, with
 * gradients of any order. Published as `@nablajs/tensor/fft`.
 *
 * @packageDocumentation
 */
export { type Complex, complexAbs, complexAngle, complexMul } from './complex.ts'
export type { FftNorm } from './dft.ts'
export { type FftOptions, fft, ifft, irfft, rfft } from './fft.ts'
export {
  type FftnOptions,
  fft2,
  fftn,
  ifft2,
  ifftn,
  irfft2,
  irfftn,
  rfft2,
  rfftn,
} from './fftn.ts'
export { fftfreq, fftshift, ifftshift, rfftfreq } from './frequencies.ts'
