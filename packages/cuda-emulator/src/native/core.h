// What every part of the emulator shares: settings, errors, the lock, and the form of an entry point.
#pragma once
#include <mutex>
#include <string>
#include <unordered_set>

#include "cuda_types.h"

namespace emu {

/// A call that does not succeed: thrown inside, returned as its code at the entry point.
struct Failure {
  CUresult code;
  std::string message;
};

/// Throws a failure with a message in the form of printf.
[[noreturn]] void fail(CUresult code, const char *format, ...) __attribute__((format(printf, 2, 3)));
std::string formatted(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum class Order { forward, reverse, random };

struct Settings {
  bool strict, lazy;
  Order order;
  uint64_t seed;
  uint64_t memory;
  int devices;
  /// The compute capability of the devices, times ten.
  int capability;
};

/// From the environment at the first use; the controls change it.
extern Settings settings;

/// One lock for everything: the library may be called from several threads of a process.
extern std::mutex lock;

/// The message of the last call that failed or the last fault of a kernel.
extern std::string lastMessage;

/// The context of the calling thread, or a failure.
CUcontext currentContext();
/// Fails with the fault of a kernel that ended the context, if there was one.
void checkContext();

/// Throws when the driver was not initialised.
void checkInitialised();

/// Runs the body of an entry point under the lock; a failure becomes its code.
template <class Body>
CUresult entry(const char *name, Body body) {
  std::lock_guard<std::mutex> guard(lock);
  try {
    checkInitialised();
    checkContext();
    body();
    return CUDA_SUCCESS;
  } catch (const Failure &failure) {
    if (failure.code != CUDA_ERROR_NOT_READY)
      lastMessage = std::string(name) + ": " + failure.message;
    return failure.code;
  }
}

/// The live objects of a kind: a handle that is none of them is an error, not a crash.
template <class T>
class Registry {
 public:
  explicit Registry(const char *kind) : kind(kind) {}
  T *add(T *object) {
    objects.insert(object);
    return object;
  }
  T *check(T *object) const {
    if (!objects.count(object))
      fail(CUDA_ERROR_INVALID_HANDLE, "%p is no live %s", static_cast<void *>(object), kind);
    return object;
  }
  bool has(T *object) const { return objects.count(object) != 0; }
  void remove(T *object) {
    check(object);
    objects.erase(object);
    delete object;
  }
  const std::unordered_set<T *> &all() const { return objects; }

 private:
  const char *kind;
  std::unordered_set<T *> objects;
};

template <class T>
T &required(T *pointer, const char *what) {
  if (!pointer) fail(CUDA_ERROR_INVALID_VALUE, "%s is null", what);
  return *pointer;
}

}  // namespace emu
