/**
 * Division of numbers below 2^31 by an extent that is known when a kernel starts, as a
 * multiplication and a shift (Granlund and Montgomery: "Division by Invariant Integers using
 * Multiplication", PLDI 1994): GPUs have no instruction that divides integers.
 */
import type { Context } from '../context.ts'

/** The C function that kernels call, as `quotient(n, d_mul, d_shift)`. */
export const quotientFunction: string =
  'static __device__ inline unsigned int quotient(unsigned int n, unsigned int mul, unsigned int shift) { return (__umulhi(n, mul) + n) >> shift; }'

interface Magic {
  readonly multiplier: number
  readonly shift: number
}

const known: Map<number, Magic> = new Map()

/** The numbers with which `n / divisor` is `(mulhi(n, multiplier) + n) >> shift`. */
export function magicOf(divisor: number): Magic {
  let magic = known.get(divisor)
  if (!magic) {
    const shift = divisor <= 1 ? 0 : 32 - Math.clz32(divisor - 1)
    const wide = (1n << 32n) * ((1n << BigInt(shift)) - BigInt(divisor))
    magic = { multiplier: Number(wide / BigInt(Math.max(1, divisor)) + 1n), shift }
    known.set(divisor, magic)
  }
  return magic
}

/** The parameters of a kernel for a divisor called `name`. */
export function divisorParameters(name: string): string[] {
  return [`unsigned int ${name}`, `unsigned int ${name}_mul`, `unsigned int ${name}_shift`]
}

/** Adds the divisor's parameters to the launch being prepared. */
export function putDivisor(context: Context, divisor: number): void {
  const { multiplier, shift } = magicOf(divisor)
  context.int(divisor)
  context.int(multiplier)
  context.int(shift)
}
