/**
 * Initial values. Every function here writes into the tensor it is given, which stays the parameter
 * that it is, and returns it.
 */
export * from './fan.ts'
export * from './random.ts'
export * from './structured.ts'
