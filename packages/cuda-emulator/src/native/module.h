// Loaded modules and their kernels.
#pragma once
#include <memory>
#include <vector>

#include "device.h"
#include "device/abi.h"
#include "image.h"

namespace emu {

/// The code of a module; work that was captured keeps it after the module is unloaded.
struct Code {
  void *handle = nullptr;
  const Module *module = nullptr;
  ~Code();
};

/// Forgets all modules.
void releaseModules();
CUfunction checkFunction(CUfunction function);

}  // namespace emu

struct CUfunc_st {
  /// Code is loaded at the first launch, or before by `cuFuncLoad`.
  bool isLoaded = false;
  CUcontext context;
  std::shared_ptr<emu::Code> code;
  const emu::Kernel *kernel;
  /// Poisoned before each block.
  char *shared;
  size_t sharedBytes;
  /// What counts for the limits.
  unsigned staticShared, maxDynamicShared;
  /// Whether threads of it wait for each other: learnt by running it.
  std::shared_ptr<bool> cooperative = std::make_shared<bool>(false);
};

struct CUmod_st {
  CUcontext context;
  std::shared_ptr<emu::Code> code;
  std::vector<std::unique_ptr<CUfunc_st>> functions;
};
