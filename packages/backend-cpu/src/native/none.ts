/** Where there are no native libraries: browsers and other engines without Node's interface. */
import { DeviceError } from '@nablajs/tensor/backend'
import type { Native, NativeOptions } from './types.ts'

export async function openNative({ blas, oneDnn }: NativeOptions): Promise<Native> {
  for (const [option, choice] of Object.entries({ blas, oneDnn }))
    if (choice !== 'auto' && choice !== false)
      throw new DeviceError(
        `cpu: ${option} is ${JSON.stringify(choice)}, but native libraries can be loaded in Node only`,
      )
  const why = 'native libraries can be loaded in Node only'
  return {
    blas: why,
    oneDnn: why,
    product: () => false,
    convolution: () => false,
    dispose: () => {},
  }
}
