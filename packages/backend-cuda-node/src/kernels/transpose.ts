/** The transpose of a matrix in memory, by tiles through shared memory. */
import type { Device } from '../device.ts'

const side = 32
const blockThreads = 256

const source =
  (): string => `extern "C" __global__ void transpose(const float *from, float *to, unsigned int rows, unsigned int columns) {
  __shared__ float tile[${side}][${side + 1}];
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

/** Writes the transpose of a dense `rows` x `columns` matrix of f32. */
export function transposeMatrix(
  device: Device,
  from: number,
  to: number,
  rows: number,
  columns: number,
): void {
  const { context } = device
  const kernel = device.cached('transpose', 'transpose', source)
  context.begin()
  context.address(from)
  context.address(to)
  context.int(rows)
  context.int(columns)
  context.launch(kernel, Math.ceil(rows / side) * Math.ceil(columns / side), 1, 1, blockThreads)
}
