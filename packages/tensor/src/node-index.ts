/**
 * Files on disk, for Node.
 *
 * @packageDocumentation
 */
export { writeFileAtomic } from './io/node/atomic.ts'
export { openSafetensors, openSafetensorsIndex } from './io/node/open.ts'
