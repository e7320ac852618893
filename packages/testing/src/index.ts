/** What the tests of the other packages use. */
export { showMismatch, type Tolerance, tolerances, worstMismatch } from './close.ts'
export { type ConformanceOptions, conformance } from './conformance.ts'
export { Random } from './random.ts'
export { allSamples, withoutSamples } from './samples/index.ts'
