/** Native libraries under Node, by the foreign function interface of koffi. */
import { availableParallelism } from 'node:os'
import { Addresses } from './address.ts'
import { openBlas } from './blas.ts'
import { type Choice, chosen, type Koffi, unusable } from './library.ts'
import { openOneDnn } from './onednn.ts'
import { pointwise } from './pointwise.ts'
import type { Native, NativeOptions } from './types.ts'

/**
 * Opens what the options and the environment ask for. koffi is an optional dependency: without it
 * there are no native libraries, which is an error only if one was asked for by name.
 */
export async function openNative(options: NativeOptions): Promise<Native> {
  const { memory, threads = availableParallelism(), always = false } = options
  const choices = {
    blas: chosen('blas', options.blas),
    oneDnn: chosen('oneDnn', options.oneDnn),
  }
  let koffi: Koffi | string = 'not asked for'
  if (choices.blas.name !== false || choices.oneDnn.name !== false) koffi = await loadKoffi()
  const open = <Library>(choice: Choice, find: (koffi: Koffi) => Library | string) => {
    if (choice.name === false) return `switched off by ${choice.by}`
    if (typeof koffi !== 'string') return find(koffi)
    if (choice.name !== 'auto') throw unusable(choice, koffi)
    return koffi
  }
  const addresses = typeof koffi === 'string' ? undefined : new Addresses(koffi, memory)
  const settings = { addresses: addresses!, threads, always }
  const [blas, oneDnn] = withShortSpins(() => [
    open(choices.blas, (loaded) => openBlas(loaded, choices.blas, settings)),
    open(choices.oneDnn, (loaded) => openOneDnn(loaded, choices.oneDnn, settings)),
  ])
  const product: Native['product'] =
    typeof blas === 'string'
      ? () => false
      : (m, n, depth, a, b, c) => blas.product(m, n, depth, a, b, c)
  return {
    blas: typeof blas === 'string' ? blas : blas.library,
    oneDnn: typeof oneDnn === 'string' ? oneDnn : oneDnn.library,
    product,
    convolution: (pass, convolution) =>
      (typeof oneDnn !== 'string' && oneDnn.convolution(pass, convolution)) ||
      pointwise(product, pass, convolution),
    dispose: () => {
      if (typeof oneDnn !== 'string') oneDnn.dispose()
    },
  }
}

async function loadKoffi(): Promise<Koffi | string> {
  try {
    return (await import('koffi')).default
  } catch (error) {
    return `the package koffi cannot be loaded: ${error instanceof Error ? error.message : error}`
  }
}

/**
 * Loads libraries whose GNU OpenMP, read once by each process, lets its threads look for work a few
 * microseconds and not milliseconds before they sleep. With cores to spare that costs a little; where
 * something else wants them, threads that spin keep those waiting that have the work, and a
 * convolution takes ten times as long. What the user has set stays.
 */
function withShortSpins<T>(load: () => T): T {
  const { env } = process
  if (env['GOMP_SPINCOUNT'] !== undefined || env['OMP_WAIT_POLICY'] !== undefined) return load()
  env['GOMP_SPINCOUNT'] = '2000'
  try {
    return load()
  } finally {
    delete env['GOMP_SPINCOUNT']
  }
}
