import { describe, expect, test } from 'vitest'
import { dice, mutants, survive } from '../../test/io-fuzz.ts'
import { FormatError, NablaError } from '../errors.ts'
import { type FetchOptions, fetchSafetensors } from './fetch.ts'
import type { HostTensor } from './host.ts'
import { type ByteSource, readSafetensors } from './reader.ts'
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts'
import { decodeShardIndex, openShards } from './shards.ts'
import { streamSafetensors } from './stream.ts'

const tensors: Record<string, HostTensor> = {
  w: { dtype: 'F32', shape: [2, 3], data: new Uint8Array(24).map((_, i) => i) },
  i: { dtype: 'I64', shape: [2], data: new Uint8Array(16).fill(1) },
  none: { dtype: 'F32', shape: [0], data: new Uint8Array() },
  h: { dtype: 'F16', shape: [], data: Uint8Array.of(5, 6) },
}
const file = encodeSafetensors(tensors, { note: 'x' })
const large = encodeSafetensors({
  ...tensors,
  big: { dtype: 'U8', shape: [200_000], data: new Uint8Array(200_000).fill(9) },
})

interface Traced extends ByteSource {
  readonly ranges: [number, number][]
  closed: number
}

function source(bytes: Uint8Array, size: number | undefined = bytes.length): Traced {
  const ranges: [number, number][] = []
  return {
    ...(size !== undefined && { size }),
    ranges,
    closed: 0,
    async read(start, end) {
      ranges.push([start, end])
      return bytes.subarray(start, end)
    },
    async close() {
      this.closed++
    },
  }
}

describe('readSafetensors', () => {
  test('reads the header, and then only what is asked for', async () => {
    const from = source(file)
    {
      await using reader = await readSafetensors(from)
      expect(reader.names).toEqual(['i', 'none', 'w', 'h'])
      expect(reader.metadata).toEqual({ note: 'x' })
      expect(reader.entries.get('h')).toEqual({ dtype: 'F16', shape: [], start: 40, end: 42 })
      expect(from.ranges).toHaveLength(2)
      expect(await reader.read('h')).toEqual(tensors['h'])
      expect(from.ranges[2]).toEqual([file.length - 2, file.length])
      expect(await reader.read('none')).toEqual(tensors['none'])
      expect(from.ranges).toHaveLength(3)
      await expect(reader.read('x')).rejects.toThrow('safetensors: there is no tensor "x"')
      await expect(reader.read('toString')).rejects.toThrow('no tensor')
    }
    expect(from.closed).toBe(1)
  })

  test('a file that is too short is closed again', async () => {
    const from = source(file.subarray(0, -1))
    await expect(readSafetensors(from)).rejects.toThrow('safetensors: "h" lies at bytes 40 .. 42')
    expect(from.closed).toBe(1)
  })

  test('a file that shrinks', async () => {
    const reader = await readSafetensors(source(file.subarray(0, -1), file.length))
    await expect(reader.read('h')).rejects.toThrow(
      'safetensors: "h" takes 2 bytes, 1 came; the file is truncated',
    )
  })

  test('an unknown size', async () => {
    const from: ByteSource = { read: async (a, b) => file.subarray(a, b), close: async () => {} }
    expect(await (await readSafetensors(from)).read('w')).toEqual(tensors['w'])
  })

  test('mutated files', async () => {
    await survive(
      mutants(file, 10_000),
      async (bytes) => {
        const reader = await readSafetensors(source(bytes))
        return Promise.all(reader.names.map((name) => reader.read(name)))
      },
      (read) => expect(read.length).toBeLessThan(6),
    )
  })
})

describe('streamSafetensors', () => {
  function stream(bytes: Uint8Array, seed = 1): ReadableStream<Uint8Array> & { cancelled?: true } {
    const random = dice(seed)
    let at = 0
    const result: ReadableStream<Uint8Array> & { cancelled?: true } = new ReadableStream({
      pull(controller) {
        if (at === bytes.length) return controller.close()
        const end = Math.min(bytes.length, at + random(20))
        controller.enqueue(bytes.slice(at, end))
        at = end
      },
      cancel() {
        result.cancelled = true
      },
    })
    return result
  }

  const collect = async (bytes: Uint8Array, seed = 1): Promise<[string, HostTensor][]> => {
    const found: [string, HostTensor][] = []
    for await (const entry of streamSafetensors(stream(bytes, seed))) found.push(entry)
    return found
  }

  test('gives the tensors in order, however the bytes come', async () => {
    for (let seed = 1; seed < 50; seed++)
      expect(await collect(file, seed)).toEqual([...decodeSafetensors(file).tensors])
  })

  test('is cancelled when left early', async () => {
    const body = stream(file)
    for await (const [name] of streamSafetensors(body)) {
      expect(name).toBe('i')
      break
    }
    expect(body.cancelled).toBe(true)
  })

  test('what it refuses', async () => {
    await expect(collect(file.subarray(0, -1))).rejects.toThrow(
      'the file ends 1 bytes before the end of "h"',
    )
    await expect(collect(file.subarray(0, 5))).rejects.toThrow('before the end of the header')
    await expect(collect(Uint8Array.from([...file, 0]))).rejects.toThrow(
      'more data than its header',
    )
    const endless = new Uint8Array(20)
    endless.fill(0xff, 0, 8)
    await expect(collect(endless)).rejects.toThrow('the header claims 18446744073709551615 bytes')
    await expect(streamSafetensors(null).next()).rejects.toThrow('the response has no body')
  })

  test('mutated files', async () => {
    await survive(mutants(file, 3_000), collect, (found) => expect(found.length).toBeLessThan(6))
  })
})

describe('fetchSafetensors', () => {
  interface Server {
    readonly fetch: NonNullable<FetchOptions['fetch']>
    readonly requests: string[]
    /** Changes answers on their way out. */
    answer: (response: { status: number; headers: Headers; body: Uint8Array }) => unknown
  }

  function serve(bytes: Uint8Array): Server {
    const server: Server = {
      requests: [],
      answer: () => {},
      fetch: async (_, init) => {
        const range = new Headers(init?.headers).get('Range')!
        server.requests.push(range)
        const [start, end] = /bytes=(\d+)-(\d+)/.exec(range)!.slice(1).map(Number) as [
          number,
          number,
        ]
        const body = bytes.slice(start, end + 1)
        const headers = new Headers({
          'Content-Range': `bytes ${start}-${start + body.length - 1}/${bytes.length}`,
          ETag: '"1"',
        })
        const response = { status: 206, headers, body }
        server.answer(response)
        return new Response(Uint8Array.from(response.body), response)
      },
    }
    return server
  }

  const open = (server: Server): ReturnType<typeof fetchSafetensors> =>
    fetchSafetensors('https://example.org/m', { fetch: server.fetch, headers: { A: 'b' } })

  test('asks for the header and for what is wanted', async () => {
    const server = serve(large)
    const reader = await open(server)
    expect(await reader.read('i')).toEqual(tensors['i'])
    expect(server.requests).toEqual(['bytes=0-65535'])
    expect((await reader.read('big')).data.every((byte) => byte === 9)).toBe(true)
    expect(server.requests).toHaveLength(2)
    await expect(reader.read('x')).rejects.toThrow('there is no tensor "x"')
  })

  test('without exposed headers', async () => {
    const server = serve(large)
    server.answer = ({ headers }) =>
      ['Content-Range', 'ETag'].forEach((name) => void headers.delete(name))
    expect((await (await open(server)).read('big')).data).toHaveLength(200_000)
  })

  test.each<[string, Server['answer'], string]>([
    [
      'an error',
      (r) => Object.assign(r, { status: 404 }),
      'fetchSafetensors: https://example.org/m answered 404',
    ],
    [
      'no ranges',
      (r) => Object.assign(r, { status: 200 }),
      'has no ranges: load the whole file with streamSafetensors',
    ],
    ['a short file', (r) => r.headers.set('Content-Range', 'bytes 0-9/10'), 'safetensors:'],
    [
      'more than asked for',
      (r) => Object.assign(r, { body: new Uint8Array(1e5) }),
      'the server sends more',
    ],
  ])('%s', async (_, answer, message) => {
    const server = serve(large)
    server.answer = answer
    await expect(open(server)).rejects.toThrow(NablaError)
    await expect(open(server)).rejects.toThrow(message)
  })

  test.each<[string, Server['answer']]>([
    ['another version', ({ headers }) => headers.set('ETag', '"2"')],
    ['another range', ({ headers }) => headers.set('Content-Range', 'bytes 0-9/10')],
  ])('%s in the middle', async (_, answer) => {
    const server = serve(large)
    const reader = await open(server)
    server.answer = answer
    await expect(reader.read('big')).rejects.toThrow(FormatError)
    await expect(reader.read('big')).rejects.toThrow('has changed while it was read')
  })
})

describe('shards', () => {
  const index = JSON.stringify({
    metadata: { total_size: 10 },
    weight_map: { w: 'm-1.safetensors', i: 'm-1.safetensors', big: 'm-2.safetensors' },
  })

  test('are opened once, when they are needed', async () => {
    const sources = { 'm-1.safetensors': source(file), 'm-2.safetensors': source(large) }
    const opened: string[] = []
    const model = openShards(index, (name) => {
      opened.push(name)
      return readSafetensors(sources[name as keyof typeof sources])
    })
    expect(model.names).toEqual(['w', 'i', 'big'])
    expect(opened).toEqual([])
    const [w, i] = await Promise.all([model.read('w'), model.read('i')])
    expect([w, i]).toEqual([tensors['w'], tensors['i']])
    expect(opened).toEqual(['m-1.safetensors'])
    await expect(model.read('h')).rejects.toThrow('safetensors index: there is no tensor "h"')
    await model.close()
    expect([sources['m-1.safetensors'].closed, sources['m-2.safetensors'].closed]).toEqual([1, 0])
  })

  test('a shard that fails may be tried again', async () => {
    let tries = 0
    const model = openShards(index, async () => {
      if (tries++ === 0) throw new Error('offline')
      return readSafetensors(source(file))
    })
    await expect(model.read('w')).rejects.toThrow('offline')
    expect(await model.read('w')).toEqual(tensors['w'])
    await expect(model.read('big')).rejects.toThrow('there is no tensor "big"')
    await model.close()
  })

  test.each([
    ['{', 'it is not JSON'],
    ['null', 'it has no object "weight_map"'],
    ['{"weight_map": []}', 'it has no object "weight_map"'],
    ['{"weight_map": {"a": 5}}', '"a" lies in 5; that must be the name of a file beside it'],
    ['{"weight_map": {"a": "../x"}}', '"a" lies in "../x"'],
    ['{"weight_map": {"a": "/etc/x"}}', '"a" lies in'],
    ['{"weight_map": {"a": "c:x"}}', '"a" lies in'],
    ['{"weight_map": {"a": "a\\\\b"}}', '"a" lies in'],
    ['{"weight_map": {"a": ".."}}', '"a" lies in'],
    ['{"weight_map": {"a": ""}}', '"a" lies in'],
  ])('%s', (json, message) => {
    expect(() => decodeShardIndex(new TextEncoder().encode(json))).toThrow(FormatError)
    expect(() => decodeShardIndex(json)).toThrow(message)
  })
})
