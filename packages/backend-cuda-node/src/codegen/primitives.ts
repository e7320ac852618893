/** What each primitive of a scalar program is in CUDA C. */
import { type DType, type Instruction, isHalf, type Primitive } from '@nablajs/tensor/backend'

/** The C type of an element in memory; a bool is a word that holds 0 or 1, a half its bits. */
export const typeOf: Readonly<Record<DType, string>> = {
  f16: 'unsigned short',
  bf16: 'unsigned short',
  f32: 'float',
  f64: 'double',
  i32: 'int',
  u32: 'unsigned int',
  bool: 'unsigned int',
}

/** Functions that C lacks, by name; a kernel has those that it calls. */
const functions: Readonly<Record<string, string>> = {
  // NaN wins: of two numbers that do not compare, the one that is no number.
  min_f32: 'float min_f32(float a, float b) { return a < b || a != a ? a : b; }',
  max_f32: 'float max_f32(float a, float b) { return a > b || a != a ? a : b; }',
  min_f64: 'double min_f64(double a, double b) { return a < b || a != a ? a : b; }',
  max_f64: 'double max_f64(double a, double b) { return a > b || a != a ? a : b; }',
  // Division by zero gives any value in the contract, but must not stop the kernel.
  div_i32:
    'int div_i32(int a, int b) { return b == 0 ? 0 : b == -1 ? (int)(0u - (unsigned int)a) : a / b; }',
  rem_i32: 'int rem_i32(int a, int b) { return b == 0 || b == -1 ? 0 : a % b; }',
  div_u32: 'unsigned int div_u32(unsigned int a, unsigned int b) { return b == 0u ? 0u : a / b; }',
  rem_u32: 'unsigned int rem_u32(unsigned int a, unsigned int b) { return b == 0u ? 0u : a % b; }',
  // Casts saturate, and NaN gives 0; a plain C cast leaves both open.
  i32_of_f32: `int i32_of_f32(float a) {
  return a != a ? 0 : a >= 2147483648.0f ? 2147483647 : a < -2147483648.0f ? -2147483647 - 1 : (int)a;
}`,
  u32_of_f32: `unsigned int u32_of_f32(float a) {
  return a != a || a <= 0.0f ? 0u : a >= 4294967296.0f ? 4294967295u : (unsigned int)a;
}`,
  i32_of_f64: `int i32_of_f64(double a) {
  return a != a ? 0 : a >= 2147483648.0 ? 2147483647 : a <= -2147483649.0 ? -2147483647 - 1 : (int)a;
}`,
  u32_of_f64: `unsigned int u32_of_f64(double a) {
  return a != a || a <= 0.0 ? 0u : a >= 4294967296.0 ? 4294967295u : (unsigned int)a;
}`,
  // Halves are their bits. GPUs convert them in one instruction, which only assembly names without a header;
  // a compiler other than NVIDIA's, which has no such assembly, is shown what it does. To the nearest, to even
  // on a tie; NaN stays NaN.
  f32_of_f16: `float f32_of_f16(unsigned short a) {
#if __CUDACC_VER_MAJOR__ && __CUDA_ARCH__
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(a));
  return wide;
#else
  const unsigned int sign = (a & 0x8000u) << 16, size = a & 0x7fffu;
  if (size >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | size << 13);
  // The exponent's bias goes from 15 to 127, also of subnormal numbers.
  const float scaled = __uint_as_float(size << 13) * __uint_as_float((127u + 112u) << 23);
  return __uint_as_float(sign | __float_as_uint(scaled));
#endif
}`,
  f16_of_f32: `unsigned short f16_of_f32(float a) {
#if __CUDACC_VER_MAJOR__ && __CUDA_ARCH__
  unsigned short half;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(a));
  return half;
#else
  const unsigned int bits = __float_as_uint(a), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return (unsigned short)(sign | 0x7e00u);
  if (size >= 0x47800000u) return (unsigned short)(sign | 0x7c00u);
  // Below 2^-14 halves are multiples of 2^-24, as are the floats from 0.5 to 1: the sum rounds.
  if (size < 0x38800000u) return (unsigned short)(sign | (__float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u));
  return (unsigned short)(sign | (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13);
#endif
}`,
  f32_of_bf16:
    'float f32_of_bf16(unsigned short a) { return __uint_as_float((unsigned int)a << 16); }',
  bf16_of_f32: `unsigned short bf16_of_f32(float a) {
#if __CUDACC_VER_MAJOR__ && __CUDA_ARCH__ >= 800
  unsigned short half;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(half) : "f"(a));
  return half;
#else
  const unsigned int bits = __float_as_uint(a);
  return (unsigned short)(a != a ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
}`,
}

/** The definition of a function that {@link render} called. */
export function definitionOf(name: string): string {
  return `static __device__ inline ${functions[name]!}`
}

/** Functions of C's mathematical library under the same name; with an `f` for floats. */
const library: Partial<Record<Primitive, string>> = {
  floor: 'floor',
  ceil: 'ceil',
  round: 'rint',
  trunc: 'trunc',
  sqrt: 'sqrt',
  exp: 'exp',
  expm1: 'expm1',
  log: 'log',
  log1p: 'log1p',
  sin: 'sin',
  cos: 'cos',
  tanh: 'tanh',
  erf: 'erf',
  pow: 'pow',
  atan2: 'atan2',
}

const operators: Partial<Record<Primitive, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  and: '&',
  or: '|',
  xor: '^',
}

const comparisons: Partial<Record<Primitive, string>> = { lt: '<', le: '<=', eq: '==', ne: '!=' }

/** A number as a literal of its type. */
export function literal(value: number, dtype: DType): string {
  if (dtype === 'u32' || dtype === 'bool') return `${value}u`
  // -2147483648 is a negated long in C.
  if (dtype === 'i32') return value === -(2 ** 31) ? '(-2147483647 - 1)' : String(value)
  if (Number.isNaN(value)) return `(${typeOf[dtype]})__int_as_float(0x7fc00000)`
  if (!Number.isFinite(value))
    return `(${value < 0 ? '-' : ''}(${typeOf[dtype]})__int_as_float(0x7f800000))`
  const digits = (Object.is(value, -0) ? '-0' : value.toExponential()).replace('e+', 'e')
  const text = digits.includes('e') ? digits : `${digits}e0`
  return dtype === 'f32' ? `${text}f` : text
}

/** The expression of an instruction on its operands. `call` notes a function of this file. */
export function render(
  line: Instruction,
  from: readonly DType[],
  args: readonly string[],
  call: (name: string) => string,
): string {
  const { op, dtype } = line
  const [a, b, c] = args as [string, string, string]
  const source = from[0]!
  const float = dtype === 'f32' || dtype === 'f64'
  const name = library[op]
  if (name) return `${name}${dtype === 'f32' ? 'f' : ''}(${args.join(', ')})`
  const comparison = comparisons[op]
  if (comparison) return `(unsigned int)(${a} ${comparison} ${b})`
  const operator = operators[op]
  if (operator) {
    // Signed overflow is undefined in C; what wraps must be unsigned.
    if (dtype === 'i32') return `(int)((unsigned int)${a} ${operator} (unsigned int)${b})`
    return `${a} ${operator} ${b}`
  }
  switch (op) {
    case 'div':
      return float ? `${a} / ${b}` : `${call(`div_${dtype}`)}(${a}, ${b})`
    case 'rem':
      if (float) return `fmod${dtype === 'f32' ? 'f' : ''}(${a}, ${b})`
      return `${call(`rem_${dtype}`)}(${a}, ${b})`
    case 'min':
    case 'max':
      if (float) return `${call(`${op}_${dtype}`)}(${a}, ${b})`
      return `(${a} ${op === 'min' ? '<' : '>'} ${b} ? ${a} : ${b})`
    case 'neg':
      return dtype === 'i32' ? `(int)(0u - (unsigned int)${a})` : float ? `-${a}` : `0u - ${a}`
    case 'abs':
      if (float) return `fabs${dtype === 'f32' ? 'f' : ''}(${a})`
      return dtype === 'i32' ? `(${a} < 0 ? (int)(0u - (unsigned int)${a}) : ${a})` : a
    case 'sign':
      if (dtype === 'u32') return `(unsigned int)(${a} != 0u)`
      return `(${a} > 0 ? (${typeOf[dtype]})1 : ${a} < 0 ? (${typeOf[dtype]})-1 : ${a})`
    case 'not':
      return dtype === 'bool' ? `${a} ^ 1u` : `~${a}`
    case 'mulhi':
      return `__umulhi(${a}, ${b})`
    case 'shl':
      if (dtype === 'i32') return `(int)((unsigned int)${a} << (${b} & 31))`
      return `${a} << (${b} & 31u)`
    case 'shr':
      return `${a} >> (${b} & 31)`
    case 'select':
      return `(${a} != 0u ? ${b} : ${c})`
    case 'cast':
      return cast(a, source, dtype, call)
    case 'bitcast':
      return bitcast(a, source, dtype)
    default:
      throw new Error(`${op} has no rendering in CUDA C`)
  }
}

function cast(a: string, from: DType, to: DType, call: (name: string) => string): string {
  if (to === 'bool') return `(unsigned int)(${a} != 0)`
  const saturates = (from === 'f32' || from === 'f64') && (to === 'i32' || to === 'u32')
  const converts = saturates || isHalf(from) || isHalf(to)
  return converts ? `${call(`${to}_of_${from}`)}(${a})` : `(${typeOf[to]})${a}`
}

function bitcast(a: string, from: DType, to: DType): string {
  const bits = from === 'f32' ? `__float_as_uint(${a})` : `(unsigned int)${a}`
  if (to === 'bool') return `(unsigned int)(${bits} != 0u)`
  if (to === 'f32') return `__uint_as_float(${bits})`
  return `(${typeOf[to]})${bits}`
}
