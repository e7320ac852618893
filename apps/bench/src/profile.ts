/** A device that measures another: how often each kernel ran, and for how long. */
import type { Backend, Kernels } from '@nablajs/tensor/backend'

/** What one kind of kernel has taken. */
export interface KernelTime {
  /** `conv2d`, `map relu`, `reduce sum`, ... */
  readonly kernel: string
  readonly calls: number
  readonly ms: number
}

export interface Profile {
  /** The device to run on while measuring; its memory is the other's. */
  readonly device: Backend
  /** The kernels so far, the longest first. */
  times(): KernelTime[]
  /** Forgets what was counted. */
  reset(): void
}

/**
 * Wraps a device. Times are those of the calls: on a device that runs them at once (the CPU) the
 * time of the kernel, on one that queues them (a GPU) that of the launch.
 */
export function profiled(inner: Backend): Profile {
  const counts = new Map<string, { calls: number; ms: number }>()
  function timed<T>(kernel: string, body: () => T): T {
    const begin = performance.now()
    const result = body()
    const entry = counts.get(kernel) ?? { calls: 0, ms: 0 }
    entry.ms += performance.now() - begin
    entry.calls++
    counts.set(kernel, entry)
    return result
  }
  const kernels: Partial<Kernels> = {}
  for (const [name, kernel] of Object.entries(inner.kernels))
    Object.assign(kernels, {
      [name]: (...args: unknown[]) =>
        timed(name, () => (kernel as (...args: unknown[]) => void).apply(inner.kernels, args)),
    })
  const device = new Proxy(inner, {
    get(target, key) {
      if (key === 'kernels') return kernels
      if (key === 'map')
        return (...args: Parameters<Backend['map']>) =>
          timed(`map ${args[0].name}`, () => target.map(...args))
      if (key === 'reduce')
        return (...args: Parameters<Backend['reduce']>) =>
          timed(`reduce ${args[0].program.name}`, () => target.reduce(...args))
      // Private fields are the target's own: methods have to run on it.
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return {
    device,
    times: () =>
      [...counts]
        .map(([kernel, entry]) => ({ kernel, ...entry }))
        .sort((a, b) => b.ms - a.ms || b.calls - a.calls),
    reset: () => counts.clear(),
  }
}
