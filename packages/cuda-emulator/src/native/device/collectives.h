// Barriers, shuffles and votes. They are macros for the line, which the emulator's errors name.
#pragma once
#pragma GCC system_header

namespace emu {

template <class T>
inline unsigned long toBits(T value) {
  static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
  unsigned long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  return bits;
}

template <class T>
inline T fromBits(unsigned long bits) {
  T value;
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}

inline int lane() {
  const Index3 &t = state.thread, &n = state.blockSize;
  return static_cast<int>((t.x + n.x * (t.y + n.y * t.z)) & 31);
}

// A lane whose source would leave its segment of `width` lanes keeps its own value.
inline int sourceOf(Collective kind, int operand, int width) {
  const int self = lane(), first = self & ~(width - 1);
  int source = self;
  switch (kind) {
    case Collective::shuffleUp: source = self - operand; break;
    case Collective::shuffleDown: source = self + operand; break;
    case Collective::shuffleXor: source = self ^ operand; break;
    default: source = first + (operand & (width - 1));
  }
  // An exclusive-or may read a lower segment, as on a device, never a higher one.
  const bool low = source < first && kind != Collective::shuffleXor;
  return low || source < 0 || source >= first + width ? self : source;
}

template <class T>
inline T shuffle(Collective kind, int line, unsigned mask, T value, int operand, int width = 32) {
  return fromBits<T>(
      runtime->collective(kind, line, mask, toBits(value), sourceOf(kind, operand, width)));
}

inline unsigned vote(Collective kind, int line, unsigned mask, int predicate) {
  return static_cast<unsigned>(runtime->collective(kind, line, mask, predicate != 0, 0));
}

// An object that is called, since the arguments of `__syncwarp` may be none.
struct SyncWarp {
  int line;
  void operator()(unsigned mask = 0xffffffffu) const {
    runtime->collective(Collective::sync, line, mask, 0, 0);
  }
};

}  // namespace emu

#define __syncthreads() ((void)::emu::runtime->barrier(__LINE__, ::emu::Vote::none, 0))
#define __syncthreads_and(p) (::emu::runtime->barrier(__LINE__, ::emu::Vote::all, (p) != 0))
#define __syncthreads_or(p) (::emu::runtime->barrier(__LINE__, ::emu::Vote::any, (p) != 0))
#define __syncthreads_count(p) (::emu::runtime->barrier(__LINE__, ::emu::Vote::count, (p) != 0))
#define __syncwarp(...) (::emu::SyncWarp{__LINE__}(__VA_ARGS__))
#define __shfl_sync(mask, ...) \
  (::emu::shuffle(::emu::Collective::shuffle, __LINE__, mask, __VA_ARGS__))
#define __shfl_up_sync(mask, ...) \
  (::emu::shuffle(::emu::Collective::shuffleUp, __LINE__, mask, __VA_ARGS__))
#define __shfl_down_sync(mask, ...) \
  (::emu::shuffle(::emu::Collective::shuffleDown, __LINE__, mask, __VA_ARGS__))
#define __shfl_xor_sync(mask, ...) \
  (::emu::shuffle(::emu::Collective::shuffleXor, __LINE__, mask, __VA_ARGS__))
#define __ballot_sync(mask, p) (::emu::vote(::emu::Collective::ballot, __LINE__, mask, p))
#define __any_sync(mask, p) ((int)::emu::vote(::emu::Collective::any, __LINE__, mask, p))
#define __all_sync(mask, p) ((int)::emu::vote(::emu::Collective::all, __LINE__, mask, p))

// Threads run one at a time and every write is seen at once.
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

#define __trap() (::emu::runtime->fail(719, "__trap()", __FILE__, __LINE__))
#define assert(condition) \
  ((condition) ? (void)0 : ::emu::runtime->fail(710, "assert(" #condition ")", __FILE__, __LINE__))

// What -fsanitize=bounds,alignment calls; the layout is that of its runtime library.
namespace emu {
struct SourceLocation {
  const char *file;
  unsigned line, column;
};
}  // namespace emu

extern "C" {
__attribute__((visibility("hidden"), used)) void __ubsan_handle_out_of_bounds_abort(
    emu::SourceLocation *data, unsigned long) {
  emu::runtime->fail(700, "an index outside of its array", data->file, static_cast<int>(data->line));
  __builtin_unreachable();
}
__attribute__((visibility("hidden"), used)) void __ubsan_handle_type_mismatch_v1_abort(
    emu::SourceLocation *data, unsigned long) {
  emu::runtime->fail(716, "an access that is not aligned to its type", data->file,
                     static_cast<int>(data->line));
  __builtin_unreachable();
}
}
