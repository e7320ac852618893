/**
 * Models in ONNX's format, written by hand: the few messages and fields of its protocol buffers that
 * the benchmarks need. Images are NCHW, weights `[K, C, R, S]`, as ONNX has them.
 */
import type { Layer, Network } from '../networks.ts'

const utf8 = new TextEncoder()

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

/** A field: its number, and a whole number, a text, bytes or a message. */
function field(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === 'number') return Uint8Array.from([...varint(number << 3), ...varint(value)])
  const bytes = typeof value === 'string' ? utf8.encode(value) : value
  return message(Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes)
}

function message(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const fields = (number: number, values: readonly (number | string | Uint8Array)[]): Uint8Array[] =>
  values.map((value) => field(number, value))

type Attributes = Readonly<Record<string, number | readonly number[]>>

/** Whole numbers, alone (type 2) or in a list (type 7). */
const attribute = (name: string, value: number | readonly number[]): Uint8Array =>
  typeof value === 'number'
    ? message(field(1, name), field(3, value), field(20, 2))
    : message(field(1, name), ...fields(8, value), field(20, 7))

/** A name with a type: f32 of a shape. */
const valueInfo = (name: string, shape: readonly number[]): Uint8Array => {
  const dims = message(...shape.map((extent) => field(1, field(1, extent))))
  return message(field(1, name), field(2, field(1, message(field(1, 1), field(2, dims)))))
}

const types = { f32: 1, i64: 7 } as const

/** A graph that grows node by node. */
export class Onnx {
  readonly #nodes: Uint8Array[] = []
  readonly #initializers: Uint8Array[] = []
  readonly #inputs: Uint8Array[] = []
  #names = 0

  #name(): string {
    return `v${this.#names++}`
  }

  input(shape: readonly number[]): string {
    const name = this.#name()
    this.#inputs.push(valueInfo(name, shape))
    return name
  }

  #initializer(type: keyof typeof types, shape: readonly number[], data: ArrayBufferView): string {
    const name = this.#name()
    const raw = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    this.#initializers.push(
      message(...fields(1, shape), field(2, types[type]), field(8, name), field(9, raw)),
    )
    return name
  }

  /** Random values between `-scale` and `scale`. */
  weight(shape: readonly number[], scale = 1): string {
    const size = shape.reduce((product, extent) => product * extent, 1)
    const data = Float32Array.from({ length: size }, () => (Math.random() * 2 - 1) * scale)
    return this.#initializer('f32', shape, data)
  }

  constant(value: number, shape: readonly number[] = []): string {
    const size = shape.reduce((product, extent) => product * extent, 1)
    return this.#initializer('f32', shape, new Float32Array(size).fill(value))
  }

  integers(values: readonly number[]): string {
    return this.#initializer('i64', [values.length], BigInt64Array.from(values, BigInt))
  }

  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.#name()
    const own = Object.entries(attributes).map(([name, value]) => attribute(name, value))
    this.#nodes.push(
      message(...fields(1, inputs), field(2, output), field(4, op), ...fields(5, own)),
    )
    return output
  }

  /** The file of the model; version 20 of the operators, in version 9 of the format. */
  model(output: string, shape: readonly number[]): Uint8Array {
    const graph = message(
      ...fields(1, this.#nodes),
      field(2, 'bench'),
      ...fields(5, this.#initializers),
      ...fields(11, this.#inputs),
      field(12, valueInfo(output, shape)),
    )
    return message(field(1, 9), field(7, graph), field(8, message(field(1, ''), field(2, 20))))
  }
}

function add(onnx: Onnx, layer: Layer, x: string): string {
  switch (layer.type) {
    case 'conv': {
      const { inputs, outputs, kernel, stride, padding, bias } = layer
      const scale = 1 / Math.sqrt(inputs * kernel ** 2)
      const weight = onnx.weight([outputs, inputs, kernel, kernel], scale)
      return onnx.node('Conv', [x, weight, ...(bias ? [onnx.weight([outputs], scale)] : [])], {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      })
    }
    case 'batchNorm': {
      const channels = [layer.channels]
      const values = [1, 0, 0, 1].map((value) => onnx.constant(value, channels))
      return onnx.node('BatchNormalization', [x, ...values])
    }
    case 'relu':
      return onnx.node('Relu', [x])
    case 'maxPool': {
      const { size, stride = size, padding = 0 } = layer
      return onnx.node('MaxPool', [x], {
        kernel_shape: [size, size],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      })
    }
    case 'globalAvgPool':
      return onnx.node('Flatten', [onnx.node('GlobalAveragePool', [x])], { axis: 1 })
    case 'flatten':
      return onnx.node('Flatten', [x], { axis: 1 })
    case 'linear': {
      const { inputs, outputs } = layer
      const scale = 1 / Math.sqrt(inputs)
      return onnx.node('Gemm', [
        x,
        onnx.weight([inputs, outputs], scale),
        onnx.weight([outputs], scale),
      ])
    }
    case 'residual': {
      const sum = onnx.node('Add', [addAll(onnx, layer.body, x), addAll(onnx, layer.shortcut, x)])
      return onnx.node('Relu', [sum])
    }
  }
}

const addAll = (onnx: Onnx, layers: readonly Layer[], x: string): string =>
  layers.reduce((y, layer) => add(onnx, layer, y), x)

/** A network for inference: the shapes are those of what goes in and what comes out. */
export function networkModel(
  { layers }: Network,
  shape: readonly number[],
  outputShape: readonly number[],
): Uint8Array {
  const onnx = new Onnx()
  return onnx.model(addAll(onnx, layers, onnx.input(shape)), outputShape)
}
