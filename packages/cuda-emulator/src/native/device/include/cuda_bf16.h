// The bfloat16 type of CUDA: storage and conversions, and arithmetic through float.
#pragma once
#pragma GCC system_header

struct __nv_bfloat16_raw {
  unsigned short x;
};

namespace emu {

// Rounds to nearest, ties to even, as `cvt.rn.bf16.f32`.
inline unsigned short floatToBfloat16(float f) {
  const unsigned x = bits<unsigned>(f);
  if ((x & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<unsigned short>((x + 0x7fffu + (x >> 16 & 1)) >> 16);
}

}  // namespace emu

struct alignas(2) __nv_bfloat16 {
  unsigned short bits;
  __nv_bfloat16() = default;
  __nv_bfloat16(float x) : bits(emu::floatToBfloat16(x)) {}
  __nv_bfloat16(double x) : bits(emu::floatToBfloat16(static_cast<float>(x))) {}
  __nv_bfloat16(int x) : bits(emu::floatToBfloat16(static_cast<float>(x))) {}
  __nv_bfloat16(__nv_bfloat16_raw raw) : bits(raw.x) {}
  operator float() const { return emu::bits<float>(static_cast<unsigned>(bits) << 16); }
};
typedef __nv_bfloat16 nv_bfloat16;

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
typedef __nv_bfloat162 nv_bfloat162;

inline __nv_bfloat16 __float2bfloat16(float x) { return __nv_bfloat16(x); }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return __nv_bfloat16(x); }
inline __nv_bfloat16 __double2bfloat16(double x) { return __nv_bfloat16(x); }
inline float __bfloat162float(__nv_bfloat16 x) { return static_cast<float>(x); }
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short x) { return __nv_bfloat16_raw{x}; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__nv_bfloat16(x), __nv_bfloat16(y)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 v) {
  return {static_cast<float>(v.x), static_cast<float>(v.y)};
}
