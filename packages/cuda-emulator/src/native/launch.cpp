// Launches: the checks that a driver makes, the copy of the parameters, and the run.
#include <sys/mman.h>

#include <cstring>
#include <memory>

#include "block.h"
#include "fault.h"
#include "memory.h"
#include "module.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

// Values of `extra`: the parameters in one buffer.
static void *const parameterBuffer = reinterpret_cast<void *>(1),
                  *const parameterSize = reinterpret_cast<void *>(2);

struct Launch {
  std::shared_ptr<Code> code;
  CUcontext context;
  Index3 gridSize, blockSize;
  unsigned dynamicBytes;
  std::vector<uint64_t> storage;
  std::vector<void *> parameters;
  // Functions of an unloaded module are gone; what a graph needs of them is here.
  const Kernel *kernel;
  char *shared;
  size_t sharedBytes;
  std::shared_ptr<bool> cooperative;
};

static void checkSizes(const CUfunc_st &function, const Index3 &grid, const Index3 &block,
                       unsigned dynamicBytes) {
  const auto bad = [&](const std::string &what) {
    fail(CUDA_ERROR_INVALID_VALUE, "kernel '%s': grid (%u,%u,%u) of blocks (%u,%u,%u): %s",
         function.kernel->name, grid.x, grid.y, grid.z, block.x, block.y, block.z, what.c_str());
  };
  if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z) bad("a size is 0");
  if (grid.x > 2147483647u) bad("more than 2147483647 blocks along x");
  if (grid.y > maxGridYZ || grid.z > maxGridYZ) bad("more than 65535 blocks along y or z");
  if (block.z > maxBlockZ) bad("more than 64 threads along z");
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (block.x > maxThreadsPerBlock || block.y > maxThreadsPerBlock || threads > maxThreadsPerBlock)
    bad("more than 1024 threads in a block");
  if (function.kernel->maxThreads && threads > function.kernel->maxThreads)
    bad(formatted("more threads than its __launch_bounds__(%u)", function.kernel->maxThreads));
  if (dynamicBytes > function.maxDynamicShared)
    bad(formatted("%u bytes of dynamic shared memory with %u static ones; %u may be dynamic",
                  dynamicBytes, function.staticShared, function.maxDynamicShared));
}

static const char *packedParameter(void **extra, size_t &size) {
  const char *buffer = nullptr;
  for (size = 0; *extra; extra += 2) {
    if (*extra == parameterBuffer) buffer = static_cast<const char *>(extra[1]);
    else if (*extra == parameterSize) size = *static_cast<const size_t *>(extra[1]);
    else fail(CUDA_ERROR_INVALID_VALUE, "an entry of extra is unknown");
  }
  return buffer;
}

// Copies the parameters by their true sizes, as a driver does before the launch returns.
static void copyParameters(Launch &launch, void **pointers, void **extra) {
  const Kernel &kernel = *launch.kernel;
  if (kernel.parameters && !pointers && !extra)
    fail(CUDA_ERROR_INVALID_VALUE, "kernel '%s' has %u parameters, none came", kernel.name,
         kernel.parameters);
  size_t packedSize = 0, packedOffset = 0, used = 0;
  const char *packed = extra && !pointers ? packedParameter(extra, packedSize) : nullptr;
  for (unsigned i = 0; i < kernel.parameters; i++)
    used = roundUp(used, 16) + kernel.sizes[i];
  launch.storage.resize(used / 8 + 2);
  char *to = reinterpret_cast<char *>(launch.storage.data());
  to += -reinterpret_cast<uintptr_t>(to) & 15;
  for (unsigned i = 0; i < kernel.parameters; i++) {
    const size_t size = kernel.sizes[i];
    const char *from;
    if (pointers) {
      from = static_cast<const char *>(pointers[i]);
    } else {
      packedOffset = roundUp(packedOffset, kernel.alignments[i]);
      from = packed + packedOffset;
      packedOffset += size;
      if (!packed || packedOffset > packedSize) from = nullptr;
    }
    if (!from)
      fail(CUDA_ERROR_INVALID_VALUE, "kernel '%s': parameter %u of %u is missing", kernel.name, i,
           kernel.parameters);
    memcpy(to, from, size);
    launch.parameters.push_back(to);
    to += roundUp(size, 16);
  }
}

// Another device's memory is not mapped on this one.
static bool checkDevices(const Launch &launch) {
  if (settings.devices < 2) return true;
  for (unsigned i = 0; i < launch.kernel->parameters; i++) {
    for (size_t offset = 0; offset + 8 <= launch.kernel->sizes[i]; offset += 8) {
      uintptr_t value;
      memcpy(&value, static_cast<char *>(launch.parameters[i]) + offset, 8);
      const Allocation *found = liveAt(value);
      if (!found || found->device < 0 || found->device == launch.context->device) continue;
      loseContext(launch.context, CUDA_ERROR_ILLEGAL_ADDRESS,
                  formatted("kernel '%s' on device %d: parameter %u is memory of device %d",
                            launch.kernel->name, launch.context->device, i, found->device));
      return false;
    }
  }
  return true;
}

// The launch's dynamic shared memory ends at a guard page.
static char *dynamicShared(unsigned bytes) {
  static char *end = nullptr;
  constexpr size_t size = roundUp(maxShared, pageSize);
  if (!end) {
    void *memory = mmap(nullptr, size + 2 * pageSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail(CUDA_ERROR_OUT_OF_MEMORY, "no shared memory");
    char *begin = static_cast<char *>(memory) + pageSize;
    if (mprotect(begin, size, PROT_READ | PROT_WRITE)) fail(CUDA_ERROR_OUT_OF_MEMORY, "no shared memory");
    end = begin + size;
  }
  return end - roundUp(bytes, 16);
}

static void run(const Launch &launch) {
  if (!checkDevices(launch)) return;
  State *state = launch.code->module->state;
  state->dynamicShared = dynamicShared(launch.dynamicBytes);
  Grid grid = {launch.kernel,   state,         launch.parameters.data(), launch.gridSize,
               launch.blockSize, launch.shared, launch.sharedBytes,       launch.dynamicBytes,
               launch.cooperative.get()};
  const Running running = {launch.kernel->name, launch.code->module->name, whereInGrid};
  const auto body = [](void *argument) { runGrid(*static_cast<const Grid *>(argument)); };
  if (!guarded(launch.context, running, body, &grid)) resetFibers();
}

struct Size {
  Index3 grid, block;
  unsigned dynamicBytes;
};

// Checks a launch and copies its parameters; what comes back runs it.
static Work prepared(CUfunction function, const Size &size, void **parameters, void **extra) {
  auto launch = std::make_shared<Launch>();
  launch->code = function->code;
  launch->context = function->context;
  launch->gridSize = size.grid;
  launch->blockSize = size.block;
  launch->dynamicBytes = size.dynamicBytes;
  launch->kernel = function->kernel;
  launch->shared = function->shared;
  launch->sharedBytes = function->sharedBytes;
  launch->cooperative = function->cooperative;
  checkSizes(*function, size.grid, size.block, size.dynamicBytes);
  copyParameters(*launch, parameters, extra);
  return [launch] { run(*launch); };
}

}  // namespace emu

using namespace emu;

CUresult cuLaunchKernel(CUfunction handle, unsigned int gridX, unsigned int gridY,
                        unsigned int gridZ, unsigned int blockX, unsigned int blockY,
                        unsigned int blockZ, unsigned int sharedBytes, CUstream streamHandle,
                        void **parameters, void **extra) {
  return entry("cuLaunchKernel", [&] {
    CUfunction function = checkFunction(handle);
    CUstream stream = streamOf(streamHandle);
    if (function->context != stream->queue->context)
      fail(CUDA_ERROR_INVALID_HANDLE, "kernel '%s' is of device %d, the stream of device %d",
           function->kernel->name, function->context->device, stream->queue->context->device);
    const Size size = {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes};
    if (!function->isLoaded) forbidInEveryCapture("the first launch of a kernel, which loads it");
    function->isLoaded = true;
    enqueue(stream, prepared(function, size, parameters, extra), true);
  });
}

CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec executable, CUgraphNode node,
                                           const CUDA_KERNEL_NODE_PARAMS_v2 *parameters) {
  return entry("cuGraphExecKernelNodeSetParams", [&] {
    const auto &p = required(parameters, "nodeParams");
    const Size size = {{p.gridDimX, p.gridDimY, p.gridDimZ},
                       {p.blockDimX, p.blockDimY, p.blockDimZ},
                       p.sharedMemBytes};
    replaceKernel(executable, node,
                  prepared(checkFunction(p.func), size, p.kernelParams, p.extra));
  });
}
