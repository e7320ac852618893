// cuBLAS: products of column-major matrices.
#include <algorithm>
#include <memory>
#include <vector>

#include "blas.h"
#include "blas_lt.h"
#include "fault.h"
#include "gemm.h"
#include "halves.h"
#include "memory.h"
#include "prototypes.h"
#include "stream.h"

struct cublasContext {
  CUcontext context;
  CUstream stream = nullptr;
};

namespace emu {

static Registry<cublasContext> handles("cuBLAS handle");

// Wide vectors where the processor has them. No contraction: the same bits on every machine.
#if defined(__x86_64__)
#define NABLA_EMU_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define NABLA_EMU_CLONES
#endif

constexpr int tileRows = 256, tileColumns = 4;

// sums[j][i] += a[i + p lda] b[j][p] over p, for a tile of the product.
#define NABLA_EMU_TILE(T)                                                                       \
  NABLA_EMU_CLONES static void addTile(T (*sums)[tileRows], const T *a, int lda,                \
                                       const T *const *b, int bStep, int rows, int columns,     \
                                       int depth) {                                             \
    for (int p = 0; p < depth; p++) {                                                           \
      const T *column = a + static_cast<ptrdiff_t>(p) * lda;                                    \
      for (int j = 0; j < columns; j++) {                                                       \
        const T factor = b[j][static_cast<ptrdiff_t>(p) * bStep];                               \
        T *sum = sums[j];                                                                       \
        for (int i = 0; i < rows; i++) sum[i] += column[i] * factor;                            \
      }                                                                                         \
    }                                                                                           \
  }
NABLA_EMU_TILE(float)
NABLA_EMU_TILE(double)

template <class T>
void Gemm<T>::product(int batch) const {
  const T *own = a + batch * strideA, *left = own, *right = b + batch * strideB;
  int step = lda;
  if (transposeA) {
    for (int i = 0; i < m; i++)
      for (int p = 0; p < k; p++) packed[i + ptrdiff_t{p} * m] = own[p + ptrdiff_t{i} * lda];
    left = packed;
    step = m;
  }
  T sums[tileColumns][tileRows];
  for (int j = 0; j < n; j += tileColumns) {
    const int columns = std::min(tileColumns, n - j);
    const T *starts[tileColumns];
    for (int q = 0; q < columns; q++)
      starts[q] = right + (transposeB ? j + q : ptrdiff_t{j + q} * ldb);
    for (int i = 0; i < m; i += tileRows) {
      const int rows = std::min(tileRows, m - i);
      std::fill(&sums[0][0], &sums[0][0] + tileColumns * tileRows, T{0});
      addTile(sums, left + i, step, starts, transposeB ? ldb : 1, rows, columns, k);
      for (int q = 0; q < columns; q++) {
        T *to = d + batch * strideD + i + ptrdiff_t{j + q} * ldd;
        const T *from = c + batch * strideC + i + ptrdiff_t{j + q} * ldc;
        for (int r = 0; r < rows; r++) {
          // A beta of 0 means that C is not read: it may hold NaN.
          T value = alpha * sums[q][r] + (beta == T{0} ? T{0} : beta * from[r]);
          if (bias) value += bias[batch * strideBias + i + r];
          to[r] = value;
        }
      }
    }
  }
}

template <class T>
void Gemm<T>::run() const {
  for (int i = 0; i < batches; i++) product(i);
}

bool checkMatrix(CUcontext context, const char *name, const char *which, const void *matrix,
                 int elementBytes, int rows, int columns, int ld, long long stride, int batches) {
  const auto end = (batches - 1) * stride + ptrdiff_t{columns - 1} * ld + rows;
  const size_t bytes = static_cast<size_t>(end) * static_cast<size_t>(elementBytes);
  const auto address = reinterpret_cast<uintptr_t>(matrix);
  if (rows == 0 || columns == 0 || liveRange(address, bytes)) return true;
  loseContext(context, CUDA_ERROR_ILLEGAL_ADDRESS,
              formatted("%s: the %zu bytes of %s begin at %s", name, bytes, which,
                        isManaged(address) ? describeAddress(address).c_str() : "no device address"));
  return false;
}

template <class T>
void computeGemm(Gemm<T> gemm) {
  // Static, since a fault leaves by a jump.
  static std::vector<T> packed;
  if (gemm.transposeA) packed.resize(static_cast<size_t>(gemm.m) * static_cast<size_t>(gemm.k));
  gemm.packed = packed.data();
  guarded(
      gemm.context, {gemm.name, nullptr, nullptr},
      [](void *argument) { static_cast<const Gemm<T> *>(argument)->run(); }, &gemm);
}
template void computeGemm(Gemm<float>);

// When its turn in the stream comes.
template <class T>
static void runGemm(const Gemm<T> &g) {
  const auto good = [&](const char *which, const T *matrix, int rows, int columns, int ld,
                        long long stride) {
    return checkMatrix(g.context, g.name, which, matrix, sizeof(T), rows, columns, ld, stride,
                       g.batches);
  };
  if (good("A", g.a, g.transposeA ? g.k : g.m, g.transposeA ? g.m : g.k, g.lda, g.strideA) &&
      good("B", g.b, g.transposeB ? g.n : g.k, g.transposeB ? g.k : g.n, g.ldb, g.strideB) &&
      good("C", g.c, g.m, g.n, g.ldc, g.strideC))
    computeGemm(g);
}

// Runs the body of an entry point under the lock; failures become cuBLAS's own codes.
template <class Body>
static cublasStatus_t blasEntry(const char *name, cublasHandle_t handle, Body body) {
  std::lock_guard<std::mutex> guard(lock);
  if (handle && !handles.has(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  try {
    checkContext();
    body();
    return CUBLAS_STATUS_SUCCESS;
  } catch (const Failure &failure) {
    lastMessage = std::string(name) + ": " + failure.message;
    return failure.code == CUDA_ERROR_INVALID_VALUE ? CUBLAS_STATUS_INVALID_VALUE
                                                    : CUBLAS_STATUS_EXECUTION_FAILED;
  }
}

template <class T>
static cublasStatus_t submit(const char *name, cublasHandle_t handle, cublasOperation_t opA,
                             cublasOperation_t opB, int m, int n, int k, const T *alpha, const T *a,
                             int lda, long long strideA, const T *b, int ldb, long long strideB,
                             const T *beta, T *c, int ldc, long long strideC, int batches) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  return blasEntry(name, handle, [&] {
    const bool ta = opA != CUBLAS_OP_N, tb = opB != CUBLAS_OP_N;
    if (m < 0 || n < 0 || k < 0 || batches < 0 || !alpha || !beta)
      fail(CUDA_ERROR_INVALID_VALUE, "m %d, n %d, k %d, %d matrices", m, n, k, batches);
    if (lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m))
      fail(CUDA_ERROR_INVALID_VALUE, "leading dimensions %d, %d, %d of a product of %d x %d x %d",
           lda, ldb, ldc, m, n, k);
    CUstream stream = streamOf(handle->stream);
    if (stream->queue->context != handle->context)
      fail(CUDA_ERROR_INVALID_HANDLE, "the handle is of another device");
    if (!m || !n || !batches) return;
    const Gemm<T> gemm = {name, handle->context, ta, tb, m, n, k, batches, *alpha, *beta, a, lda,
                          strideA, b, ldb, strideB, c, ldc, strideC, c, ldc, strideC};
    enqueue(stream, [gemm] { runGemm(gemm); });
  });
}

// Operands of any type that cuBLASLt has, sums in float32.
static cublasStatus_t submitTyped(const char *name, cublasHandle_t handle, const Problem &problem,
                                  const void *alpha, const void *a, const void *b,
                                  const void *beta, void *c) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  const auto &[description, left, right, result, same] = problem;
  const auto halves = [](cudaDataType type) { return type == CUDA_R_16F || type == CUDA_R_16BF; };
  const bool known = (result.type == CUDA_R_32F || halves(result.type)) &&
                     left.type == result.type && right.type == result.type &&
                     description.compute == CUBLAS_COMPUTE_32F;
  if (!known || (result.type == CUDA_R_16BF && !hasBrainFloats())) return CUBLAS_STATUS_NOT_SUPPORTED;
  return blasEntry(name, handle, [&] {
    if (!alpha || !beta || !a || !b || !c) fail(CUDA_ERROR_INVALID_VALUE, "a pointer is null");
    for (const auto *each : {&left, &right, &result})
      if (each->leading < std::max<int64_t>(1, int64_t(each->rows)))
        fail(CUDA_ERROR_INVALID_VALUE, "a matrix of %zu x %zu with a leading dimension of %lld",
             size_t{each->rows}, size_t{each->columns}, static_cast<long long>(each->leading));
    CUstream stream = streamOf(handle->stream);
    if (stream->queue->context != handle->context)
      fail(CUDA_ERROR_INVALID_HANDLE, "the handle is of another device");
    if (!result.rows || !result.columns || !result.batches) return;
    const auto address = [](const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); };
    const LtJob job = {name, handle->context, problem, *static_cast<const float *>(alpha),
                       *static_cast<const float *>(beta), address(a), address(b), address(c),
                       address(c), 0, 0};
    enqueue(stream, [job] { runLtJob(job); });
  });
}

static Problem typed(cublasOperation_t opA, cublasOperation_t opB, int m, int n, int k, int batches,
                     cublasComputeType_t compute, cublasLtMatrixLayoutStruct a,
                     cublasLtMatrixLayoutStruct b, cublasLtMatrixLayoutStruct c) {
  const bool ta = opA != CUBLAS_OP_N, tb = opB != CUBLAS_OP_N;
  const auto sized = [&](cublasLtMatrixLayoutStruct &matrix, int rows, int columns) {
    if (rows < 0 || columns < 0) matrix.leading = -1;
    matrix.rows = static_cast<uint64_t>(rows), matrix.columns = static_cast<uint64_t>(columns);
    matrix.batches = batches;
  };
  sized(a, ta ? k : m, ta ? m : k);
  sized(b, tb ? n : k, tb ? k : n);
  sized(c, m, n);
  return {{compute, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N}, a, b, c, c};
}

void releaseBlas() {
  while (!handles.all().empty()) handles.remove(*handles.all().begin());
}

}  // namespace emu

using namespace emu;

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  if (!handle) return CUBLAS_STATUS_INVALID_VALUE;
  return blasEntry("cublasCreate", nullptr,
                   [&] { *handle = handles.add(new cublasContext{currentContext()}); });
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  return blasEntry("cublasDestroy", handle, [&] { handles.remove(handle); });
}

cublasStatus_t cublasGetProperty(libraryPropertyType property, int *value) {
  if (!value || property < MAJOR_VERSION || property > PATCH_LEVEL)
    return CUBLAS_STATUS_INVALID_VALUE;
  *value = property == MAJOR_VERSION ? 13 : 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  return blasEntry("cublasSetStream", handle, [&] {
    streamOf(stream);
    handle->stream = stream;
  });
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  return blasEntry("cublasSetWorkspace", handle, [&] {
    if (bytes) checkDeviceRange("the workspace", reinterpret_cast<CUdeviceptr>(workspace), bytes);
  });
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  return blasEntry("cublasSetMathMode", handle, [&] {
    if (mode < 0 || mode > 16 + 3) fail(CUDA_ERROR_INVALID_VALUE, "mode %d", mode);
  });
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB,
                              int m, int n, int k, const float *alpha, const float *a, int lda,
                              const float *b, int ldb, const float *beta, float *c, int ldc) {
  return submit("cublasSgemm", handle, opA, opB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc,
                0, 1);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t opA,
                                         cublasOperation_t opB, int m, int n, int k,
                                         const float *alpha, const float *a, int lda,
                                         long long strideA, const float *b, int ldb,
                                         long long strideB, const float *beta, float *c, int ldc,
                                         long long strideC, int batches) {
  return submit("cublasSgemmStridedBatched", handle, opA, opB, m, n, k, alpha, a, lda, strideA, b,
                ldb, strideB, beta, c, ldc, strideC, batches);
}

cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t opA,
                                         cublasOperation_t opB, int m, int n, int k,
                                         const double *alpha, const double *a, int lda,
                                         long long strideA, const double *b, int ldb,
                                         long long strideB, const double *beta, double *c, int ldc,
                                         long long strideC, int batches) {
  return submit("cublasDgemmStridedBatched", handle, opA, opB, m, n, k, alpha, a, lda, strideA, b,
                ldb, strideB, beta, c, ldc, strideC, batches);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t opA, cublasOperation_t opB,
                            int m, int n, int k, const void *alpha, const void *a,
                            cudaDataType typeA, int lda, const void *b, cudaDataType typeB, int ldb,
                            const void *beta, void *c, cudaDataType typeC, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t) {
  const Problem problem = typed(opA, opB, m, n, k, 1, compute, {typeA, 0, 0, lda},
                                {typeB, 0, 0, ldb}, {typeC, 0, 0, ldc});
  return submitTyped("cublasGemmEx", handle, problem, alpha, a, b, beta, c);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t opA,
                                          cublasOperation_t opB, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType typeA,
                                          int lda, long long strideA, const void *b,
                                          cudaDataType typeB, int ldb, long long strideB,
                                          const void *beta, void *c, cudaDataType typeC, int ldc,
                                          long long strideC, int batches,
                                          cublasComputeType_t compute, cublasGemmAlgo_t) {
  const Problem problem = typed(opA, opB, m, n, k, batches, compute,
                                {typeA, 0, 0, lda, 1, strideA}, {typeB, 0, 0, ldb, 1, strideB},
                                {typeC, 0, 0, ldc, 1, strideC});
  return submitTyped("cublasGemmStridedBatchedEx", handle, problem, alpha, a, b, beta, c);
}
