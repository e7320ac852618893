// Products of column-major matrices, as cuBLAS and cuBLASLt submit them.
#pragma once
#include "device.h"

namespace emu {

/// d = alpha op(a) op(b) + beta c + bias, `batches` times; the strides lead from one product to the next.
template <class T>
struct Gemm {
  const char *name;
  CUcontext context;
  bool transposeA, transposeB;
  int m, n, k, batches;
  T alpha, beta;
  const T *a;
  int lda;
  long long strideA;
  const T *b;
  int ldb;
  long long strideB;
  /// May be d. A beta of 0 means that it is not read.
  const T *c;
  int ldc;
  long long strideC;
  T *d;
  int ldd;
  long long strideD;
  /// m elements that are added to each column; null for none.
  const T *bias = nullptr;
  long long strideBias = 0;
  /// A with its columns contiguous, when it came transposed; set by computeGemm.
  T *packed = nullptr;

  void product(int batch) const;
  void run() const;
};

/// Computes it; all that it touches has been checked.
template <class T>
void computeGemm(Gemm<T> gemm);
extern template void computeGemm(Gemm<float>);

/// Whether `columns` columns of `rows` elements, `ld` apart, in each of `batches` matrices `stride` apart
/// are memory of the device; else the context is lost.
bool checkMatrix(CUcontext context, const char *name, const char *which, const void *matrix,
                 int elementBytes, int rows, int columns, int ld, long long stride, int batches);

}  // namespace emu
