/**
 * Datasets in folders, for Node. Published as `@nablajs/data/node`.
 *
 * @packageDocumentation
 */
export { cifar10 } from './cifar10.ts'
export { mnist } from './mnist.ts'
