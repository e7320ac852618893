import { expect, test } from 'vitest'
import { Onnx } from './onnx.ts'

test('a model is the message that its format describes', () => {
  const onnx = new Onnx()
  const x = onnx.input([300])
  const bytes = onnx.model(onnx.node('Elu', [x], { axis: 1, pads: [2, 3] }), [300])
  const text = (s: string): number[] => [s.length, ...Buffer.from(s)]
  const tensorType = [0x0a, 9, 0x08, 1, 0x12, 5, 0x0a, 3, 0x08, 0xac, 0x02]
  const value = (name: string): number[] => [
    0x0a,
    ...text(name),
    0x12,
    tensorType.length,
    ...tensorType,
  ]
  const axis = [0x0a, ...text('axis'), 0x18, 1, 0xa0, 0x01, 2]
  const pads = [0x0a, ...text('pads'), 0x40, 2, 0x40, 3, 0xa0, 0x01, 7]
  const node = [
    ...[0x0a, ...text('v0'), 0x12, ...text('v1'), 0x22, ...text('Elu')],
    ...[0x2a, axis.length, ...axis, 0x2a, pads.length, ...pads],
  ]
  const graph = [
    ...[0x0a, node.length, ...node, 0x12, ...text('bench')],
    ...[0x5a, value('v0').length, ...value('v0'), 0x62, value('v1').length, ...value('v1')],
  ]
  expect([...bytes]).toEqual([
    ...[0x08, 9, 0x3a, graph.length, ...graph],
    ...[0x42, 4, 0x0a, 0, 0x10, 20],
  ])
})

test('a weight is f32 in raw bytes, a list of axes i64', () => {
  const onnx = new Onnx()
  onnx.constant(1, [2])
  onnx.integers([5])
  const bytes = Buffer.from(onnx.model('v0', [2]))
  const ones = Buffer.from(Float32Array.of(1, 1).buffer)
  expect(bytes.includes(Buffer.concat([Buffer.from([0x4a, 8]), ones]))).toBe(true)
  const five = Buffer.from(BigInt64Array.of(5n).buffer)
  expect(bytes.includes(Buffer.concat([Buffer.from([0x4a, 8]), five]))).toBe(true)
})
