#include "memory.h"

#include <sys/mman.h>

#include <cstring>
#include <deque>

#include "prototypes.h"
#include "stream.h"

namespace emu {

// Addresses come from one reserved range and are not used twice, so that whatever reads freed memory
// faults. Unused and freed pages are one mapping for the system, however many there are.
struct Arena {
  uintptr_t begin = 0, next = 0, end = 0;
};

static Arena arena;
// By their start; the freed stay for the messages, the oldest go.
static std::map<uintptr_t, Allocation> allocations;
static std::deque<uintptr_t> freedOrder;
constexpr size_t freedKept = 1 << 16;
static uint64_t live[maxDevices + 1], liveCount[maxDevices + 1];

static uint64_t &counter(uint64_t *counters, int device) {
  return counters[device < 0 ? maxDevices : device];
}

static void reserve() {
  if (arena.begin) return;
  for (size_t bytes = size_t{1} << 45; bytes >= size_t{1} << 36; bytes >>= 1) {
    void *got = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) continue;
    arena.begin = arena.next = reinterpret_cast<uintptr_t>(got);
    arena.end = arena.begin + bytes;
    return;
  }
  fail(CUDA_ERROR_OUT_OF_MEMORY, "no range of addresses can be reserved");
}

static uintptr_t allocate(int device, size_t bytes) {
  reserve();
  const size_t pageBytes = roundUp(bytes, pageSize);
  const uintptr_t pages = arena.next + pageSize;
  if (bytes > arena.end - arena.begin || pages + pageBytes + pageSize > arena.end)
    fail(CUDA_ERROR_OUT_OF_MEMORY, "the emulator's range of addresses is used up");
  void *data = reinterpret_cast<void *>(pages);
  if (mprotect(data, pageBytes, PROT_READ | PROT_WRITE))
    fail(CUDA_ERROR_OUT_OF_MEMORY, "%zu bytes: the system has no memory", bytes);
  arena.next = pages + pageBytes;
  uintptr_t start = pages;
  if (settings.strict) {
    // The data ends where the guard begins, to the alignment that a vector load needs.
    start = pages + pageBytes - roundUp(bytes, 16);
    memset(data, 0xff, pageBytes);
  }
  allocations[start] = {start, bytes, pages, pageBytes, device, false};
  counter(live, device) += bytes;
  counter(liveCount, device)++;
  return start;
}

static void release(Allocation &allocation) {
  void *data = reinterpret_cast<void *>(allocation.pages);
  madvise(data, allocation.pageBytes, MADV_DONTNEED);
  mprotect(data, allocation.pageBytes, PROT_NONE);
  counter(live, allocation.device) -= allocation.bytes;
  counter(liveCount, allocation.device)--;
  allocation.freed = true;
  freedOrder.push_back(allocation.start);
  if (freedOrder.size() > freedKept) {
    allocations.erase(freedOrder.front());
    freedOrder.pop_front();
  }
}

static void freeAt(uintptr_t start, bool host) {
  const auto found = allocations.find(start);
  const char *kind = host ? "pinned" : "device";
  if (found == allocations.end() || (found->second.device < 0) != host)
    fail(CUDA_ERROR_INVALID_VALUE, "0x%zx is not the start of a %s allocation%s%s", start, kind,
         isManaged(start) ? " but " : "", isManaged(start) ? describeAddress(start).c_str() : "");
  if (found->second.freed)
    fail(CUDA_ERROR_INVALID_VALUE, "the %s allocation of %zu bytes at 0x%zx is freed already", kind,
         found->second.bytes, start);
  release(found->second);
}

const Allocation *liveRange(uintptr_t address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return nullptr;
  const Allocation &candidate = std::prev(next)->second;
  const size_t offset = address - candidate.start;
  return !candidate.freed && offset < candidate.bytes && bytes <= candidate.bytes - offset
             ? &candidate
             : nullptr;
}

bool isManaged(uintptr_t address) { return address >= arena.begin && address < arena.end; }

std::string describeAddress(uintptr_t address) {
  const auto next = allocations.upper_bound(address);
  const Allocation *closest = nullptr;
  if (next != allocations.begin()) closest = &std::prev(next)->second;
  // Closer to the start of the next one: an access before it.
  if (next != allocations.end() && next->second.start - address <= pageSize &&
      (!closest || address - closest->start >= closest->bytes + pageSize))
    closest = &next->second;
  if (!closest) return formatted("address 0x%zx, which is no allocation", address);
  return formatted("byte offset %lld of a %s%s allocation of %zu bytes",
                   static_cast<long long>(address - closest->start), closest->freed ? "FREED " : "",
                   closest->device < 0 ? "pinned" : "device", closest->bytes);
}

uint64_t liveBytes(int device) { return counter(live, device); }
uint64_t liveAllocations(int device) { return counter(liveCount, device); }

static void releaseIf(bool all, int device) {
  for (auto &[start, allocation] : allocations)
    if (!allocation.freed && (all || allocation.device == device)) release(allocation);
}

void releaseMemory(CUcontext context) { releaseIf(false, context->device); }

void releaseAllMemory() {
  releaseIf(true, 0);
  allocations.clear();
  freedOrder.clear();
}

void checkDeviceRange(const char *what, CUdeviceptr address, size_t bytes) {
  const Allocation *found = liveRange(address, bytes);
  if (found && found->device >= 0) return;
  fail(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes from %s", what, bytes,
       isManaged(address) ? describeAddress(address).c_str()
                          : formatted("0x%llx, which is no device address", address).c_str());
}

}  // namespace emu

using namespace emu;

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return entry("cuMemGetInfo", [&] {
    const uint64_t used = liveBytes(currentContext()->device);
    required(free, "free") = settings.memory > used ? settings.memory - used : 0;
    required(total, "total") = settings.memory;
  });
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return entry("cuMemAlloc", [&] {
    const int device = currentContext()->device;
    forbidInCapture("an allocation");
    if (!bytes) fail(CUDA_ERROR_INVALID_VALUE, "0 bytes");
    if (bytes > settings.memory || liveBytes(device) > settings.memory - bytes)
      fail(CUDA_ERROR_OUT_OF_MEMORY, "%zu bytes, with %llu of %llu in use", bytes,
           static_cast<unsigned long long>(liveBytes(device)),
           static_cast<unsigned long long>(settings.memory));
    required(address, "address") = allocate(device, bytes);
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return entry("cuMemFree", [&] {
    CUcontext context = currentContext();
    if (!address) return;
    forbidInCapture("freeing memory");
    drainContext(context);
    freeAt(address, false);
  });
}

CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned int) {
  return entry("cuMemHostAlloc", [&] {
    currentContext();
    forbidInCapture("an allocation");
    if (!bytes) fail(CUDA_ERROR_INVALID_VALUE, "0 bytes");
    required(address, "address") = reinterpret_cast<void *>(allocate(-1, bytes));
  });
}

CUresult cuMemFreeHost(void *address) {
  return entry("cuMemFreeHost", [&] {
    CUcontext context = currentContext();
    forbidInCapture("freeing memory");
    drainContext(context);
    freeAt(reinterpret_cast<uintptr_t>(address), true);
  });
}
