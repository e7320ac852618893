#include "core.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emu {

std::mutex lock;
std::string lastMessage;

static std::string formattedList(const char *format, va_list list) {
  char text[1024];
  vsnprintf(text, sizeof text, format, list);
  return text;
}

std::string formatted(const char *format, ...) {
  va_list list;
  va_start(list, format);
  std::string text = formattedList(format, list);
  va_end(list);
  return text;
}

void fail(CUresult code, const char *format, ...) {
  va_list list;
  va_start(list, format);
  std::string text = formattedList(format, list);
  va_end(list);
  throw Failure{code, text};
}

// A setting that is not understood ends the process: a run in another mode than asked proves nothing.
[[noreturn]] static void reject(const char *name, const char *value, const char *expected) {
  fprintf(stderr, "%s=%s: expected %s\n", name, value, expected);
  exit(2);
}

static bool flag(const char *name) {
  const char *value = getenv(name);
  if (!value || !*value || !strcmp(value, "0")) return false;
  if (strcmp(value, "1")) reject(name, value, "0 or 1");
  return true;
}

static uint64_t number(const char *name, uint64_t otherwise) {
  const char *value = getenv(name);
  if (!value || !*value) return otherwise;
  char *end;
  const uint64_t result = strtoull(value, &end, 10);
  if (*end || *value == '-') reject(name, value, "a whole number");
  return result;
}

static Order order() {
  const char *name = "NABLA_CUDA_EMU_SCHED", *value = getenv(name);
  if (!value || !*value || !strcmp(value, "forward")) return Order::forward;
  if (!strcmp(value, "reverse")) return Order::reverse;
  if (!strcmp(value, "random")) return Order::random;
  reject(name, value, "forward, reverse or random");
}

static Settings fromEnvironment() {
  Settings read;
  read.strict = flag("NABLA_CUDA_EMU_STRICT");
  read.lazy = flag("NABLA_CUDA_EMU_LAZY");
  read.order = order();
  read.seed = number("NABLA_CUDA_EMU_SEED", 1);
  read.memory = number("NABLA_CUDA_EMU_MEMORY", 16ull << 30);
  const uint64_t devices = number("NABLA_CUDA_EMU_DEVICES", 1);
  if (devices > 16) reject("NABLA_CUDA_EMU_DEVICES", getenv("NABLA_CUDA_EMU_DEVICES"), "0 to 16");
  read.devices = static_cast<int>(devices);
  read.capability = static_cast<int>(number("NABLA_CUDA_EMU_CAPABILITY", 90));
  return read;
}

Settings settings = fromEnvironment();

}  // namespace emu
