// Atomics: threads run one at a time here, so a read and a write in a row are one.
#pragma once
#pragma GCC system_header

namespace emu {
// Keeps `atomicAdd(p, 1)` on a float or unsigned address from deducing two types.
template <class T>
struct Same {
  using type = T;
};
template <class T>
using SameAs = typename Same<T>::type;
}  // namespace emu

#define EMU_ATOMIC(name, next)                                       \
  template <class T>                                                 \
  inline T name(T *address, emu::SameAs<T> value) {                  \
    const T old = *static_cast<volatile T *>(address);               \
    *static_cast<volatile T *>(address) = static_cast<T>(next);      \
    return old;                                                      \
  }                                                                  \
  template <class T>                                                 \
  inline T name##_block(T *address, emu::SameAs<T> value) {          \
    return name(address, value);                                     \
  }

EMU_ATOMIC(atomicAdd, old + value)
EMU_ATOMIC(atomicSub, old - value)
EMU_ATOMIC(atomicExch, value)
EMU_ATOMIC(atomicMin, value < old ? value : old)
EMU_ATOMIC(atomicMax, value > old ? value : old)
EMU_ATOMIC(atomicAnd, old & value)
EMU_ATOMIC(atomicOr, old | value)
EMU_ATOMIC(atomicXor, old ^ value)
EMU_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
EMU_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
#undef EMU_ATOMIC

// CUDA has no minimum and maximum of floats, and no differences of them.
float atomicMin(float *, float) = delete;
float atomicMax(float *, float) = delete;
float atomicSub(float *, float) = delete;
double atomicMin(double *, double) = delete;
double atomicMax(double *, double) = delete;
double atomicSub(double *, double) = delete;

template <class T>
inline T atomicCAS(T *address, emu::SameAs<T> compare, emu::SameAs<T> value) {
  const T old = *static_cast<volatile T *>(address);
  if (old == compare) *static_cast<volatile T *>(address) = value;
  return old;
}
