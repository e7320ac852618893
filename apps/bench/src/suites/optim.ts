/** Optimizer steps over the parameters of ResNet-50, whose gradients are there. */
import type { Backend } from '@nablajs/tensor'
import { setDevice } from '@nablajs/tensor'
import { makers } from '../peers/ours.ts'
import { profiled } from '../profile.ts'
import { resnet50Shapes } from '../resnet50.ts'
import type { Measure, Suite, Work } from '../suite.ts'
import { prepare, type Task } from '../tasks.ts'

const shapes = resnet50Shapes()
const values = shapes.reduce((sum, shape) => sum + shape.reduce((n, extent) => n * extent, 1), 0)
const f32 = 4

/** `tensors` are what a step touches of each parameter: itself and its slots twice, the gradient once. */
const step = (method: 'sgd' | 'adam' | 'adamw', label: string, tensors: number): Work => ({
  name: `${label} step`,
  note: `ResNet-50: ${shapes.length} tensors, ${(values / 1e6).toFixed(1)}M values`,
  task: { kind: 'optimizer', method, shapes },
  bytes: f32 * values * tensors,
})

/** How many kernels Adam runs for so many parameters in a step. */
export async function adamKernels(device: Backend, parameters: number): Promise<number> {
  const profile = profiled(device)
  setDevice(profile.device)
  const task: Task = {
    kind: 'optimizer',
    method: 'adam',
    shapes: Array.from({ length: parameters }, (_, i) => [8 + (i % 3), 4]),
  }
  const made = await prepare(
    makers(() => {}),
    task,
  )
  if (typeof made === 'string') throw new Error(made)
  await made.run()
  profile.reset()
  await made.run()
  const kernels = profile.times().reduce((sum, { calls }) => sum + calls, 0)
  made.dispose?.()
  setDevice(device)
  return kernels
}

export const optim: Suite = {
  name: 'optim',
  about: 'optimizer steps over the parameters of ResNet-50, f32',
  works: [step('sgd', 'SGD with momentum', 5), step('adam', 'Adam', 7), step('adamw', 'AdamW', 7)],
  async measures(device): Promise<Measure[]> {
    const tfjs = await import('../peers/tfjs.ts')
    const counted = { work: 'Adam over 50 parameters', unit: 'kernels' } as const
    const note = 'kernels run in one step'
    return [
      { ...counted, subject: 'nabla', value: await adamKernels(device, 50), note },
      { ...counted, subject: 'tfjs', value: await tfjs.adamKernels(50), note },
    ]
  },
}
