#include "fiber.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#ifdef NABLA_EMU_UCONTEXT
#include <ucontext.h>
#endif

namespace emu {

// The end of the stack of a fiber; made at the first use, with a guard page below it.
static char *stackEnd(unsigned index) {
  static std::vector<char *> ends;
  if (ends.size() <= index) ends.resize(index + 1);
  if (ends[index]) return ends[index];
  constexpr size_t guard = 4096, bytes = fiberStack + guard;
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE)) abort();
  return ends[index] = static_cast<char *>(memory) + bytes;
}

#ifndef NABLA_EMU_UCONTEXT

// Saves what a called function has to keep, swaps the stacks, and returns on the other one.
asm(R"(
.text
.hidden emu_switch
.globl emu_switch
.type emu_switch, @function
emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emu_switch, .-emu_switch
)");
extern "C" void emu_switch(void **from, void *to);

void resetFiber(Fiber &fiber, unsigned index, void (*entry)()) {
  // Tops at different offsets: equal ones would fight for the same lines of the cache.
  auto *top = reinterpret_cast<uint64_t *>(stackEnd(index) - 64 - index % 32 * 128);
  *--top = 0;  // the return address of the entry, which keeps the stack aligned as after a call
  *--top = reinterpret_cast<uint64_t>(entry);
  for (int i = 0; i < 6; i++) *--top = 0;
  fiber.saved = top;
}

void switchFiber(Fiber &from, Fiber &to) { emu_switch(&from.saved, to.saved); }

#else

void resetFiber(Fiber &fiber, unsigned index, void (*entry)()) {
  if (!fiber.saved) fiber.saved = new ucontext_t;
  auto *context = static_cast<ucontext_t *>(fiber.saved);
  getcontext(context);
  context->uc_stack.ss_sp = stackEnd(index) - fiberStack;
  context->uc_stack.ss_size = fiberStack;
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
}

void switchFiber(Fiber &from, Fiber &to) {
  if (!from.saved) from.saved = new ucontext_t;
  swapcontext(static_cast<ucontext_t *>(from.saved), static_cast<ucontext_t *>(to.saved));
}

#endif

}  // namespace emu
