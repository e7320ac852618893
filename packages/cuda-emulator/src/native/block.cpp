#include "block.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "fault.h"
#include "fiber.h"
#include "warp.h"

namespace emu {

// Of the launch that runs; there is one at a time, under the lock.
static const Grid *grid;
static State *state;
static unsigned threadCount;
static std::vector<Index3> coordinates;  // by thread
static std::vector<Index3> order;        // of the threads, for blocks that run as a loop
static uint64_t random64;

// Of the block that runs on fibers.
static Thread threads[maxThreadsPerBlock];
static Ready ready;
// By warp: lanes that have not left the kernel, and those of them that wait for others of the warp.
static uint32_t present[maxWarps], waitingLanes[maxWarps];
static unsigned running, exited, atBarrier, predicates;
static int barrierLine, voteResult;
static bool barrierDiffers;

static Fiber mainFiber, loopFiber, threadFibers[maxThreadsPerBlock];
static Fiber *fiberOf[maxThreadsPerBlock], *current = &mainFiber;

static void switchTo(Fiber &next) {
  Fiber &from = *current;
  if (&from == &next) return;
  current = &next;
  switchFiber(from, next);
}

static void resume(unsigned thread) {
  running = thread;
  state->thread = coordinates[thread];
  switchTo(*fiberOf[thread]);
}

static unsigned indexOf(const Index3 &t) {
  return t.x + grid->blockSize.x * (t.y + grid->blockSize.y * t.z);
}

std::string whereInGrid() {
  const Index3 &b = state->block, &t = state->thread;
  return formatted("block (%u,%u,%u) thread (%u,%u,%u)", b.x, b.y, b.z, t.x, t.y, t.z);
}

static const char *nameOf(Collective kind) {
  static const char *names[] = {"__syncwarp",      "__shfl_sync",     "__shfl_up_sync",
                                "__shfl_down_sync", "__shfl_xor_sync", "__ballot_sync",
                                "__any_sync",       "__all_sync"};
  return names[static_cast<int>(kind)];
}

// No thread can go on: says who waits where.
[[noreturn]] static void stuck() {
  unsigned atBlock = 0, atWarp = 0, first = threadCount, other = threadCount, lane = threadCount;
  for (unsigned t = 0; t < threadCount; t++) {
    if (threads[t].waiting == Waiting::block) {
      atBlock++;
      if (first == threadCount) first = t;
      if (threads[t].line != threads[first].line && other == threadCount) other = t;
    } else if (threads[t].waiting == Waiting::warp) {
      atWarp++;
      if (lane == threadCount) lane = t;
    }
  }
  if (atWarp) {
    const Thread &waits = threads[lane];
    setFault(CUDA_ERROR_LAUNCH_FAILED,
             formatted("%s at line %d with mask 0x%08x waits for lanes that do not come: %u threads "
                       "wait in warps, %u at a barrier of the block, %u have left the kernel",
                       nameOf(waits.kind), waits.line, waits.mask, atWarp, atBlock, exited));
  } else if (other < threadCount) {
    unsigned there = 0;
    for (unsigned t = 0; t < threadCount; t++)
      there += threads[t].waiting == Waiting::block && threads[t].line == threads[first].line;
    setFault(CUDA_ERROR_LAUNCH_FAILED,
             formatted("divergent barrier: %u threads wait at line %d, %u elsewhere, one of them at "
                       "line %d",
                       there, threads[first].line, atBlock - there, threads[other].line));
  } else {
    setFault(CUDA_ERROR_LAUNCH_FAILED,
             formatted("divergent barrier: %u threads wait at line %d, but %u of %u have left the "
                       "kernel",
                       atBlock, threads[first].line, exited, threadCount));
  }
  abandon();
}

static void yield() {
  if (!ready.any()) stuck();
  resume(ready.next(settings.order, running / lanes, random64));
}

// All threads of the block may run, each on its own fiber.
static void startThreads() {
  exited = atBarrier = 0;
  ready.reset(threadCount);
  for (unsigned w = 0; w < maxWarps; w++) {
    present[w] = ready.of(w);
    waitingLanes[w] = 0;
  }
  for (unsigned t = 0; t < threadCount; t++) {
    threads[t].waiting = Waiting::nothing;
    fiberOf[t] = &threadFibers[t];
  }
}

static void leave(unsigned thread) {
  threads[thread].waiting = Waiting::exited;
  present[thread / lanes] &= ~(1u << thread % lanes);
  ready.remove(thread);
  exited++;
}

// A thread of a loop waits: it keeps the loop's stack, those before it in the order have exited, and
// those after it get stacks of their own.
static void split() {
  const unsigned self = indexOf(state->thread), position = state->position;
  startThreads();
  for (unsigned i = 0; i < position; i++) {
    const unsigned t = indexOf(order[i]);
    leave(t);
  }
  fiberOf[self] = &loopFiber;
  running = self;
  state->split = true;
  *grid->cooperative = true;
}

static void beginWait() {
  if (current == &loopFiber && !state->split) split();
}

static int barrier(int line, Vote vote, int predicate) {
  beginWait();
  Thread &self = threads[running];
  const unsigned index = running;
  self.waiting = Waiting::block;
  self.line = line;
  if (atBarrier++ == 0) {
    predicates = 0;
    barrierDiffers = false;
    barrierLine = line;
  }
  barrierDiffers |= barrierLine != line;
  predicates += predicate != 0;
  ready.remove(index);
  if (atBarrier < threadCount) {
    yield();
    return voteResult;
  }
  if (barrierDiffers) stuck();
  for (unsigned t = 0; t < threadCount; t++) threads[t].waiting = Waiting::nothing;
  ready.reset(threadCount);
  atBarrier = 0;
  // Read by all before the next barrier is complete, and not written before that.
  voteResult = vote == Vote::all   ? predicates == threadCount
               : vote == Vote::any ? predicates > 0
                                   : static_cast<int>(predicates);
  resume(ready.first(settings.order, random64));
  return voteResult;
}

// What the lanes get, once all have come. Lanes outside of the mask, and those that have left, have
// no value: what is read from them is poison.
static void complete(unsigned firstThread, uint32_t come, Collective kind) {
  constexpr uint64_t poison = ~uint64_t{0};
  uint32_t set = 0;
  for (uint32_t rest = come; rest; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(__builtin_ctz(rest));
    if (threads[firstThread + lane].value) set |= 1u << lane;
  }
  for (uint32_t rest = come; rest; rest &= rest - 1) {
    Thread &thread = threads[firstThread + static_cast<unsigned>(__builtin_ctz(rest))];
    const auto source = static_cast<unsigned>(thread.source);
    switch (kind) {
      case Collective::ballot: thread.result = set; break;
      case Collective::any: thread.result = set != 0; break;
      case Collective::all: thread.result = set == come; break;
      case Collective::sync: thread.result = 0; break;
      default:
        thread.result = come >> source & 1 ? threads[firstThread + source].value : poison;
    }
    thread.waiting = Waiting::nothing;
  }
}

// Completes the collective that the thread waits in, if all lanes of its mask have come or left.
static void tryComplete(unsigned thread) {
  const unsigned warp = thread / lanes, firstThread = warp * lanes;
  const Thread &self = threads[thread];
  const uint32_t expected = self.mask & present[warp];
  if (expected & ~waitingLanes[warp]) return;
  for (uint32_t rest = expected; rest; rest &= rest - 1) {
    const Thread &other = threads[firstThread + static_cast<unsigned>(__builtin_ctz(rest))];
    if (other.mask != self.mask || other.kind != self.kind || other.line != self.line) return;
  }
  complete(firstThread, expected, self.kind);
  waitingLanes[warp] &= ~expected;
  ready.add(warp, expected);
}

static unsigned long collective(Collective kind, int line, unsigned mask, unsigned long value,
                                int source) {
  beginWait();
  const unsigned index = running;
  Thread &self = threads[index];
  if (!(mask >> index % lanes & 1)) {
    setFault(CUDA_ERROR_LAUNCH_FAILED, formatted("%s at line %d: lane %u is not in its mask 0x%08x",
                                                 nameOf(kind), line, index % lanes, mask));
    abandon();
  }
  self.waiting = Waiting::warp;
  self.kind = kind;
  self.line = line;
  self.mask = mask;
  self.value = value;
  self.source = source;
  ready.remove(index);
  waitingLanes[index / lanes] |= 1u << index % lanes;
  tryComplete(index);
  yield();
  return self.result;
}

static void failDevice(int error, const char *what, const char *file, int line) {
  setFault(static_cast<CUresult>(error), formatted("%s at %s(%d)", what, file, line));
  abandon();
}

const Runtime deviceRuntime = {barrier, collective, failDevice};

static void exitThread() {
  leave(running);
  if (exited == threadCount) {
    switchTo(mainFiber);
    return;
  }
  // Lanes that waited for this one wait no longer.
  const unsigned warp = running / lanes;
  for (uint32_t rest = waitingLanes[warp]; rest; rest &= rest - 1) {
    const unsigned t = warp * lanes + static_cast<unsigned>(__builtin_ctz(rest));
    if (threads[t].waiting == Waiting::warp) tryComplete(t);
  }
  yield();
}

// A fiber runs a thread of one block after the other.
static void fiberMain() {
  for (;;) {
    if (current == &loopFiber) {
      grid->kernel->block(grid->parameters, order.data(), threadCount);
      if (!state->split) {
        switchTo(mainFiber);
        continue;
      }
    } else {
      grid->kernel->thread(grid->parameters);
    }
    exitThread();
  }
}

void resetFibers() {
  current = &mainFiber;
  resetFiber(loopFiber, maxThreadsPerBlock, fiberMain);
  for (unsigned t = 0; t < maxThreadsPerBlock; t++)
    if (threadFibers[t].saved) resetFiber(threadFibers[t], t, fiberMain);
}

static void runBlock() {
  if (grid->sharedBytes) memset(grid->shared, 0xff, grid->sharedBytes);
  if (grid->dynamicBytes) memset(state->dynamicShared, 0xff, grid->dynamicBytes);
  state->split = false;
  if (!*grid->cooperative) {
    switchTo(loopFiber);
    return;
  }
  startThreads();
  resume(ready.first(settings.order, random64));
}

template <class T>
static void shuffle(std::vector<T> &values) {
  for (size_t i = values.size(); i > 1; i--) {
    random64 = random64 * 6364136223846793005u + 1442695040888963407u;
    std::swap(values[i - 1], values[(random64 >> 33) % i]);
  }
}

static void arrangeThreads() {
  const Index3 &n = grid->blockSize;
  coordinates.clear();
  for (unsigned z = 0; z < n.z; z++)
    for (unsigned y = 0; y < n.y; y++)
      for (unsigned x = 0; x < n.x; x++) coordinates.push_back({x, y, z});
  order = coordinates;
  if (settings.order == Order::reverse) std::reverse(order.begin(), order.end());
  if (settings.order == Order::random) shuffle(order);
}

void runGrid(const Grid &launch) {
  static uint64_t launches = 0;
  grid = &launch;
  state = launch.state;
  state->blockSize = launch.blockSize;
  state->gridSize = launch.gridSize;
  threadCount = launch.blockSize.x * launch.blockSize.y * launch.blockSize.z;
  random64 = (settings.seed + ++launches) * 0x9e3779b97f4a7c15u | 1;
  arrangeThreads();
  if (!loopFiber.saved) resetFibers();
  for (unsigned t = 0; t < threadCount; t++)
    if (!threadFibers[t].saved) resetFiber(threadFibers[t], t, fiberMain);
  const Index3 &n = launch.gridSize;
  const uint64_t blocks = uint64_t{n.x} * n.y * n.z;
  // Static, since a fault leaves this function by a jump.
  static std::vector<unsigned> blockOrder;
  blockOrder.clear();
  if (settings.order == Order::random && blocks <= 1u << 20) {
    blockOrder.resize(blocks);
    std::iota(blockOrder.begin(), blockOrder.end(), 0u);
    shuffle(blockOrder);
  }
  for (uint64_t i = 0; i < blocks; i++) {
    const uint64_t b = !blockOrder.empty()                   ? blockOrder[i]
                       : settings.order == Order::reverse ? blocks - 1 - i
                                                          : i;
    state->block = {static_cast<unsigned>(b % n.x), static_cast<unsigned>(b / n.x % n.y),
                    static_cast<unsigned>(b / n.x / n.y)};
    runBlock();
  }
}

}  // namespace emu
