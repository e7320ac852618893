#include "fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdlib>

#include "memory.h"

namespace emu {

// Of the guarded body; there is one at a time, under the lock.
static volatile bool active = false;
static pthread_t activeThread;
static jmp_buf escape;
static const Running *running;
static CUresult faultCode;
static std::string faultMessage;

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
static struct sigaction previous[4];

void setFault(CUresult code, const std::string &message) {
  std::string where = running->program ? std::string(" of ") + running->program : "";
  if (running->where) where += " " + running->where();
  faultCode = code;
  faultMessage = formatted("kernel '%s'%s: %s", running->kernel, where.c_str(), message.c_str());
}

void abandon() { _longjmp(escape, 1); }

// "a write to" where the processor tells.
static const char *kindOf(const void *context) {
#if defined(__x86_64__)
  const auto error = static_cast<const ucontext_t *>(context)->uc_mcontext.gregs[REG_ERR];
  return error & 2 ? "a write to" : "a read of";
#else
  (void)context;
  return "an access to";
#endif
}

static void describe(int signal, const siginfo_t *info, const void *context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (signal == SIGFPE)
    setFault(CUDA_ERROR_LAUNCH_FAILED, "an integer division by zero, or one that overflows");
  else if (signal == SIGILL)
    setFault(CUDA_ERROR_LAUNCH_FAILED, "an illegal instruction");
  else if (signal == SIGBUS || info->si_code == SI_KERNEL)
    setFault(CUDA_ERROR_MISALIGNED_ADDRESS, "an access that is not aligned, or to no address");
  else
    setFault(CUDA_ERROR_ILLEGAL_ADDRESS,
             std::string(kindOf(context)) + " " +
                 (isManaged(address) ? describeAddress(address)
                                     : formatted("address 0x%zx, which is no memory of the device "
                                                 "(or the thread's stack overflowed)",
                                                 address)));
}

static void handle(int signal, siginfo_t *info, void *context) {
  if (active && pthread_equal(activeThread, pthread_self())) {
    describe(signal, info, context);
    abandon();
  }
  // Not of a kernel: WebAssembly's bounds checks and real crashes are someone else's.
  int index = 0;
  while (caught[index] != signal) index++;
  const struct sigaction &old = previous[index];
  if (old.sa_flags & SA_SIGINFO) {
    old.sa_sigaction(signal, info, context);
  } else if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) {
    sigaction(signal, &old, nullptr);  // the instruction runs again, and ends the process
  } else {
    old.sa_handler(signal);
  }
}

// A stack that overflowed cannot hold the handler: each thread that launches gets one for it.
struct SignalStack {
  static constexpr size_t bytes = 64 << 10;
  void *memory = nullptr;
  SignalStack() {
    stack_t existing;
    if (sigaltstack(nullptr, &existing) || !(existing.ss_flags & SS_DISABLE)) return;
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {};
    stack.ss_sp = memory;
    stack.ss_size = bytes;
    sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    if (!memory) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(memory, bytes);
  }
};

static void install() {
  static bool installed = false;
  static thread_local SignalStack stack;
  (void)stack;
  if (installed) return;
  installed = true;
  struct sigaction action = {};
  action.sa_sigaction = handle;
  // The handler is left by a jump, after which the signal must not stay blocked.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int i = 0; i < 4; i++) sigaction(caught[i], &action, &previous[i]);
}

bool guarded(CUcontext context, const Running &what, void (*body)(void *), void *argument) {
  install();
  running = &what;
  activeThread = pthread_self();
  if (_setjmp(escape)) {
    active = false;
    loseContext(context, faultCode, faultMessage);
    return false;
  }
  active = true;
  body(argument);
  active = false;
  return true;
}

}  // namespace emu
