/** Dense copies of strided windows, in bytes. */

/** The strides of a dense row-major layout, in elements. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis]!
  }
  return strides
}

/** Whether the window is one run of memory in row-major order. */
export function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const dense = denseStrides(shape)
  return shape.every((extent, axis) => extent === 1 || strides[axis] === dense[axis])
}

const lanes: Readonly<
  Record<
    1 | 2 | 4,
    new (
      buffer: ArrayBufferLike,
      at?: number,
      n?: number,
    ) => Uint8Array | Uint16Array | Uint32Array
  >
> = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }

/**
 * The elements of a window in row-major order. The caller has checked that it lies inside of `data`
 * and how large the copy becomes.
 *
 * @param size Of an element: 1, 2, 4 or 8 bytes. Offset and strides count elements.
 */
export function copyStrided(
  data: Uint8Array,
  size: number,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Uint8Array {
  const count = shape.reduce((product, extent) => product * extent, 1)
  const result = new Uint8Array(count * size)
  if (count === 0) return result
  // Eight bytes move as two words: as floats, the bits of a NaN could change on the way.
  const words = size === 8 ? 2 : 1
  const lane = (size / words) as 1 | 2 | 4
  const axes = shape.flatMap((extent, axis) =>
    extent === 1 ? [] : [{ extent, stride: strides[axis]! * words }],
  )
  if (words === 2) axes.push({ extent: 2, stride: 1 })
  const aligned = data.byteOffset % lane === 0 ? data : new Uint8Array(data)
  const length = Math.floor(aligned.byteLength / lane)
  const source = new lanes[lane](aligned.buffer, aligned.byteOffset, length)
  const target = new lanes[lane](result.buffer)
  const inner = axes.pop() ?? { extent: 1, stride: 1 }
  let at = 0
  // Every axis has two or more elements, so the depth is at most the logarithm of the count.
  const walk = (axis: number, from: number): void => {
    const outer = axes[axis]
    if (outer) {
      for (let i = 0; i < outer.extent; i++) walk(axis + 1, from + i * outer.stride)
    } else {
      for (let i = 0; i < inner.extent; i++) target[at++] = source[from + i * inner.stride]!
    }
  }
  walk(0, offset * words)
  return result
}
