#include "compiler.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "source.h"

extern char **environ;

namespace emu {

static std::atomic<unsigned long> compiled{0};

unsigned long compiledModules() { return compiled; }

// Set by the build: the compiler, the folder of the device headers, where results are kept, and a
// hash of the compiler and of what goes into every module.
static const std::string compiler = NABLA_EMU_COMPILER, deviceFolder = NABLA_EMU_DEVICE,
                         cacheFolder = NABLA_EMU_CACHE, buildHash = NABLA_EMU_HASH;

// No contraction of a * b + c: results do not depend on the optimiser. The C library that the process
// has is what is linked against, so that linking costs nothing. Indices of arrays and the alignment
// of accesses are checked in every mode, so that all modes share what is compiled.
static const std::vector<std::string> baseFlags = {
    "-std=c++17", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off",
    "-fno-strict-aliasing", "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions",
    "-fno-asynchronous-unwind-tables", "-w", "-nostdinc", "-nostdinc++", "-nodefaultlibs",
    "-nostartfiles", "-fsanitize=bounds,alignment", "-fno-sanitize-recover=all"};

static std::string hash(const std::vector<std::string> &parts) {
  uint64_t low = 0xcbf29ce484222325u, high = 0x84222325cbf29ce4u;
  for (const std::string &part : parts) {
    for (const char c : part + '\0') {
      low = (low ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
      high = (high ^ static_cast<unsigned char>(c)) * 0x100000001b5u;
    }
  }
  char text[33];
  snprintf(text, sizeof text, "%016lx%016lx", low, high);
  return text;
}

static std::string contents(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

static bool write(const std::string &path, const std::string &text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  return static_cast<bool>(file.flush());
}

// The exit status, or -1 when the program could not be started.
static int run(const std::vector<std::string> &arguments, const std::string &output) {
  std::vector<char *> argv;
  for (const std::string &argument : arguments) argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  pid_t child;
  const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return -1;
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// `add.cu:3:9: error: ...` in the form of NVRTC: `add.cu(3): error: ...`
static std::string asLog(const std::string &output) {
  std::istringstream lines(output);
  std::string line, result;
  while (std::getline(lines, line)) {
    const size_t kind = std::min(line.find(": error: "), line.find(": fatal error: "));
    const size_t number = kind == std::string::npos ? kind : line.find_first_of("0123456789", line.find(':'));
    if (number < kind && line[number - 1] == ':') {
      const size_t end = line.find_first_not_of("0123456789", number);
      line = line.substr(0, number - 1) + "(" + line.substr(number, end - number) + ")" +
             line.substr(kind);
    }
    result += line + "\n";
  }
  return result;
}

static std::string folder() {
  const char *chosen = getenv("NABLA_CUDA_EMU_CACHE");
  const std::string base = chosen && *chosen ? chosen : cacheFolder;
  mkdir(base.c_str(), 0700);
  return base;
}

Compiled compileModule(const SourceFile &source, const std::vector<SourceFile> &headers,
                       const std::vector<std::string> &flags) {
  std::vector<std::string> arguments = {compiler};
  arguments.insert(arguments.end(), baseFlags.begin(), baseFlags.end());
  arguments.insert(arguments.end(), flags.begin(), flags.end());

  std::vector<std::string> key = arguments;
  key.insert(key.end(), {buildHash, source.name, source.text});
  for (const SourceFile &header : headers) key.insert(key.end(), {header.name, header.text});
  const std::string base = folder(), kept = base + "/" + hash(key) + ".so";
  Compiled result;
  result.object = contents(kept);
  if (!result.object.empty()) return result;

  std::string work = base + "/compile-XXXXXX";
  if (!mkdtemp(work.data())) return {"", "no folder can be made in " + base, true};
  const std::string input = work + "/module.cpp", object = work + "/module.so", log = work + "/log";
  bool written = write(input, moduleSource(source.text, source.name));
  for (const SourceFile &header : headers)
    written = write(work + "/" + header.name, header.text) && written;
  arguments.insert(arguments.end(),
                   {"-I", work, "-I", deviceFolder + "/include", "-include",
                    deviceFolder + "/device.h", input, "-o", object});
  const int status = written ? run(arguments, log) : -1;
  result.log = asLog(contents(log));
  if (status == 0) {
    compiled++;
    result.object = contents(object);
    rename(object.c_str(), kept.c_str());
  } else if (status < 0) {
    result.log += "the compiler " + compiler + " could not be run";
    result.broken = true;
  }
  for (const SourceFile &header : headers) unlink((work + "/" + header.name).c_str());
  for (const std::string &path : {input, object, log}) unlink(path.c_str());
  rmdir(work.c_str());
  return result;
}

}  // namespace emu
