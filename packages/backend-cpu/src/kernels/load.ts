/**
 * Turns the binaries of `generated/kernels.ts` into callable functions on a given memory, in Node and
 * in browsers: no files, no fetch.
 */
import { kernels, simdBytes } from '../generated/kernels.ts'
import type { Run } from '../threads/control.ts'

type Address = number

/** What the module exports (see `assembly/`). Strides are in bytes. */
export interface KernelModule extends Readonly<Record<RangeKernel, Run>> {
  matmul(
    m0: number,
    m1: number,
    n: number,
    depth: number,
    a: Address,
    aDown: number,
    aAcross: number,
    b: Address,
    bDown: number,
    bAcross: number,
    c: Address,
    cDown: number,
    cAcross: number,
    scratch: Address,
  ): void
  matmulScratch(): number
  fewRows(
    m: number,
    n: number,
    depth: number,
    a: Address,
    aDown: number,
    aAcross: number,
    b: Address,
    bDown: number,
    c: Address,
    cDown: number,
  ): void
  fewDots(
    m: number,
    n: number,
    depth: number,
    a: Address,
    aDown: number,
    aAcross: number,
    b: Address,
    bAcross: number,
    c: Address,
    cDown: number,
    cAcross: number,
    scratch: Address,
  ): void
  fewScratch(): number
  productsScratch(): number
  convolutionPacked(job: Address): number
  convolutionScratch(job: Address): number
  convolutionPack(job: Address): void
  winogradPacked(job: Address): number
  winogradScratch(job: Address): number
  winogradPack(job: Address): void
  winogradWeightsScratch(job: Address): number
  weightGradientScratch(job: Address): number
  addWeightParts(job: Address, parts: number): void
  spreadScratch(job: Address): number
  depthwiseScratch(job: Address): number
  sortScratch(lines: Address): number
  scanScratch(): number
}

/** The kernels that take a record and a range of their outermost loop. */
export type RangeKernel =
  | 'convert'
  | 'products'
  | 'convolve'
  | 'winograd'
  | 'winogradWeights'
  | 'weightGradient'
  | 'weightParts'
  | 'spread'
  | 'depthwise'
  | 'depthwiseWeight'
  | 'maxPool'
  | 'sumPool'
  | 'sumPoolGrad'
  | 'gather'
  | 'scatterAdd'
  | 'sort'
  | 'scanFloats'
  | 'scanSigned'
  | 'scanUnsigned'

/** A function whose body is one `i8x16.popcnt`, which is as young as SIMD got before it was finished. */
const simdProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 4, 1, 96, 0, 0],
  ...[3, 2, 1, 0],
  ...[10, 11, 1, 9, 0],
  ...[65, 0, 253, 15, 253, 98, 26, 11],
)

/** Whether this engine knows WebAssembly SIMD. */
export function hasSimd(): boolean {
  return WebAssembly.validate(simdProbe)
}

/** A function whose body is one `f32x4.relaxed_madd`. */
const probe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 4, 1, 96, 0, 0],
  ...[3, 2, 1, 0],
  ...[10, 20, 1, 18, 0],
  ...[65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26, 11],
)

/** Whether this engine knows relaxed SIMD. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(probe)
}

let both: Promise<Uint8Array<ArrayBuffer>> | undefined

/** Compiles the kernels for a memory that is shared or not. */
export async function compileKernels(
  shared: boolean,
  relaxed: boolean = hasRelaxedSimd(),
): Promise<WebAssembly.Module> {
  both ??= inflate(kernels)
  const all = await both
  const bytes = relaxed ? all.slice(simdBytes) : all.slice(0, simdBytes)
  if (!shared) declareUnshared(bytes)
  return await WebAssembly.compile(bytes)
}

export async function loadKernels(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<KernelModule> {
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  return instance.exports as unknown as KernelModule
}

/** Both binaries share nearly all of their code, which only a compressor can tell a bundle. */
async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'))
  return new Uint8Array(await new Response(inflated).arrayBuffer())
}

/**
 * Rewrites the declaration of the imported memory in place, from "shared, 1 page, at most 65536" to
 * "1 page", which any memory that is not shared satisfies. The bytes of the maximum become padding
 * of the minimum: numbers in a binary may be written longer than they need.
 */
function declareUnshared(bytes: Uint8Array): void {
  const declared = [2, 3, 1, 0x80, 0x80, 4]
  const unshared = [2, 0, 0x81, 0x80, 0x80, 0]
  // The import comes first after the types, as the string "memory" and these bytes.
  const name = [...'memory'].map((letter) => letter.charCodeAt(0))
  const wanted = [...name, ...declared]
  for (let at = 8; at + wanted.length <= bytes.length; at++)
    if (wanted.every((byte, i) => bytes[at + i] === byte)) {
      bytes.set(unshared, at + name.length)
      return
    }
  throw new Error('the kernels do not declare their memory as expected')
}
