/** What the driver's codes say, and what would do. */
import { type Bound, driverApi } from './api/index.ts'
import { Cells, textAt } from './cells.ts'
import type { Environment } from './libraries.ts'

const { constants } = driverApi

/** What of the driver tells about its codes. */
export type ErrorTexts = Pick<Bound<typeof driverApi>, 'cuGetErrorName' | 'cuGetErrorString'>

/** A code in the driver's words: its name and an explanation. */
export function errorText(driver: ErrorTexts, code: number): string {
  const cells = new Cells()
  const text = (from: ErrorTexts['cuGetErrorName']): string =>
    from(code, cells.at[0]!) === 0 ? textAt(cells.word(0)) : ''
  const name = text(driver.cuGetErrorName) || `error ${code}`
  return `${name} (${text(driver.cuGetErrorString) || 'no explanation'})`
}

/** What would do where the driver does not start. */
const remedies: Readonly<Record<number, string>> = {
  [constants.CUDA_ERROR_STUB_LIBRARY]:
    "this library is a toolkit's stub; name the driver's own libcuda.so.1 in NABLA_CUDA_DRIVER",
  [constants.CUDA_ERROR_NO_DEVICE]: 'no GPU is visible to this process',
  [constants.CUDA_ERROR_SYSTEM_NOT_READY]:
    'a service that the GPUs need does not run, such as nvidia-fabricmanager where NVSwitch joins them',
  [constants.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH]:
    "the driver's library and its kernel module are of two versions; restart the machine after an update",
  [constants.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE]:
    "this GPU does not take a CUDA compatibility package; let the driver's own libcuda.so.1 be found first",
  [constants.CUDA_ERROR_UNKNOWN]:
    'the kernel module may not be loaded; see whether nvidia-smi works and /dev/nvidia-uvm is there',
}

/** Starts the driver. Where it cannot, says why and what would do. */
export function startDriver(
  driver: ErrorTexts & Pick<Bound<typeof driverApi>, 'cuInit'>,
  env: Environment,
): string | undefined {
  const code = driver.cuInit(0)
  if (code === constants.CUDA_SUCCESS) return undefined
  const visible = env['CUDA_VISIBLE_DEVICES']
  const hidden =
    code === constants.CUDA_ERROR_NO_DEVICE && visible !== undefined
      ? `, and CUDA_VISIBLE_DEVICES is "${visible}"`
      : ''
  const remedy = remedies[code] ? `: ${remedies[code]}` : ''
  return `cuda: the driver does not start: ${errorText(driver, code)}${remedy}${hidden}`
}
