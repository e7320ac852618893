// The functions of CUDA's math library, by the C library of this machine: equal to a few ulp, not to
// the bit. The fast variants (`__expf` ...) are the precise ones here.
#pragma once
#pragma GCC system_header

// The C library's, declared here rather than included: a kernel sees no header.
#define EMU_UNARY(name)               \
  extern "C" double name(double);     \
  extern "C" float name##f(float);    \
  inline float name(float x) { return name##f(x); }
#define EMU_BINARY(name)                   \
  extern "C" double name(double, double);  \
  extern "C" float name##f(float, float);  \
  inline float name(float x, float y) { return name##f(x, y); }

EMU_UNARY(exp) EMU_UNARY(exp2) EMU_UNARY(expm1) EMU_UNARY(log) EMU_UNARY(log2) EMU_UNARY(log10)
EMU_UNARY(log1p) EMU_UNARY(sqrt) EMU_UNARY(cbrt) EMU_UNARY(sin) EMU_UNARY(cos) EMU_UNARY(tan)
EMU_UNARY(asin) EMU_UNARY(acos) EMU_UNARY(atan) EMU_UNARY(sinh) EMU_UNARY(cosh) EMU_UNARY(tanh)
EMU_UNARY(asinh) EMU_UNARY(acosh) EMU_UNARY(atanh) EMU_UNARY(erf) EMU_UNARY(erfc)
EMU_UNARY(tgamma) EMU_UNARY(lgamma) EMU_UNARY(floor) EMU_UNARY(ceil) EMU_UNARY(trunc)
EMU_UNARY(round) EMU_UNARY(rint) EMU_UNARY(nearbyint) EMU_UNARY(fabs) EMU_UNARY(logb)
EMU_UNARY(exp10)
EMU_BINARY(pow) EMU_BINARY(fmod) EMU_BINARY(remainder) EMU_BINARY(atan2) EMU_BINARY(hypot)
EMU_BINARY(fmin) EMU_BINARY(fmax) EMU_BINARY(fdim) EMU_BINARY(copysign) EMU_BINARY(nextafter)
#undef EMU_UNARY
#undef EMU_BINARY

extern "C" {
double fma(double, double, double);
float fmaf(float, float, float);
double ldexp(double, int);
float ldexpf(float, int);
double scalbn(double, int);
float scalbnf(float, int);
double frexp(double, int *);
float frexpf(float, int *);
double modf(double, double *);
float modff(float, float *);
void sincos(double, double *, double *);
void sincosf(float, float *, float *);
int ilogb(double);
int ilogbf(float);
long lrint(double);
long lrintf(float);
long long llrint(double);
long long llrintf(float);
int abs(int);
long labs(long);
long long llabs(long long);
int printf(const char *, ...);
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
}

inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
inline float ldexp(float x, int e) { return ldexpf(x, e); }
inline float abs(float x) { return __builtin_fabsf(x); }
inline double abs(double x) { return __builtin_fabs(x); }
inline long abs(long x) { return x < 0 ? -x : x; }
inline long long abs(long long x) { return x < 0 ? -x : x; }

inline bool isnan(float x) { return __builtin_isnan(x); }
inline bool isnan(double x) { return __builtin_isnan(x); }
inline bool isinf(float x) { return __builtin_isinf(x); }
inline bool isinf(double x) { return __builtin_isinf(x); }
inline bool isfinite(float x) { return __builtin_isfinite(x); }
inline bool isfinite(double x) { return __builtin_isfinite(x); }
inline bool signbit(float x) { return __builtin_signbit(x); }
inline bool signbit(double x) { return __builtin_signbit(x); }
inline float nanf(const char *) { return __builtin_nanf(""); }
inline double nan(const char *) { return __builtin_nan(""); }

#define EMU_MIN_MAX(T)                                  \
  inline T min(T a, T b) { return b < a ? b : a; }      \
  inline T max(T a, T b) { return a < b ? b : a; }
EMU_MIN_MAX(int) EMU_MIN_MAX(unsigned) EMU_MIN_MAX(long) EMU_MIN_MAX(unsigned long)
EMU_MIN_MAX(long long) EMU_MIN_MAX(unsigned long long)
#undef EMU_MIN_MAX
// As on a device, the one of two floats that is no NaN.
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline unsigned min(int a, unsigned b) { return min(static_cast<unsigned>(a), b); }
inline unsigned min(unsigned a, int b) { return min(a, static_cast<unsigned>(b)); }
inline unsigned max(int a, unsigned b) { return max(static_cast<unsigned>(a), b); }
inline unsigned max(unsigned a, int b) { return max(a, static_cast<unsigned>(b)); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
inline double rcbrt(double x) { return 1.0 / cbrt(x); }
inline double sinpi(double x) { return sin(3.14159265358979323846 * remainder(x, 2.0)); }
inline double cospi(double x) { return cos(3.14159265358979323846 * remainder(x, 2.0)); }
inline float sinpif(float x) { return static_cast<float>(sinpi(static_cast<double>(x))); }
inline float cospif(float x) { return static_cast<float>(cospi(static_cast<double>(x))); }
inline double normcdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
inline float normcdff(float x) { return static_cast<float>(normcdf(static_cast<double>(x))); }

inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return exp10f(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline void __sincosf(float x, float *s, float *c) { sincosf(x, s, c); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float fdividef(float x, float y) { return x / y; }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return isnan(x) ? 0.0f : fminf(fmaxf(x, 0.0f), 1.0f); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return static_cast<float>(rsqrt(static_cast<double>(x))); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __clzll(long long x) {
  return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64;
}
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
inline unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32);
}
inline int __mulhi(int x, int y) {
  return static_cast<int>(static_cast<long long>(x) * y >> 32);
}
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}
inline long long __mul64hi(long long x, long long y) {
  return static_cast<long long>(static_cast<__int128>(x) * y >> 64);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const unsigned n = shift & 31;
  return n ? high << n | low >> (32 - n) : high;
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const unsigned n = shift & 31;
  return n ? low >> n | high << (32 - n) : low;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long long both = static_cast<unsigned long long>(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++)
    result |= static_cast<unsigned>(both >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
  return result;
}

namespace emu {
template <class To, class From>
inline To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "bits of equal sizes");
  To to;
  __builtin_memcpy(&to, &from, sizeof(To));
  return to;
}

// A conversion to an integer as a device makes it: saturating, and 0 for NaN.
template <class To, class From>
inline To saturate(From x) {
  constexpr int width = 8 * sizeof(To);
  constexpr bool isSigned = static_cast<To>(-1) < static_cast<To>(0);
  const From top = static_cast<From>(2) * static_cast<From>(1ull << (width - (isSigned ? 2 : 1)));
  if (__builtin_isnan(x)) return 0;
  if (x >= top) return isSigned ? static_cast<To>((1ull << (width - 1)) - 1) : static_cast<To>(-1);
  if (x <= (isSigned ? -top : static_cast<From>(0)))
    return isSigned ? static_cast<To>(1ull << (width - 1)) : static_cast<To>(0);
  return static_cast<To>(x);
}
}  // namespace emu

inline float __int_as_float(int x) { return emu::bits<float>(x); }
inline float __uint_as_float(unsigned x) { return emu::bits<float>(x); }
inline int __float_as_int(float x) { return emu::bits<int>(x); }
inline unsigned __float_as_uint(float x) { return emu::bits<unsigned>(x); }
inline double __longlong_as_double(long long x) { return emu::bits<double>(x); }
inline long long __double_as_longlong(double x) { return emu::bits<long long>(x); }
inline double __hiloint2double(int high, int low) {
  return emu::bits<double>(static_cast<unsigned long long>(static_cast<unsigned>(high)) << 32 |
                           static_cast<unsigned>(low));
}
inline int __double2loint(double x) { return static_cast<int>(emu::bits<unsigned long long>(x)); }
inline int __double2hiint(double x) {
  return static_cast<int>(emu::bits<unsigned long long>(x) >> 32);
}

#define EMU_CONVERSIONS(from, From, to, To)                                             \
  inline To __##from##2##to##_rn(From x) { return emu::saturate<To>(rint(x)); }         \
  inline To __##from##2##to##_rz(From x) { return emu::saturate<To>(trunc(x)); }        \
  inline To __##from##2##to##_rd(From x) { return emu::saturate<To>(floor(x)); }        \
  inline To __##from##2##to##_ru(From x) { return emu::saturate<To>(ceil(x)); }
EMU_CONVERSIONS(float, float, int, int)
EMU_CONVERSIONS(float, float, uint, unsigned)
EMU_CONVERSIONS(float, float, ll, long long)
EMU_CONVERSIONS(float, float, ull, unsigned long long)
EMU_CONVERSIONS(double, double, int, int)
EMU_CONVERSIONS(double, double, uint, unsigned)
EMU_CONVERSIONS(double, double, ll, long long)
EMU_CONVERSIONS(double, double, ull, unsigned long long)
#undef EMU_CONVERSIONS
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
inline float __ll2float_rn(long long x) { return static_cast<float>(x); }
inline double __int2double_rn(int x) { return x; }
inline double __uint2double_rn(unsigned x) { return x; }
inline float __double2float_rn(double x) { return static_cast<float>(x); }

template <class T>
inline T __ldg(const T *address) {
  return *address;
}
template <class T>
inline T __ldcs(const T *address) {
  return *address;
}
template <class T>
inline T __ldcg(const T *address) {
  return *address;
}
template <class T>
inline void __stcs(T *address, T value) {
  *address = value;
}
