/** What tests ask of the emulator beside the libraries that it stands in for. */
import koffi from 'koffi'

/** The order in which the threads of a block, and the blocks of a grid, run. */
export type ThreadOrder = 'forward' | 'reverse' | 'random'

const orders: readonly ThreadOrder[] = ['forward', 'reverse', 'random']

/** The state of the emulator in this process; it is shared by all that load the library. */
export interface Controls {
  /** The last call that failed, or the last fault: which kernel, block and thread, and what. */
  message(): string
  /** As if the process had just begun: no contexts, memory, streams, modules or faults. */
  reset(): void
  /** Bytes of device memory in use. */
  liveBytes(device?: number): number
  /** Bytes of pinned memory of the host in use. */
  pinnedBytes(): number
  /** Allocations of device memory in use. */
  liveAllocations(device?: number): number
  /** How many convolutions cuDNN has computed since the process began or was reset. */
  convolutions(): number
  /** How many products cuBLASLt has computed since the process began or was reset. */
  ltProducts(): number
  /** How many modules g++ compiled in this process; the others came from the cache. */
  compiledModules(): number
  /** From the next launch on. The seed decides the random order. */
  setOrder(order: ThreadOrder, seed?: number): void
  /** From the next allocation on. */
  setStrict(strict: boolean): void
  /** From the next submitted work on. */
  setLazy(lazy: boolean): void
  /** The compute capability of the devices, times ten. */
  setCapability(capability: number): void
  /** Bytes that a device has. */
  setMemory(bytes: number): void
  /** How many devices there are: 0 to 16. */
  setDevices(count: number): void
}

function checked(what: string, value: number, low: number, high: number): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value
  throw new RangeError(
    `cuda-emulator: ${what} is ${value}; it must be a whole number, ${low} to ${high}`,
  )
}

/** The controls of a loaded library. */
export function controlsOf(path: string): Controls {
  const library = koffi.load(path)
  const message = library.func('nablaEmuMessage', 'str', [])
  const reset = library.func('nablaEmuReset', 'void', [])
  const liveBytes = library.func('nablaEmuLiveBytes', 'uint64_t', ['int'])
  const pinnedBytes = library.func('nablaEmuPinnedBytes', 'uint64_t', [])
  const liveAllocations = library.func('nablaEmuLiveAllocations', 'uint64_t', ['int'])
  const compiledModules = library.func('nablaEmuCompiledModules', 'uint64_t', [])
  const convolutions = library.func('nablaEmuConvolutions', 'uint64_t', [])
  const ltProducts = library.func('nablaEmuLtProducts', 'uint64_t', [])
  const setOrder = library.func('nablaEmuSetOrder', 'void', ['int', 'uint64_t'])
  const setStrict = library.func('nablaEmuSetStrict', 'void', ['int'])
  const setLazy = library.func('nablaEmuSetLazy', 'void', ['int'])
  const setCapability = library.func('nablaEmuSetCapability', 'void', ['int'])
  const setMemory = library.func('nablaEmuSetMemory', 'void', ['uint64_t'])
  const setDevices = library.func('nablaEmuSetDevices', 'void', ['int'])
  return {
    message: () => String(message()),
    reset: () => reset(),
    liveBytes: (device = 0) => Number(liveBytes(device)),
    pinnedBytes: () => Number(pinnedBytes()),
    liveAllocations: (device = 0) => Number(liveAllocations(device)),
    compiledModules: () => Number(compiledModules()),
    convolutions: () => Number(convolutions()),
    ltProducts: () => Number(ltProducts()),
    setOrder(order, seed = 1) {
      const index = orders.indexOf(order)
      if (index < 0)
        throw new RangeError(`cuda-emulator: order is ${order}; there are ${orders.join(', ')}`)
      setOrder(index, checked('seed', seed, 0, Number.MAX_SAFE_INTEGER))
    },
    setStrict: (strict) => setStrict(strict ? 1 : 0),
    setLazy: (lazy) => setLazy(lazy ? 1 : 0),
    setCapability: (capability) => setCapability(checked('capability', capability, 10, 999)),
    setMemory: (bytes) => setMemory(checked('memory', bytes, 0, Number.MAX_SAFE_INTEGER)),
    setDevices: (count) => setDevices(checked('devices', count, 0, 16)),
  }
}
