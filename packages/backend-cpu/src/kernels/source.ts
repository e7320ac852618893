type Pair = readonly [height: number, width: number]

/** Images and the grid of windows that slides over them; see `assembly/source.ts`. */
export interface Source {
  /** Address of the first pixel's first channel. */
  readonly images: number
  readonly count: number
  readonly size: Pair
  /** Bytes from pixel to pixel. */
  readonly pitch: number
  /** Channels that take part. */
  readonly channels: number
  /** Zeros above and to the left; negative where the windows begin inside. */
  readonly padding: Pair
  readonly grid: Pair
  readonly stride: Pair
  readonly taps: Pair
  readonly dilation: Pair
}

/** The record's fields in the order of `Source` in `assembly/source.ts`. */
export function sourceFields(source: Source): number[] {
  const { images, count, size, pitch, channels, padding, grid, stride, taps, dilation } = source
  return [
    images,
    count,
    ...size,
    pitch,
    channels,
    ...padding,
    ...grid,
    ...stride,
    ...taps,
    ...dilation,
  ]
}
