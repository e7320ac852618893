// cuBLASLt: handles, descriptors, and the heuristic.
#include "blas_lt.h"

#include <cstring>

#include "blas.h"
#include "halves.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

uint64_t ltProductsRun = 0;

static Registry<cublasLtContext> handles("cuBLASLt handle");
static Registry<cublasLtMatmulDescStruct> descriptions("description of a product");
static Registry<cublasLtMatrixLayoutStruct> layouts("matrix layout");
static Registry<cublasLtMatmulPreferenceStruct> preferences("preference");

/// What the library has no algorithm for although it makes sense.
struct Unsupported {
  std::string message;
};

template <class Body>
static cublasStatus_t ltEntry(const char *name, Body body) {
  std::lock_guard<std::mutex> guard(lock);
  try {
    body();
    return CUBLAS_STATUS_SUCCESS;
  } catch (const Unsupported &refused) {
    lastMessage = std::string(name) + ": " + refused.message;
    return CUBLAS_STATUS_NOT_SUPPORTED;
  } catch (const Failure &failure) {
    lastMessage = std::string(name) + ": " + failure.message;
    return failure.code == CUDA_ERROR_NOT_INITIALIZED ? CUBLAS_STATUS_NOT_INITIALIZED
           : failure.code == CUDA_ERROR_INVALID_VALUE || failure.code == CUDA_ERROR_INVALID_HANDLE
               ? CUBLAS_STATUS_INVALID_VALUE
               : CUBLAS_STATUS_EXECUTION_FAILED;
  }
}

// The value of an attribute of this type; a size that is not its type's is an error, as in the library.
template <class T>
static T valueOf(const void *value, size_t bytes) {
  if (!value || bytes != sizeof(T))
    fail(CUDA_ERROR_INVALID_VALUE, "an attribute of %zu bytes is set from %zu", sizeof(T), bytes);
  T result;
  std::memcpy(&result, value, sizeof(T));
  return result;
}

static Problem described(cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a,
                         cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                         cublasLtMatrixLayout_t d) {
  const Problem p = {*descriptions.check(description), *layouts.check(a), *layouts.check(b),
                     *layouts.check(c), *layouts.check(d)};
  const bool ta = p.description.opA == CUBLAS_OP_T, tb = p.description.opB == CUBLAS_OP_T;
  const auto m = ta ? p.a.columns : p.a.rows, k = ta ? p.a.rows : p.a.columns;
  const auto kb = tb ? p.b.columns : p.b.rows, n = tb ? p.b.rows : p.b.columns;
  for (const auto *each : {&p.a, &p.b, &p.c, &p.d}) {
    if (each->rows == 0 || each->columns == 0 || each->leading < static_cast<int64_t>(each->rows))
      fail(CUDA_ERROR_INVALID_VALUE, "a matrix of %zu x %zu with a leading dimension of %lld",
           size_t{each->rows}, size_t{each->columns}, static_cast<long long>(each->leading));
    if (each->batches != p.d.batches)
      fail(CUDA_ERROR_INVALID_VALUE, "%d and %d matrices", each->batches, p.d.batches);
    if (each->type != p.d.type) throw Unsupported{"matrices of different types"};
  }
  if (k != kb || p.d.rows != m || p.d.columns != n || p.c.rows != m || p.c.columns != n)
    fail(CUDA_ERROR_INVALID_VALUE, "%zu x %zu by %zu x %zu into %zu x %zu", size_t{m}, size_t{k},
         size_t{kb}, size_t{n}, size_t{p.d.rows}, size_t{p.d.columns});
  if (p.description.epilogue == CUBLASLT_EPILOGUE_BIAS && !p.description.bias)
    fail(CUDA_ERROR_INVALID_VALUE, "the bias has no address");
  return p;
}

// The algorithm holds what it was chosen for, so that its use for anything else is found.
static cublasLtMatmulAlgo_t algorithmFor(const Problem &p, const uint32_t *alignment) {
  cublasLtMatmulAlgo_t algorithm{};
  uint64_t shape = 1469598103934665603u;
  const auto mix = [&](uint64_t value) { shape = (shape ^ value) * 1099511628211u; };
  const auto &d = p.description;
  for (int value : {int{d.compute}, int{d.opA}, int{d.opB}, d.epilogue}) mix(value);
  for (const auto *each : {&p.a, &p.b, &p.c, &p.d})
    for (int64_t value : {int64_t{each->type}, int64_t(each->rows), int64_t(each->columns),
                          each->leading, int64_t{each->batches}, each->stride})
      mix(static_cast<uint64_t>(value));
  algorithm.data[0] = shape;
  for (int i = 0; i < 4; i++) algorithm.data[1 + i] = alignment[i];
  algorithm.data[5] = 64 + 4 * (p.d.rows % 7);
  return algorithm;
}

static void submit(cublasLtHandle_t handle, const Problem &problem, const cublasLtMatmulAlgo_t *algo,
                   const void *alpha, const void *beta, const void *a, const void *b, const void *c,
                   void *d, void *workspace, size_t bytes, cudaStream_t on) {
  checkContext();
  if (!alpha || !beta || !a || !b || !c || !d) fail(CUDA_ERROR_INVALID_VALUE, "a pointer is null");
  const auto address = [](const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); };
  const uintptr_t addresses[] = {address(a), address(b), address(c), address(d)};
  if (algo) {
    uint32_t alignment[4];
    for (int i = 0; i < 4; i++) alignment[i] = static_cast<uint32_t>(algo->data[1 + i]);
    const auto wanted = algorithmFor(problem, alignment);
    if (std::memcmp(&wanted, algo, sizeof wanted) != 0)
      fail(CUDA_ERROR_INVALID_VALUE, "the algorithm was chosen for another product");
    for (int i = 0; i < 4; i++)
      if (alignment[i] == 0 || addresses[i] % alignment[i] != 0)
        fail(CUDA_ERROR_INVALID_VALUE, "matrix %c is at no multiple of %u bytes", "ABCD"[i],
             alignment[i]);
    if (bytes < wanted.data[5] || !workspace)
      fail(CUDA_ERROR_INVALID_VALUE, "a workspace of %zu bytes at %p; it must have %zu", bytes,
           workspace, size_t{wanted.data[5]});
  }
  CUstream stream = streamOf(on);
  if (stream->queue->context != handle->context)
    fail(CUDA_ERROR_INVALID_HANDLE, "the handle is of another device");
  const LtJob job = {"cublasLtMatmul", handle->context, problem, *static_cast<const float *>(alpha),
                   *static_cast<const float *>(beta), addresses[0], addresses[1], addresses[2],
                   addresses[3], address(workspace), bytes};
  enqueue(stream, [job] {
    ltProductsRun++;
    runLtJob(job);
  });
}

template <class T>
static void clear(Registry<T> &registry) {
  while (!registry.all().empty()) registry.remove(*registry.all().begin());
}

void releaseBlasLt() {
  clear(handles);
  clear(descriptions);
  clear(layouts);
  clear(preferences);
  ltProductsRun = 0;
}

static void checkType(cudaDataType type) {
  if (type != CUDA_R_32F && type != CUDA_R_16F && type != CUDA_R_16BF)
    throw Unsupported{formatted("type %d: the emulator has float32 and both halves", type)};
  if (type == CUDA_R_16BF && !hasBrainFloats()) throw Unsupported{"bfloat16 on an old device"};
}

}  // namespace emu

using namespace emu;

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  return ltEntry("cublasLtCreate", [&] {
    checkContext();
    required(handle, "the result") = handles.add(new cublasLtContext{currentContext()});
  });
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return ltEntry("cublasLtDestroy", [&] { handles.remove(handle); });
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *result, cublasComputeType_t compute,
                                        cudaDataType scale) {
  return ltEntry("cublasLtMatmulDescCreate", [&] {
    if ((compute != CUBLAS_COMPUTE_32F && compute != CUBLAS_COMPUTE_32F_FAST_TF32) ||
        scale != CUDA_R_32F)
      throw Unsupported{formatted("compute type %d, scale type %d", compute, scale)};
    required(result, "the result") = descriptions.add(new cublasLtMatmulDescStruct{compute});
  });
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  return ltEntry("cublasLtMatmulDescDestroy", [&] { descriptions.remove(description); });
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes) {
  return ltEntry("cublasLtMatmulDescSetAttribute", [&] {
    auto &to = *descriptions.check(description);
    const auto operation = [&] {
      const int op = valueOf<int>(value, bytes);
      if (op < CUBLAS_OP_N || op > CUBLAS_OP_C) fail(CUDA_ERROR_INVALID_VALUE, "operation %d", op);
      return op == CUBLAS_OP_N ? CUBLAS_OP_N : CUBLAS_OP_T;
    };
    switch (attribute) {
      case CUBLASLT_MATMUL_DESC_TRANSA: to.opA = operation(); return;
      case CUBLASLT_MATMUL_DESC_TRANSB: to.opB = operation(); return;
      case CUBLASLT_MATMUL_DESC_EPILOGUE:
        to.epilogue = valueOf<int>(value, bytes);
        if (to.epilogue != CUBLASLT_EPILOGUE_DEFAULT && to.epilogue != CUBLASLT_EPILOGUE_BIAS)
          throw Unsupported{formatted("epilogue %d", to.epilogue)};
        return;
      case CUBLASLT_MATMUL_DESC_BIAS_POINTER: to.bias = valueOf<uintptr_t>(value, bytes); return;
      case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE: to.biasStride = valueOf<int64_t>(value, bytes); return;
    }
    fail(CUDA_ERROR_INVALID_VALUE, "attribute %d", attribute);
  });
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *result, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
  return ltEntry("cublasLtMatrixLayoutCreate", [&] {
    checkType(type);
    required(result, "the result") =
        layouts.add(new cublasLtMatrixLayoutStruct{type, rows, columns, leading});
  });
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return ltEntry("cublasLtMatrixLayoutDestroy", [&] { layouts.remove(layout); });
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t bytes) {
  return ltEntry("cublasLtMatrixLayoutSetAttribute", [&] {
    auto &to = *layouts.check(layout);
    switch (attribute) {
      case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: to.batches = valueOf<int>(value, bytes); return;
      case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: to.stride = valueOf<int64_t>(value, bytes); return;
    }
    fail(CUDA_ERROR_INVALID_VALUE, "attribute %d", attribute);
  });
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *result) {
  return ltEntry("cublasLtMatmulPreferenceCreate", [&] {
    required(result, "the result") = preferences.add(new cublasLtMatmulPreferenceStruct());
  });
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return ltEntry("cublasLtMatmulPreferenceDestroy", [&] { preferences.remove(preference); });
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes) {
  return ltEntry("cublasLtMatmulPreferenceSetAttribute", [&] {
    auto &to = *preferences.check(preference);
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
      to.workspace = valueOf<uint64_t>(value, bytes);
    } else if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
      // The sums of this emulator have one part.
      if (valueOf<uint32_t>(value, bytes) > 7) fail(CUDA_ERROR_INVALID_VALUE, "the mask of reductions");
    } else if (attribute >= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES &&
               attribute <= CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES) {
      to.alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES] =
          valueOf<uint32_t>(value, bytes);
    } else {
      fail(CUDA_ERROR_INVALID_VALUE, "attribute %d", attribute);
    }
  });
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
    cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t *results,
    int *count) {
  return ltEntry("cublasLtMatmulAlgoGetHeuristic", [&] {
    handles.check(handle);
    const auto &preferred = *preferences.check(preference);
    if (wanted < 1) fail(CUDA_ERROR_INVALID_VALUE, "%d results", wanted);
    auto &first = required(results, "the results");
    int &found = required(count, "the count");
    const auto algorithm = algorithmFor(described(description, a, b, c, d), preferred.alignment);
    found = algorithm.data[5] <= preferred.workspace ? 1 : 0;
    if (found) first = {algorithm, algorithm.data[5], CUBLAS_STATUS_SUCCESS, 1.0f, {}};
  });
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t aLayout,
                              const void *b, cublasLtMatrixLayout_t bLayout, const void *beta,
                              const void *c, cublasLtMatrixLayout_t cLayout, void *d,
                              cublasLtMatrixLayout_t dLayout, const cublasLtMatmulAlgo_t *algorithm,
                              void *workspace, size_t bytes, cudaStream_t stream) {
  return ltEntry("cublasLtMatmul", [&] {
    submit(handles.check(handle), described(description, aLayout, bLayout, cLayout, dLayout),
           algorithm, alpha, beta, a, b, c, d, workspace, bytes, stream);
  });
}
