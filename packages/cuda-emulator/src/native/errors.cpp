// Names and texts of errors. The text carries the last message: a caller that shows CUDA's text for
// an error shows which kernel did what.
#include <cstring>
#include <map>

#include "core.h"
#include "prototypes.h"

namespace emu {

struct ErrorText {
  const char *name, *text;
};

static const std::map<int, ErrorText> errorTexts = {
    {0, {"CUDA_SUCCESS", "no error"}},
    {1, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {2, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {3, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
    {100, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {101, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {200, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {201, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for the device"}},
    {400, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {500, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {600, {"CUDA_ERROR_NOT_READY", "device not ready"}},
    {700, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {710, {"CUDA_ERROR_ASSERT", "device-side assert triggered"}},
    {716, {"CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"}},
    {719, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {900, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "not permitted when stream is capturing"}},
    {901, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "a previous error invalidated the capture"}},
    {902, {"CUDA_ERROR_STREAM_CAPTURE_MERGE", "a dependency would merge two captures"}},
    {903, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the capture was not begun in this stream"}},
    {907, {"CUDA_ERROR_CAPTURED_EVENT", "the event was last recorded in a capture"}},
};

}  // namespace emu

using namespace emu;

CUresult cuGetErrorName(CUresult code, const char **name) {
  const auto found = errorTexts.find(code);
  if (!name) return CUDA_ERROR_INVALID_VALUE;
  *name = found == errorTexts.end() ? nullptr : found->second.name;
  return *name ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult code, const char **text) {
  // The caller reads the text before its next call, as it reads every result of this library.
  static thread_local std::string held;
  const auto found = errorTexts.find(code);
  if (!text) return CUDA_ERROR_INVALID_VALUE;
  *text = nullptr;
  if (found == errorTexts.end()) return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard<std::mutex> guard(lock);
  held = found->second.text;
  if (code && code != CUDA_ERROR_NOT_READY && !lastMessage.empty()) held += " (" + lastMessage + ")";
  *text = held.c_str();
  return CUDA_SUCCESS;
}
