// A kernel's source made ready for a C++ compiler.
#pragma once
#include <string>

namespace emu {

/// The source with `extern __shared__` arrays turned into pointers, line numbers of its own, and at
/// its end the table of its kernels, the `extern "C" __global__` functions.
std::string moduleSource(const std::string &source, const std::string &name);

}  // namespace emu
