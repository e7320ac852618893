// How the emulator calls a kernel: generated code at the end of each source makes a table of these.
#pragma once
#pragma GCC system_header

namespace emu {

template <class Signature>
struct Parameters;

template <class... T>
struct Parameters<void(T...)> {
  static constexpr unsigned count = sizeof...(T);
  static constexpr unsigned sizes[count + 1] = {sizeof(T)..., 0};
  static constexpr unsigned alignments[count + 1] = {alignof(T)..., 0};
};

template <unsigned... I>
struct Indices {};
template <class Left, unsigned N>
struct Append;
template <unsigned... I, unsigned N>
struct Append<Indices<I...>, N> {
  using type = Indices<I..., N>;
};
template <unsigned N>
struct Count {
  using type = typename Append<typename Count<N - 1>::type, N - 1>::type;
};
template <>
struct Count<0> {
  using type = Indices<>;
};

template <auto *kernel, class Signature>
struct Entry;

template <auto *kernel, class... T>
struct Entry<kernel, void(T...)> {
  template <unsigned... I>
  static void call(void *const *p, Indices<I...>) {
    kernel(*static_cast<T *>(p[I])...);
  }
  static void thread(void *const *p) { call(p, typename Count<sizeof...(T)>::type()); }
  static void block(void *const *p, const Index3 *order, unsigned count) {
    for (unsigned i = 0; i < count && !state.split; i++) {
      state.thread = order[i];
      state.position = i;
      thread(p);
    }
  }
};

template <class T>
struct Pointee;
template <class T>
struct Pointee<T *> {
  using type = T;
};

template <auto *kernel>
constexpr Kernel describe(const char *name, unsigned maxThreads) {
  using Signature = typename Pointee<decltype(kernel)>::type;
  return {name,
          Parameters<Signature>::count,
          Parameters<Signature>::sizes,
          Parameters<Signature>::alignments,
          maxThreads,
          &Entry<kernel, Signature>::thread,
          &Entry<kernel, Signature>::block};
}

}  // namespace emu
