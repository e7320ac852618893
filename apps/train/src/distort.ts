import { ArrayDataset, type ImageDataset } from '@nablajs/data'
import { type Generator, type TypedArray, uniform } from '@nablajs/tensor'

/** How far a copy may be from its original: each is drawn uniformly from -x .. x. */
const limits = {
  /** In radians. */
  rotation: 0.2,
  /** Of width and of height, around 1. */
  scale: 0.15,
  shear: 0.15,
  /** In eighths of the image. */
  shift: 1,
  /** Of the ink of each pixel, around 1. */
  ink: 0.5,
}
const DRAWS = 6

/**
 * The images, followed by distorted copies of them: turned, stretched, slanted and moved a little,
 * with uneven ink, as other people's handwriting is. The copies are the same for the same generator
 * state.
 */
export async function distort(
  data: ImageDataset,
  copies: number,
  generator: Generator,
): Promise<ImageDataset> {
  if (copies === 0) return data
  const { image, label } = data.columns
  const [height, width] = image.shape as [number, number]
  const size = height * width
  const count = data.length * copies
  const moves = await drawn([count, DRAWS], generator)
  const inks = await drawn([count, size], generator)
  const pixels = new Float32Array(data.length * size + count * size)
  const originals = Float32Array.from(image.data, (value) => value / (image.divisor ?? 1))
  pixels.set(originals)
  for (let i = 0; i < count; i++) {
    const start = (i % data.length) * size
    const copy = moved(
      originals.subarray(start, start + size),
      width,
      moves.subarray(i * DRAWS, (i + 1) * DRAWS),
    )
    for (let p = 0; p < size; p++)
      pixels[(data.length + i) * size + p] = Math.min(
        1,
        copy[p]! * (1 + limits.ink * inks[i * size + p]!),
      )
  }
  const labels = Int32Array.from(
    { length: data.length * (copies + 1) },
    (_, i) => label.data[i % data.length]!,
  )
  return new ArrayDataset({
    image: { shape: image.shape, dtype: 'f32', data: pixels },
    label: { shape: [], dtype: 'i32', data: labels },
  })
}

/** Numbers in -1 .. 1, from the library's generator: the same on every device. */
async function drawn(shape: readonly number[], generator: Generator): Promise<TypedArray> {
  const numbers = uniform(shape, -1, 1, { generator })
  const values = await numbers.data()
  numbers.dispose()
  return values
}

/** One image through an affine map, read between pixels by bilinear interpolation. */
function moved(source: Float32Array, width: number, draws: TypedArray): Float32Array {
  const [turn, wide, high, slant, right, down] = draws as unknown as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const height = source.length / width
  const at = (y: number, x: number): number =>
    x >= 0 && y >= 0 && x < width && y < height ? source[y * width + x]! : 0
  const [cos, sin] = [Math.cos(limits.rotation * turn), Math.sin(limits.rotation * turn)]
  const [middleX, middleY] = [(width - 1) / 2, (height - 1) / 2]
  const result = new Float32Array(source.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const dx = x - middleX - (limits.shift * right * width) / 8
      const dy = y - middleY - (limits.shift * down * height) / 8
      const fromX = (cos * dx + (sin + limits.shear * slant) * dy) * (1 + limits.scale * wide)
      const fromY = (cos * dy - sin * dx) * (1 + limits.scale * high)
      const [left, top] = [Math.floor(fromX + middleX), Math.floor(fromY + middleY)]
      const [u, v] = [fromX + middleX - left, fromY + middleY - top]
      result[y * width + x] =
        (1 - v) * ((1 - u) * at(top, left) + u * at(top, left + 1)) +
        v * ((1 - u) * at(top + 1, left) + u * at(top + 1, left + 1))
    }
  return result
}
