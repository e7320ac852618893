/**
 * The CUDA backend of nabla for Node: see the README.
 *
 * @packageDocumentation
 */
export type { LibraryDeclaration } from './api/index.ts'
