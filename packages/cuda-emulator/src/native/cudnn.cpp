// cuDNN: handles, descriptors, and the calls that compute convolutions of images with channels last.
#include "cudnn.h"
#include "halves.h"
#include "prototypes.h"
#include "stream.h"

namespace emu {

static Registry<cudnnContext> handles("cuDNN handle");
static Registry<cudnnTensorStruct> tensors("tensor descriptor");
static Registry<cudnnFilterStruct> filters("filter descriptor");
static Registry<cudnnConvolutionStruct> convolutions("convolution descriptor");

/// What cuDNN refuses although it makes sense.
struct Unsupported {
  std::string message;
};

// Runs the body of an entry point under the lock; failures become cuDNN's own codes.
template <class Body>
static cudnnStatus_t dnnEntry(const char *name, Body body) {
  std::lock_guard<std::mutex> guard(lock);
  try {
    body();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Unsupported &refused) {
    lastMessage = std::string(name) + ": " + refused.message;
    return CUDNN_STATUS_NOT_SUPPORTED;
  } catch (const Failure &failure) {
    lastMessage = std::string(name) + ": " + failure.message;
    return failure.code == CUDA_ERROR_NOT_INITIALIZED ? CUDNN_STATUS_NOT_INITIALIZED
           : failure.code == CUDA_ERROR_INVALID_VALUE || failure.code == CUDA_ERROR_INVALID_HANDLE
               ? CUDNN_STATUS_BAD_PARAM
               : CUDNN_STATUS_EXECUTION_FAILED;
  }
}

template <class T>
static cudnnStatus_t create(const char *name, Registry<T> &registry, T **result) {
  return dnnEntry(name, [&] { required(result, "the result") = registry.add(new T()); });
}

template <class T>
static cudnnStatus_t destroy(const char *name, Registry<T> &registry, T *object) {
  return dnnEntry(name, [&] { registry.remove(object); });
}

static void setSizes(cudnnTensorStruct &to, int format, int type, int n, int c, int h, int w) {
  if (n < 1 || c < 1 || h < 1 || w < 1)
    fail(CUDA_ERROR_INVALID_VALUE, "sizes %d, %d, %d, %d", n, c, h, w);
  const bool halves = type == CUDNN_DATA_HALF || type == CUDNN_DATA_BFLOAT16;
  if (format != CUDNN_TENSOR_NHWC || (type != CUDNN_DATA_FLOAT && !halves))
    throw Unsupported{formatted(
        "format %d of type %d: the emulator has float32 and both halves, channels last", format, type)};
  to.n = n, to.c = c, to.h = h, to.w = w, to.type = static_cast<cudnnDataType_t>(type);
}

static int extentOf(int size, int pad, int taps, int stride, int dilation) {
  return (size + 2 * pad - dilation * (taps - 1) - 1) / stride + 1;
}

// The job of descriptors that fit each other.
static Convolution described(const char *name, Kind kind, cudnnHandle_t handle,
                             cudnnTensorDescriptor_t image, cudnnFilterDescriptor_t filter,
                             cudnnConvolutionDescriptor_t convolution,
                             cudnnTensorDescriptor_t result) {
  Convolution job{};
  job.name = name;
  job.kind = kind;
  if (!handle) fail(CUDA_ERROR_NOT_INITIALIZED, "the handle is null");
  job.context = handles.check(handle)->context;
  job.image = *tensors.check(image);
  job.filter = *filters.check(filter);
  job.result = *tensors.check(result);
  const auto &g = job.geometry = *convolutions.check(convolution);
  if (!job.image.n || !job.filter.n || !job.result.n || !g.strideH)
    fail(CUDA_ERROR_INVALID_VALUE, "a descriptor was never set");
  if (job.image.type != job.filter.type || job.image.type != job.result.type)
    throw Unsupported{"tensors of different types"};
  if (job.image.type == CUDNN_DATA_BFLOAT16 && !hasBrainFloats())
    throw Unsupported{"bfloat16 on an old device"};
  const cudnnTensorStruct &x = job.image, &w = job.filter, &y = job.result;
  const int h = extentOf(x.h, g.padH, w.h, g.strideH, g.dilationH);
  const int width = extentOf(x.w, g.padW, w.w, g.strideW, g.dilationW);
  if (w.c * g.groups != x.c || w.n % g.groups || y.c != w.n || y.n != x.n || y.h != h || y.w != width)
    fail(CUDA_ERROR_INVALID_VALUE,
         "image %d x %d x %d x %d and filter %d x %d x %d x %d in %d groups make %d x %d x %d x %d, "
         "not %d x %d x %d x %d",
         x.n, x.h, x.w, x.c, w.n, w.h, w.w, w.c, g.groups, x.n, h, width, w.n, y.n, y.h, y.w, y.c);
  return job;
}

// Algorithms 0 and 1 take channels last. The first needs no workspace, the other some.
static size_t workspaceOf(const Convolution &job, int algorithm) {
  if (algorithm < 0 || algorithm > 7) fail(CUDA_ERROR_INVALID_VALUE, "algorithm %d", algorithm);
  if (algorithm > 1)
    throw Unsupported{formatted("algorithm %d does not take channels last", algorithm)};
  return algorithm == 0 ? 0 : job.filter.bytes() + 64;
}

static void submit(Convolution job, cudnnHandle_t handle, int algorithm, const void *alpha,
                   const void *beta, const void *image, const void *filter, const void *result,
                   void *workspace, size_t bytes) {
  checkContext();
  if (!alpha || !beta || !image || !filter || !result)
    fail(CUDA_ERROR_INVALID_VALUE, "a pointer is null");
  job.workspace = workspaceOf(job, algorithm);
  if (bytes < job.workspace || (job.workspace && !workspace))
    fail(CUDA_ERROR_INVALID_VALUE, "a workspace of %zu bytes at %p; it must have %zu", bytes,
         workspace, job.workspace);
  CUstream stream = streamOf(handle->stream);
  if (stream->queue->context != handle->context)
    fail(CUDA_ERROR_INVALID_HANDLE, "the handle is of another device");
  job.alpha = *static_cast<const float *>(alpha);
  job.beta = *static_cast<const float *>(beta);
  job.imageAt = reinterpret_cast<uintptr_t>(image);
  job.filterAt = reinterpret_cast<uintptr_t>(filter);
  job.resultAt = reinterpret_cast<uintptr_t>(result);
  job.workspaceAt = reinterpret_cast<uintptr_t>(workspace);
  enqueue(stream, [job] { runConvolution(job); });
}

template <class T>
static void clear(Registry<T> &registry) {
  while (!registry.all().empty()) registry.remove(*registry.all().begin());
}

void releaseDnn() {
  clear(handles);
  clear(tensors);
  clear(filters);
  clear(convolutions);
  convolutionsRun = 0;
}

}  // namespace emu

using namespace emu;

size_t cudnnGetVersion() { return 91300; }
size_t cudnnGetCudartVersion() { return 13000; }

const char *cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
  }
  return "CUDNN_UNKNOWN_STATUS";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
  return dnnEntry("cudnnCreate", [&] {
    checkContext();
    required(handle, "the result") = handles.add(new cudnnContext{currentContext()});
  });
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return destroy("cudnnDestroy", handles, handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return dnnEntry("cudnnSetStream", [&] {
    handles.check(handle);
    streamOf(stream);
    handle->stream = stream;
  });
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *result) {
  return create("cudnnCreateTensorDescriptor", tensors, result);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  return destroy("cudnnDestroyTensorDescriptor", tensors, tensor);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  return dnnEntry("cudnnSetTensor4dDescriptor",
                  [&] { setSizes(*tensors.check(tensor), format, type, n, c, h, w); });
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *result) {
  return create("cudnnCreateFilterDescriptor", filters, result);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
  return destroy("cudnnDestroyFilterDescriptor", filters, filter);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  return dnnEntry("cudnnSetFilter4dDescriptor",
                  [&] { setSizes(*filters.check(filter), format, type, k, c, h, w); });
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *result) {
  return create("cudnnCreateConvolutionDescriptor", convolutions, result);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution) {
  return destroy("cudnnDestroyConvolutionDescriptor", convolutions, convolution);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int padH,
                                              int padW, int strideH, int strideW, int dilationH,
                                              int dilationW, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type) {
  return dnnEntry("cudnnSetConvolution2dDescriptor", [&] {
    auto &to = *convolutions.check(convolution);
    if (padH < 0 || padW < 0 || strideH < 1 || strideW < 1 || dilationH < 1 || dilationW < 1)
      fail(CUDA_ERROR_INVALID_VALUE, "padding %d, %d, stride %d, %d, dilation %d, %d", padH, padW,
           strideH, strideW, dilationH, dilationW);
    if (mode != CUDNN_CROSS_CORRELATION || type != CUDNN_DATA_FLOAT)
      throw Unsupported{"the emulator has cross-correlations that are computed in float32"};
    to = {padH, padW, strideH, strideW, dilationH, dilationW, to.groups};
  });
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convolution, int groups) {
  return dnnEntry("cudnnSetConvolutionGroupCount", [&] {
    auto &to = *convolutions.check(convolution);
    if (groups < 1) fail(CUDA_ERROR_INVALID_VALUE, "%d groups", groups);
    to.groups = groups;
  });
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution,
                                          cudnnMathType_t math) {
  return dnnEntry("cudnnSetConvolutionMathType", [&] {
    convolutions.check(convolution);
    if (math < 0 || math > 3) fail(CUDA_ERROR_INVALID_VALUE, "math type %d", math);
  });
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
    cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t algorithm,
    size_t *bytes) {
  constexpr auto name = "cudnnGetConvolutionForwardWorkspaceSize";
  return dnnEntry(name, [&] {
    required(bytes, "the result") =
        workspaceOf(described(name, Kind::forward, handle, x, w, c, y), algorithm);
  });
}
cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha,
                                      cudnnTensorDescriptor_t xDesc, const void *x,
                                      cudnnFilterDescriptor_t wDesc, const void *w,
                                      cudnnConvolutionDescriptor_t c,
                                      cudnnConvolutionFwdAlgo_t algorithm, void *workspace,
                                      size_t bytes, const void *beta,
                                      cudnnTensorDescriptor_t yDesc, void *y) {
  constexpr auto name = "cudnnConvolutionForward";
  return dnnEntry(name, [&] {
    submit(described(name, Kind::forward, handle, xDesc, wDesc, c, yDesc), handle, algorithm, alpha,
           beta, x, w, y, workspace, bytes);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t handle, cudnnFilterDescriptor_t w, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t dx,
    cudnnConvolutionBwdDataAlgo_t algorithm, size_t *bytes) {
  constexpr auto name = "cudnnGetConvolutionBackwardDataWorkspaceSize";
  return dnnEntry(name, [&] {
    required(bytes, "the result") =
        workspaceOf(described(name, Kind::backwardData, handle, dx, w, c, dy), algorithm);
  });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha,
                                           cudnnFilterDescriptor_t wDesc, const void *w,
                                           cudnnTensorDescriptor_t dyDesc, const void *dy,
                                           cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *workspace,
                                           size_t bytes, const void *beta,
                                           cudnnTensorDescriptor_t dxDesc, void *dx) {
  constexpr auto name = "cudnnConvolutionBackwardData";
  return dnnEntry(name, [&] {
    submit(described(name, Kind::backwardData, handle, dxDesc, wDesc, c, dyDesc), handle, algorithm,
           alpha, beta, dx, w, dy, workspace, bytes);
  });
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t handle, cudnnTensorDescriptor_t x, cudnnTensorDescriptor_t dy,
    cudnnConvolutionDescriptor_t c, cudnnFilterDescriptor_t dw,
    cudnnConvolutionBwdFilterAlgo_t algorithm, size_t *bytes) {
  constexpr auto name = "cudnnGetConvolutionBackwardFilterWorkspaceSize";
  return dnnEntry(name, [&] {
    required(bytes, "the result") =
        workspaceOf(described(name, Kind::backwardFilter, handle, x, dw, c, dy), algorithm);
  });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(
    cudnnHandle_t handle, const void *alpha, cudnnTensorDescriptor_t xDesc, const void *x,
    cudnnTensorDescriptor_t dyDesc, const void *dy, cudnnConvolutionDescriptor_t c,
    cudnnConvolutionBwdFilterAlgo_t algorithm, void *workspace, size_t bytes, const void *beta,
    cudnnFilterDescriptor_t dwDesc, void *dw) {
  constexpr auto name = "cudnnConvolutionBackwardFilter";
  return dnnEntry(name, [&] {
    submit(described(name, Kind::backwardFilter, handle, xDesc, dwDesc, c, dyDesc), handle,
           algorithm, alpha, beta, x, dw, dy, workspace, bytes);
  });
}
