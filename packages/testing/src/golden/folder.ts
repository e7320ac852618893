/** Reads the files of a golden folder; see the README that comes with one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeSafetensors } from '@nablajs/tensor'

/** Numbers as a file holds them. */
export interface Stored {
  readonly integer: boolean
  readonly dtype: string
  readonly shape: readonly number[]
  readonly values: Float64Array
}

const readers: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  I32: (view, at) => view.getInt32(at, true),
  U8: (view, at) => view.getUint8(at),
}

/** The tensors of one file by name. */
export class TensorFile {
  readonly #tensors: ReturnType<typeof decodeSafetensors>['tensors']

  constructor(bytes: Uint8Array) {
    this.#tensors = decodeSafetensors(bytes).tensors
  }

  get(key: string): Stored {
    const host = this.#tensors.get(key)
    if (!host) throw new Error(`the safetensors file has no tensor "${key}"`)
    const { dtype, shape, data } = host
    const read = readers[dtype]
    if (!read) throw new Error(`tensor "${key}" is ${dtype}`)
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    const count = shape.reduce((n, extent) => n * extent, 1)
    const size = count === 0 ? 0 : data.byteLength / count
    return {
      integer: !dtype.startsWith('F'),
      dtype,
      shape,
      values: Float64Array.from({ length: count }, (_, i) => read(view, i * size)),
    }
  }
}

/** A file that is not there, or that cannot be read: the caller's mistake, told in one line. */
export class BadFolder extends Error {}

export class GoldenFolder {
  readonly path: string

  constructor(path: string) {
    if (!existsSync(path)) throw new BadFolder(`${path}: no such folder`)
    this.path = path
  }

  has(name: string): boolean {
    return existsSync(join(this.path, name))
  }

  /** A JSON file of the folder. */
  json(name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.path, name), 'utf8'))
    } catch (error) {
      throw new BadFolder(`${join(this.path, name)}: ${(error as Error).message}`)
    }
  }

  tensors(name: string): TensorFile {
    try {
      return new TensorFile(readFileSync(join(this.path, name)))
    } catch (error) {
      throw new BadFolder(`${join(this.path, name)}: ${(error as Error).message}`)
    }
  }
}
