// Faults of kernels: signals of the processor and errors that the emulator finds become the error of
// the context, with the kernel, the block and the thread.
#pragma once
#include "device.h"

namespace emu {

/// What runs, for the messages.
struct Running {
  const char *kernel;
  /// The program that the kernel is of, null when there is none.
  const char *program;
  /// "block (..) thread (..)"; null when there are none, as in cuBLAS.
  std::string (*where)();
};

/// Runs the body; returns false when a fault ended it, after losing the context.
bool guarded(CUcontext context, const Running &running, void (*body)(void *), void *argument);

/// Ends the guarded body with an error. No object with a destructor may be alive in the caller.
[[noreturn]] void abandon();
void setFault(CUresult code, const std::string &message);

}  // namespace emu
