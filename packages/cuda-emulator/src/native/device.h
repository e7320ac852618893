// Devices and their contexts.
#pragma once
#include "core.h"

struct CUctx_st {
  int device;
  /// How often the primary context is retained.
  int uses = 0;
  /// The fault that ended the context, `CUDA_SUCCESS` while there is none.
  CUresult fault = CUDA_SUCCESS;
  std::string faultMessage;
};

namespace emu {

constexpr int maxDevices = 16;
constexpr unsigned maxThreadsPerBlock = 1024, maxBlockZ = 64, maxGridYZ = 65535;
constexpr unsigned maxStaticShared = 48 << 10, maxShared = 232448;

CUcontext contextOf(int device);
/// Ends a context with the fault of a kernel: every later call returns it.
void loseContext(CUcontext context, CUresult code, const std::string &message);

}  // namespace emu
