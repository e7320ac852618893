/**
 * The tensor: an immutable handle on a window of device memory.
 *
 * What it is (shape, dtype, strides), where it lives (storage, device) and where it came from (the
 * edge into the gradient graph). What can be done with it is in `ops/`; `methods.ts` hangs the ops
 * on the class.
 */

import { type BackwardOptions, type Edge, Node, noGrad, runBackward, seedFor } from './autograd.ts'
import type { Backend, DeviceBuffer, View } from './backend.ts'
import { bytesOf, type DType, isFloat, type TypedArray, viewAs } from './dtype.ts'
import { DeviceError, DTypeError, GraphError, ShapeError, showShape } from './errors.ts'
import { contiguousStrides, isContiguous, type Layout, type Shape, sizeOf } from './layout.ts'
import { adopt, guard, keep, type Resource, type Scope, Storage, unguard } from './memory.ts'
import type { TensorMethods } from './methods.ts'

/** A number, or numbers nested to any depth: what {@link Tensor.toArray} gives and `tensor()` takes. */
export type NestedArray = number | readonly NestedArray[]

// The methods of the op files: interface and class merge, so `x.relu()` is typed from the op tables.
export interface Tensor extends TensorMethods {}

/**
 * Numbers of one dtype in a rectangular arrangement, on a device. Immutable: ops make new tensors,
 * many of them views on the same memory. Every op that takes a tensor first is a method as well.
 *
 * @example
 * ```ts
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true })
 * x.mul(2).sum(0).shape   // [2]
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: methods.ts defines exactly these methods
export class Tensor implements View, Resource {
  readonly dtype: DType
  readonly shape: Shape
  /** In elements, one for each axis; 0 repeats. */
  readonly strides: readonly number[]
  /** Of the first element, in elements. */
  readonly offset: number
  /** @internal */
  readonly storage: Storage
  /** @internal The node that made it, itself when it is a leaf with gradients, or nothing. */
  edge: Edge | undefined
  /** The gradient that `backward()` has summed up here; only on leaves. */
  grad: Tensor | undefined = undefined
  /** @internal */
  home: Scope | undefined = undefined
  #disposed = false

  /** @internal Tensors come from `tensor()`, `zeros()` and the other ops. */
  constructor(layout: Layout, storage: Storage, edge?: Edge) {
    this.dtype = layout.dtype
    this.shape = layout.shape
    this.strides = layout.strides
    this.offset = layout.offset
    this.storage = storage
    this.edge = edge
    if (edge instanceof Node) edge.retain()
  }

  /** @internal A new handle that takes over one hold on `storage`. */
  static from(layout: Layout, storage: Storage, edge?: Edge): Tensor {
    const t = new Tensor(layout, storage, edge)
    adopt(t)
    return t
  }

  /** @internal A dense tensor on fresh memory. */
  static make(device: Backend, dtype: DType, shape: Shape): Tensor {
    if (!device.dtypes.has(dtype))
      throw new DTypeError(
        `${dtype} is not available on the ${device.name} device; it has ${[...device.dtypes].join(', ')}`,
      )
    const storage = new Storage(device, device.alloc(sizeOf(shape) * bytesOf(dtype)))
    return Tensor.from({ dtype, shape, strides: contiguousStrides(shape), offset: 0 }, storage)
  }

  get device(): Backend {
    return this.storage.backend
  }
  /** The number of axes. */
  get rank(): number {
    return this.shape.length
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }
  /** @internal The memory, for kernels. */
  get buffer(): DeviceBuffer {
    if (this.#disposed) throw disposedError(this)
    return this.storage.buffer
  }
  get isContiguous(): boolean {
    return isContiguous(this.shape, this.strides)
  }
  get disposed(): boolean {
    return this.#disposed
  }

  /** Whether gradients flow to or through this tensor. May be set on leaves (tensors no recorded op made). */
  get requiresGrad(): boolean {
    return this.edge !== undefined
  }
  set requiresGrad(on: boolean) {
    if (this.edge instanceof Node)
      throw new GraphError(
        `requiresGrad: this tensor was made by ${this.edge.name}; only leaves can be switched, use detach()`,
      )
    if (on && !isFloat(this.dtype))
      throw new DTypeError(`requiresGrad: ${this.dtype} has no gradients; cast to f32`)
    this.edge = on ? this : undefined
  }
  get isLeaf(): boolean {
    return !(this.edge instanceof Node)
  }

  /** @internal The same tensor under another handle: same memory, same place in the graph. */
  alias(): Tensor {
    if (this.#disposed) throw disposedError(this)
    return new Tensor(this, this.storage.retain(), this.edge)
  }

  /** The same values, cut off from the graph. Shares memory. */
  detach(): Tensor {
    if (this.#disposed) throw disposedError(this)
    return Tensor.from(this, this.storage.retain())
  }

  /** @internal The same memory under another layout, unrecorded. */
  window(shape: Shape, strides: readonly number[], offset: number): Tensor {
    if (this.#disposed) throw disposedError(this)
    return Tensor.from({ dtype: this.dtype, shape, strides, offset }, this.storage.retain())
  }

  /**
   * Computes the gradient of this tensor for every leaf with `requiresGrad` and adds it to the
   * leaf's `grad`.
   *
   * @param gradient The gradient of this tensor, of its shape; may be left out for a single number (1).
   * @throws GraphError when nothing here has gradients, or when the graph has been walked already
   *   and not retained.
   * @example
   * ```ts
   * const w = tensor([1, 2, 3], { requiresGrad: true })
   * w.square().sum().backward()
   * await w.grad!.data()   // [2, 4, 6]
   * ```
   */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    const seed = seedFor('backward', this, gradient, () => this.onesLike())
    runBackward(this, seed, options, (edge, g) => {
      // Every edge that is not a node is a leaf.
      const leaf = edge as Tensor
      if (leaf.disposed) g.dispose()
      else if (!leaf.grad) {
        guard(g)
        leaf.grad = g
      } else {
        const sum = keep(leaf.grad.add(g))
        g.dispose()
        leaf.grad.dispose()
        leaf.grad = sum
      }
    })
    if (!gradient) seed.dispose()
  }

  /**
   * The values in row-major order, as a typed array of their own (bool as 0 and 1, f16 and bf16 as f32).
   * Waits for the device without blocking.
   */
  async data(): Promise<TypedArray> {
    const dense = this.#dense()
    try {
      return dense.#trim(await this.device.read(dense.buffer))
    } finally {
      dense.dispose()
    }
  }

  /** As {@link data}, at once. A DeviceError on devices that cannot wait (WebGPU): await `data()` there. */
  dataSync(): TypedArray {
    const { device } = this
    if (!device.readSync)
      throw new DeviceError(
        `dataSync: the ${device.name} device cannot be read at once; await data()`,
      )
    const dense = this.#dense()
    try {
      return dense.#trim(device.readSync(dense.buffer))
    } finally {
      dense.dispose()
    }
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    this.#checkSingle('item')
    return (await this.data())[0]!
  }

  /** As {@link item}, at once; see {@link dataSync}. */
  itemSync(): number {
    this.#checkSingle('itemSync')
    return this.dataSync()[0]!
  }

  /** The values as nested arrays. */
  async toArray(): Promise<NestedArray> {
    return nest(await this.data(), this.shape)
  }

  /** As {@link toArray}, at once; see {@link dataSync}. */
  toArraySync(): NestedArray {
    return nest(this.dataSync(), this.shape)
  }

  /** A copy on another device; not recorded. */
  async to(device: Backend): Promise<Tensor> {
    const dense = this.#dense()
    try {
      const bytes = new Uint8Array(await this.device.read(dense.buffer))
      const copy = Tensor.make(device, this.dtype, this.shape)
      device.write(copy.buffer, bytes.subarray(0, this.size * bytesOf(this.dtype)))
      return copy
    } finally {
      dense.dispose()
    }
  }

  /** Lets go of the memory. Views and saved values that share it stay valid. Harmless when done twice. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    if (this.home === undefined) unguard(this)
    this.storage.release()
    if (this.edge instanceof Node) this.edge.release()
    this.grad?.dispose()
    this.grad = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** @internal */
  holdings(): () => void {
    const { storage, edge } = this
    const node = edge instanceof Node ? edge : undefined
    return () => {
      storage.release()
      node?.release()
    }
  }

  toString(): string {
    const grad = this.requiresGrad ? ', requiresGrad' : ''
    return `Tensor(${this.dtype} ${showShape(this.shape)} on ${this.device.name}${grad})`
  }

  get [Symbol.toStringTag](): string {
    return `Tensor ${this.dtype} ${showShape(this.shape)}`
  }

  /** A dense handle of its own, outside of scopes, whose buffer starts with the values. */
  #dense(): Tensor {
    if (this.#disposed) throw disposedError(this)
    const fits = this.isContiguous && this.offset === 0
    return fits ? new Tensor(this, this.storage.retain()) : noGrad(() => this.copy())
  }

  #trim(bytes: ArrayBuffer): TypedArray {
    const wanted = this.size * bytesOf(this.dtype)
    return viewAs(this.dtype, bytes.byteLength === wanted ? bytes : bytes.slice(0, wanted))
  }

  #checkSingle(op: string): void {
    if (this.size !== 1)
      throw new ShapeError(
        `${op}: the tensor is ${showShape(this.shape)}; it must have one element`,
      )
  }
}

function disposedError(t: Tensor): GraphError {
  return new GraphError(
    `a tensor ${showShape(t.shape)} was used after it was disposed; its scope has ended: ` +
      'return it from the scope, or keep() it',
  )
}

function nest(values: TypedArray, shape: Shape): NestedArray {
  let at = 0
  const build = (axis: number): NestedArray => {
    if (axis === shape.length) return values[at++]!
    return Array.from({ length: shape[axis]! }, () => build(axis + 1))
  }
  return build(0)
}
