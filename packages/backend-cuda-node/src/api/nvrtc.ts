/** NVRTC, the runtime compiler of CUDA C: what the backend calls of it. */
export const nvrtcApi = {
  header: 'nvrtc.h',
  status: 'nvrtcResult',
  functions: {
    nvrtcVersion: { takes: ['int *', 'int *'] },
    nvrtcGetErrorString: { takes: ['nvrtcResult'], returns: 'const char *' },
    nvrtcGetNumSupportedArchs: { takes: ['int *'] },
    nvrtcGetSupportedArchs: { takes: ['int *'] },
    nvrtcCreateProgram: {
      takes: [
        'nvrtcProgram *',
        'const char *',
        'const char *',
        'int',
        'const char * const *',
        'const char * const *',
      ],
    },
    nvrtcCompileProgram: { takes: ['nvrtcProgram', 'int', 'const char * const *'] },
    nvrtcDestroyProgram: { takes: ['nvrtcProgram *'] },
    nvrtcGetCUBINSize: { takes: ['nvrtcProgram', 'size_t *'] },
    nvrtcGetCUBIN: { takes: ['nvrtcProgram', 'char *'] },
    nvrtcGetPTXSize: { takes: ['nvrtcProgram', 'size_t *'] },
    nvrtcGetPTX: { takes: ['nvrtcProgram', 'char *'] },
    nvrtcGetProgramLogSize: { takes: ['nvrtcProgram', 'size_t *'] },
    nvrtcGetProgramLog: { takes: ['nvrtcProgram', 'char *'] },
  },
  constants: {
    NVRTC_SUCCESS: 0,
    NVRTC_ERROR_COMPILATION: 6,
    NVRTC_ERROR_BUILTIN_OPERATION_FAILURE: 7,
  },
} as const
