/** The transpose of a matrix in memory, by tiles through shared memory. */
import type { Device } from '../device.ts'

const side = 32
const blockThreads = 256

const source = (
  entry: string,
  type: string,
): string => `extern "C" __global__ void ${entry}(const ${type} *from, ${type} *to, unsigned int rows, unsigned int columns) {
  __shared__ ${type} tile[${side}][${side + 1}];
  const unsigned int across = (columns + ${side - 1}u) / ${side}u;
  const unsigned int row = blockIdx.x / across * ${side}u, column = blockIdx.x % across * ${side}u;
  const unsigned int tx = threadIdx.x % ${side}u, ty = threadIdx.x / ${side}u;
  for (unsigned int i = ty; i < ${side}u; i += ${blockThreads / side}u)
    if (row + i < rows && column + tx < columns)
      tile[i][tx] = from[(size_t)(row + i) * columns + column + tx];
  __syncthreads();
  for (unsigned int i = ty; i < ${side}u; i += ${blockThreads / side}u)
    if (column + i < columns && row + tx < rows)
      to[(size_t)(column + i) * rows + row + tx] = tile[tx][i];
}
`

/** Writes the transpose of a dense `rows` x `columns` matrix of elements of 4 or 2 bytes. */
export function transposeMatrix(
  device: Device,
  from: number,
  to: number,
  rows: number,
  columns: number,
  bytes: 4 | 2,
): void {
  const { context } = device
  const entry = `transpose_${8 * bytes}`
  const type = bytes === 4 ? 'unsigned int' : 'unsigned short'
  const kernel = device.cached(entry, 'transpose', () => source(entry, type))
  context.begin()
  context.address(from)
  context.address(to)
  context.int(rows)
  context.int(columns)
  context.launch(kernel, Math.ceil(rows / side) * Math.ceil(columns / side), 1, 1, blockThreads)
}
