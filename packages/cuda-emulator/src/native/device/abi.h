// What the emulator and a compiled kernel module know of each other. No includes: kernels see this.
#pragma once

namespace emu {

struct Index3 {
  unsigned x, y, z;
};

/// Of the thread that runs: written by the emulator at each switch, read by the kernel.
struct State {
  Index3 thread, block, blockSize, gridSize;
  char *dynamicShared;
  /// The position in the order of threads of a block that runs as a loop.
  unsigned position;
  /// Set when a thread of such a loop met a barrier: the loop ends with this thread.
  bool split;
};

enum class Collective : int {
  sync,
  shuffle,
  shuffleUp,
  shuffleDown,
  shuffleXor,
  ballot,
  any,
  all,
};

enum class Vote : int { none, all, any, count };

/// What device code asks of the emulator.
struct Runtime {
  /// Waits for the block; the vote over the predicates of its threads.
  int (*barrier)(int line, Vote vote, int predicate);
  /// Waits for the lanes of the mask; the value of the source lane, or the vote.
  unsigned long (*collective)(Collective kind, int line, unsigned mask, unsigned long value,
                              int source);
  /// Ends the launch with an error: a failed assertion, a trap, an index out of bounds.
  void (*fail)(int error, const char *what, const char *file, int line);
};

struct Kernel {
  const char *name;
  unsigned parameters;
  const unsigned *sizes;
  const unsigned *alignments;
  /// The bound that `__launch_bounds__` gives, 0 without one.
  unsigned maxThreads;
  /// Runs the thread that `State` names.
  void (*thread)(void *const *parameters);
  /// Runs the threads of a block in order, until one splits.
  void (*block)(void *const *parameters, const Index3 *order, unsigned count);
};

struct Module {
  unsigned version;
  /// The name of the program, which the messages of its kernels carry.
  const char *name;
  State *state;
  const Runtime **runtime;
  const Kernel *kernels;
  unsigned count;
  char *sharedBegin, *sharedEnd;
};

constexpr unsigned abiVersion = 1;

}  // namespace emu
