/** What a scalar program depends on: its dtypes and the numbers that are written into it. */
export type Kind = Readonly<Record<string, string | number | boolean>>

/** Keeps what `make` gives for each kind: building a program costs more than a small kernel. */
export function memoize<K extends Kind, Value>(make: (kind: K) => Value): (kind: K) => Value {
  const made = new Map<string, Value>()
  return (kind) => {
    const key = Object.values(kind).join(' ')
    let value = made.get(key)
    if (value === undefined) {
      value = make(kind)
      made.set(key, value)
    }
    return value
  }
}
