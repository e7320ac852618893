import { cuda, describe as describeCuda } from '@nablajs/backend-cuda-node'
import { emulator } from '@nablajs/cuda-emulator'
import { conformance } from '@nablajs/testing'
import { describe, it } from 'vitest'

/** `NABLA_TEST_GPU=1` asks for a real GPU, which the emulator must not stand in for. */
const wantsGpu = process.env['NABLA_TEST_GPU'] === '1'

/** Why the suite cannot run here, or nothing once its libraries are chosen. */
function prepare(): string | undefined {
  if (wantsGpu) return describeCuda().problem
  const found = emulator()
  if (found.missing !== undefined) return found.missing
  Object.assign(process.env, found.environment)
  return undefined
}

const missing = prepare()
if (missing !== undefined && wantsGpu) throw new Error(missing)
if (missing === undefined) conformance('cuda', () => cuda())
else describe('conformance of cuda', () => it.skip(`runs on the emulator (${missing})`, () => {}))
