// NVRTC: programs, options and logs.
#include <cstring>
#include <vector>

#include "compiler.h"
#include "device.h"
#include "image.h"
#include "prototypes.h"

struct _nvrtcProgram {
  emu::SourceFile source;
  std::vector<emu::SourceFile> headers;
  std::string log, image, ptx;
};

namespace emu {

static Registry<_nvrtcProgram> programs("program");
static const int architectures[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

struct Options {
  int capability = 75;
  /// Whether the architecture is a real one (`sm_90`), for which there is a CUBIN.
  bool real = false;
  std::vector<std::string> flags;
  std::string unknown;
};

static bool takes(const std::string &option, std::initializer_list<const char *> names,
                  std::string &value) {
  for (const std::string name : names)
    if (!option.compare(0, name.size() + 1, name + "=")) {
      value = option.substr(name.size() + 1);
      return true;
    }
  return false;
}

// Settings of a device's code that change nothing, or only the last bits, in code for a CPU; and
// folders of a toolkit's headers, which are for its own compiler: those that kernels may use are here.
static bool isWithoutMeaning(const std::string &option) {
  if (!option.compare(0, 2, "-I") && option.size() > 2) return true;
  static const char *names[] = {
      "--use_fast_math", "-use_fast_math", "--fmad", "-fmad", "--ftz", "-ftz", "--prec-div",
      "-prec-div", "--prec-sqrt", "-prec-sqrt", "--extra-device-vectorization",
      "-extra-device-vectorization", "--device-as-default-execution-space", "-default-device",
      "--generate-line-info", "-lineinfo", "--device-debug", "-G", "--restrict", "-restrict",
      "--maxrregcount", "-maxrregcount", "--disable-warnings", "-w", "--diag-suppress",
      "-diag-suppress", "--split-compile", "-split-compile", "--minimal", "-minimal", "--include-path"};
  const std::string name = option.substr(0, option.find('='));
  for (const char *known : names)
    if (name == known) return true;
  return false;
}

static Options parse(int count, const char *const *given) {
  Options options;
  for (int i = 0; i < count; i++) {
    const std::string option = given[i] ? given[i] : "";
    std::string value;
    if (takes(option, {"--gpu-architecture", "-arch"}, value)) {
      options.real = value.compare(0, 3, "sm_") == 0;
      const size_t skip = options.real ? 3 : 8;
      const bool known = options.real || value.compare(0, 8, "compute_") == 0;
      options.capability = known ? atoi(value.c_str() + skip) : 0;
      bool supported = false;
      for (const int architecture : architectures) supported |= architecture == options.capability;
      if (!supported) options.unknown = option;
    } else if (takes(option, {"--std", "-std"}, value)) {
      if (value != "c++17" && value != "c++14" && value != "c++11" && value != "c++20")
        options.unknown = option;
    } else if (takes(option, {"--define-macro"}, value)) {
      options.flags.push_back("-D" + value);
    } else if (!option.compare(0, 2, "-D") && option.size() > 2) {
      options.flags.push_back(option);
    } else if (takes(option, {"--undefine-macro"}, value)) {
      options.flags.push_back("-U" + value);
    } else if (!isWithoutMeaning(option)) {
      options.unknown = option;
    }
  }
  options.flags.push_back("-D__CUDA_ARCH__=" + std::to_string(options.capability * 10));
  return options;
}

static std::string imageOf(const std::string &object, int capability, bool isPtx) {
  ImageHeader header = {};
  memcpy(header.magic, imageMagic, sizeof imageMagic);
  header.version = 2;
  header.isPtx = isPtx;
  header.capability = static_cast<uint32_t>(capability);
  header.bytes = object.size();
  return std::string(reinterpret_cast<const char *>(&header), sizeof header) + object;
}

// What the assembler of CUDA refuses: more static shared memory than a block can have.
static bool fitsShared(const std::string &object, std::string &log) {
  bool fits = true;
  for (const auto &[name, range] : sharedMemoryOf(object.data(), object.size())) {
    if (range.used <= maxStaticShared) continue;
    log += formatted("error: Entry function '%s' uses too much shared data (0x%llx bytes, 0x%x max)\n",
                     name.c_str(), static_cast<unsigned long long>(range.used), maxStaticShared);
    fits = false;
  }
  return fits;
}

template <class Body>
static nvrtcResult withProgram(nvrtcProgram program, Body body) {
  std::lock_guard<std::mutex> guard(lock);
  if (!programs.has(program)) return NVRTC_ERROR_INVALID_PROGRAM;
  return body(*program);
}

}  // namespace emu

using namespace emu;

nvrtcResult nvrtcVersion(int *major, int *minor) {
  if (!major || !minor) return NVRTC_ERROR_INVALID_INPUT;
  *major = 13;
  *minor = 0;
  return NVRTC_SUCCESS;
}

const char *nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
    case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
    case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
    case NVRTC_ERROR_BUILTIN_OPERATION_FAILURE: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
  }
  return "NVRTC_ERROR unknown";
}

nvrtcResult nvrtcGetNumSupportedArchs(int *count) {
  if (!count) return NVRTC_ERROR_INVALID_INPUT;
  *count = sizeof architectures / sizeof *architectures;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int *supported) {
  if (!supported) return NVRTC_ERROR_INVALID_INPUT;
  memcpy(supported, architectures, sizeof architectures);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name,
                               int headers, const char *const *texts, const char *const *names) {
  if (!program || !source || headers < 0) return NVRTC_ERROR_INVALID_INPUT;
  auto created = new _nvrtcProgram;
  created->source = {name && *name ? name : "default_program", source};
  for (int i = 0; i < headers; i++) created->headers.push_back({names[i], texts[i]});
  std::lock_guard<std::mutex> guard(lock);
  *program = programs.add(created);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char *const *given) {
  const Options options = parse(count, given);
  {
    std::lock_guard<std::mutex> guard(lock);
    if (!programs.has(program)) return NVRTC_ERROR_INVALID_PROGRAM;
  }
  program->image.clear();
  program->ptx.clear();
  if (!options.unknown.empty()) {
    program->log = "nvrtc: error: invalid value or unknown option '" + options.unknown + "'\n";
    return NVRTC_ERROR_INVALID_OPTION;
  }
  // Without the lock: compilers of several threads run side by side.
  Compiled result = compileModule(program->source, program->headers, options.flags);
  program->log = result.log;
  if (result.broken) return NVRTC_ERROR_BUILTIN_OPERATION_FAILURE;
  if (result.object.empty() || !fitsShared(result.object, program->log))
    return NVRTC_ERROR_COMPILATION;
  if (options.real) program->image = imageOf(result.object, options.capability, false);
  program->ptx = imageOf(result.object, options.capability, true);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program) {
  if (!program) return NVRTC_ERROR_INVALID_INPUT;
  return withProgram(*program, [&](_nvrtcProgram &) {
    programs.remove(*program);
    *program = nullptr;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *bytes) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!bytes) return NVRTC_ERROR_INVALID_INPUT;
    *bytes = p.image.size();
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *to) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!to || p.image.empty()) return NVRTC_ERROR_INVALID_INPUT;
    memcpy(to, p.image.data(), p.image.size());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t *bytes) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!bytes) return NVRTC_ERROR_INVALID_INPUT;
    *bytes = p.ptx.size();
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char *to) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!to || p.ptx.empty()) return NVRTC_ERROR_INVALID_INPUT;
    memcpy(to, p.ptx.data(), p.ptx.size());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *bytes) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!bytes) return NVRTC_ERROR_INVALID_INPUT;
    *bytes = p.log.size() + 1;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *to) {
  return withProgram(program, [&](const _nvrtcProgram &p) {
    if (!to) return NVRTC_ERROR_INVALID_INPUT;
    memcpy(to, p.log.c_str(), p.log.size() + 1);
    return NVRTC_SUCCESS;
  });
}
