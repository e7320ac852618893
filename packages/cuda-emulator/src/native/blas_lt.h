// cuBLASLt: its objects, and the product that they describe.
#pragma once
#include "device.h"

struct cublasLtContext {
  CUcontext context;
};
struct cublasLtMatmulDescStruct {
  cublasComputeType_t compute;
  cublasOperation_t opA = CUBLAS_OP_N, opB = CUBLAS_OP_N;
  int epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  uintptr_t bias = 0;
  int64_t biasStride = 0;
};
struct cublasLtMatrixLayoutStruct {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t leading;
  int batches = 1;
  int64_t stride = 0;
};
struct cublasLtMatmulPreferenceStruct {
  uint64_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

namespace emu {

/// A product as its descriptors describe it.
struct Problem {
  cublasLtMatmulDescStruct description;
  cublasLtMatrixLayoutStruct a, b, c, d;
};

/// A product that waits for its turn.
struct LtJob {
  /// Of the function that was called.
  const char *name;
  CUcontext context;
  Problem problem;
  float alpha, beta;
  uintptr_t a, b, c, d, workspace;
  size_t workspaceBytes;
};

/// Computes it, when its turn in the stream comes.
void runLtJob(const LtJob &job);

}  // namespace emu
