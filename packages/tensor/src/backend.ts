/**
 * The Backend contract: the page to read first when writing a device.
 *
 * A backend owns memory and runs kernels. It knows nothing of tensors, gradients, scopes or layers.
 * It works from the day its memory, {@link Backend.map | map} and {@link Backend.reduce | reduce}
 * work: every kernel of {@link Kernels} that it lacks runs as a composition of those two (written
 * once, in `kernels/`), and that composition stays as the slow twin that a fast kernel is tested
 * against.
 *
 * What a backend promises:
 *
 * 1. **Order.** Calls take effect in the order they are made. They may run later (a GPU queue), but
 *    nobody can see a result out of order.
 * 2. **Reads are the only waits.** `read`, `readSync` and `sync` wait for the work before them;
 *    nothing else blocks. An error of earlier work surfaces there, with the name of the op.
 * 3. **Freed memory** may be handed out again by the next `alloc`: by rule 1 the work submitted
 *    before has the old contents. Fresh memory holds garbage.
 * 4. **Aliasing.** An output may share a buffer with an input only when both address the same
 *    element at the same index (an optimizer updating its parameter in place), and outputs never
 *    overlap each other. Within that rule every read of an index happens before its write.
 * 5. **Numbers.** NaN and infinities travel as IEEE 754 says; `min`, `max` and comparisons treat
 *    NaN as `program/scalar.ts` states. Sums of floats are no less accurate than pairwise
 *    summation of blocks. The same program on the same data gives the same bits every time.
 */
import type { DType } from './dtype.ts'
import type { Program } from './program/program.ts'

/** A piece of device memory. Only its backend looks inside. */
export interface DeviceBuffer {
  readonly bytes: number
}

/**
 * A window on a buffer: element `[i, j, ...]` is at `offset + i * strides[0] + j * strides[1] ...`,
 * counted in elements. A stride of 0 repeats (broadcasting), a negative one walks backwards, and
 * strides smaller than an extent overlap (sliding windows); outputs never repeat or overlap.
 */
export interface View {
  readonly buffer: DeviceBuffer
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset: number
}

/** How {@link Backend.reduce} joins two partial results. `argmax` and `argmin` give the first index (i32). */
export type Combine = 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin'

/**
 * A reduction: `program` on every element of the iteration space, `combine` over the reduced axes,
 * then `finish` on each result (its first input is the combined value; it sees the same scalars, no
 * other inputs, and no `index` or `position`). The neutral elements are 0, 1, -Infinity and +Infinity
 * (for integers the smallest and largest value); bool has no sum and no product. NaN wins in `max` and
 * `min`, and its first position in `argmax` and `argmin`. The index of `argmax` counts the reduced
 * axes in row-major order.
 */
export interface Reduction {
  readonly program: Program
  readonly combine: Combine
  readonly finish?: Program
}

/** Where a convolution reads: input row = `oh * stride[0] - padding[0] + kh * dilation[0]`. Sizes come from the views. */
export interface ConvGeometry {
  readonly stride: readonly [height: number, width: number]
  /** Zeros above and to the left; those below and to the right follow from the output's size. */
  readonly padding: readonly [top: number, left: number]
  readonly dilation: readonly [height: number, width: number]
  readonly groups: number
}

/** Where a pooling window reads, as {@link ConvGeometry}; positions outside the input do not take part. */
export interface PoolGeometry {
  readonly kernel: readonly [height: number, width: number]
  readonly stride: readonly [height: number, width: number]
  readonly padding: readonly [top: number, left: number]
  readonly dilation: readonly [height: number, width: number]
}

/** How {@link Kernels.cumulative} joins a value with those before it. */
export type Scan = 'sum' | 'prod' | 'max' | 'min' | 'logsumexp'

/**
 * The special kernels, each optional. N images, H W rows and columns, C channels, K output
 * channels, R S kernel rows and columns, G groups. Views may be strided unless a line says
 * "contiguous"; outputs hold garbage on entry unless a line says otherwise.
 *
 * Kernels see f32 (and what a line names); of f16 and bf16 only those in {@link Backend.halfKernels}.
 */
export interface Kernels {
  /** `out[..., m, n] = sum_k a[..., m, k] * b[..., k, n]`; leading axes are equal (broadcast axes have stride 0). */
  matmul(a: View, b: View, out: View): void
  /** `out = a b + c`, with a and b as in matmul; c has out's shape, in which it may repeat (a bias has stride 0 along the rows). */
  addmm(a: View, b: View, c: View, out: View): void
  /** x `[N, H, W, C]`, weight `[R, S, C/G, K]`, out `[N, OH, OW, K]`; all contiguous. */
  conv2d(x: View, weight: View, out: View, geometry: ConvGeometry): void
  /** The gradient of conv2d for x: dy `[N, OH, OW, K]`, weight, dx `[N, H, W, C]`; all contiguous. */
  conv2dGradInput(dy: View, weight: View, dx: View, geometry: ConvGeometry): void
  /** The gradient of conv2d for the weight: x, dy, dw `[R, S, C/G, K]`; all contiguous. */
  conv2dGradWeight(x: View, dy: View, dw: View, geometry: ConvGeometry): void
  /**
   * x `[N, H, W, C]` to values and indices `[N, OH, OW, C]`, all contiguous. An index (i32) is
   * `h * W + w` of the first maximum in row-major window order; NaN counts as the largest.
   */
  maxPool2d(x: View, values: View, indices: View, geometry: PoolGeometry): void
  /** x `[N, H, W, C]` to out `[N, OH, OW, C]`, contiguous: the sum of each window (padding adds nothing). */
  sumPool2d(x: View, out: View, geometry: PoolGeometry): void
  /** The gradient of sumPool2d: dy `[N, OH, OW, C]` to dx `[N, H, W, C]`; contiguous. */
  sumPool2dGrad(dy: View, dx: View, geometry: PoolGeometry): void
  /** `out[i0, .., ia, ..] = x[i0, .., index[i0, .., ia, ..], ..]` on one axis; index is i32 with out's shape, in range. */
  gather(x: View, index: View, out: View, axis: number): void
  /** `out[i0, .., index[i0, .., ia, ..], ..] += src[i0, .., ia, ..]`; out keeps what it holds. Equal indices add in order. */
  scatterAdd(out: View, index: View, src: View, axis: number): void
  /** Where the elements of the sorted axis come from (indices: i32, of x's shape): stable; NaN counts as the largest number. x is f32, i32 or u32. */
  sort(x: View, indices: View, axis: number, descending: boolean): void
  /** `out[.., i, ..]` joins `x[.., 0, ..]` to `x[.., i, ..]`, of f32, i32 or u32 (logsumexp f32 only); sums of floats are no less accurate than one after the other. NaN wins in `max` and `min`. */
  cumulative(x: View, out: View, axis: number, combine: Scan): void
}

export interface MemoryInfo {
  /** Buffers handed out and not freed. */
  readonly buffers: number
  /** Bytes asked for by those buffers. */
  readonly bytes: number
  /** The most that `bytes` has been since the backend was made or {@link Backend.resetPeak} was called. */
  readonly peakBytes: number
}

/** A device: memory, two general kernels, and whatever special ones it has. The promises are at the top of this page. */
export interface Backend {
  /** `'reference' | 'cpu' | 'webgpu' | 'cuda'` */
  readonly name: string
  /** What a tensor on this device may hold: always f32, i32, u32 and bool. */
  readonly dtypes: ReadonlySet<DType>
  /**
   * The kernels that take f16 and bf16 (all data operands of one such dtype, sums in f32), where the
   * device has those. The others are given f32 copies.
   */
  readonly halfKernels?: ReadonlySet<keyof Kernels>

  /** Memory for `bytes` bytes (0 is allowed); throws a DeviceError with what was asked and held when there is none. */
  alloc(bytes: number): DeviceBuffer
  free(buffer: DeviceBuffer): void
  /** Copies host bytes in, from byte `offset` on. The host memory may be reused when the call returns. */
  write(buffer: DeviceBuffer, data: ArrayBufferView, offset?: number): void
  /** A copy of the whole buffer, once all work before is done. */
  read(buffer: DeviceBuffer): Promise<ArrayBuffer>
  /** The same at once, on devices that can. */
  readSync?(buffer: DeviceBuffer): ArrayBuffer
  memory(): MemoryInfo
  resetPeak(): void

  /**
   * Runs `program` once for each index. All views have one shape; input `i` of the program is
   * element `index` of `inputs[i]`, output `i` goes to `outputs[i]`; `scalars` are the program's
   * runtime constants. Inputs and outputs may be f16 or bf16: programs only ever `cast` such an
   * input to f32 and an f32 to such an output, or hand an input on as it is.
   */
  map(
    program: Program,
    inputs: readonly View[],
    outputs: readonly View[],
    scalars?: readonly number[],
  ): void

  /**
   * All inputs have one shape, the iteration space. The output has the same rank; an axis is reduced
   * where the output's size is 1 and the inputs' is not. Values are combined in f32 where inputs are
   * f16 or bf16; `finish` casts to such an output.
   */
  reduce(
    reduction: Reduction,
    inputs: readonly View[],
    output: View,
    scalars?: readonly number[],
  ): void

  readonly kernels: Partial<Kernels>

  /**
   * There only while calls are recorded, to be made again by a replay: has `update` called before each
   * replay, in the order of registration, and `finish` when the recording ends. A replay reads the
   * arrays of scalars anew that `map` and `reduce` were given, so `update` writes what changes from run
   * to run (the rate of an optimizer, the key of a random draw) into such an array. Nothing is computed
   * while recording; nothing should be counted either.
   */
  readonly onReplay?: ((update: () => void, finish?: () => void) => void) | undefined

  /** Resolves when everything submitted has run. */
  sync(): Promise<void>
  /**
   * Gives all memory back. Any later call is a DeviceError, but for `free`, which does nothing:
   * tensors may outlive their device, and the garbage collector lets go of them at any time.
   */
  dispose(): void
}
