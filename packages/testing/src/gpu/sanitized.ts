/**
 * What compute-sanitizer watches: samples of all ops, forward and backward, with cuBLAS and cuDNN and by
 * own kernels, and steps of a training. Every buffer is the driver's own, so that its bounds are known.
 *
 *   node sanitized.ts [EVERY]    every sample, or each that many; the last line counts them
 *
 * Whether results are right is the conformance suite's to say.
 */
import { cuda } from '@nablajs/backend-cuda-node'
import { trainDigits } from '../digits-cnn.ts'
import { runBackward, runForward } from '../run-sample.ts'
import { allSamples } from '../samples/index.ts'

const every = Number(process.argv[2] ?? 1)
if (!(Number.isInteger(every) && every >= 1))
  throw new Error(`sanitized: ${process.argv[2]} came; it takes a whole number >= 1`)

process.env['NABLA_CUDA_NO_POOL'] = '1'

async function runAll(only: RegExp): Promise<number> {
  const device = await cuda()
  let [seen, ran] = [0, 0]
  for (const [op, samples] of allSamples()) {
    if (!only.test(op)) continue
    for (const sample of samples) {
      if (seen++ % every !== 0) continue
      await runForward(sample, device, 'f32')
      if (sample.differentiable !== false) await runBackward(sample, device, 'f32')
      ran++
    }
  }
  device.dispose()
  return ran
}

let ran = await runAll(/./)
const training = await cuda()
await trainDigits(training, 2)
training.dispose()
Object.assign(process.env, { NABLA_CUDA_CUBLAS: 'off', NABLA_CUDA_CUDNN: 'off' })
ran += await runAll(/conv|matmul|linear/)
console.log(`sanitized: ${ran} samples`)
