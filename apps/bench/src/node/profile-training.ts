/** `--profile`: where the time of a training step goes. */
import { cpu } from '@nablajs/backend-cpu'
import { setDevice } from '@nablajs/tensor'
import { makers } from '../peers/ours.ts'
import { profiled } from '../profile.ts'
import { train } from '../suites/train.ts'
import { prepare } from '../tasks.ts'
import { showProfile } from '../text.ts'
import type { Options } from './options.ts'

/** Prints the time by kernel of each training step of the `train` suite, on the cpu device. */
export async function profileTraining({ rounds, turn, threads }: Options): Promise<void> {
  for (const { name, task } of train.works) {
    const device = await cpu({ threads })
    const profile = profiled(device)
    setDevice(profile.device)
    const made = await prepare(
      makers(() => {}),
      task,
    )
    if (typeof made === 'string') throw new Error(made)
    for (let i = 0; i < 3; i++) await made.run()
    profile.reset()
    let steps = 0
    const begin = performance.now()
    while (steps === 0 || performance.now() - begin < rounds * turn) {
      await made.run()
      steps++
    }
    const step = (performance.now() - begin) / steps
    console.log(`${name}: ${step.toFixed(2)} ms\n${showProfile(profile.times(), steps)}`)
    made.dispose?.()
    device.dispose()
  }
}
