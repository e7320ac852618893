/** Numbers as people read them. */

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A thing and how many there are of it: `1 epoch`, `6 epochs`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 99.5) return `${Math.round(seconds)} s`
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
}

export function fraction(value: number): string {
  return value.toFixed(4)
}
