/** CUDA C as kernels use it: indices, vectors, memory kinds, functions, collectives. */
import { beforeEach, expect, it } from 'vitest'
import { Gpu, opened, suite } from './driver.ts'

suite('a kernel may use', () => {
  let gpu: Gpu
  beforeEach(() => {
    opened().controls().reset()
    gpu = new Gpu()
  })

  /** What a kernel of one block writes to `out`. */
  function run(body: string, count: number, threads = 1, prelude = '', shared = 0): number[] {
    const k = gpu.kernel(`${prelude}\nextern "C" __global__ void k(float* out) { ${body} }`)
    const out = gpu.alloc(4 * count)
    gpu.launch(k, 1, threads, [out], { shared })
    return [...gpu.download(out, count)]
  }

  it('indices in three dimensions', () => {
    const k = gpu.kernel(`extern "C" __global__ void k(int* out) {
      const int t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
      const int b = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
      out[b * blockDim.x * blockDim.y * blockDim.z + t] = b * 100 + t;
    }`)
    const out = gpu.alloc(4 * 24 * 6)
    gpu.launch(k, [1, 2, 3], [2, 3, 4], [out])
    const seen = new Int32Array(gpu.download(out, 144).buffer)
    expect([...seen]).toEqual(
      Array.from({ length: 144 }, (_, i) => Math.floor(i / 24) * 100 + (i % 24)),
    )
  })

  it('parameters of every size, by value', () => {
    const k = gpu.kernel(`struct Pair { int a; double b; };
      extern "C" __global__ void k(float* out, int i, float f, long long l, unsigned char c) {
        out[0] = i; out[1] = f; out[2] = l; out[3] = c; }`)
    const out = gpu.alloc(16)
    gpu.launch(k, 1, 1, [out, { int: -3 }, { float: 0.5 }, 2 ** 40, 7])
    expect([...gpu.download(out, 4)]).toEqual([-3, 0.5, 2 ** 40, 7])
  })

  it('vectors, and loads of them', () => {
    expect(
      run(
        `float4 v = make_float4(1, 2, 3, 4); *reinterpret_cast<float4*>(out) = v;
      uint2 u = make_uint2(5, 6); out[1] += u.y; out[3] += sizeof(int4) + alignof(float2);`,
        4,
      ),
    ).toEqual([1, 8, 3, 28])
  })

  it('dynamic shared memory, declared in the kernel or in the file', () => {
    const body =
      's[threadIdx.x] = threadIdx.x; __syncthreads(); out[threadIdx.x] = s[3 - threadIdx.x];'
    const inside = `extern __shared__ __align__(16) float s[]; ${body}`
    expect(run(inside, 4, 4, '', 16)).toEqual([3, 2, 1, 0])
    expect(run(body, 4, 4, 'extern __shared__ float s[];', 16)).toEqual([3, 2, 1, 0])
    expect(
      run(`extern __shared__ unsigned char raw[]; float* s = (float*)raw; ${body}`, 4, 4, '', 16),
    ).toEqual([3, 2, 1, 0])
  })

  it('constants, templates and device functions', () => {
    const prelude = `__constant__ float table[2] = {3, 4};
      template <typename T> __device__ __forceinline__ T twice(T x) { return x + x; }
      static __device__ __noinline__ float load(const float* __restrict__ p) { return __ldg(p); }`
    expect(run('out[0] = twice(load(table + 1)); out[1] = twice(3);', 2, 1, prelude)).toEqual([
      8, 6,
    ])
  })

  it('atomics', () => {
    const prelude = '__device__ int cell; __device__ float sum; __device__ unsigned top, low = 9;'
    expect(
      run(
        `atomicAdd(&sum, 0.5f); atomicMax(&top, threadIdx.x); atomicMin(&low, threadIdx.x + 2u);
         if (threadIdx.x == 7) { atomicExch(&cell, 5); atomicCAS(&cell, 5, 6); atomicCAS(&cell, 5, 9);
           atomicOr(&cell, 8); atomicSub(&cell, 1); }
         __syncthreads();
         if (threadIdx.x == 0) { out[0] = sum; out[1] = top; out[2] = low; out[3] = cell; }`,
        4,
        64,
        prelude,
      ),
    ).toEqual([32, 63, 2, 13])
  })

  it('shuffles, of 4 and of 8 bytes', () => {
    const lanes = (expression: string) =>
      run(`const int t = threadIdx.x; float v = t; out[t] = ${expression};`, 32, 32)
    const expected = (of: (t: number) => number) => Array.from({ length: 32 }, (_, t) => of(t))
    expect(lanes('__shfl_sync(~0u, v, 5)')).toEqual(expected(() => 5))
    expect(lanes('__shfl_sync(~0u, v, t + 1, 8)')).toEqual(
      expected((t) => (t & ~7) + ((t + 1) & 7)),
    )
    expect(lanes('__shfl_up_sync(~0u, v, 2)')).toEqual(expected((t) => (t < 2 ? t : t - 2)))
    expect(lanes('__shfl_down_sync(~0u, v, 2, 16)')).toEqual(
      expected((t) => (t % 16 > 13 ? t : t + 2)),
    )
    expect(lanes('__shfl_xor_sync(~0u, v, 3)')).toEqual(expected((t) => t ^ 3))
    expect(lanes('__shfl_xor_sync(~0u, 1e9 * v, 1) / 1e9')).toEqual(expected((t) => t ^ 1))
    expect(lanes('__shfl_xor_sync(~0u, -1ll - t, 1)')).toEqual(expected((t) => -1 - (t ^ 1)))
    expect(lanes('__shfl_xor_sync(~0u, (unsigned)t, 16)')).toEqual(expected((t) => t ^ 16))
  })

  it('shuffles within a part of the warp; what is not there has no value', () => {
    const values = run(
      'const int t = threadIdx.x; out[t] = -1; if (t < 8) out[t] = __shfl_down_sync(0xffu, (float)t, 4);',
      32,
      32,
    )
    expect(values.slice(0, 9)).toEqual([
      4,
      5,
      6,
      7,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      Number.NaN,
      -1,
    ])
  })

  it('votes', () => {
    expect(
      run(
        `const bool odd = threadIdx.x & 1;
         const unsigned b = __ballot_sync(~0u, odd); const int any = __any_sync(~0u, threadIdx.x == 9);
         const int all = __all_sync(~0u, threadIdx.x < 64); const int count = __syncthreads_count(odd);
         const int o = __syncthreads_or(threadIdx.x == 40), a = __syncthreads_and(odd);
         if (threadIdx.x == 33) { out[0] = b; out[1] = any; out[2] = all; out[3] = count; out[4] = o; out[5] = a; }`,
        6,
        64,
      ),
    ).toEqual([Math.fround(0xaaaaaaaa), 0, 1, 32, 1, 0])
  })

  it('the functions of its math library', () => {
    const cases: readonly [string, number][] = [
      ['rsqrtf(4.0f)', 0.5],
      ['__expf(1.0f)', Math.E],
      ['erff(0.5f)', 0.5204998778],
      ['fmaf(2.0f, 3.0f, 4.0f)', 10],
      ['exp2f(3.0f)', 8],
      ['log1pf(1.0f)', Math.LN2],
      ['fmaxf(NAN_, 2.0f)', 2],
      ['fminf(1.0f, NAN_)', 1],
      ['max(3, 4)', 4],
      ['min(2.5f, 1.5f)', 1.5],
      ['__umulhi(0x80000000u, 6u)', 3],
      ['__mulhi(-2147483647 - 1, 4)', -2],
      ['__clz(1)', 31],
      ['__popc(255u)', 8],
      ['__ffs(8)', 4],
      ['__brev(1u) == 0x80000000u', 1],
      ['__float_as_int(1.0f) == 0x3f800000', 1],
      ['__int_as_float(0x40400000)', 3],
      ['__float2int_rn(2.5f)', 2],
      ['__float2int_rz(-2.7f)', -2],
      ['__float2int_rz(1e20f) == 2147483647', 1],
      ['__float2uint_rz(-1.0f)', 0],
      ['__float2int_rn(NAN_)', 0],
      ['__saturatef(1.5f)', 1],
      ['isnan(NAN_)', 1],
      ['isinf(1.0f / 0.0f)', 1],
      ['copysignf(2.0f, -0.0f)', -2],
      ['normcdff(0.0f)', 0.5],
      ['sinpif(0.5f)', 1],
      ['__fdividef(1.0f, 4.0f)', 0.25],
      ['atan2f(1.0f, 1.0f)', Math.PI / 4],
      ['tanhf(0.5f)', Math.tanh(0.5)],
      ['lgammaf(5.0f)', Math.log(24)],
    ]
    const body = cases.map(([expression], i) => `out[${i}] = ${expression};`).join('\n')
    const values = run(`const float NAN_ = __int_as_float(0x7fc00000);\n${body}`, cases.length)
    cases.forEach(([expression, expected], i) => {
      expect(values[i], expression).toBeCloseTo(expected, 5)
    })
  })

  it('half and bfloat16 as storage, rounded to nearest even', () => {
    const prelude = '#include <cuda_fp16.h>\n#include <cuda_bf16.h>'
    const halves: readonly [number, number][] = [
      [1, 1],
      [65504, 65504],
      [65520, Number.POSITIVE_INFINITY],
      [2 ** -24, 2 ** -24],
      [2 ** -25, 0],
      [3 * 2 ** -26, 2 ** -24],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [-0.1, -0.0999755859375],
      [Number.NaN, Number.NaN],
    ]
    const x = gpu.upload(Float32Array.from(halves, ([value]) => value))
    const k = gpu.kernel(`${prelude}
      extern "C" __global__ void k(float* h, float* b, const float* x) {
        const int t = threadIdx.x; __half v = __float2half(x[t]); h[t] = __half2float(v);
        b[t] = __bfloat162float(__float2bfloat16_rn(x[t])); }`)
    const [h, b] = [gpu.alloc(4 * halves.length), gpu.alloc(4 * halves.length)]
    gpu.launch(k, 1, halves.length, [h, b, x])
    expect([...gpu.download(h, halves.length)]).toEqual(halves.map(([, expected]) => expected))
    const bits = new Uint32Array(gpu.download(b, halves.length).buffer)
    const asBits = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!
    halves.slice(0, -1).forEach(([value], i) => {
      const word = asBits(value)
      expect(bits[i]).toBe((((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) << 16) >>> 0)
    })
  })
})
