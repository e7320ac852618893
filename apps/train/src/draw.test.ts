import { ArrayDataset } from '@nablajs/data'
import { expect, test } from 'vitest'
import { drawConfusion, drawMistakes } from './draw.ts'

function images(width: number, data: number[]): ArrayDataset<'image' | 'label'> {
  return new ArrayDataset({
    image: { shape: [data.length / width, width, 1], dtype: 'f32', data },
    label: { shape: [], dtype: 'i32', data: [3] },
  })
}

const mistake = { index: 0, label: 3, predicted: 5 }

test('small images are drawn in shades, two characters a pixel', () => {
  const data = images(3, [0, 0, 0, 0.2, 0.5, 1, 0, 0.9, 0])
  expect(drawMistakes(data, [mistake], 80)).toEqual(['  a 3, read as 5', '  ░░▒▒██', '    ██'])
})

test('large images are drawn in half blocks', () => {
  const row = (...ink: number[]): number[] => Array.from({ length: 13 }, (_, x) => ink[x] ?? 0)
  const data = images(13, [row(1, 0, 1), row(0, 1, 1), row(1)].flat())
  expect(drawMistakes(data, [mistake], 80)).toEqual(['  a 3, read as 5', '  ▀▄█', '  ▀'])
})

test('as many as fit are drawn, and at least one', () => {
  const data = images(3, [1, 1, 1])
  const titles = (columns: number): number =>
    drawMistakes(data, Array(9).fill(mistake), columns)[0]!.split('a 3').length - 1
  expect([titles(10), titles(40), titles(1000)]).toEqual([1, 2, 4])
})

test('an image without ink is no error', () => {
  expect(drawMistakes(images(2, [0, 0]), [mistake], 80)).toEqual(['  a 3, read as 5'])
})

test('the confusion matrix marks what is right', () => {
  const mark = (text: string, right: boolean): string => text.replace(' ', right ? '+' : '-')
  expect(
    drawConfusion(
      [
        [12, 0],
        [3, 100],
      ],
      mark,
    ),
  ).toEqual([
    '           read as',
    '  written     0   1',
    '        0  + 12   ·',
    '        1  -  3+100',
  ])
})
