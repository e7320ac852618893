/** Native libraries under Node, by the foreign function interface of koffi. */
import { availableParallelism } from 'node:os'
import { Addresses } from './address.ts'
import { openBlas } from './blas.ts'
import { chosen, type Koffi, unusable } from './library.ts'
import { openOneDnn } from './onednn.ts'
import type { Native, NativeOptions } from './types.ts'

/**
 * Opens what the options and the environment ask for; undefined where there is nothing. koffi is an
 * optional dependency: without it there are no native libraries, which is an error only if one was
 * asked for by name.
 */
export async function openNative(options: NativeOptions): Promise<Native | undefined> {
  const { memory, threads = availableParallelism(), always = false } = options
  const choices = [
    ['blas', 'NABLA_BLAS', chosen(options.blas, 'NABLA_BLAS')],
    ['oneDnn', 'NABLA_ONEDNN', chosen(options.oneDnn, 'NABLA_ONEDNN')],
  ] as const
  if (choices.every(([, , choice]) => choice === false)) return undefined
  let koffi: Koffi
  try {
    koffi = (await import('koffi')).default
  } catch (error) {
    const named = choices.find(([, , choice]) => choice !== false && choice !== 'auto')
    if (!named) return undefined
    const [option, variable, choice] = named
    throw unusable(
      option,
      variable,
      String(choice),
      `the package koffi cannot be loaded (${error})`,
    )
  }
  const addresses = new Addresses(koffi, memory)
  const blas = openBlas(koffi, addresses, threads, options.blas, always)
  const oneDnn = openOneDnn(koffi, addresses, threads, options.oneDnn, always)
  if (!blas && !oneDnn) return undefined
  return {
    blas: blas?.library,
    oneDnn: oneDnn?.library,
    product: (m, n, depth, a, b, c) => blas?.product(m, n, depth, a, b, c) ?? false,
    convolution: (pass, convolution) => oneDnn?.convolution(pass, convolution) ?? false,
    dispose: () => oneDnn?.dispose(),
  }
}
