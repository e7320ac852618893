#include "module.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "block.h"
#include "memory.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

static Registry<CUmod_st> modules("module");
static std::unordered_set<CUfunction> functions;

Code::~Code() {
  if (handle) dlclose(handle);
}

CUfunction checkFunction(CUfunction function) {
  if (!functions.count(function))
    fail(CUDA_ERROR_INVALID_HANDLE, "%p is no function of a loaded module",
         static_cast<void *>(function));
  return function;
}

static void forget(CUmodule module) {
  for (const auto &function : module->functions) functions.erase(function.get());
  modules.remove(module);
}

void releaseModules() {
  while (!modules.all().empty()) forget(*modules.all().begin());
}

// Opens the object from memory: each load has variables of its own, and no file to clean up.
static std::shared_ptr<Code> open(const char *object, uint64_t bytes) {
  const int file = memfd_create("nabla-cuda-module", MFD_CLOEXEC);
  if (file < 0) fail(CUDA_ERROR_OUT_OF_MEMORY, "the module needs a file in memory");
  uint64_t written = 0;
  while (written < bytes) {
    const ssize_t count = write(file, object + written, bytes - written);
    if (count <= 0) break;
    written += static_cast<uint64_t>(count);
  }
  // dlopen gives back what it has opened under a path before, and descriptors are used again: the
  // bits of a counter, as "./" and ".//", make the path of each load another one.
  static uint64_t loads = 0;
  std::string path = "/proc/self/fd/";
  for (uint64_t bits = ++loads; bits; bits >>= 1) path += bits & 1 ? "./" : ".//";
  auto code = std::make_shared<Code>();
  if (written == bytes)
    code->handle = dlopen((path + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  close(file);
  if (!code->handle) fail(CUDA_ERROR_INVALID_IMAGE, "%s", written == bytes ? dlerror() : "too large");
  code->module = static_cast<const Module *>(dlsym(code->handle, "emuModule"));
  if (!code->module || code->module->version != abiVersion)
    fail(CUDA_ERROR_INVALID_IMAGE, "the image is of another version of the emulator");
  *code->module->runtime = &deviceRuntime;
  return code;
}

static bool isKernel(const Module &module, const std::string &name) {
  for (unsigned i = 0; i < module.count; i++)
    if (name == module.kernels[i].name) return true;
  return false;
}

static std::unique_ptr<CUfunc_st> functionOf(CUcontext context, std::shared_ptr<Code> code,
                                             const Kernel &kernel,
                                             const std::map<std::string, SharedRange> &shared) {
  auto function = std::make_unique<CUfunc_st>();
  const Module &module = *code->module;
  uint64_t begin = ~uint64_t{0}, end = 0, used = 0;
  for (const auto &[name, range] : shared) {
    // What is neither this kernel's nor another's is of a function that any of them may call.
    if (name != kernel.name && isKernel(module, name)) continue;
    begin = std::min(begin, range.begin);
    end = std::max(end, range.end);
    used += range.used;
  }
  function->context = context;
  function->code = std::move(code);
  function->kernel = &kernel;
  function->shared = used ? module.sharedBegin + begin : nullptr;
  function->sharedBytes = used ? end - begin : 0;
  function->staticShared = static_cast<unsigned>(used);
  function->maxDynamicShared = maxStaticShared - std::min(maxStaticShared, function->staticShared);
  return function;
}

}  // namespace emu

using namespace emu;

CUresult cuModuleLoadData(CUmodule *result, const void *image) {
  return entry("cuModuleLoadData", [&] {
    CUcontext context = currentContext();
    // Drivers before CUDA 12.3 may wait for the device to load code, in every mode.
    forbidInEveryCapture("loading a module");
    const auto &header = required(static_cast<const ImageHeader *>(image), "image");
    if (memcmp(header.magic, imageMagic, sizeof imageMagic))
      fail(CUDA_ERROR_INVALID_IMAGE, "the image is not one that the emulator compiled");
    const auto device = static_cast<uint32_t>(settings.capability);
    if (header.capability > device || (!header.isPtx && header.capability / 10 != device / 10))
      fail(CUDA_ERROR_NO_BINARY_FOR_GPU, "the image is for %s_%u, the device is sm_%u",
           header.isPtx ? "compute" : "sm", header.capability, device);
    if (header.bytes + liveBytes(context->device) > settings.memory)
      fail(CUDA_ERROR_OUT_OF_MEMORY, "no room for a module of %llu bytes",
           static_cast<unsigned long long>(header.bytes));
    const char *object = reinterpret_cast<const char *>(&header + 1);
    auto module = std::make_unique<CUmod_st>();
    module->context = context;
    module->code = open(object, header.bytes);
    const Module &loaded = *module->code->module;
    const auto shared = sharedMemoryOf(object, header.bytes);
    for (unsigned i = 0; i < loaded.count; i++) {
      module->functions.push_back(functionOf(context, module->code, loaded.kernels[i], shared));
      functions.insert(module->functions.back().get());
    }
    required(result, "module") = modules.add(module.release());
  });
}

CUresult cuModuleUnload(CUmodule module) {
  return entry("cuModuleUnload", [&] {
    forbidInEveryCapture("unloading a module");
    drainContext(modules.check(module)->context);
    forget(module);
  });
}

CUresult cuFuncLoad(CUfunction function) {
  return entry("cuFuncLoad", [&] {
    forbidInEveryCapture("loading a function");
    checkFunction(function)->isLoaded = true;
  });
}

CUresult cuModuleGetFunction(CUfunction *result, CUmodule module, const char *name) {
  return entry("cuModuleGetFunction", [&] {
    required(name, "name");
    for (const auto &function : modules.check(module)->functions)
      if (!strcmp(function->kernel->name, name)) {
        required(result, "function") = function.get();
        return;
      }
    fail(CUDA_ERROR_NOT_FOUND, "no kernel '%s' (extern \"C\" __global__) in the module", name);
  });
}
