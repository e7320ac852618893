// Device memory and pinned host memory: every allocation on its own pages between guard pages.
#pragma once
#include <map>
#include <string>

#include "device.h"

namespace emu {

struct Allocation {
  uintptr_t start;
  size_t bytes;
  uintptr_t pages;
  size_t pageBytes;
  /// The device, or -1 for pinned memory of the host.
  int device;
  bool freed;
};

/// The live allocation that contains all of the range, or null.
const Allocation *liveRange(uintptr_t address, size_t bytes);
/// The live allocation that contains the address, or null.
inline const Allocation *liveAt(uintptr_t address) { return liveRange(address, 1); }
/// Whether the address lies in the memory of a device or in pinned memory, live or not.
bool isManaged(uintptr_t address);
/// "byte offset 1600 of a device allocation of 1600 bytes", for the messages of faults.
std::string describeAddress(uintptr_t address);
/// Of a device, or of pinned memory for -1.
uint64_t liveBytes(int device);
uint64_t liveAllocations(int device);
/// Frees all of a context.
void releaseMemory(CUcontext context);
/// Frees everything, and forgets the freed.
void releaseAllMemory();
/// Fails unless the range lies in one live allocation of device memory.
void checkDeviceRange(const char *what, CUdeviceptr address, size_t bytes);

constexpr size_t pageSize = 4096;
constexpr size_t roundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace emu
