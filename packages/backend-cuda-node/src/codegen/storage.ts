/** How hand-written kernels, which compute in f32, read and write what is stored as another float. */
import { type DType, type HalfDType, isHalf } from '@nablajs/tensor/backend'
import { definitionOf, typeOf } from './primitives.ts'

/** The dtypes that kernels compute with as f32. */
export type StoredFloat = 'f32' | HalfDType

/** C for elements of a dtype. */
export interface Storage {
  /** The type of an element in memory. */
  readonly type: string
  /** The functions that `read` and `write` call. */
  readonly definitions: readonly string[]
  /** What tells the names of kernels of this dtype from those of f32. */
  readonly suffix: string
  /** An element as a float. */
  read(element: string): string
  /** A float as an element. */
  write(value: string): string
}

function storageOf(dtype: StoredFloat): Storage {
  const type = typeOf[dtype]
  if (!isHalf(dtype))
    return { type, definitions: [], suffix: '', read: (own) => own, write: (own) => own }
  const [read, write] = [`f32_of_${dtype}`, `${dtype}_of_f32`]
  return {
    type,
    definitions: [definitionOf(read), definitionOf(write)],
    suffix: `_${dtype}`,
    read: (element) => `${read}(${element})`,
    write: (value) => `${write}(${value})`,
  }
}

/** By dtype. */
export const storage: Readonly<Record<StoredFloat, Storage>> = {
  f32: storageOf('f32'),
  f16: storageOf('f16'),
  bf16: storageOf('bf16'),
}

/** The same for integers, which are what they are stored as. */
export function elementOf(dtype: DType): Storage {
  if (isHalf(dtype) || dtype === 'f32') return storage[dtype]
  const type = typeOf[dtype]
  const write = (value: string): string => `(${type})${value}`
  return { type, definitions: [], suffix: `_${dtype}`, read: (own) => own, write }
}

/** The same for each dtype. */
export function byStorage<T>(make: (own: Storage) => T): Readonly<Record<StoredFloat, T>> {
  return { f32: make(storage.f32), f16: make(storage.f16), bf16: make(storage.bf16) }
}
