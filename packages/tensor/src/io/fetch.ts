/** Safetensors files on a web server, of which only the wanted parts are loaded. */
import { FormatError, NablaError } from '../errors.ts'
import { concat } from './bytes.ts'
import { type ByteSource, readSafetensors, type SafetensorsReader } from './reader.ts'

/** How requests are made. */
export interface FetchOptions {
  /** Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch
  /** Sent with every request, for example an authorization. */
  headers?: Readonly<Record<string, string>>
  /** Ends all requests. */
  signal?: AbortSignal
}

/**
 * Opens a safetensors file by its address: the header is loaded, and then each tensor by a request
 * for its range when it is asked for.
 *
 * The server must answer range requests (as those of model hubs and most static hosts do). For one
 * that does not, load the whole file: `streamSafetensors((await fetch(url)).body)`.
 *
 * @throws NablaError when the server answers with an error or without ranges.
 * @throws FormatError for a file that is not valid, or that changes while it is read.
 * @example
 * ```ts
 * await using file = await fetchSafetensors('https://example.org/model.safetensors')
 * const head = fromHost(await file.read('head.weight'))
 * ```
 */
export async function fetchSafetensors(
  url: string | URL,
  options: FetchOptions = {},
): Promise<SafetensorsReader> {
  const first = await request(url, options, 0, FIRST)
  // Absent where another origin does not expose it; the header is then the only word on the size.
  const total = /\/(\d+)$/.exec(first.range ?? '')?.[1]
  const source: ByteSource = {
    ...(total && { size: Number(total) }),
    read: async (start, end) => {
      // The header is most often in the first bytes already.
      if (end <= first.bytes.length) return first.bytes.subarray(start, end)
      const { bytes, range, tag } = await request(url, options, start, end)
      if (tag !== first.tag || (range && !range.startsWith(`bytes ${start}-`)))
        throw new FormatError(`safetensors: ${url} has changed while it was read`)
      return bytes
    },
    close: async () => {},
  }
  return readSafetensors(source)
}

const FIRST = 65536

async function request(
  url: string | URL,
  { fetch = globalThis.fetch, headers = {}, signal }: FetchOptions,
  start: number,
  end: number,
): Promise<{ bytes: Uint8Array; range: string | null; tag: string | null }> {
  const range = `bytes=${start}-${end - 1}`
  const response = await fetch(url, {
    headers: { ...headers, Range: range },
    ...(signal && { signal }),
  })
  if (response.status !== 206) {
    await response.body?.cancel()
    const why = response.ok
      ? 'has no ranges: load the whole file with streamSafetensors'
      : `answered ${response.status} ${response.statusText}`
    throw new NablaError(`fetchSafetensors: ${url} ${why}`)
  }
  return {
    bytes: await atMost(response, end - start),
    range: response.headers.get('Content-Range'),
    tag: response.headers.get('ETag'),
  }
}

/** The body, unless it is longer than what was asked for. */
async function atMost({ body }: Response, limit: number): Promise<Uint8Array> {
  const reader = body?.getReader()
  const parts: Uint8Array[] = []
  let length = 0
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    parts.push(part.value)
    length += part.value.length
    if (length <= limit) continue
    await reader?.cancel()
    throw new FormatError(`safetensors: ${limit} bytes were asked for, the server sends more`)
  }
  return concat(parts)
}
