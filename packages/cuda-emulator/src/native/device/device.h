// Included before every kernel: the part of CUDA C that kernels may use, as C++17 for a CPU.
// Like NVRTC it brings no standard header, so a kernel that needs one fails here too.
#pragma once
#pragma GCC system_header

typedef unsigned long size_t;

#include "abi.h"

#define __global__ __attribute__((noinline, visibility("hidden")))
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static __attribute__((section("emu_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace emu {

static State state;
static const Runtime *runtime;

// The launch's dynamic shared memory, for a declaration at file scope.
template <class T>
struct DynamicShared {
  operator T *() const { return reinterpret_cast<T *>(state.dynamicShared); }
};

}  // namespace emu

static const emu::Index3 &threadIdx = emu::state.thread, &blockIdx = emu::state.block,
                         &blockDim = emu::state.blockSize, &gridDim = emu::state.gridSize;
constexpr int warpSize = 32;

#include "vectors.h"
#include "math.h"
#include "atomics.h"
#include "collectives.h"
#include "kernel.h"
