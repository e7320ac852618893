#include "device.h"

#include <cstdio>

#include "memory.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

static bool initialised = false;
static CUctx_st contexts[maxDevices];
static thread_local CUcontext current = nullptr;

void checkInitialised() {
  if (!initialised) fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit was not called");
}

CUcontext contextOf(int device) {
  contexts[device].device = device;
  return &contexts[device];
}

CUcontext currentContext() {
  if (!current) fail(CUDA_ERROR_INVALID_CONTEXT, "no context is current in this thread");
  if (!current->uses) fail(CUDA_ERROR_INVALID_CONTEXT, "the current context was released");
  return current;
}

void checkContext() {
  if (current && current->fault) throw Failure{current->fault, current->faultMessage};
}

void loseContext(CUcontext context, CUresult code, const std::string &message) {
  if (context->fault) return;
  context->fault = code;
  context->faultMessage = lastMessage = message;
}

static CUdevice checked(CUdevice device) {
  if (device < 0 || device >= settings.devices)
    fail(CUDA_ERROR_INVALID_DEVICE, "device %d of %d", device, settings.devices);
  return device;
}

static int attribute(int which) {
  switch (which) {
    case 1: return maxThreadsPerBlock;
    case 2: case 3: return 1024;                  // block x, y
    case 4: return maxBlockZ;
    case 5: return 2147483647;                    // grid x
    case 6: case 7: return maxGridYZ;
    case 8: return maxStaticShared;
    case 9: return 65536;                         // constant memory
    case 10: return 32;                           // warp
    case 12: return 65536;                        // registers of a block
    case 13: return 1980000;                      // clock, kHz
    case 14: return 512;                          // texture alignment
    case 16: return 132;                          // multiprocessors
    case 18: return 0;                            // integrated
    case 19: return 1;                            // can map host memory
    case 31: return 1;                            // concurrent kernels
    case 33: return 0;                            // PCI bus
    case 34: return 0;                            // PCI device
    case 36: return 2619000;                      // memory clock, kHz
    case 37: return 5120;                         // memory bus, bits
    case 38: return 50 << 20;                     // L2
    case 39: return 2048;                         // threads of a multiprocessor
    case 40: return 3;                            // copy engines
    case 41: return 1;                            // unified addresses
    case 75: return settings.capability / 10;
    case 76: return settings.capability % 10;
    case 81: return 233472;                       // shared memory of a multiprocessor
    case 82: return 65536;                        // registers of a multiprocessor
    case 83: return 0;                            // managed memory
    case 97: return maxShared;
    case 106: return 32;                          // blocks of a multiprocessor
    case 115: return 0;                           // memory pools
    default: fail(CUDA_ERROR_INVALID_VALUE, "attribute %d is not emulated", which);
  }
}

}  // namespace emu

using namespace emu;

CUresult cuInit(unsigned int flags) {
  std::lock_guard<std::mutex> guard(lock);
  if (flags) return CUDA_ERROR_INVALID_VALUE;
  if (!settings.devices) return CUDA_ERROR_NO_DEVICE;
  initialised = true;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
  if (!version) return CUDA_ERROR_INVALID_VALUE;
  *version = 13000;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  return entry("cuDeviceGetCount", [&] { required(count, "count") = settings.devices; });
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return entry("cuDeviceGet", [&] { required(device, "device") = checked(ordinal); });
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return entry("cuDeviceGetName", [&] {
    if (length < 1) fail(CUDA_ERROR_INVALID_VALUE, "a name of %d bytes", length);
    snprintf(&required(name, "name"), static_cast<size_t>(length), "CUDA emulator %d",
             checked(device));
  });
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute which, CUdevice device) {
  return entry("cuDeviceGetAttribute", [&] {
    checked(device);
    required(value, "value") = attribute(which);
  });
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return entry("cuDeviceTotalMem", [&] {
    checked(device);
    required(bytes, "bytes") = settings.memory;
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return entry("cuDevicePrimaryCtxRetain", [&] {
    required(context, "context") = contextOf(checked(device));
    (*context)->uses++;
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return entry("cuDevicePrimaryCtxRelease", [&] {
    CUcontext context = contextOf(checked(device));
    if (!context->uses) fail(CUDA_ERROR_INVALID_CONTEXT, "device %d has no context", device);
    if (--context->uses) return;
    drainContext(context);
    releaseMemory(context);
    context->fault = CUDA_SUCCESS;
  });
}

CUresult cuCtxSetCurrent(CUcontext context) {
  std::lock_guard<std::mutex> guard(lock);
  if (context && (context < contexts || context >= contexts + maxDevices || !context->uses)) {
    lastMessage = "cuCtxSetCurrent: this is no retained context";
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  current = context;
  return context ? context->fault : CUDA_SUCCESS;
}
