/** The C prototypes of what the emulator exports, from the table that the backend's bindings come from. */
import {
  cublasApi,
  cublasLtApi,
  cudnnApi,
  driverApi,
  type LibraryDeclaration,
  nvrtcApi,
} from '@nablajs/backend-cuda-node/api'

/** The libraries that the emulator stands in for. */
export const libraries: readonly LibraryDeclaration[] = [
  driverApi,
  nvrtcApi,
  cublasApi,
  cublasLtApi,
  cudnnApi,
]

/**
 * A header that declares each function of the table: a definition with other parameters does not
 * compile, and one that is missing fails when it is looked up.
 */
export function prototypes(): string {
  const lines = [
    '#pragma once',
    '#include "cuda_types.h"',
    '#define NABLA_EMU_EXPORT extern "C" __attribute__((visibility("default")))',
  ]
  for (const { functions, status } of libraries)
    for (const [name, { takes, returns = status }] of Object.entries(functions))
      lines.push(`NABLA_EMU_EXPORT ${returns} ${name}(${takes.join(', ')});`)
  return `${lines.join('\n')}\n`
}
