/**
 * File formats beyond plain safetensors: numpy's arrays, PyTorch's checkpoints, whole trainings, and
 * safetensors files that are read in parts. Runs in browsers and in Node; what needs a file system is
 * in `@nablajs/tensor/node`.
 *
 * @packageDocumentation
 */
export { decodeCheckpoint, loadCheckpoint, saveCheckpoint, type Tree } from './checkpoint.ts'
export { type FetchOptions, fetchSafetensors } from './fetch.ts'
export { isHostTensor } from './host.ts'
export { decodeNpy, encodeNpy } from './npy.ts'
export { decodeNpz, encodeNpz } from './npz.ts'
export {
  type ByteSource,
  readSafetensors,
  type SafetensorsReader,
  type TensorReader,
} from './reader.ts'
export type { TensorEntry } from './safetensors-header.ts'
export { decodeShardIndex, openShards } from './shards.ts'
export { streamSafetensors } from './stream.ts'
export { decodeTorch, type LoadTorchOptions, loadTorch, type TorchValue } from './torch.ts'
export type { ArchiveOptions } from './zip.ts'
