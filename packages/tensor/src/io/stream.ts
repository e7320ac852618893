/** Reading a safetensors file in one pass, while it arrives. */

import { concat } from './bytes.ts'
import type { HostTensor } from './host.ts'
import { fail, headerLength, readHeader } from './safetensors-header.ts'
import { show } from './show.ts'

/**
 * The tensors of a file in the order of its data, each as soon as its bytes are there. Memory is
 * needed for one tensor at a time. The stream is cancelled when the loop is left early.
 *
 * @throws FormatError as `decodeSafetensors`; for a stream that ends early or goes on too long, after
 *   the tensors before that point.
 * @example
 * ```ts
 * const { body } = await fetch('model.safetensors')
 * const weights: Record<string, Tensor> = {}
 * for await (const [name, host] of streamSafetensors(body)) weights[name] = fromHost(host)
 * ```
 */
export async function* streamSafetensors(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<[name: string, host: HostTensor], void, undefined> {
  // Not `for await`: not every browser can iterate over streams.
  const reader = body?.getReader() ?? fail('the response has no body')
  const queue = new Queue(reader)
  try {
    const length = headerLength(await queue.take(8, 'the header'))
    const { entries } = readHeader(await queue.take(length, 'the header'))
    for (const [name, { dtype, shape, start, end }] of entries)
      yield [name, { dtype, shape, data: await queue.take(end - start, show(name)) }]
    if (!(await queue.ended())) fail('the file has more data than its header describes')
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Bytes of a stream in pieces of any length. What is held is what has come, whatever a header claims. */
class Queue {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader
  }

  async take(length: number, what: string): Promise<Uint8Array> {
    const parts = [this.#rest]
    let have = this.#rest.length
    while (have < length) {
      const { value } = await this.#reader.read()
      if (!value) return fail(`the file ends ${length - have} bytes before the end of ${what}`)
      parts.push(value)
      have += value.length
    }
    const joined = parts.length === 1 ? this.#rest : concat(parts)
    this.#rest = joined.subarray(length)
    return joined.subarray(0, length)
  }

  async ended(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { value } = await this.#reader.read()
      if (!value) return true
      this.#rest = value
    }
    return false
  }
}
