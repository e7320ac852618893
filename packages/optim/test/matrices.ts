/** Matrices as nested arrays, for transcriptions of papers, and a path of gradients for them. */
export type Matrix = number[][]

export const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)))

export const flip = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!))

export const each = (f: (...x: number[]) => number, ...all: Matrix[]): Matrix =>
  all[0]!.map((row, i) => row.map((_, j) => f(...all.map((a) => a[i]![j]!))))

export const start: Matrix = [
  [0.5, -0.2, 0.1],
  [0.3, 0.9, -0.7],
]

export const gradientAt = (t: number): Matrix =>
  start.map((row, i) => row.map((_, j) => Math.sin(3 * t + 5 * i + 7 * j * j) + 0.1 * i))
