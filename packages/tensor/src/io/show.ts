/**
 * A value from a file for an error message, cut short. Hostile values can be megabytes long, nested
 * without end or shared so often that writing them out would take forever; none may hide the error.
 */
export function show(value: unknown): string {
  const text = render(value, 0)
  return text.length > 160 ? `${text.slice(0, 157)}...` : text
}

function render(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 160))
  if (typeof value !== 'object' || value === null) return String(value)
  if (!Array.isArray(value)) return '{...}'
  if (depth === 3) return '[...]'
  const items = value.slice(0, 10).map((item) => render(item, depth + 1))
  return `[${items.join(', ')}${value.length > 10 ? ', ...' : ''}]`
}
