// Runs the blocks of a launch: as plain loops, or with a fiber per thread where threads meet.
#pragma once
#include <string>
#include <vector>

#include "core.h"
#include "device/abi.h"

namespace emu {

/// A launch as the blocks see it.
struct Grid {
  const Kernel *kernel;
  State *state;
  void *const *parameters;
  Index3 gridSize, blockSize;
  /// Of each block: the kernel's own shared memory, poisoned before it runs.
  char *shared;
  size_t sharedBytes;
  unsigned dynamicBytes;
  /// Whether a thread of the kernel ever waited for another; kept from launch to launch.
  bool *cooperative;
};

/// What modules call.
extern const Runtime deviceRuntime;

/// Runs all blocks, in the order of the settings. A fault leaves by `abandon`.
void runGrid(const Grid &grid);
/// After a fault: the fibers that it left in the middle start afresh.
void resetFibers();
/// "block (0,1,0) thread (0,4,0)"
std::string whereInGrid();

}  // namespace emu
