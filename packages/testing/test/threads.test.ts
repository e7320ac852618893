/** The CPU device on one, two and three threads: the whole suite, with even the smallest work shared. */
import { cpu } from '@nablajs/backend-cpu'
import { conformance } from '@nablajs/testing'
import { beforeAll } from 'vitest'
import { sharing } from '../../backend-cpu/src/threads/pool.ts'

beforeAll(() => {
  sharing.leastWork = 0
})

for (const threads of [1, 2, 3])
  conformance(`cpu, ${threads} threads`, () => cpu({ threads, blas: false, oneDnn: false }))
