// The threads of a block that runs on fibers, and who of them may run.
#pragma once
#include <cstdint>

#include "device.h"
#include "device/abi.h"

namespace emu {

constexpr unsigned lanes = 32, maxWarps = maxThreadsPerBlock / lanes;

enum class Waiting : uint8_t { nothing, block, warp, exited };

struct Thread {
  Waiting waiting;
  /// The line of the barrier or collective that the thread waits at.
  int line;
  /// Of a collective: what it asks for, and what it gets.
  Collective kind;
  int source;
  unsigned mask;
  uint64_t value, result;
};

/// Bits of the threads that may run, and the choice among them.
class Ready {
 public:
  void reset(unsigned threads) {
    warps = 0;
    for (unsigned w = 0; w < maxWarps; w++) {
      const unsigned first = w * lanes;
      bits[w] = threads <= first ? 0 : threads - first >= lanes ? ~0u : (1u << (threads - first)) - 1;
      if (bits[w]) warps |= 1u << w;
    }
  }
  void remove(unsigned thread) {
    const unsigned w = thread / lanes;
    bits[w] &= ~(1u << thread % lanes);
    if (!bits[w]) warps &= ~(1u << w);
  }
  void add(unsigned warp, uint32_t which) {
    bits[warp] |= which;
    if (which) warps |= 1u << warp;
  }
  uint32_t of(unsigned warp) const { return bits[warp]; }
  bool any() const { return warps != 0; }
  /// The next thread of the order: of the warp that runs, if it has one.
  unsigned next(Order order, unsigned warp, uint64_t &random) const {
    if (order == Order::forward) {
      if (!(warps >> warp & 1)) warp = static_cast<unsigned>(__builtin_ctz(warps));
      return warp * lanes + static_cast<unsigned>(__builtin_ctz(bits[warp]));
    }
    if (order == Order::reverse) {
      if (!(warps >> warp & 1)) warp = 31 - static_cast<unsigned>(__builtin_clz(warps));
      return warp * lanes + 31 - static_cast<unsigned>(__builtin_clz(bits[warp]));
    }
    warp = pick(warps, random);
    return warp * lanes + pick(bits[warp], random);
  }
  /// The first thread of the order in the whole block.
  unsigned first(Order order, uint64_t &random) const {
    return next(order, order == Order::reverse ? 31 - static_cast<unsigned>(__builtin_clz(warps))
                                               : static_cast<unsigned>(__builtin_ctz(warps)),
                random);
  }

 private:
  // A set bit, searched for from a random place.
  static unsigned pick(uint32_t set, uint64_t &random) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    const unsigned turn = random >> 33 & 31;
    const uint32_t turned = set >> turn | set << (-turn & 31);
    return (static_cast<unsigned>(__builtin_ctz(turned)) + turn) & 31;
  }

  uint32_t bits[maxWarps], warps;
};

}  // namespace emu
