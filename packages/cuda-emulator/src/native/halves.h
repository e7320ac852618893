// Floats of 16 bits, as the libraries read and write them.
#pragma once
#include <cstdint>
#include <cstring>

#include "core.h"

namespace emu {

inline float fromHalf(uint16_t bits, bool brain) {
  const uint32_t high = uint32_t{bits} << 16;
  float value;
  if (brain) {
    std::memcpy(&value, &high, 4);
    return value;
  }
  _Float16 half;
  std::memcpy(&half, &bits, 2);
  return static_cast<float>(half);
}

/// To the nearest, to even on a tie.
inline uint16_t toHalf(float value, bool brain) {
  uint16_t bits;
  if (brain) {
    uint32_t word;
    std::memcpy(&word, &value, 4);
    if (value != value) return static_cast<uint16_t>(word >> 16 | 0x40);
    return static_cast<uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
  }
  const auto half = static_cast<_Float16>(value);
  std::memcpy(&bits, &half, 2);
  return bits;
}

/// Whether a device has units for bfloat16; the libraries here refuse it elsewhere, as they may.
inline bool hasBrainFloats() { return settings.capability >= 80; }

}  // namespace emu
