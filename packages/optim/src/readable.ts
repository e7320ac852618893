/** Refusal of devices that cannot be read at once, before anything has changed. */
import { DeviceError, type Tensor } from '@nablajs/tensor'

/**
 * @param instead What would do there.
 * @throws DeviceError when one of the tensors is on such a device, as a browser's WebGPU is.
 */
export function demandReadable(
  name: string,
  tensors: Iterable<Tensor>,
  instead = 'keep what it reads on a device that can, such as a CPU',
): void {
  for (const { device } of tensors)
    if (!device.readSync)
      throw new DeviceError(
        `${name}: it reads numbers back at once, which the ${device.name} device cannot do; ${instead}`,
      )
}
