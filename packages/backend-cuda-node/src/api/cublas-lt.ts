/**
 * cuBLASLt: matrix products with something done to the results before they are written. A library of
 * its own, on which cuBLAS depends. Matrices are column-major there too.
 */
export const cublasLtApi = {
  header: 'cublasLt.h',
  status: 'cublasStatus_t',
  functions: {
    cublasLtCreate: { takes: ['cublasLtHandle_t *'] },
    cublasLtDestroy: { takes: ['cublasLtHandle_t'] },

    cublasLtMatmulDescCreate: {
      takes: ['cublasLtMatmulDesc_t *', 'cublasComputeType_t', 'cudaDataType'],
    },
    cublasLtMatmulDescSetAttribute: {
      takes: ['cublasLtMatmulDesc_t', 'cublasLtMatmulDescAttributes_t', 'const void *', 'size_t'],
    },
    cublasLtMatmulDescDestroy: { takes: ['cublasLtMatmulDesc_t'] },

    cublasLtMatrixLayoutCreate: {
      takes: ['cublasLtMatrixLayout_t *', 'cudaDataType', 'uint64_t', 'uint64_t', 'int64_t'],
    },
    cublasLtMatrixLayoutSetAttribute: {
      takes: [
        'cublasLtMatrixLayout_t',
        'cublasLtMatrixLayoutAttribute_t',
        'const void *',
        'size_t',
      ],
    },
    cublasLtMatrixLayoutDestroy: { takes: ['cublasLtMatrixLayout_t'] },

    cublasLtMatmulPreferenceCreate: { takes: ['cublasLtMatmulPreference_t *'] },
    cublasLtMatmulPreferenceSetAttribute: {
      takes: [
        'cublasLtMatmulPreference_t',
        'cublasLtMatmulPreferenceAttributes_t',
        'const void *',
        'size_t',
      ],
    },
    cublasLtMatmulPreferenceDestroy: { takes: ['cublasLtMatmulPreference_t'] },

    cublasLtMatmulAlgoGetHeuristic: {
      takes: [
        'cublasLtHandle_t',
        'cublasLtMatmulDesc_t',
        'cublasLtMatrixLayout_t',
        'cublasLtMatrixLayout_t',
        'cublasLtMatrixLayout_t',
        'cublasLtMatrixLayout_t',
        'cublasLtMatmulPreference_t',
        'int',
        'cublasLtMatmulHeuristicResult_t *',
        'int *',
      ],
    },
    cublasLtMatmul: {
      takes: [
        'cublasLtHandle_t',
        'cublasLtMatmulDesc_t',
        'const void *',
        'const void *',
        'cublasLtMatrixLayout_t',
        'const void *',
        'cublasLtMatrixLayout_t',
        'const void *',
        'const void *',
        'cublasLtMatrixLayout_t',
        'void *',
        'cublasLtMatrixLayout_t',
        'const cublasLtMatmulAlgo_t *',
        'void *',
        'size_t',
        'cudaStream_t',
      ],
    },
  },
  constants: {
    CUBLAS_STATUS_SUCCESS: 0,
    CUBLAS_STATUS_NOT_SUPPORTED: 15,
    CUDA_R_32F: 0,
    CUBLAS_COMPUTE_32F: 68,
    CUBLAS_COMPUTE_32F_FAST_TF32: 77,
    CUBLAS_OP_N: 0,
    CUBLAS_OP_T: 1,
    CUBLASLT_MATMUL_DESC_TRANSA: 3,
    CUBLASLT_MATMUL_DESC_TRANSB: 4,
    CUBLASLT_MATMUL_DESC_EPILOGUE: 7,
    CUBLASLT_MATMUL_DESC_BIAS_POINTER: 8,
    CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE: 10,
    CUBLASLT_EPILOGUE_DEFAULT: 1,
    CUBLASLT_EPILOGUE_BIAS: 4,
    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: 5,
    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: 6,
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: 1,
    CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: 3,
    CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE: 2,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: 5,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: 6,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: 7,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: 8,
    // What the heuristic writes down: the algorithm is the first member.
    'sizeof(cublasLtMatmulAlgo_t)': 64,
    'sizeof(cublasLtMatmulHeuristicResult_t)': 96,
    'offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize)': 64,
    'offsetof(cublasLtMatmulHeuristicResult_t, state)': 72,
  },
} as const
