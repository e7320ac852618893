// What tests ask of the emulator beside the libraries that it stands in for.
#include "blas.h"
#include "block.h"
#include "compiler.h"
#include "cudnn.h"
#include "device.h"
#include "fault.h"
#include "memory.h"
#include "module.h"
#include "stream.h"

#define NABLA_EMU_CONTROL extern "C" __attribute__((visibility("default")))

using namespace emu;

/// The message of the last call that failed, or of the last fault of a kernel.
NABLA_EMU_CONTROL const char *nablaEmuMessage() {
  static thread_local std::string held;
  std::lock_guard<std::mutex> guard(lock);
  held = lastMessage;
  return held.c_str();
}

/// As if the process had just begun: no contexts, memory, streams, modules or faults.
NABLA_EMU_CONTROL void nablaEmuReset() {
  std::lock_guard<std::mutex> guard(lock);
  releaseBlas();
  releaseBlasLt();
  releaseDnn();
  releaseStreams();
  releaseModules();
  releaseAllMemory();
  for (int device = 0; device < maxDevices; device++) *contextOf(device) = {};
  lastMessage.clear();
}

/// How many convolutions cuDNN has computed since the process began or was reset.
NABLA_EMU_CONTROL unsigned long long nablaEmuConvolutions() {
  std::lock_guard<std::mutex> guard(lock);
  return convolutionsRun;
}

/// How many products cuBLASLt has computed since the process began or was reset.
NABLA_EMU_CONTROL unsigned long long nablaEmuLtProducts() {
  std::lock_guard<std::mutex> guard(lock);
  return ltProductsRun;
}

NABLA_EMU_CONTROL unsigned long long nablaEmuLiveBytes(int device) {
  std::lock_guard<std::mutex> guard(lock);
  return device < 0 || device >= maxDevices ? 0 : liveBytes(device);
}

NABLA_EMU_CONTROL unsigned long long nablaEmuPinnedBytes() {
  std::lock_guard<std::mutex> guard(lock);
  return liveBytes(-1);
}

NABLA_EMU_CONTROL unsigned long long nablaEmuLiveAllocations(int device) {
  std::lock_guard<std::mutex> guard(lock);
  return device < 0 || device >= maxDevices ? 0 : liveAllocations(device);
}

NABLA_EMU_CONTROL unsigned long long nablaEmuCompiledModules() { return compiledModules(); }

NABLA_EMU_CONTROL void nablaEmuSetOrder(int order, unsigned long long seed) {
  std::lock_guard<std::mutex> guard(lock);
  settings.order = static_cast<Order>(order);
  settings.seed = seed;
}

NABLA_EMU_CONTROL void nablaEmuSetStrict(int strict) {
  std::lock_guard<std::mutex> guard(lock);
  settings.strict = strict != 0;
}

NABLA_EMU_CONTROL void nablaEmuSetLazy(int lazy) {
  std::lock_guard<std::mutex> guard(lock);
  settings.lazy = lazy != 0;
}

NABLA_EMU_CONTROL void nablaEmuSetCapability(int capability) {
  std::lock_guard<std::mutex> guard(lock);
  settings.capability = capability;
}

NABLA_EMU_CONTROL void nablaEmuSetMemory(unsigned long long bytes) {
  std::lock_guard<std::mutex> guard(lock);
  settings.memory = bytes;
}

NABLA_EMU_CONTROL void nablaEmuSetDevices(int devices) {
  std::lock_guard<std::mutex> guard(lock);
  settings.devices = devices;
}
