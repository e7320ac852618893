// The C++ compiler behind NVRTC, and its results on disk.
#pragma once
#include <string>
#include <vector>

namespace emu {

struct SourceFile {
  std::string name, text;
};

struct Compiled {
  /// The shared object, empty when the source has errors.
  std::string object;
  /// The compiler's messages.
  std::string log;
  /// The compiler itself could not run.
  bool broken = false;
};

/// Compiles a module, or takes it from the cache: by its source, headers and flags.
Compiled compileModule(const SourceFile &source, const std::vector<SourceFile> &headers,
                       const std::vector<std::string> &flags);
/// How many modules were compiled rather than found.
unsigned long compiledModules();

}  // namespace emu
