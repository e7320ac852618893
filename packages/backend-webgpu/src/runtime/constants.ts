/** Numbers that the WebGPU specification fixes; Node has no globals for them. */

export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const

export const mapModeRead = 0x1

/** `GPUShaderStage.COMPUTE` */
export const computeStage = 0x4
