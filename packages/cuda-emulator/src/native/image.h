// What NVRTC here returns as a CUBIN or as PTX and the driver here loads: a shared object with a header.
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace emu {

struct ImageHeader {
  char magic[8];
  uint32_t version, capability;
  /// PTX runs on every later GPU, and a CUBIN on those of its generation.
  uint32_t isPtx, unused;
  uint64_t bytes;
};

constexpr char imageMagic[8] = {'N', 'B', 'L', 'C', 'U', 'D', 'A', 0};

/// Bytes of a kernel's own shared memory, as offsets in the section that holds all of it.
struct SharedRange {
  uint64_t begin, end, used;
};

/// By the name of the function that declares it; that of the file has the empty name.
std::map<std::string, SharedRange> sharedMemoryOf(const char *object, uint64_t bytes);

}  // namespace emu
