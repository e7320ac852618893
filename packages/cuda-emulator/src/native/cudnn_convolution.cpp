// The convolutions of cuDNN, with channels last: one product after the other.
#include <cstring>
#include <vector>

#include "cudnn.h"
#include "fault.h"
#include "halves.h"
#include "memory.h"

namespace emu {

uint64_t convolutionsRun = 0;

// f(image, filter, result) for the places of each product.
template <class F>
void Convolution::each(F f) const {
  const auto &g = geometry;
  const int perGroup = result.c / g.groups;
  for (int n = 0; n < image.n; n++)
    for (int oh = 0; oh < result.h; oh++)
      for (int ow = 0; ow < result.w; ow++)
        for (int k = 0; k < result.c; k++)
          for (int r = 0; r < filter.h; r++)
            for (int s = 0; s < filter.w; s++) {
              const int h = oh * g.strideH - g.padH + r * g.dilationH;
              const int w = ow * g.strideW - g.padW + s * g.dilationW;
              if (h < 0 || w < 0 || h >= image.h || w >= image.w) continue;
              const size_t pixel = (size_t(n) * image.h + h) * image.w + w;
              const size_t first = pixel * image.c + size_t(k / perGroup) * filter.c;
              const size_t tap = ((size_t(k) * filter.h + r) * filter.w + s) * filter.c;
              const size_t to = ((size_t(n) * result.h + oh) * result.w + ow) * result.c + k;
              for (int c = 0; c < filter.c; c++) f(first + c, tap + c, to);
            }
}

// The numbers of a tensor; halves in `held`.
static const float *numbersOf(uintptr_t address, const cudnnTensorStruct &tensor,
                              std::vector<float> &held) {
  if (tensor.type == CUDNN_DATA_FLOAT) return reinterpret_cast<const float *>(address);
  const auto *from = reinterpret_cast<const uint16_t *>(address);
  held.resize(tensor.count());
  for (size_t i = 0; i < held.size(); i++)
    held[i] = fromHalf(from[i], tensor.type == CUDNN_DATA_BFLOAT16);
  return held.data();
}

// Sums are carried in double precision, in static memory since a fault leaves by a jump.
void Convolution::run() const {
  static std::vector<double> sums;
  static std::vector<float> held[3];
  // What is left in a workspace means nothing to anybody.
  if (workspace) memset(reinterpret_cast<void *>(workspaceAt), 0xff, workspace);
  const float *x = numbersOf(imageAt, image, held[0]);
  const float *w = numbersOf(filterAt, filter, held[1]);
  const float *y = numbersOf(resultAt, result, held[2]);
  const size_t count = written().count();
  sums.assign(count, 0);
  if (kind == Kind::forward)
    each([&](size_t i, size_t f, size_t o) { sums[o] += double(x[i]) * w[f]; });
  else if (kind == Kind::backwardData)
    each([&](size_t i, size_t f, size_t o) { sums[i] += double(y[o]) * w[f]; });
  else
    each([&](size_t i, size_t f, size_t o) { sums[f] += double(x[i]) * y[o]; });
  const float *before = kind == Kind::forward ? y : kind == Kind::backwardData ? x : w;
  for (size_t i = 0; i < count; i++) {
    // A beta of 0 means that the result is not read: it may hold NaN.
    const float value = static_cast<float>(alpha * sums[i]) + (beta == 0 ? 0 : beta * before[i]);
    if (written().type == CUDNN_DATA_FLOAT)
      reinterpret_cast<float *>(writtenAt())[i] = value;
    else
      reinterpret_cast<uint16_t *>(writtenAt())[i] =
          toHalf(value, written().type == CUDNN_DATA_BFLOAT16);
  }
}

const cudnnTensorStruct &Convolution::written() const {
  return kind == Kind::forward ? result : kind == Kind::backwardData ? image : filter;
}
uintptr_t Convolution::writtenAt() const {
  return kind == Kind::forward ? resultAt : kind == Kind::backwardData ? imageAt : filterAt;
}

// Whether it is memory of the device; else the context is lost.
bool Convolution::check(const char *which, uintptr_t address, size_t bytes) const {
  if (bytes == 0 || liveRange(address, bytes)) return true;
  loseContext(context, CUDA_ERROR_ILLEGAL_ADDRESS,
              formatted("%s: the %zu bytes of %s begin at %s", name, bytes, which,
                        isManaged(address) ? describeAddress(address).c_str() : "no device address"));
  return false;
}

void runConvolution(Convolution job) {
  convolutionsRun++;
  if (!job.check("the image", job.imageAt, job.image.bytes()) ||
      !job.check("the filter", job.filterAt, job.filter.bytes()) ||
      !job.check("the result", job.resultAt, job.result.bytes()) ||
      !job.check("the workspace", job.workspaceAt, job.workspace))
    return;
  guarded(
      job.context, {job.name, nullptr, nullptr},
      [](void *argument) { static_cast<const Convolution *>(argument)->run(); }, &job);
}

}  // namespace emu
