// cuDNN: its objects, and the convolution that they describe.
#pragma once
#include "device.h"

struct cudnnContext {
  CUcontext context;
  CUstream stream = nullptr;
};
struct cudnnTensorStruct {
  int n = 0, c = 0, h = 0, w = 0;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  size_t count() const { return size_t(n) * c * h * w; }
  size_t bytes() const { return (type == CUDNN_DATA_FLOAT ? 4 : 2) * count(); }
};
/// The sizes of a filter, n for its results.
struct cudnnFilterStruct : cudnnTensorStruct {};
struct cudnnConvolutionStruct {
  int padH = 0, padW = 0, strideH = 0, strideW = 0, dilationH = 0, dilationW = 0;
  int groups = 1;
};

namespace emu {

enum class Kind { forward, backwardData, backwardFilter };

struct Convolution {
  const char *name;
  Kind kind;
  CUcontext context;
  cudnnTensorStruct image, filter, result;
  cudnnConvolutionStruct geometry;
  float alpha, beta;
  uintptr_t imageAt, filterAt, resultAt, workspaceAt;
  size_t workspace;

  /// Calls with the places in image, filter and result of each product.
  template <class F>
  void each(F f) const;
  void run() const;
  const cudnnTensorStruct &written() const;
  uintptr_t writtenAt() const;
  bool check(const char *which, uintptr_t address, size_t bytes) const;
};

/// Computes it, when its turn in the stream comes.
void runConvolution(Convolution job);

/// How many were computed.
extern uint64_t convolutionsRun;

/// Forgets all handles and descriptors.
void releaseDnn();

}  // namespace emu
