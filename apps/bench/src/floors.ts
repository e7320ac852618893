/**
 * What the machine can do at most, measured in the same run: fused multiply-adds of WebAssembly's
 * relaxed SIMD, and memory bandwidth. One thread each, by loops assembled by hand.
 */
export interface Floors {
  /** Operations a second; `undefined` where the engine has no relaxed SIMD. */
  readonly flops: number | undefined
  /** Bytes a second of `a[i] = b[i] + s c[i]`: two reads and a write. */
  readonly bandwidth: number
}

const [i32, f32, v128] = [0x7f, 0x7d, 0x7b]
const [end, loop, brIf, get, set, tee] = [0x0b, 0x03, 0x0d, 0x20, 0x21, 0x22]
const empty = 0x40
const [i32Const, i32Add, i32Sub] = [0x41, 0x6a, 0x6b]
/** Instructions of SIMD: a prefix and a number in LEB128. */
const load = [0xfd, 0x00, 4, 0]
const store = [0xfd, 0x0b, 4, 0]
const splat = [0xfd, 0x13]
const extractLane = [0xfd, 0x1f, 0]
const addF32x4 = [0xfd, 0xe4, 0x01]
const mulF32x4 = [0xfd, 0xe6, 0x01]
const relaxedMadd = [0xfd, 0x85, 0x02]

/** Enough independent sums to fill the pipelines of every current core, few enough for 16 registers. */
const accumulators = 12
const repeats = 4

const text = (name: string): number[] => [name.length, ...new TextEncoder().encode(name)]

function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

const section = (id: number, ...body: number[]): number[] => [id, ...unsigned(body.length), ...body]

interface Code {
  readonly parameters: readonly number[]
  readonly results: readonly number[]
  readonly locals: readonly [count: number, type: number]
  readonly body: readonly number[]
  readonly memory: boolean
}

/** A module with one function, `run`, and a memory to import where it wants one. */
function assemble({ parameters, results, locals, body, memory }: Code): Uint8Array<ArrayBuffer> {
  const code = [1, ...unsigned(locals[0]), locals[1], ...body, end]
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, parameters.length, ...parameters, results.length, ...results),
    ...(memory ? section(2, 1, ...text('host'), ...text('memory'), 2, 0, 1) : []),
    ...section(3, 1, 0),
    ...section(7, 1, ...text('run'), 0, 0),
    ...section(10, 1, ...unsigned(code.length), ...code),
  ])
}

/** `run(n, x)`: n times `accumulators * repeats` multiply-adds of four lanes. */
const fmaCode = (): Uint8Array<ArrayBuffer> => {
  const first = 3
  const sums = Array.from({ length: accumulators }, (_, i) => first + i)
  const step = sums.flatMap((sum) => [get, 2, get, 2, get, sum, ...relaxedMadd, set, sum])
  return assemble({
    parameters: [i32, f32],
    results: [f32],
    locals: [accumulators + 1, v128],
    memory: false,
    body: [
      ...[get, 1, ...splat, set, 2],
      ...[loop, empty],
      ...Array.from({ length: repeats }, () => step).flat(),
      ...[get, 0, i32Const, 1, i32Sub, tee, 0, brIf, 0, end],
      ...[get, sums[0]!],
      ...sums.slice(1).flatMap((sum) => [get, sum, ...addF32x4]),
      ...extractLane,
    ],
  })
}

/** `run(end, a, b, c, s)`: `a = b + s c`, 16 bytes at a time, until b is at `end`. */
const triadCode = (): Uint8Array<ArrayBuffer> => {
  const advance = (local: number): number[] => [get, local, i32Const, 16, i32Add, set, local]
  return assemble({
    parameters: [i32, i32, i32, i32, f32],
    results: [],
    locals: [1, v128],
    memory: true,
    body: [
      ...[get, 4, ...splat, set, 5],
      ...[loop, empty],
      ...[get, 1, get, 2, ...load, get, 3, ...load, get, 5, ...mulF32x4, ...addF32x4, ...store],
      ...[...advance(1), ...advance(2), ...advance(3)],
      ...[get, 2, get, 0, 0x49, brIf, 0, end],
    ],
  })
}

/** The shortest of so many timings of `body`, in seconds: a floor is what is possible. */
function seconds(times: number, body: () => void): number {
  let shortest = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const begin = performance.now()
    body()
    shortest = Math.min(shortest, (performance.now() - begin) / 1e3)
  }
  return shortest
}

/** Operations a second of fused multiply-adds on one thread. */
async function measureFlops(): Promise<number | undefined> {
  const code = fmaCode()
  if (!WebAssembly.validate(code)) return undefined
  const { instance } = await WebAssembly.instantiate(code)
  const run = instance.exports['run'] as (n: number, x: number) => number
  const loops = 200_000
  run(loops, 0.5)
  return (loops * accumulators * repeats * 4 * 2) / seconds(9, () => run(loops, 0.5))
}

/** Bytes a second of the triad, over arrays that fit in no cache. */
async function measureBandwidth(): Promise<number> {
  const size = 2 ** 26
  const memory = new WebAssembly.Memory({ initial: (3 * size) / 65536 })
  const { instance } = await WebAssembly.instantiate(triadCode(), { host: { memory } })
  const run = instance.exports['run'] as (...args: number[]) => void
  const once = (): void => run(2 * size, 0, size, 2 * size, 2)
  once()
  return (3 * size) / seconds(9, once)
}

export const measureFloors = async (): Promise<Floors> => ({
  flops: await measureFlops(),
  bandwidth: await measureBandwidth(),
})
