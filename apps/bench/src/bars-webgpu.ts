/** What we want to reach on WebGPU, beside the others on the same GPU. */
import { atLeast, type Bar, peer, pickRatio, subject } from './bar.ts'
import type { Comparison } from './results.ts'

const ours = subject(/^nabla webgpu$/)
const tfjs = peer(/^tfjs webgpu$/)
const jaxJs = peer(/^jax-js webgpu$/)

/** Products and convolutions level with both others; steps of the networks with convolutions twice as fast as tfjs's. */
export function webgpuBars(at: Comparison): Bar[] {
  if (!ours(at)) return []
  const bar = (wanted: number, name: string, theirs: typeof tfjs): Bar =>
    atLeast(
      at.name,
      wanted,
      `webgpu >= ${wanted}x ${name} on webgpu`,
      pickRatio(ours, theirs, `no ${name} took part on webgpu`)(at),
    )
  if (at.suite === 'train') return /^(LeNet|ResNet)/.test(at.name) ? [bar(2, 'tfjs', tfjs)] : []
  if (at.suite === 'conv2d' || at.name.startsWith('matmul'))
    return [bar(1, 'tfjs', tfjs), bar(1, 'jax-js', jaxJs)]
  return []
}
