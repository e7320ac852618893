/**
 * The C types of the declarations, and how a value of each crosses from JavaScript.
 *
 * Every pointer and every handle is a plain Number on the JavaScript side (`uintptr_t`): addresses
 * are below 2^53, and a Number costs a fraction of what a BigInt or an external object does. What a
 * pointer points to is memory that the caller holds, found by `koffi.address`; results are read
 * from there. The only strings are those declared `const char *`.
 */

/** Every C type that the declarations name. */
export const cTypes = {
  int: 'int',
  'unsigned int': 'unsigned int',
  size_t: 'size_t',
  'long long': 'int64_t',
  'unsigned long long': 'uint64_t',
  int64_t: 'int64_t',
  uint64_t: 'uint64_t',
  float: 'float',
  double: 'double',
  'const char *': 'str',

  'char *': 'uintptr_t',
  'const char **': 'uintptr_t',
  'int *': 'uintptr_t',
  'size_t *': 'uintptr_t',
  'float *': 'uintptr_t',
  'double *': 'uintptr_t',
  'const float *': 'uintptr_t',
  'const double *': 'uintptr_t',
  'void *': 'uintptr_t',
  'void **': 'uintptr_t',
  'const void *': 'uintptr_t',
  'const char * const *': 'uintptr_t',
  'const int *': 'uintptr_t',

  // cuda.h
  CUresult: 'int',
  CUdevice: 'int',
  CUdevice_attribute: 'int',
  CUfunction_attribute: 'int',
  CUstreamCaptureMode: 'int',
  CUdeviceptr: 'uint64_t',
  CUcontext: 'uintptr_t',
  CUstream: 'uintptr_t',
  CUevent: 'uintptr_t',
  CUmodule: 'uintptr_t',
  CUfunction: 'uintptr_t',
  CUgraph: 'uintptr_t',
  CUgraphExec: 'uintptr_t',
  CUgraphNode: 'uintptr_t',
  'CUdevice *': 'uintptr_t',
  'CUdeviceptr *': 'uintptr_t',
  'CUcontext *': 'uintptr_t',
  'CUstream *': 'uintptr_t',
  'CUevent *': 'uintptr_t',
  'CUmodule *': 'uintptr_t',
  'CUfunction *': 'uintptr_t',
  'CUgraph *': 'uintptr_t',
  'CUgraphExec *': 'uintptr_t',
  'CUstreamCaptureStatus *': 'uintptr_t',
  'cuuint64_t *': 'uintptr_t',
  'const CUgraphNode **': 'uintptr_t',
  'const CUgraphEdgeData **': 'uintptr_t',
  'const CUDA_KERNEL_NODE_PARAMS_v2 *': 'uintptr_t',

  // nvrtc.h
  nvrtcResult: 'int',
  nvrtcProgram: 'uintptr_t',
  'nvrtcProgram *': 'uintptr_t',

  // cublas_v2.h
  cublasStatus_t: 'int',
  cublasOperation_t: 'int',
  cublasMath_t: 'int',
  cublasGemmAlgo_t: 'int',
  libraryPropertyType: 'int',
  cublasHandle_t: 'uintptr_t',
  'cublasHandle_t *': 'uintptr_t',
  cudaStream_t: 'uintptr_t',

  // cublasLt.h
  cublasComputeType_t: 'int',
  cudaDataType: 'int',
  cublasLtMatmulDescAttributes_t: 'int',
  cublasLtMatrixLayoutAttribute_t: 'int',
  cublasLtMatmulPreferenceAttributes_t: 'int',
  cublasLtHandle_t: 'uintptr_t',
  cublasLtMatmulDesc_t: 'uintptr_t',
  cublasLtMatrixLayout_t: 'uintptr_t',
  cublasLtMatmulPreference_t: 'uintptr_t',
  'cublasLtHandle_t *': 'uintptr_t',
  'cublasLtMatmulDesc_t *': 'uintptr_t',
  'cublasLtMatrixLayout_t *': 'uintptr_t',
  'cublasLtMatmulPreference_t *': 'uintptr_t',
  'cublasLtMatmulHeuristicResult_t *': 'uintptr_t',
  'const cublasLtMatmulAlgo_t *': 'uintptr_t',

  // cudnn.h
  cudnnStatus_t: 'int',
  cudnnTensorFormat_t: 'int',
  cudnnDataType_t: 'int',
  cudnnConvolutionMode_t: 'int',
  cudnnMathType_t: 'int',
  cudnnConvolutionFwdAlgo_t: 'int',
  cudnnConvolutionBwdDataAlgo_t: 'int',
  cudnnConvolutionBwdFilterAlgo_t: 'int',
  cudnnHandle_t: 'uintptr_t',
  cudnnTensorDescriptor_t: 'uintptr_t',
  cudnnFilterDescriptor_t: 'uintptr_t',
  cudnnConvolutionDescriptor_t: 'uintptr_t',
  'cudnnHandle_t *': 'uintptr_t',
  'cudnnTensorDescriptor_t *': 'uintptr_t',
  'cudnnFilterDescriptor_t *': 'uintptr_t',
  'cudnnConvolutionDescriptor_t *': 'uintptr_t',
} as const

/** How koffi passes a value; all but `str` are Numbers. */
export type Passing = (typeof cTypes)[CType]

/** A C type that the declarations may name. */
export type CType = keyof typeof cTypes

/** One C function. */
export interface Declaration {
  /** The types of the parameters, in order. */
  readonly takes: readonly CType[]
  /** The type of the result; the library's status where it is not given. */
  readonly returns?: CType
  /** Symbols with the same signature to try after this one: older or newer names. */
  readonly alternatives?: readonly string[]
  /** Whether the backend does without it. */
  readonly optional?: boolean
  /** Whether the library has it for older programs alone, and the header no longer declares it. */
  readonly undeclared?: boolean
}

/** The functions used from one library. */
export interface LibraryDeclaration {
  /** The header that declares them, for the check of this table. */
  readonly header: string
  /** What its functions return unless they say otherwise; 0 is success. */
  readonly status: CType
  readonly functions: Readonly<Record<string, Declaration>>
  /** Values of enumerations and macros of the header that are used by number, and of `sizeof` and `offsetof` its structs. */
  readonly constants: Readonly<Record<string, number>>
}

type ValueOf<T> = T extends CType ? ((typeof cTypes)[T] extends 'str' ? string : number) : never

type Arguments<T extends readonly CType[]> = { -readonly [I in keyof T]: ValueOf<T[I]> }

type CallOf<D extends Declaration> = (
  ...args: Arguments<D['takes']>
) => D extends { readonly returns: 'const char *' } ? string : number

/** The functions of a library as JavaScript calls them; the optional ones may be missing. */
export type Bound<L extends LibraryDeclaration> = {
  readonly [F in keyof L['functions']]: L['functions'][F] extends { readonly optional: true }
    ? CallOf<L['functions'][F]> | undefined
    : CallOf<L['functions'][F]>
}
