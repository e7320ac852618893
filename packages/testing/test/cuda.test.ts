import { cuda } from '@nablajs/backend-cuda-node'
import { conformance } from '@nablajs/testing'
import { describe, it } from 'vitest'
import { emulated } from './emulated.ts'

const { missing } = emulated()
if (missing === undefined) conformance('cuda', () => cuda())
else describe('conformance of cuda', () => it.skip(`needs the emulator (${missing})`, () => {}))
