// Stacks that threads of a block run on, and the switch between them.
#pragma once

namespace emu {

#if !defined(__x86_64__) && !defined(NABLA_EMU_UCONTEXT)
#define NABLA_EMU_UCONTEXT
#endif

struct Fiber {
  /// The saved stack pointer, or the saved context where there is no switch in assembly.
  void *saved = nullptr;
};

constexpr unsigned fiberStack = 64 << 10;

/// Makes the fiber start at its entry at the next switch to it.
void resetFiber(Fiber &fiber, unsigned index, void (*entry)());
void switchFiber(Fiber &from, Fiber &to);

}  // namespace emu
