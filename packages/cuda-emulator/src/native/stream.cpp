#include "stream.h"

#include <pthread.h>

#include <chrono>

#include "prototypes.h"

namespace emu {

static Registry<CUstream_st> streams("stream");
static Registry<CUevent_st> events("event");
static Registry<CUgraph_st> graphs("graph");
static Registry<CUgraphExec_st> executables("executable graph");
static std::unordered_set<CUgraphNode> graphNodes;
static CUstream_st defaultStreams[maxDevices];

static double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static void step(Queue &queue);

static void runUntil(Queue &queue, uint64_t place) {
  while (queue.completed < place) step(queue);
}

static void step(Queue &queue) {
  Queue::Operation operation = std::move(queue.waiting.front());
  queue.waiting.pop_front();
  for (const auto &[other, place] : operation.after) runUntil(*other, place);
  // After a fault nothing of the context runs any more.
  if (!queue.context->fault) operation.run();
  queue.completed++;
}

static std::shared_ptr<Queue> makeQueue(CUcontext context, bool blocking) {
  auto queue = std::make_shared<Queue>();
  queue->context = context;
  queue->blocking = blocking;
  return queue;
}

static CUstream defaultStream(CUcontext context) {
  CUstream stream = &defaultStreams[context->device];
  if (!stream->queue) stream->queue = makeQueue(context, true);
  return stream;
}

CUstream streamOf(CUstream handle) {
  CUcontext context = currentContext();
  if (!handle) return defaultStream(context);
  CUstream stream = streams.check(handle);
  if (stream->queue->context != context)
    fail(CUDA_ERROR_INVALID_HANDLE, "the stream is of device %d, the current context of device %d",
         stream->queue->context->device, context->device);
  return stream;
}

bool isCapturing(CUstream stream) { return stream->capture != nullptr; }

static void checkCapture(CUstream stream) {
  if (stream->capture && stream->capture->invalidated)
    fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call invalidated the capture");
}

void forbidden(CUstream stream, const char *what) {
  stream->capture->invalidated = true;
  fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "%s is not permitted while the stream is capturing",
       what);
}

void forbidInEveryCapture(const char *what) {
  for (CUstream stream : streams.all())
    if (stream->capture) forbidden(stream, what);
}

void forbidInCapture(const char *what) {
  for (CUstream stream : streams.all()) {
    const Capture *capture = stream->capture.get();
    if (!capture || capture->mode == CU_STREAM_CAPTURE_MODE_RELAXED) continue;
    if (capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL || capture->thread == pthread_self())
      forbidden(stream, what);
  }
}

Nodes::~Nodes() {
  for (const auto &node : handles) graphNodes.erase(node.get());
}

static void append(Capture &capture, Work work, bool isKernel) {
  Nodes &nodes = *capture.nodes;
  nodes.handles.push_back(std::make_unique<CUgraphNode_st>(CUgraphNode_st{&nodes, nodes.work.size()}));
  nodes.work.push_back(std::move(work));
  nodes.isKernel.push_back(isKernel);
  capture.last = nodes.handles.back().get();
  graphNodes.insert(capture.last);
}

void replaceKernel(CUgraphExec handle, CUgraphNode node, Work work) {
  CUgraphExec executable = executables.check(handle);
  if (!graphNodes.count(node))
    fail(CUDA_ERROR_INVALID_VALUE, "%p is no node of a graph that is still there",
         static_cast<void *>(node));
  if (node->graph != executable->graph)
    fail(CUDA_ERROR_INVALID_VALUE, "the node is of another graph than the executable one");
  if (!node->graph->isKernel[node->place])
    fail(CUDA_ERROR_INVALID_VALUE, "node %zu is no kernel", node->place);
  if (executable->work.use_count() > 1)
    executable->work = std::make_shared<std::vector<Work>>(*executable->work);
  (*executable->work)[node->place] = std::move(work);
}

void enqueue(CUstream stream, Work work, bool isKernel) {
  checkCapture(stream);
  if (stream->capture) {
    append(*stream->capture, std::move(work), isKernel);
    return;
  }
  Queue &queue = *stream->queue;
  Queue::Operation operation{std::move(work), {}};
  // The default stream and the blocking streams wait for each other.
  CUstream legacy = defaultStream(queue.context);
  if (stream == legacy) {
    for (CUstream other : streams.all())
      if (other->queue->blocking && other->queue->context == queue.context)
        operation.after.emplace_back(other->queue, other->queue->enqueued);
  } else if (queue.blocking) {
    operation.after.emplace_back(legacy->queue, legacy->queue->enqueued);
  }
  queue.waiting.push_back(std::move(operation));
  queue.enqueued++;
  if (!settings.lazy) runUntil(queue, queue.enqueued);
}

static void finish(Queue &queue, uint64_t place) {
  runUntil(queue, place);
  if (queue.context->fault) throw Failure{queue.context->fault, queue.context->faultMessage};
}

void drain(CUstream stream) {
  if (stream->capture) forbidden(stream, "a wait");
  finish(*stream->queue, stream->queue->enqueued);
}

void drainContext(CUcontext context) {
  for (CUstream stream : streams.all())
    if (stream->queue->context == context) runUntil(*stream->queue, stream->queue->enqueued);
  CUstream stream = defaultStream(context);
  finish(*stream->queue, stream->queue->enqueued);
}

void releaseStreams() {
  while (!graphs.all().empty()) graphs.remove(*graphs.all().begin());
  while (!executables.all().empty()) executables.remove(*executables.all().begin());
  while (!events.all().empty()) events.remove(*events.all().begin());
  while (!streams.all().empty()) streams.remove(*streams.all().begin());
  for (CUstream_st &stream : defaultStreams) stream.queue.reset();
}

// Whether the work before the event has run. In lazy mode each look runs one piece of it, so that
// polling gets there and everything else meets work that has not run.
static bool reached(CUevent event) {
  if (!event->queue || event->queue->completed >= event->place) return true;
  step(*event->queue);
  if (event->queue->context->fault)
    throw Failure{event->queue->context->fault, event->queue->context->faultMessage};
  return false;
}

static CUevent recordedOutside(CUevent handle, const char *what) {
  CUevent event = events.check(handle);
  if (event->captured) fail(CUDA_ERROR_CAPTURED_EVENT, "%s of an event recorded in a capture", what);
  return event;
}

}  // namespace emu

using namespace emu;

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) {
  return entry("cuStreamCreate", [&] {
    if (flags & ~CU_STREAM_NON_BLOCKING) fail(CUDA_ERROR_INVALID_VALUE, "flags 0x%x", flags);
    auto *created = new CUstream_st;
    created->queue = makeQueue(currentContext(), !(flags & CU_STREAM_NON_BLOCKING));
    required(stream, "stream") = streams.add(created);
  });
}

CUresult cuStreamDestroy_v2(CUstream handle) {
  return entry("cuStreamDestroy", [&] {
    CUstream stream = streams.check(handle);
    if (stream->capture) forbidden(stream, "destroying it");
    runUntil(*stream->queue, stream->queue->enqueued);
    streams.remove(stream);
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return entry("cuStreamSynchronize", [&] { drain(streamOf(handle)); });
}

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return entry("cuStreamBeginCapture", [&] {
    if (!handle)
      fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
    CUstream stream = streamOf(handle);
    if (stream->capture) fail(CUDA_ERROR_INVALID_VALUE, "the stream is capturing already");
    if (mode < 0 || mode > 2) fail(CUDA_ERROR_INVALID_VALUE, "mode %d", mode);
    stream->capture = std::make_unique<Capture>();
    stream->capture->mode = mode;
    stream->capture->thread = pthread_self();
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  return entry("cuStreamEndCapture", [&] {
    CUstream stream = streamOf(handle);
    if (!stream->capture) fail(CUDA_ERROR_INVALID_VALUE, "the stream is not capturing");
    const std::unique_ptr<Capture> capture = std::move(stream->capture);
    required(graph, "graph") = nullptr;
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != pthread_self())
      fail(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "another thread began the capture");
    if (capture->invalidated)
      fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call invalidated the capture");
    *graph = graphs.add(new CUgraph_st{capture->nodes});
  });
}

// The graph of a capture is no handle here, and edges have no data.
static void captureInfo(CUstream handle, CUstreamCaptureStatus *status, cuuint64_t *id,
                        CUgraph *graph, const CUgraphNode **nodes, size_t *count) {
  CUstream stream = streamOf(handle);
  const Capture *capture = stream->capture.get();
  required(status, "status") = !capture               ? CU_STREAM_CAPTURE_STATUS_NONE
                               : capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                                      : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  checkCapture(stream);
  if (id || graph) fail(CUDA_ERROR_INVALID_VALUE, "id and graph are not emulated");
  if (!capture) return;
  if (nodes) *nodes = &capture->last;
  if (count) *count = capture->last ? 1 : 0;
}

CUresult cuStreamGetCaptureInfo_v2(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
                                   CUgraph *graph, const CUgraphNode **nodes, size_t *count) {
  return entry("cuStreamGetCaptureInfo",
               [&] { captureInfo(stream, status, id, graph, nodes, count); });
}

CUresult cuStreamGetCaptureInfo_v3(CUstream stream, CUstreamCaptureStatus *status, cuuint64_t *id,
                                   CUgraph *graph, const CUgraphNode **nodes,
                                   const CUgraphEdgeData **edges, size_t *count) {
  return entry("cuStreamGetCaptureInfo", [&] {
    captureInfo(stream, status, id, graph, nodes, count);
    if (edges) *edges = nullptr;
  });
}

CUresult cuEventCreate(CUevent *event, unsigned int flags) {
  return entry("cuEventCreate", [&] {
    currentContext();
    if (flags & ~3u) fail(CUDA_ERROR_INVALID_VALUE, "flags 0x%x", flags);
    auto *created = new CUevent_st;
    created->timed = !(flags & CU_EVENT_DISABLE_TIMING);
    required(event, "event") = events.add(created);
  });
}

CUresult cuEventDestroy_v2(CUevent event) {
  return entry("cuEventDestroy", [&] { events.remove(event); });
}

CUresult cuEventRecord(CUevent handle, CUstream streamHandle) {
  return entry("cuEventRecord", [&] {
    CUevent event = events.check(handle);
    CUstream stream = streamOf(streamHandle);
    event->captured = isCapturing(stream);
    auto time = std::make_shared<double>(0);
    enqueue(stream, [time] { *time = seconds(); });
    event->time = time;
    event->queue = event->captured ? nullptr : stream->queue;
    event->place = stream->queue->enqueued;
  });
}

CUresult cuEventQuery(CUevent handle) {
  return entry("cuEventQuery", [&] {
    forbidInCapture("a look at an event");
    if (!reached(recordedOutside(handle, "a look"))) fail(CUDA_ERROR_NOT_READY, "not reached");
  });
}

CUresult cuEventSynchronize(CUevent handle) {
  return entry("cuEventSynchronize", [&] {
    forbidInCapture("a wait");
    CUevent event = recordedOutside(handle, "a wait");
    if (event->queue) finish(*event->queue, event->place);
  });
}

CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent first, CUevent second) {
  return entry("cuEventElapsedTime", [&] {
    for (CUevent handle : {first, second}) {
      CUevent event = recordedOutside(handle, "the time");
      if (!event->timed) fail(CUDA_ERROR_INVALID_HANDLE, "the event was made without timing");
      if (!event->queue) fail(CUDA_ERROR_INVALID_HANDLE, "the event was not recorded");
    }
    for (CUevent event : {first, second})
      if (!reached(event)) fail(CUDA_ERROR_NOT_READY, "not reached");
    required(milliseconds, "milliseconds") = static_cast<float>((*second->time - *first->time) * 1e3);
  });
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph,
                                     unsigned long long flags) {
  return entry("cuGraphInstantiate", [&] {
    currentContext();
    if (flags & ~1ull) fail(CUDA_ERROR_INVALID_VALUE, "flags 0x%llx are not emulated", flags);
    const Nodes &nodes = *graphs.check(graph)->nodes;
    required(executable, "executable") = executables.add(
        new CUgraphExec_st{&nodes, std::make_shared<std::vector<Work>>(nodes.work)});
  });
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream handle) {
  return entry("cuGraphLaunch", [&] {
    CUstream stream = streamOf(handle);
    CUcontext context = stream->queue->context;
    enqueue(stream, [work = executables.check(executable)->work, context] {
      for (const Work &node : *work)
        if (!context->fault) node();
    });
  });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return entry("cuGraphDestroy", [&] { graphs.remove(graph); });
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
  return entry("cuGraphExecDestroy", [&] { executables.remove(executable); });
}
