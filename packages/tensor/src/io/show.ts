/**
 * A value from a file for an error message: as JSON and cut short. A hostile value can be too deep
 * for `JSON.stringify` or millions of characters long; neither may hide the error.
 */
export function show(value: unknown): string {
  let text: string
  try {
    text = typeof value === 'bigint' ? `${value}` : String(JSON.stringify(value))
  } catch {
    text = `something that cannot be shown`
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
