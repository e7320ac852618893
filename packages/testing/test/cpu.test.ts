import { cpu } from '@nablajs/backend-cpu'
import { conformance } from '@nablajs/testing'

// Our own kernels; `blas.test.ts` has the native libraries of the machine.
conformance('cpu', () => cpu({ blas: false, oneDnn: false }))
