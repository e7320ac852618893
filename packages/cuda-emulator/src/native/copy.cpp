// Copies, with what the kind of host memory decides: pinned memory is read or written when the copy
// runs, pageable memory before the call returns.
#include <cstring>

#include "memory.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

// Whether host memory is pinned; a range that leaves its allocation is an error.
static bool isPinned(const char *what, const void *host, size_t bytes) {
  const auto address = reinterpret_cast<uintptr_t>(host);
  required(static_cast<const char *>(host), what);
  if (!isManaged(address)) return false;
  const Allocation *found = liveRange(address, bytes);
  if (found && found->device < 0) return true;
  fail(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes from %s", what, bytes,
       describeAddress(address).c_str());
}

static void *pointer(CUdeviceptr address) { return reinterpret_cast<void *>(address); }

// What was live when the copy was submitted may be freed when it runs.
static Work copying(CUcontext context, void *to, const void *from, size_t bytes) {
  return [=] {
    for (const void *end : {static_cast<const void *>(to), from}) {
      const auto address = reinterpret_cast<uintptr_t>(end);
      if (!isManaged(address) || liveRange(address, bytes)) continue;
      loseContext(context, CUDA_ERROR_ILLEGAL_ADDRESS,
                  formatted("a copy of %zu bytes: %s", bytes, describeAddress(address).c_str()));
      return;
    }
    memmove(to, from, bytes);
  };
}

}  // namespace emu

using namespace emu;

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream handle) {
  return entry("cuMemcpyHtoDAsync", [&] {
    CUstream stream = streamOf(handle);
    if (!bytes) return;
    checkDeviceRange("the destination", to, bytes);
    CUcontext context = stream->queue->context;
    if (isPinned("the source", from, bytes)) {
      enqueue(stream, copying(context, pointer(to), from, bytes));
      return;
    }
    if (isCapturing(stream)) forbidden(stream, "a copy from pageable memory");
    if (!settings.lazy) {
      enqueue(stream, copying(context, pointer(to), from, bytes));
      return;
    }
    auto staged = std::make_shared<std::string>(static_cast<const char *>(from), bytes);
    enqueue(stream, [=] { copying(context, pointer(to), staged->data(), bytes)(); });
  });
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream handle) {
  return entry("cuMemcpyDtoHAsync", [&] {
    CUstream stream = streamOf(handle);
    if (!bytes) return;
    checkDeviceRange("the source", from, bytes);
    CUcontext context = stream->queue->context;
    const bool pinned = isPinned("the destination", to, bytes);
    if (!pinned && isCapturing(stream)) forbidden(stream, "a copy to pageable memory");
    // A read before the copy ran gets no values, rather than those of an earlier one.
    if (pinned && settings.lazy && !isCapturing(stream)) memset(to, 0xff, bytes);
    enqueue(stream, copying(context, to, pointer(from), bytes));
    if (!pinned) drain(stream);
  });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream handle) {
  return entry("cuMemcpyDtoDAsync", [&] {
    CUstream stream = streamOf(handle);
    if (!bytes) return;
    checkDeviceRange("the destination", to, bytes);
    checkDeviceRange("the source", from, bytes);
    if (from < to + bytes && to < from + bytes)
      fail(CUDA_ERROR_INVALID_VALUE, "the source and the destination overlap");
    enqueue(stream, copying(stream->queue->context, pointer(to), pointer(from), bytes));
  });
}
