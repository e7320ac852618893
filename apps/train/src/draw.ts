/** Pictures made of characters, which read without colour. */
import type { ImageDataset } from '@nablajs/data'
import type { Mistake } from './evaluate.ts'

const SHADES = [' ', '░', '▒', '▓', '█']

/** Small images: a pixel is two characters wide, in five shades. */
function shaded(pixels: ArrayLike<number>, width: number): string[] {
  const lines: string[] = []
  for (let start = 0; start < pixels.length; start += width) {
    let line = ''
    for (let x = 0; x < width; x++) {
      const shade = SHADES[Math.min(4, Math.floor(pixels[start + x]! * 5))]!
      line += shade + shade
    }
    lines.push(line)
  }
  return lines
}

/** Larger images: a character is two pixels, one above the other, each of them ink or paper. */
function halved(pixels: ArrayLike<number>, width: number): string[] {
  const lines: string[] = []
  for (let start = 0; start < pixels.length; start += 2 * width) {
    let line = ''
    for (let x = 0; x < width; x++) {
      const above = pixels[start + x]! > 0.35
      const below = (pixels[start + width + x] ?? 0) > 0.35
      line += above ? (below ? '█' : '▀') : below ? '▄' : ' '
    }
    lines.push(line)
  }
  return lines
}

function drawImage(data: ImageDataset, index: number): string[] {
  const { data: pixels, shape } = data.get(index).image
  const width = shape[1]!
  return width <= 12 ? shaded(pixels, width) : halved(pixels, width)
}

/** As many misread images side by side as fit, with what they are and what they were taken for. */
export function drawMistakes(
  data: ImageDataset,
  mistakes: readonly Mistake[],
  columns: number,
): string[] {
  const pictures = mistakes.slice(0, 4).map(({ index, label, predicted }) => {
    const image = drawImage(data, index)
    return [`a ${label}, read as ${predicted}`, ...image]
  })
  const widths = pictures.map((lines) => Math.max(...lines.map((line) => line.length)) + 3)
  let [fit, used] = [0, 2]
  while (fit < pictures.length && used + widths[fit]! <= columns) used += widths[fit++]!
  const shown = pictures.slice(0, Math.max(1, fit))
  const rows = (shown[0] ?? []).map((_, row) =>
    `  ${shown.map((picture, i) => picture[row]!.padEnd(widths[i]!)).join('')}`.trimEnd(),
  )
  // Paper above and below all of them says nothing.
  const [titles, ...image] = rows
  const first = image.findIndex((line) => line !== '')
  const last = image.findLastIndex((line) => line !== '')
  return [titles!, ...(first < 0 ? [] : image.slice(first, last + 1))]
}

/** Rows are what was written, columns what was read; zeros are dots. */
export function drawConfusion(
  confusion: readonly (readonly number[])[],
  mark: (text: string, right: boolean) => string,
): string[] {
  const width = Math.max(4, ...confusion.flat().map((count) => String(count).length + 1))
  const cell = (value: number | string): string => String(value).padStart(width)
  const head = confusion.map((_, digit) => cell(digit)).join('')
  return [
    `${' '.repeat(11)}read as`,
    `  written  ${head}`,
    ...confusion.map((row, digit) => {
      const cells = row.map((count, column) =>
        count === 0 ? cell('·') : mark(cell(count), column === digit),
      )
      return `${cell(digit).padStart(9)}  ${cells.join('')}`
    }),
  ]
}
