// Streams as queues of work, events as places in them, and captures of work into graphs.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "device.h"

namespace emu {

using Work = std::function<void()>;

/// The queue of a stream. It outlives the stream where an event names a place in it.
struct Queue {
  struct Operation {
    Work run;
    /// Places in other queues that come first.
    std::vector<std::pair<std::shared_ptr<Queue>, uint64_t>> after;
  };
  CUcontext context;
  /// Whether it is ordered with the null stream.
  bool blocking;
  std::deque<Operation> waiting;
  uint64_t enqueued = 0, completed = 0;
};

/// The nodes of a graph, each after the one before.
struct Nodes {
  std::vector<Work> work;
  /// The kernels among them have parameters that can be changed.
  std::vector<bool> isKernel;
  /// What calls name them by.
  std::vector<std::unique_ptr<CUgraphNode_st>> handles;
  ~Nodes();
};

struct Capture {
  std::shared_ptr<Nodes> nodes = std::make_shared<Nodes>();
  /// The node that the next one comes after, as calls are told.
  CUgraphNode last = nullptr;
  CUstreamCaptureMode mode;
  /// The thread that began it, for the thread-local mode.
  unsigned long thread;
  bool invalidated = false;
};

}  // namespace emu

struct CUstream_st {
  std::shared_ptr<emu::Queue> queue;
  std::unique_ptr<emu::Capture> capture;
};

struct CUevent_st {
  bool timed;
  bool captured = false;
  std::shared_ptr<emu::Queue> queue;
  uint64_t place = 0;
  /// Seconds, written when the work before it has run.
  std::shared_ptr<double> time;
};

struct CUgraph_st {
  std::shared_ptr<emu::Nodes> nodes;
};

struct CUgraphNode_st {
  const emu::Nodes *graph;
  size_t place;
};

struct CUgraphExec_st {
  /// Only compared: the graph that it was made from.
  const emu::Nodes *graph;
  /// Launches that were submitted keep what they had: a change makes another list.
  std::shared_ptr<std::vector<emu::Work>> work;
};

namespace emu {

/// The stream of a handle; null is the default stream of the current context.
CUstream streamOf(CUstream handle);
/// Appends work: it runs at once, or at a wait in lazy mode, or it becomes a node of a capture.
void enqueue(CUstream stream, Work work, bool isKernel = false);
/// Gives a kernel of an executable graph other work, for the launches to come.
void replaceKernel(CUgraphExec executable, CUgraphNode node, Work work);
bool isCapturing(CUstream stream);
/// Invalidates the stream's capture and fails.
[[noreturn]] void forbidden(CUstream stream, const char *what);
/// Fails with 900 while a capture forbids calls like this one in this thread.
void forbidInCapture(const char *what);
/// The same for what no mode permits.
void forbidInEveryCapture(const char *what);
/// Runs all that was submitted to the stream, and fails if a kernel did.
void drain(CUstream stream);
/// The same for all streams of a context.
void drainContext(CUcontext context);
/// Forgets all streams, events and graphs, and the work in them.
void releaseStreams();

}  // namespace emu
