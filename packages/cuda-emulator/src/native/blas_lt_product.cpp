// The products of cuBLASLt, and those of cuBLAS that name their types.
#include "blas_lt.h"

#include <cstring>
#include <vector>

#include "blas.h"
#include "fault.h"
#include "gemm.h"
#include "halves.h"
#include "memory.h"

namespace emu {

static size_t bytesOf(cudaDataType type) { return type == CUDA_R_32F ? 4 : 2; }

static bool isBrain(cudaDataType type) { return type == CUDA_R_16BF; }

using Layout = cublasLtMatrixLayoutStruct;

static Layout layoutOfBias(const Problem &p) {
  return {p.d.type, p.d.rows, 1, int64_t(p.d.rows), p.d.batches, p.description.biasStride};
}

static bool check(const LtJob &job, const char *which, uintptr_t address, const Layout &layout) {
  return checkMatrix(job.context, job.name, which, reinterpret_cast<void *>(address),
                     static_cast<int>(bytesOf(layout.type)), static_cast<int>(layout.rows),
                     static_cast<int>(layout.columns), static_cast<int>(layout.leading),
                     layout.stride, layout.batches);
}

// Float32 as it lies there; halves as floats in `held`.
static float *floatsOf(uintptr_t address, const Layout &layout, std::vector<float> &held) {
  if (layout.type == CUDA_R_32F) return reinterpret_cast<float *>(address);
  const auto *from = reinterpret_cast<const uint16_t *>(address);
  held.clear();
  if (layout.rows && layout.columns) held.resize(static_cast<size_t>((layout.batches - 1) * layout.stride +
                                  int64_t(layout.columns - 1) * layout.leading +
                                  int64_t(layout.rows)));
  for (size_t i = 0; i < held.size(); i++) held[i] = fromHalf(from[i], isBrain(layout.type));
  return held.data();
}

static void writeHalves(uintptr_t address, const Layout &layout, const std::vector<float> &held) {
  auto *to = reinterpret_cast<uint16_t *>(address);
  for (int batch = 0; batch < layout.batches; batch++)
    for (uint64_t j = 0; j < layout.columns; j++)
      for (uint64_t i = 0; i < layout.rows; i++) {
        const auto at = batch * layout.stride + int64_t(j) * layout.leading + int64_t(i);
        to[at] = toHalf(held[static_cast<size_t>(at)], isBrain(layout.type));
      }
}

void runLtJob(const LtJob &job) {
  const auto &[description, a, b, c, d] = job.problem;
  const bool hasBias = description.epilogue == CUBLASLT_EPILOGUE_BIAS;
  const Layout bias = layoutOfBias(job.problem);
  if (!check(job, "A", job.a, a) || !check(job, "B", job.b, b) || !check(job, "D", job.d, d) ||
      (job.beta != 0 && !check(job, "C", job.c, c)) ||
      (hasBias && !check(job, "the bias", description.bias, bias)))
    return;
  if (job.workspaceBytes && !liveRange(job.workspace, job.workspaceBytes)) {
    loseContext(job.context, CUDA_ERROR_ILLEGAL_ADDRESS,
                formatted("%s: the %zu bytes of the workspace begin at %s", job.name,
                          job.workspaceBytes, describeAddress(job.workspace).c_str()));
    return;
  }
  // Whoever reads what is left in it finds nothing.
  if (job.workspaceBytes)
    std::memset(reinterpret_cast<void *>(job.workspace), 0xff, job.workspaceBytes);
  // Static, since a fault leaves by a jump.
  static std::vector<float> held[5];
  const bool ta = description.opA == CUBLAS_OP_T;
  Gemm<float> gemm = {job.name, job.context,
                      ta, description.opB == CUBLAS_OP_T,
                      static_cast<int>(d.rows), static_cast<int>(d.columns),
                      static_cast<int>(ta ? a.rows : a.columns), d.batches,
                      job.alpha, job.beta,
                      floatsOf(job.a, a, held[0]), static_cast<int>(a.leading), a.stride,
                      floatsOf(job.b, b, held[1]), static_cast<int>(b.leading), b.stride,
                      nullptr, static_cast<int>(c.leading), c.stride,
                      floatsOf(job.d, d, held[3]), static_cast<int>(d.leading), d.stride};
  if (job.beta != 0) gemm.c = floatsOf(job.c, c, held[2]);
  if (hasBias) gemm.bias = floatsOf(description.bias, bias, held[4]);
  gemm.strideBias = description.biasStride;
  computeGemm(gemm);
  if (d.type != CUDA_R_32F) writeHalves(job.d, d, held[3]);
}

}  // namespace emu
