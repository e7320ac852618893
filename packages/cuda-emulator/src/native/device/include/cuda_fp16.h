// The half-precision type of CUDA: storage and conversions, and arithmetic through float.
#pragma once
#pragma GCC system_header

struct __half_raw {
  unsigned short x;
};

namespace emu {

inline float halfToFloat(unsigned short h) {
  const unsigned sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
  if (exponent == 31) return bits<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent) return bits<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;  // 2^-24
  return sign ? -magnitude : magnitude;
}

// Rounds to nearest, ties to even, as `cvt.rn.f16.f32`.
inline unsigned short floatToHalf(float f) {
  const unsigned x = bits<unsigned>(f), sign = x >> 16 & 0x8000u, magnitude = x & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x477ff000u) return static_cast<unsigned short>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    // Adding 0.5 leaves the bits of a subnormal half, rounded, at the end of the fraction.
    const float shifted = bits<float>(magnitude) + 0.5f;
    return static_cast<unsigned short>(sign | (bits<unsigned>(shifted) - 0x3f000000u));
  }
  const unsigned rounded = magnitude + 0xfffu + (magnitude >> 13 & 1);
  return static_cast<unsigned short>(sign | (rounded - 0x38000000u) >> 13);
}

}  // namespace emu

struct alignas(2) __half {
  unsigned short bits;
  __half() = default;
  __half(float x) : bits(emu::floatToHalf(x)) {}
  __half(double x) : bits(emu::floatToHalf(static_cast<float>(x))) {}
  __half(int x) : bits(emu::floatToHalf(static_cast<float>(x))) {}
  __half(__half_raw raw) : bits(raw.x) {}
  operator float() const { return emu::halfToFloat(bits); }
};
typedef __half half;

struct alignas(4) __half2 {
  __half x, y;
};
typedef __half2 half2;

inline __half __float2half(float x) { return __half(x); }
inline __half __float2half_rn(float x) { return __half(x); }
inline __half __double2half(double x) { return __half(x); }
inline float __half2float(__half x) { return static_cast<float>(x); }
inline unsigned short __half_as_ushort(__half x) { return x.bits; }
inline __half __ushort_as_half(unsigned short x) { return __half_raw{x}; }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline __half2 __float22half2_rn(float2 v) { return {__half(v.x), __half(v.y)}; }
inline float2 __half22float2(__half2 v) {
  return {static_cast<float>(v.x), static_cast<float>(v.y)};
}
inline float __low2float(__half2 v) { return static_cast<float>(v.x); }
inline float __high2float(__half2 v) { return static_cast<float>(v.y); }
