/** What tests of other packages reach into. Not published. */
export { shareEverything } from './threads/pool.ts'
