/** Where the outputs of a layer are counted: first in matrices, last in kernels. */
export const outputAxis = (rank: number): number => (rank === 2 ? 0 : rank - 1)
